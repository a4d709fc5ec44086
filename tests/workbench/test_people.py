"""Invitations, accounts from CSV, roles, and the audit trail that records them."""

import csv
import io
import re
from datetime import timedelta
from html import unescape
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from workbench.models import AuditEntry, Invitation, User
from workbench.people import bulk, membership
from workbench.people.invitations import Invited

PASSWORD = "a long enough secret"


@pytest.fixture
def boss(client: Client) -> User:
    user = User.objects.create_user("boss", "boss@example.org", PASSWORD, role="manager")
    client.force_login(user)
    return user


def link_in(text: str) -> str:
    """The path of the one invitation link in a page or mail."""
    (path,) = set(re.findall(r"https?://[^/]+(/invitation/[\w-]+/)", text))
    return str(path)


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


@pytest.mark.django_db
def test_an_invited_person_chooses_a_name_and_a_password_once(client: Client, boss: User) -> None:
    page = client.post(
        reverse("invite"), {"email": "mei@example.org", "role": "expert", "language": "zh-hans"}
    )
    assert page.status_code == 200
    assert [sent.to for sent in mail.outbox] == [["mei@example.org"]]
    link = link_in(str(mail.outbox[0].body))
    assert link == link_in(page.text)
    assert link.split("/")[2] not in str(Invitation.objects.values().get())

    visitor = Client()
    assert visitor.get(link).status_code == 200
    weak = visitor.post(link, {"username": "mei", "password1": "12345678", "password2": "12345678"})
    assert (weak.status_code, User.objects.count()) == (422, 1)
    taken = visitor.post(link, {"username": "BOSS", "password1": PASSWORD, "password2": PASSWORD})
    assert (taken.status_code, User.objects.count()) == (422, 1)
    done = visitor.post(link, {"username": "mei", "password1": PASSWORD, "password2": PASSWORD}, follow=True)
    assert done.redirect_chain == [("/", 302)]
    assert '<html lang="zh-hans">' in done.text
    mei = User.objects.get(username="mei")
    assert (mei.role, mei.email, mei.language) == ("expert", "mei@example.org", "zh-hans")
    assert Client().get(link).status_code == 404
    assert actions() == ["invitation.create", "invitation.accept"]


@pytest.mark.django_db
def test_expired_withdrawn_and_renewed_links_do_not_work(client: Client, boss: User) -> None:
    form = {"email": "mei@example.org", "role": "expert", "language": "en"}
    first = link_in(client.post(reverse("invite"), form).text)
    again = link_in(client.post(reverse("invite"), form).text)
    assert Client().get(first).status_code == 404
    row = Invitation.objects.get()
    renewed = link_in(client.post(reverse("invitation_renew", args=[row.pk])).text)
    assert Client().get(again).status_code == 404
    assert Client().get(renewed).status_code == 200
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    refused = Client().post(renewed, {"username": "mei", "password1": PASSWORD, "password2": PASSWORD})
    assert (refused.status_code, User.objects.count()) == (404, 1)
    client.post(reverse("invitation_withdraw", args=[row.pk]))
    assert not Invitation.objects.exists()


@pytest.mark.django_db
def test_an_address_that_has_an_account_is_not_invited(client: Client, boss: User) -> None:
    page = client.post(reverse("invite"), {"email": "Boss@Example.org", "role": "expert", "language": "en"})
    assert page.status_code == 422
    assert "Boss@Example.org" in page.text
    assert not Invitation.objects.exists()


@pytest.mark.django_db
def test_an_address_that_is_too_long_is_refused(client: Client, boss: User) -> None:
    email = f"{'a' * 60}@{'b.' * 110}example.org"
    page = client.post(reverse("invite"), {"email": email, "role": "expert", "language": "en"})
    assert page.status_code == 422
    assert not Invitation.objects.exists()


