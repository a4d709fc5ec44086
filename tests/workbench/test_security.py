"""What an attacker would try first, and what the deployment check says."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from axes.models import AccessAttempt
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from workbench.models import AuditEntry, User

PASSWORD = "a long enough secret"
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann", "ann@example.org", PASSWORD)


def log_in(client: Client, password: str = PASSWORD, next_: str = "") -> int:
    form = {"username": "ann", "password": password, "next": next_}
    return client.post(reverse("login"), form).status_code


def test_too_many_wrong_passwords_lock_the_name_for_a_while(ann: User, settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    client = Client()
    assert [log_in(client, "wrong") for _ in range(3)] == [200, 200, 429]
    answer = client.post(reverse("login"), {"username": "ann", "password": PASSWORD})
    assert answer.status_code == 429
    assert "15 minutes" in answer.text
    assert answer["Retry-After"] == "900"
    assert client.get("/").status_code == 302
    assert PASSWORD not in str(list(AccessAttempt.objects.values()))
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert log_in(elsewhere) == 302


def test_one_address_can_not_try_name_after_name(ann: User, settings: Settings) -> None:
    settings.LOGIN_FAILURES_ADDRESS = 5
    guesser = Client(REMOTE_ADDR="198.51.100.8")
    tried = [
        guesser.post(reverse("login"), {"username": f"name{n}", "password": "wrong"}).status_code
        for n in range(6)
    ]
    assert tried == [200] * 5 + [429]
    assert log_in(guesser) == 429
    assert log_in(Client(REMOTE_ADDR="198.51.100.9")) == 302


def test_logins_are_in_the_audit_trail_and_mistyped_names_are_not(ann: User) -> None:
    client = Client(REMOTE_ADDR="198.51.100.10")
    log_in(client, "wrong")
    client.post(reverse("login"), {"username": PASSWORD, "password": "ann"})
    log_in(client)
    written = AuditEntry.objects.order_by("id").values_list("action", "subject_id", "ip")
    who, where = str(ann.pk), "198.51.100.10"
    assert list(written) == [
        ("person.login_failed", who, where),
        ("person.login_failed", "", where),
        ("person.login", who, where),
    ]
    assert PASSWORD not in str(list(AuditEntry.objects.values()))


def test_nobodys_mailbox_is_flooded(client: Client, ann: User) -> None:
    User.objects.create_user("tom", "tom@flood.example.org", PASSWORD)
    answers = [client.post(reverse("password_reset"), {"email": "TOM@flood.example.org"}) for _ in range(6)]
    assert {answer["Location"] for answer in answers} == {reverse("password_reset_done")}
    assert len(mail.outbox) == 3


def test_browsers_keep_no_page(client: Client, ann: User) -> None:
    client.force_login(ann)
    for path in ("/", "/account/", "/api/me", "/nothing/"):
        assert "no-store" in client.get(path)["Cache-Control"], path


def test_what_is_too_much_at_once_is_said(client: Client, ann: User, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    User.objects.filter(pk=ann.pk).update(role="manager")
    client.force_login(ann)
    files = {f"file{n}": io.BytesIO(b"x") for n in range(3)}
    answer = client.post(reverse("clip_manifest"), files)
    assert (answer.status_code, "At most 2 files" in answer.text) == (400, True)
    answer = client.post("/api/runs", b" " * 6_000_000, content_type="application/json")
    assert (answer.status_code, "at most 5 MB" in answer.json()["detail"]) == (400, True)


def test_a_login_gets_a_fresh_session(client: Client, ann: User) -> None:
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    planted = session.session_key
    assert log_in(client) == 302
    assert client.session.session_key != planted
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
    ],
)
def test_no_redirect_leaves_the_site(client: Client, ann: User, target: str) -> None:
    answer = client.post(reverse("set_language"), {"language": "en", "next": target})
    assert answer["Location"] == "/"
    answer = client.post(reverse("login"), {"username": "ann", "password": PASSWORD, "next": target})
    assert answer["Location"] == "/"


def test_a_language_that_is_not_there_is_not_kept(client: Client, ann: User) -> None:
    client.force_login(ann)
    for language in ("fr", "", "../../etc", "en\x00"):
        client.post(reverse("set_language"), {"language": language})
    ann.refresh_from_db()
    assert ann.language == "en"
    client.get(reverse("set_language") + "?language=zh-hans")
    ann.refresh_from_db()
    assert ann.language == "en"


def test_every_form_wants_a_csrf_token(ann: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ann)
    for name in ("token_create", "notices_read", "logout", "set_language", "password_change", "login"):
        answer = browser.post(reverse(name), {"name": "x", "days": "0", "language": "zh-hans"})
        assert answer.status_code == 403, name
        assert "This form has expired" in answer.text
    assert not ann.api_tokens.exists()


def test_errors_come_in_the_page_frame_and_in_json_from_the_api(client: Client, ann: User) -> None:
    client.raise_request_exception = False
    page = client.get("/nothing/")
    assert page.status_code == 404
    assert "<h1>Not found</h1>" in page.text
    client.cookies["django_language"] = "zh-hans"
    assert '<html lang="zh-hans">' in client.get("/nothing/").text
    answer = client.get("/api/nothing")
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])
    refused = client.get("/", headers={"Host": "evil.example"})
    assert refused.status_code == 400


def test_a_forgotten_password_is_set_anew_by_a_link_that_works_once(client: Client, ann: User) -> None:
    unknown = client.post(reverse("password_reset"), {"email": "nobody@example.org"})
    known = client.post(reverse("password_reset"), {"email": "ann@example.org"})
    assert unknown["Location"] == known["Location"]
    assert len(mail.outbox) == 1
    (link,) = re.findall(r"https?://[^/]+(/password/new/\S+)", str(mail.outbox[0].body))
    form = client.get(link, follow=True)
    (address, _status) = form.redirect_chain[-1]
    fresh = "another long secret"
    done = client.post(address, {"new_password1": fresh, "new_password2": fresh})
    assert done["Location"] == reverse("password_reset_complete")
    assert log_in(Client()) == 200
    assert log_in(Client(), fresh) == 302
    assert "too old" in Client().get(link, follow=True).text


def test_changing_the_password_ends_the_other_sessions(client: Client, ann: User) -> None:
    other = Client()
    assert log_in(other) == 302
    assert log_in(client) == 302
    fresh = "another long secret"
    form = {"old_password": PASSWORD, "new_password1": fresh, "new_password2": fresh}
    assert client.post(reverse("password_change"), form).status_code == 302
    assert client.get("/").status_code == 200
    assert other.get("/").status_code == 302


def test_the_deployment_check_is_clean() -> None:
    env = {
        **os.environ,
        "SITE_URL": "https://workbench.example.org",
        "SECRET_KEY": "x1" * 20 + "ab-cd_ef.gh+ij/kl=mn" * 2,
        "EMAIL_URL": "smtp://mail.example.org:25",
    }
    env.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # browser tests of this process need it
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
