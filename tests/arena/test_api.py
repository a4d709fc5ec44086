"""The arena over HTTP: visitors with a session, CSRF, what is hidden before the vote, and what closes it."""

import json
import uuid
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from pytest_django.fixtures import Settings

from annotation.models import Clip, Rendition
from arena.models import Vote, Voter
from tests.annotation.rows import clips, person
from workbench.models import ApiToken

pytestmark = pytest.mark.django_db


class Visitor:
    """A browser without an account, which takes the vote page first and sends its CSRF token."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.page = self.client.get("/arena/t2v/")

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"X-CSRFToken": self.client.cookies["csrftoken"].value}
        return self.client.post(path, body or {}, content_type="application/json", headers=headers)

    def battle(self) -> Any:
        return self.post("/api/arena/t2v/next").json()["battle"]

    def vote(self, battle: str, answer: str = "left", key: uuid.UUID | None = None) -> Any:
        body = {"answer": answer, "idempotency_key": str(key or uuid.uuid4())}
        return self.post(f"/api/arena/battles/{battle}/vote", body)


def test_a_visitor_votes_blind_and_is_told_the_names_after() -> None:
    clips(3, 2)
    for rendition in Rendition.objects.all():
        default_storage.save(rendition.file.name or "", ContentFile(b"0123456789"))
    visitor, other = Visitor(), Visitor()
    battle = visitor.battle()
    assert visitor.battle() == battle
    assert other.battle()["id"] != battle["id"]
    shown = json.dumps(battle) + visitor.page.text
    hidden = [
        value for clip in Clip.objects.all() for value in (str(clip.pk), clip.sha256, clip.original_name)
    ]
    hidden += [rendition.file.name or "" for rendition in Rendition.objects.all()]
    assert not [value for value in [*hidden, "secret", "Secret"] if value in shown]
    for side in ("left", "right"):
        answer = visitor.client.get(battle[side]["src"])
        assert answer.status_code == 200
        assert "secret" not in str(answer.headers).lower()
        assert other.client.get(battle[side]["src"]).status_code == 404
    assert other.vote(battle["id"]).status_code == 404
    key = uuid.uuid4()
    first = visitor.vote(battle["id"], "both_bad", key)
    assert {first.json()[side]["name"] for side in ("left", "right")} == {"Secret model 0", "Secret model 1"}
    assert first.json()["answer"] == "both_bad"
    assert visitor.vote(battle["id"], "both_bad", key).json() == first.json()
    assert visitor.vote(battle["id"], "left").status_code == 409
    assert Vote.objects.count() == 1
    assert visitor.battle()["id"] != battle["id"]


def test_another_site_cannot_vote_with_a_visitors_cookie() -> None:
    clips(1, 2)
    visitor = Visitor()
    battle = visitor.battle()["id"]
    body = {"answer": "left", "idempotency_key": str(uuid.uuid4())}
    path = f"/api/arena/battles/{battle}/vote"
    assert visitor.client.post(path, body, content_type="application/json").status_code == 403
    assert not Vote.objects.exists()


def test_a_script_votes_with_its_token_as_its_person() -> None:
    clips(1, 2)
    vera = person("vera")
    headers = {"Authorization": f"Bearer {ApiToken.mint(vera, 'script')[1]}"}
    client = Client(enforce_csrf_checks=True)
    battle = client.post("/api/arena/t2v/next", headers=headers).json()["battle"]["id"]
    body = {"answer": "tie", "idempotency_key": str(uuid.uuid4())}
    path = f"/api/arena/battles/{battle}/vote"
    told = client.post(path, body, content_type="application/json", headers=headers)
    assert told.status_code == 200
    assert Vote.objects.get().battle.voter.user == vera


def test_an_arena_that_is_not_open_lets_people_in_and_no_visitor(settings: Settings) -> None:
    settings.ARENA_OPEN = False
    clips(1, 2)
    client = Client()
    for path in ("/arena/", "/arena/t2v/", "/arena/t2v/leaderboard/"):
        assert client.get(path)["Location"] == f"/login/?next={path}"
    assert client.post("/api/arena/t2v/next").status_code == 401
    assert client.get("/api/arena/t2v/leaderboard").status_code == 401
    assert "/arena/" not in client.get("/login/").text
    assert not Voter.objects.exists()
    client.force_login(person("vera"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/arena/t2v/leaderboard/").status_code == 200
    assert client.post("/api/arena/t2v/next").json()["battle"]


def test_visitors_from_one_address_have_a_share_of_the_hour(settings: Settings) -> None:
    settings.ARENA_VISITOR_REQUESTS = 3
    clips(1, 2)
    for _n in range(3):
        assert Visitor().battle()
    refused = Visitor().post("/api/arena/t2v/next")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
    client = Client()
    client.force_login(person("vera"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.post("/api/arena/t2v/next").status_code == 200
