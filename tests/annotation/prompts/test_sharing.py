"""Prompts of users: kept only with consent, reviewed before use, and gone when they are withdrawn."""

import uuid

import pytest
from django.db import connection
from django.test import Client

from annotation.models import Clip, Prompt, PromptCandidate, PromptConsent, PromptSet
from annotation.prompts import collecting, identity, reasons, sharing
from tests.annotation import rows
from tests.generator import rounds_made
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid, Missing

BACKEND = "django.contrib.auth.backends.ModelBackend"
TEXT = "A red kite circles slowly above a harbour at dawn"


@pytest.fixture
def ann(db: None) -> User:
    return rows.person("ann")


def test_a_shared_prompt_waits_for_review_and_is_then_a_prompt(ann: User) -> None:
    [consent] = sharing.share([f"  {TEXT} "], "playground", ann)
    candidate = consent.candidate
    assert candidate is not None
    assert (candidate.text_en, candidate.prompt, candidate.reason) == (TEXT, None, reasons.REVIEW)
    assert not Prompt.objects.exists()
    collecting.decide(candidate.pk, True, rows.person("manager", Role.MANAGER))
    [prompt] = PromptSet.objects.get(slug=sharing.SET).prompts.all()
    assert prompt.text_en == TEXT


def test_what_the_filter_would_leave_out_says_so(ann: User) -> None:
    shared = sharing.share([TEXT, "Dog", "一只小猫在雨中的屋顶上奔跑追逐蝴蝶"], "arena", None)
    told = {c.candidate.text_en or c.candidate.text_zh: c.candidate.reason for c in shared if c.candidate}
    assert told == {TEXT: "to_review", "Dog": "too_short", "一只小猫在雨中的屋顶上奔跑追逐蝴蝶": "to_review"}
    for text in ("", " ", "x" * (identity.TEXT_LENGTH + 1), "a\0b"):
        with pytest.raises(Invalid):
            sharing.share([text], "arena", None)


def test_of_a_visitor_nothing_is_kept(db: None) -> None:
    [consent] = sharing.share([TEXT], "arena", None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(c) FROM annotation_promptconsent c")
        (stored,) = cursor.fetchone() or (None,)
    assert consent.user is None
    assert TEXT not in str(stored)
    columns = {field.name for field in PromptConsent._meta.get_fields()}
    assert columns == {"id", "place", "wording", "language", "candidate", "user", "given_at", "withdrawn_at"}


def test_withdrawing_deletes_the_text(ann: User) -> None:
    first, second = sharing.share([TEXT], "playground", ann) + sharing.share([TEXT], "arena", None)
    sharing.withdraw(first.pk)
    assert PromptCandidate.objects.filter(text_en=TEXT).exists()  # the other one's consent stands
    sharing.withdraw(second.pk)
    assert not PromptCandidate.objects.exists()
    second.refresh_from_db()
    assert second.withdrawn_at is not None
    assert not sharing.withdraw(second.pk).in_use
    with pytest.raises(Missing):
        sharing.withdraw(uuid.uuid4())
    with pytest.raises(Conflict):
        sharing.receipt(str(second.pk))
    with pytest.raises(Missing):
        sharing.receipt("nonsense")


def test_withdrawing_takes_a_prompt_out_unless_clips_are_of_it(ann: User) -> None:
    manager = rows.person("manager", Role.MANAGER)
    unused, used = sharing.share([TEXT, TEXT + " in the rain"], "playground", ann)
    for consent in (unused, used):
        assert consent.candidate is not None
        collecting.decide(consent.candidate.pk, True, manager)
    clip = rows.clips(1, 1)[0]
    Clip.objects.filter(pk=clip.pk).update(prompt=Prompt.objects.get(text_en__endswith="rain"))
    assert not sharing.withdraw(unused.pk).in_use
    assert not Prompt.objects.filter(text_en=TEXT).exists()
    assert sharing.withdraw(used.pk).in_use
    assert not PromptSet.objects.get(slug=sharing.SET).prompts.exists()
    assert Prompt.objects.filter(text_en__endswith="rain").exists()


def test_a_visitor_shares_finds_and_withdraws(client: Client, db: None) -> None:
    page = client.get("/arena/suggest/").text
    assert "checked" not in page
    assert sharing.sentence()[:40] in page
    assert client.post("/arena/suggest/", {"text": TEXT}).status_code == 422
    assert not PromptCandidate.objects.exists()
    client.post("/arena/suggest/", {"text": TEXT, "agreed": "on"})
    mine = client.get("/arena/suggest/mine/").text
    receipt = str(PromptConsent.objects.get().pk)
    assert TEXT in mine
    assert receipt in mine
    assert TEXT not in Client().get("/arena/suggest/mine/").text
    Client().post("/arena/suggest/withdraw/", {"receipt": receipt})  # from another browser, by the receipt
    assert not PromptCandidate.objects.exists()
    assert TEXT not in client.get("/arena/suggest/mine/").text


def test_the_api_shares_and_withdraws(client: Client, ann: User) -> None:
    client.force_login(ann, backend=BACKEND)
    refused = client.post("/api/arena/prompts", {"text": TEXT, "agreed": False}, "application/json")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_agreed")
    receipt = client.post("/api/arena/prompts", {"text": TEXT, "agreed": True}, "application/json").json()[
        "receipt"
    ]
    [told] = client.get("/api/arena/prompts").json()
    assert (told["receipt"], told["text_en"]) == (receipt, TEXT)
    assert client.post(f"/api/arena/prompts/{receipt}/withdraw").json() == {"in_use": False}
    assert client.get("/api/arena/prompts").json() == []


def test_the_review_list_offers_to_take_it_in(client: Client, db: None) -> None:
    sharing.share([TEXT], "arena", None)
    client.force_login(rows.person("manager", Role.MANAGER), backend=BACKEND)
    page = client.get(f"/prompts/sets/{sharing.SET}/").text
    assert "Waits for review" in page
    assert "Take in" in page


def test_the_generate_page_shares_only_with_the_tick(client: Client, db: None) -> None:
    client.force_login(rows.person("erin", Role.ENGINEER), backend=BACKEND)
    asked = {
        "checkpoint": rounds_made.checkpoint().pk,
        "first_seed": 1,
        "seeds": 1,
        "steps": 2,
        "guidance": 1,
    }
    page = client.get("/generate/").text
    assert sharing.sentence()[:40] in page
    assert client.post("/generate/", {**asked, "texts": TEXT}).status_code == 302
    assert not PromptCandidate.objects.exists()
    client.post("/generate/", {**asked, "texts": TEXT + "\nA second prompt about a train", "share": "on"})
    assert PromptCandidate.objects.filter(source="playground", reason=reasons.REVIEW).count() == 2
    assert TEXT in client.get("/arena/suggest/mine/").text