GOOD_AND_BAD = """username,email,role,language
mei,mei@example.org,annotator,zh-hans
tom,tom@example.org,,

bad name,a@example.org,annotator,en
noaddress,not-an-address,annotator,en
mei,other@example.org,annotator,en
eve,MEI@example.org,annotator,en
king,king@example.org,king,en
yves,yves@example.org,expert,fr
BOSS,b2@example.org,expert,en
long,l@example.org,expert,en,more
last,last@example.org,Engineer,EN
"""


@pytest.mark.django_db
def test_problems_of_a_csv_are_told_by_line_and_good_lines_kept(boss: User) -> None:
    reading = bulk.read(GOOD_AND_BAD)
    assert [(line.number, line.username, line.role, line.language) for line in reading.good] == [
        (2, "mei", "annotator", "zh-hans"),
        (3, "tom", "annotator", "en"),
        (13, "last", "engineer", "en"),
    ]
    assert [problem.number for problem in reading.problems] == [5, 6, 7, 8, 9, 10, 11, 12]


@pytest.mark.django_db
@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_spreadsheets_separate_as_their_country_has_it(separator: str) -> None:
    text = "username,email,role,language\r\nmei,mei@example.org,expert,zh-hans\r\n".replace(",", separator)
    reading = bulk.read(text)
    assert not reading.problems
    assert [(line.username, line.role, line.language) for line in reading.good] == [
        ("mei", "expert", "zh-hans")
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("name,mail\nx,y@example.org\n", 1),
        ('username,email\n"open quote,x@example.org\n', 2),
        ("username,email\n=cmd,x@example.org\n", 2),
        ("username,email\n\n\n,\nonly\n", 5),
    ],
)
def test_files_that_make_no_account(text: str, line: int) -> None:
    reading = bulk.read(text)
    assert [problem.number for problem in reading.problems] == [line]
    assert not reading.good


@pytest.mark.django_db
def test_a_csv_becomes_accounts_whose_owners_set_the_password(client: Client, boss: User) -> None:
    upload = io.BytesIO(b"\xef\xbb\xbf" + GOOD_AND_BAD.encode())
    upload.name = "people.csv"
    preview = client.post(reverse("people_import"), {"file": upload})
    assert preview.status_code == 200
    assert User.objects.count() == 1
    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", preview.text, re.DOTALL)
    assert text is not None
    result = client.post(reverse("people_import"), {"text": unescape(text[1]), "create": "", "mail": "on"})
    assert User.objects.count() == 4
    assert sorted(sent.to[0] for sent in mail.outbox) == [
        "last@example.org",
        "mei@example.org",
        "tom@example.org",
    ]
    data = re.search(r'href="data:text/csv;charset=utf-8,([^"]*)"', result.text)
    assert data is not None
    rows = list(csv.DictReader(io.StringIO(unquote(unescape(data[1])).lstrip("\ufeff"))))
    assert [row["username"] for row in rows] == ["mei", "tom", "last"]
    link = link_in(rows[1]["link"])
    visitor = Client()
    assert not User.objects.get(username="tom").has_usable_password()
    visitor.post(link, {"password1": PASSWORD, "password2": PASSWORD})
    entered = Client().post("/login/", {"username": "tom", "password": PASSWORD})
    assert entered["Location"] == "/"
    repeated = client.post(reverse("people_import"), {"text": unescape(text[1]), "create": ""})
    assert User.objects.count() == 4
    assert repeated.status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "UTF-8"),
        (b"username,email\nx\x00,y", "zero bytes"),
        (b"x" * (2**20 + 1), "1 MB"),
        (b"  ", ""),
    ],
)
def test_files_that_are_not_csv_are_refused(client: Client, boss: User, content: bytes, said: str) -> None:
    upload = io.BytesIO(content)
    upload.name = "people.csv"
    page = client.post(reverse("people_import"), {"file": upload})
    assert page.status_code == 422
    assert said in page.text


