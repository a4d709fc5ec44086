"""The pages of prompts, and the API that serves the same."""

from http import HTTPStatus

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation

from annotation.models import Prompt, PromptCandidate, PromptSet
from tests.annotation import rows
from workbench.models import AuditEntry, Role

pytestmark = pytest.mark.django_db

CSV = """text_en,text_zh,category
A cat jumps over a puddle,一只猫跳过水坑,animal
Dog,,
A cat <b>sleeps</b>,,nonsense
"""


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(rows.person("manager", Role.MANAGER))
    return client


def test_a_file_is_looked_at_then_imported_then_one_is_taken_back(manager: Client) -> None:
    file = SimpleUploadedFile("mine.csv", CSV.encode("utf-8-sig"))
    seen = manager.post("/prompts/import/", {"file": file, "prompt_set": "Mine"})
    assert "1 new, 0 there already, 1 filtered out, 1 refused" in seen.text
    assert "Too short" in seen.text
    assert "nonsense" in seen.text
    assert "<b>" not in seen.text
    assert not Prompt.objects.exists()

    again = {"text": seen.context["given"]["text"], "prompt_set": "Mine", "source": "mine.csv", "store": ""}
    done = manager.post("/prompts/import/", again)
    assert 'href="/prompts/sets/mine/"' in done.text
    left = PromptCandidate.objects.get(prompt=None)
    assert (left.text_en, left.source) == ("Dog", "mine.csv")
    assert AuditEntry.objects.get(action="prompts.import").detail["left_out"] == 1

    page = manager.get("/prompts/sets/mine/")
    assert f'action="/prompts/candidates/{left.pk}/"' in page.text
    answer = manager.post(
        f"/prompts/candidates/{left.pk}/", {"kept": "on", "next": "/prompts/sets/mine/?which=taken_back"}
    )
    assert answer["Location"] == "/prompts/sets/mine/?which=taken_back"
    taken = manager.get(answer["Location"])
    assert "Leave out" in taken.text
    assert "Taken into the set: Dog" in taken.text
    elsewhere = manager.post(f"/prompts/candidates/{left.pk}/", {"next": "https://example.org/"})
    assert elsewhere["Location"] == "/prompts/sets/mine/"
    assert PromptSet.objects.get().prompts.count() == 1
    with translation.override("zh-hans"):
        chinese = manager.get("/prompts/sets/mine/", headers={"accept-language": "zh-hans"})
    assert "太短" in chinese.text


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "Choose a file"),
        ({"text": "a\nb"}, "The first line must name the columns"),
        ({"file": SimpleUploadedFile("a.csv", "text\n小狗在跑".encode("gbk"))}, "is not UTF-8 (line 2)"),
    ],
)
def test_what_cant_be_read_is_said_beside_the_form(
    manager: Client, given: dict[str, object], why: str
) -> None:
    answer = manager.post("/prompts/import/", given)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert why in answer.text


def test_a_balanced_choice_is_shown_then_made(manager: Client) -> None:
    told = "text,category\n" + "".join(f"A cat jumps over {n} puddles,animal\n" for n in range(4))
    told += "Snow falls on a fir tree,phenomena\n"
    manager.post("/prompts/import/", {"text": told, "prompt_set": "All", "store": ""})
    shown = manager.get("/prompts/sets/all/choice/?n=2&seed=3")
    assert "2 of 5 prompts" in shown.text
    assert [(s.slug, s.after) for s in shown.context["choice"].shares] == [("animal", 1), ("phenomena", 1)]
    assert manager.get("/prompts/sets/all/choice/?n=0").status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    nameless = manager.post("/prompts/sets/all/choice/", {"n": 2, "seed": 3})
    assert "Give the new set a name" in nameless.text
    made = manager.post("/prompts/sets/all/choice/", {"n": 2, "seed": 3, "name": "Two"})
    assert made["Location"] == "/prompts/sets/two/"
    twice = manager.post("/prompts/sets/all/choice/", {"n": 2, "seed": 3, "name": "Two"})
    assert "already" in twice.text
    assert "Two" in manager.get("/prompts/").text


def test_the_api_serves_the_same(manager: Client) -> None:
    said = {"content": CSV, "prompt_set": "Mine", "dry_run": True}

    def post(path: str, body: dict[str, object]) -> dict[str, object]:
        answer = manager.post(f"/api/prompts/{path}", body, content_type="application/json")
        assert answer.status_code == HTTPStatus.OK, answer.text
        found: dict[str, object] = answer.json()
        return found

    counts = {"new": 1, "there": 0, "left_out": 1, "refused": 1}
    assert post("import", said)["counts"] == counts
    assert not Prompt.objects.exists()
    assert post("import", {**said, "dry_run": False})["counts"] == counts
    (one,) = manager.get("/api/prompts/sets").json()
    assert (one["slug"], one["prompts"], one["left_out"]) == ("mine", 1, 1)
    page = manager.get("/api/prompts/sets/mine/candidates?limit=1").json()
    (left,) = page["candidates"]
    assert (left["text_en"], left["reason"], left["prompt"], page["next_after"]) == (
        "Dog",
        "too_short",
        None,
        None,
    )
    assert post(f"candidates/{left['id']}", {"kept": True})["prompt"] is not None
    chosen = post("sets/mine/choose", {"n": 1, "name": "One"})
    assert chosen["prompt_set"] == "one"
    assert PromptSet.objects.get(slug="one").prompts.count() == 1
    bad = manager.post("/api/prompts/import", {"content": "\0"}, content_type="application/json")
    assert bad.json()["code"] == "unreadable"
