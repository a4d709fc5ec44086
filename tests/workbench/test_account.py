"""API tokens: made on the account page or over the API, shown once, acting as their user until revoked."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from workbench.models import ApiToken, AuditEntry, User


@pytest.fixture
def eve(client: Client) -> User:
    user = User.objects.create_user("eve", "eve@example.org", role="engineer")
    client.force_login(user)
    return user


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.django_db
def test_a_token_made_on_the_account_page_works_until_it_is_revoked(client: Client, eve: User) -> None:
    answer = client.post(reverse("token_create"), {"name": "laptop", "days": "30"})
    secret = re.findall(r"wb_[\w-]{43}", answer.text)[0]
    assert answer["Cache-Control"] == "no-store"
    assert secret not in client.get(reverse("account")).text
    script = Client()
    assert script.get("/api/me", headers=bearer(secret)).json()["username"] == "eve"
    row = ApiToken.objects.get()
    assert row.last_used_at is not None
    client.post(reverse("token_revoke", args=[row.pk]))
    refused = script.get("/api/me", headers=bearer(secret))
    assert refused.status_code == 401
    assert "revoked" in refused.json()["detail"]
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "token.create",
        "token.revoke",
    ]


@pytest.mark.django_db
def test_a_script_makes_and_revokes_tokens_without_any_cookie(eve: User) -> None:
    _, secret = ApiToken.mint(eve, "first")
    script = Client(enforce_csrf_checks=True)
    made = script.post(
        "/api/tokens", {"name": " second "}, content_type="application/json", headers=bearer(secret)
    )
    assert made.status_code == 201
    assert made.json()["name"] == "second"
    assert script.get("/api/me", headers=bearer(made.json()["secret"])).status_code == 200
    gone = script.delete(f"/api/tokens/{made.json()['id']}", headers=bearer(secret))
    assert gone.status_code == 204
    assert script.get("/api/me", headers=bearer(made.json()["secret"])).status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["Bearer wb_unknown", "Bearer ", "Bearer", "Basic ZXZlOnB3", "wb_x"])
def test_a_token_that_is_no_good_is_refused_in_json(header: str, db: None) -> None:
    answer = Client().post(
        "/api/tokens", {"name": "x"}, content_type="application/json", headers={"Authorization": header}
    )
    assert answer.status_code == 401
    assert set(answer.json()) == {"detail"}


@pytest.mark.django_db
def test_expired_tokens_and_tokens_of_deactivated_people_are_refused(eve: User) -> None:
    _row, secret = ApiToken.mint(eve, "t", days=1)
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get("/api/me", headers=bearer(secret)).status_code == 401
    ApiToken.objects.update(expires_at=None)
    assert Client().get("/api/me", headers=bearer(secret)).status_code == 200
    User.objects.update(is_active=False)
    assert Client().get("/api/me", headers=bearer(secret)).status_code == 401


@pytest.mark.django_db
def test_the_api_wants_a_csrf_token_from_a_browser_session(eve: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(eve)
    refused = browser.post("/api/tokens", {"name": "x"}, content_type="application/json")
    assert (refused.status_code, ApiToken.objects.count()) == (403, 0)
    browser.get(reverse("account"))
    token = browser.cookies["csrftoken"].value
    accepted = browser.post(
        "/api/tokens", {"name": "x"}, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert accepted.status_code == 201


@pytest.mark.django_db
def test_misfits_are_told_by_place(client: Client, eve: User) -> None:
    answer = client.post("/api/tokens", {"name": "", "days": 0}, content_type="application/json")
    assert answer.status_code == 422
    assert [one["where"] for one in answer.json()["problems"]] == ["body.name", "body.days"]
    assert answer.json()["detail"].startswith("body.name: ")


@pytest.mark.django_db
def test_notices_are_read_one_by_one_or_all_at_once(client: Client, eve: User) -> None:
    first = eve.notices.create(text="Run 7 failed", url="/account/")
    eve.notices.create(text="Elsewhere", url="//evil.example/")
    assert "(2)" in client.get("/notices/").text
    assert client.post(reverse("notices_read"), {"notice": first.pk})["Location"] == "/account/"
    assert "(1)" in client.get("/notices/").text
    client.post(reverse("notices_read"))
    assert not eve.notices.filter(read_at=None).exists()