def test_a_cell_that_a_spreadsheet_would_run_is_kept_as_text() -> None:
    user = User(username="-2+3", email="+x@example.org")
    made = Invited(Invitation(email=user.email, role="expert", language="en", user=user), "https://x/")
    row = list(csv.reader(io.StringIO(bulk.result_csv([made]))))[1]
    assert row == ["'-2+3", "'+x@example.org", "expert", "en", "https://x/"]


@pytest.mark.django_db
def test_roles_change_and_deactivation_ends_the_session(client: Client, boss: User) -> None:
    ann = User.objects.create_user("ann", "ann@example.org", PASSWORD)
    browser = Client()
    browser.force_login(ann)
    assert browser.get(reverse("people")).status_code == 403
    client.post(reverse("person_role", args=[ann.pk]), {"role": "manager"})
    assert browser.get(reverse("people")).status_code == 200
    client.post(reverse("person_role", args=[ann.pk]), {"role": "emperor"})
    client.post(reverse("person_deactivate", args=[ann.pk]))
    assert browser.get(reverse("people"))["Location"].startswith("/login/")
    client.post(reverse("person_reactivate", args=[ann.pk]))
    assert browser.get(reverse("people")).status_code == 200
    assert actions() == ["person.role", "person.deactivate", "person.reactivate"]
    assert AuditEntry.objects.get(action="person.role").detail == {"before": "annotator", "after": "manager"}


@pytest.mark.django_db
def test_a_manager_can_not_remove_themselves_and_a_removed_one_can_not_remove_others(boss: User) -> None:
    other = User.objects.create_user("other", "other@example.org", role="manager")
    with pytest.raises(membership.NotAllowedError):
        membership.deactivate(boss, by=boss)
    with pytest.raises(membership.NotAllowedError):
        membership.change_role(boss, "annotator", by=boss)
    membership.change_role(other, "annotator", by=boss)
    with pytest.raises(membership.NotAllowedError):
        membership.deactivate(boss, by=other)


@pytest.mark.django_db
def test_people_are_found_by_role_state_and_name(client: Client, boss: User) -> None:
    User.objects.create_user("ann", "ann@example.org")
    User.objects.create_user("tom", "tom@example.org", role="expert", is_active=False)

    def listed(query: str) -> list[str]:
        return re.findall(r"<td>(\w+)</td>\s*<td>\w+@", client.get(f"/people/?{query}").text)

    assert listed("") == ["ann", "boss", "tom"]
    assert listed("role=expert") == ["tom"]
    assert listed("state=active") == ["ann", "boss"]
    assert listed("search=ANN@") == ["ann"]
    assert listed("search=nobody") == []
    assert listed("role=emperor") == []


@pytest.mark.django_db
def test_the_database_refuses_to_change_or_remove_audit_entries(client: Client, boss: User) -> None:
    client.post(reverse("invite"), {"email": "mei@example.org", "role": "expert", "language": "en"})
    for statement in ("UPDATE workbench_auditentry SET action = 'x'", "DELETE FROM workbench_auditentry"):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert AuditEntry.objects.count() == 1
    boss.delete()
    assert AuditEntry.objects.get().action == "invitation.create"


@pytest.mark.django_db
def test_the_audit_page_filters(client: Client, boss: User) -> None:
    ann = User.objects.create_user("ann", "ann@example.org")
    client.post(reverse("person_role", args=[ann.pk]), {"role": "expert"})
    client.post(reverse("person_deactivate", args=[ann.pk]))
    today = timezone.localdate()

    def count(query: str) -> int:
        return client.get(f"/audit/?{query}").text.count('<td class="nowrap">')

    assert count("") == 2
    assert count("action=person.role") == 1
    assert count("actor=boss") == 2
    assert count("actor=ann") == 0
    assert count(f"subject={ann.pk}") == 2
    assert count(f"since={today}&until={today}") == 2
    assert count(f"until={today - timedelta(days=1)}") == 0
    assert count("since=yesterday") == 0


def test_anonymous_people_may_nothing() -> None:
    from workbench.access import may

    assert not may(AnonymousUser(), "people")
