"""Labelling over HTTP: what is answered, and what an annotator can learn from it."""

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.models import Assignment, Campaign, Clip, ItemClip, Judgement, Rendition
from tests.annotation import rows
from workbench.models import Role, User


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def campaign(manager: User) -> Campaign:
    return rows.campaign(manager, items=3, overlap=2)


@pytest.fixture
def ann(db: None) -> Client:
    return logged_in(rows.person("ann"))


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return client.generic(method, path, json.dumps(body), content_type="application/json")


def taken(client: Client, campaign: Campaign) -> dict[str, Any]:
    answer = send(client, "POST", "/api/label/next", {"campaign": str(campaign.pk)})
    assert answer.status_code == 200, answer.content
    item: dict[str, Any] = answer.json()["item"]
    return item


def complete(item: dict[str, Any], best: int = 0, worst: int = 3) -> dict[str, Any]:
    picks = {"best": [item["clips"][best]["id"]], "worst": [item["clips"][worst]["id"]]}
    return {"picks": {d["key"]: dict(picks) for d in item["dimensions"]}, "comparisons": []}


def submission(item: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"answers": complete(item), "idempotency_key": str(uuid.uuid4()), **changes}


def test_an_item_is_taken_checked_drafted_and_submitted_once(ann: Client, campaign: Campaign) -> None:
    item = taken(ann, campaign)
    at = f"/api/label/{item['assignment']}"
    checked = send(ann, "POST", f"{at}/check", {"answers": complete(item)}).json()
    assert (checked["problems"], checked["broken"], checked["questions"]) == ([], [], [])
    saved = send(ann, "PUT", f"{at}/draft", {"answers": complete(item), "draft_version": 0})
    assert saved.json()["draft_version"] == 1
    assert taken(ann, campaign)["draft"] == complete(item)
    body = submission(item, seconds=3.5)
    first = send(ann, "POST", f"{at}/submit", body)
    again = send(ann, "POST", f"{at}/submit", body)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert first.json()["pairs"] == 4
    assert Judgement.objects.get().seconds == 3.5


def test_a_check_names_what_clashes_with_this_persons_numbers(ann: Client, campaign: Campaign) -> None:
    item = taken(ann, campaign)
    answers = complete(item)
    picks = answers["picks"]["motion_quality"]
    picks["best"], picks["worst"] = picks["worst"], picks["best"]
    checked = send(ann, "POST", f"/api/label/{item['assignment']}/check", {"answers": answers}).json()
    assert len(checked["broken"]) == 4
    motion = next(pair for pair in checked["broken"] if pair["dimension"] == "motion_quality")
    assert motion["message"].startswith("Motion quality: clip 4 beats clip 1, but it is worse in")


def test_a_question_is_asked_and_its_answer_counts(ann: Client, campaign: Campaign) -> None:
    item = taken(ann, campaign)
    ids = [clip["id"] for clip in item["clips"]]
    answers = complete(item)
    answers["picks"]["motion_quality"] = {"best": [ids[1]], "worst": [ids[2]]}
    at = f"/api/label/{item['assignment']}"
    [first, *_others] = send(ann, "POST", f"{at}/check", {"answers": answers}).json()["questions"]
    assert re.fullmatch(r".+: is clip \d at least as good as clip \d\?", first["message"])
    said = {key: first[key] for key in ("dimension", "b", "w")} | {"answer": "yes"}
    answers["comparisons"] = [said]
    checked = send(ann, "POST", f"{at}/check", {"answers": answers}).json()
    assert checked["comparisons"] == [said]
    assert first not in checked["questions"]
    answers["picks"]["motion_quality"] = {"tie": True}
    assert send(ann, "POST", f"{at}/check", {"answers": answers}).json()["comparisons"] == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"answers": {"picks": {}, "comparisons": []}}, 422, "invalid_answers"),
        ({"answers": {"picks": []}}, 422, "malformed"),
        ({"answers": {"picks": {"a\x00b": {"tie": True}}, "comparisons": []}}, 422, "malformed"),
        ({"idempotency_key": "no key"}, 422, None),
        ({"supersedes": str(uuid.uuid4())}, 409, "superseded"),
    ],
)
def test_a_refusal_has_a_code_and_stores_nothing(
    ann: Client, campaign: Campaign, change: dict[str, Any], status: int, code: str | None
) -> None:
    item = taken(ann, campaign)
    answer = send(ann, "POST", f"/api/label/{item['assignment']}/submit", submission(item, **change))
    assert answer.status_code == status
    assert answer.json().get("code") == code
    assert answer.json()["detail"]
    assert not Judgement.objects.exists()


def test_two_windows_conflict(ann: Client, campaign: Campaign) -> None:
    item = taken(ann, campaign)
    at = f"/api/label/{item['assignment']}"
    send(ann, "PUT", f"{at}/draft", {"answers": complete(item), "draft_version": 0})
    stale = send(ann, "PUT", f"{at}/draft", {"answers": complete(item, 1), "draft_version": 0})
    assert stale.status_code == 409
    assert stale.json()["draft"] == complete(item)
    assert send(ann, "POST", f"{at}/submit", submission(item)).status_code == 200
    second = send(ann, "POST", f"{at}/submit", submission(item))
    assert (second.status_code, second.json()["code"]) == (409, "already_submitted")


def test_the_last_judgement_is_opened_again_and_corrected(ann: Client, campaign: Campaign) -> None:
    item = taken(ann, campaign)
    at = f"/api/label/{item['assignment']}"
    first = send(ann, "POST", f"{at}/submit", submission(item)).json()
    opened = send(ann, "POST", "/api/label/last", {"campaign": str(campaign.pk)}).json()["item"]
    assert opened["supersedes"] == first["judgement"]
    assert [clip["id"] for clip in opened["clips"]] == [clip["id"] for clip in item["clips"]]
    assert opened["draft"]["picks"] == complete(item)["picks"]
    body = submission(item, answers=complete(item, 1), supersedes=first["judgement"])
    assert send(ann, "POST", f"{at}/submit", body).json()["supersedes"] == first["judgement"]
    assert Judgement.objects.count() == 2


def test_a_skip_needs_a_reason(ann: Client, campaign: Campaign) -> None:
    item = taken(ann, campaign)
    at = f"/api/label/{item['assignment']}/skip"
    assert send(ann, "POST", at, {"reason": "  "}).status_code == 422
    assert send(ann, "POST", at, {"reason": "A clip does not play"}).status_code == 200
    assert taken(ann, campaign)["assignment"] != item["assignment"]


def test_next_and_submit_take_few_statements(ann: Client, campaign: Campaign) -> None:
    """Session and person included."""
    taken(ann, campaign)
    with CaptureQueriesContext(connection) as asked:
        item = taken(ann, campaign)
    with CaptureQueriesContext(connection) as answered:
        send(ann, "POST", f"/api/label/{item['assignment']}/submit", submission(item))
    with CaptureQueriesContext(connection) as new:
        taken(ann, campaign)
    counts = [
        len([q for q in c.captured_queries if "SAVEPOINT" not in q["sql"]]) for c in (asked, new, answered)
    ]
    assert counts[0] <= 8, asked.captured_queries
    assert counts[1] <= 9, new.captured_queries
    assert counts[2] <= 12, answered.captured_queries


# --- Blindness --------------------------------------------------------------------------------------------


def store_files() -> None:
    for rendition in Rendition.objects.all():
        rendition.file.save(f"{uuid.uuid4().hex}.mp4", ContentFile(b"0123456789"), save=True)


def test_nothing_an_annotator_gets_tells_who_made_a_clip(ann: Client, campaign: Campaign) -> None:
    """Page, JSON and headers hold no name, file, hash, id, source or seed of any clip or model."""
    store_files()
    item = taken(ann, campaign)
    at = f"/api/label/{item['assignment']}"
    send(ann, "POST", "/api/label/hold", {"campaign": str(campaign.pk)})
    answers = [
        ann.get("/"),
        ann.get("/label/"),
        ann.get(f"/label/{campaign.pk}/"),
        send(ann, "POST", "/api/label/next", {"campaign": str(campaign.pk)}),
        send(ann, "POST", "/api/label/hold", {"campaign": str(campaign.pk)}),
        send(ann, "POST", f"{at}/check", {"answers": complete(item)}),
        send(ann, "PUT", f"{at}/draft", {"answers": complete(item), "draft_version": 0}),
        send(ann, "POST", f"{at}/submit", submission(item, answers={"picks": {}, "comparisons": []})),
        send(ann, "POST", f"{at}/submit", submission(item)),
        ann.get("/api/label/campaigns"),
        *(ann.get(clip["src"]) for clip in item["clips"]),
    ]
    secrets = {"Secret model", "secret-model", "hidden-name", "hidden source"}
    for clip in Clip.objects.all():
        secrets |= {str(clip.pk), clip.sha256, clip.sha256[:12], str(clip.original)}
    for rendition in Rendition.objects.all():
        secrets |= {str(rendition.pk), str(rendition.file), str(rendition.file).split("/")[-1][:20]}
    for answer in answers:
        assert answer.status_code in {200, 206, 422}, answer
        body = answer.getvalue() if answer.streaming else answer.content
        told = body.decode(errors="replace") + "\n".join(f"{k}: {v}" for k, v in answer.items())
        assert not [secret for secret in secrets if secret in told], answer.request["PATH_INFO"]


def test_clips_are_served_to_whoever_has_the_item_and_to_nobody_else(
    ann: Client, campaign: Campaign, manager: User
) -> None:
    store_files()
    item = taken(ann, campaign)
    src = item["clips"][0]["src"]
    part = ann.get(src, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.getvalue(), part["Content-Type"]) == (206, b"234", "video/mp4")
    assert logged_in(rows.person("bob")).get(src).status_code == 404
    assert logged_in(rows.person("engineer", Role.ENGINEER)).get(src).status_code == 200
    assert logged_in(manager).get(src).status_code == 200
    assert Client().get(src).status_code == 302
    unseen = ItemClip.objects.exclude(item__assignments__isnull=False)[0]
    assert ann.get(f"/label/media/{unseen.pk}/").status_code == 404
    [ahead, *_rest] = send(ann, "POST", "/api/label/hold", {"campaign": str(campaign.pk)}).json()["media"]
    assert ann.get(ahead).status_code == 200
    assert Assignment.objects.filter(state="held").count() == 1


def test_clips_are_served_out_of_s3(s3_storage: Path, ann: Client, campaign: Campaign, manager: User) -> None:
    store_files()
    item = taken(ann, campaign)
    src = item["clips"][0]["src"]
    whole = ann.get(src)
    content = whole.getvalue()
    assert (whole.status_code, whole["Content-Length"]) == (200, str(len(content)))
    part = ann.get(src, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.getvalue()) == (206, content[2:5])
    assert part["Content-Range"] == f"bytes 2-4/{len(content)}"
    assert part["Content-Type"] == "video/mp4"
    assert ann.get(src, headers={"Range": f"bytes={len(content)}-"}).status_code == 416
    assert ann.get(src, headers={"If-None-Match": part["ETag"]}).status_code == 304
    assert logged_in(rows.person("bob")).get(src).status_code == 404
    assert not s3_storage.exists()
    lost = ItemClip.objects.get(pk=src.rstrip("/").rsplit("/", 1)[1]).clip.renditions.get()
    lost.file.storage.delete(str(lost.file))
    assert ann.get(src).status_code == 404


def test_a_normalised_campaign_shows_its_own_renditions(ann: Client, manager: User) -> None:
    campaign = rows.campaign(manager, items=1, opened=False, normalise_fps=12.0)
    for rendition in Rendition.objects.all():
        rendition.pk, rendition.fps, rendition.frame_times = uuid.uuid4(), 12.0, [0.0, 0.0833]
        rendition.save(force_insert=True)
    store_files()
    send(logged_in(manager), "POST", f"/api/campaigns/{campaign.pk}/state", {"state": "open", "version": 0})
    item = taken(ann, campaign)
    assert {tuple(clip["frame_times"]) for clip in item["clips"]} == {(0.0, 0.0833)}


def test_a_campaign_of_others_can_not_be_looked_at(manager: User, ann: Client) -> None:
    campaign = rows.campaign(manager, annotators=(rows.person("bob").pk,))
    assert ann.get(f"/label/{campaign.pk}/").status_code == 404
    answer = send(ann, "POST", "/api/label/next", {"campaign": str(campaign.pk)}).json()
    assert (answer["item"], answer["nothing"]) == (None, "not_invited")
    assert ann.get("/api/label/campaigns").json() == []


# --- Campaigns over HTTP ----------------------------------------------------------------------------------


def test_a_manager_makes_previews_opens_and_exports_over_the_api(manager: User) -> None:
    rows.clips(3)
    client = logged_in(manager)
    preview = send(client, "POST", "/api/campaigns/preview", {"overlap": 2}).json()
    told = {"prompts": 3, "prompts_short": 0, "clips": 12, "items": 3, "judgements": 6, "gold": 0}
    assert preview.items() >= told.items()
    assert [len(item["clips"]) for item in preview["first"]] == [4, 4, 4]
    made = send(client, "POST", "/api/campaigns", {"name": "By API", "overlap": 2})
    assert made.status_code == 201, made.content
    campaign = made.json()
    assert campaign["dimensions"][0]["key"] == "prompt_following"
    state = {"state": "open", "version": campaign["version"]}
    assert send(client, "POST", f"/api/campaigns/{campaign['id']}/state", state).json()["state"] == "open"
    stale = send(client, "POST", f"/api/campaigns/{campaign['id']}/state", {**state, "state": "paused"})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    page = client.get(f"/api/campaigns/{campaign['id']}/items?limit=2").json()
    assert [item["position"] for item in page["items"]] == [0, 1]
    rest = client.get(f"/api/campaigns/{campaign['id']}/items?after={page['next_after']}").json()
    assert ([item["position"] for item in rest["items"]], rest["next_after"]) == ([2], None)
    item = taken(client, Campaign.objects.get())
    send(client, "POST", f"/api/label/{item['assignment']}/submit", submission(item))
    pairs = client.get(f"/api/campaigns/{campaign['id']}/export/pairs")
    lines = [json.loads(line) for line in pairs.getvalue().decode().splitlines()]
    assert len(lines) == 4
    items = client.get(f"/api/campaigns/{campaign['id']}/export/items.jsonl").getvalue().decode()
    assert len(items.splitlines()) == 3


def test_annotators_see_nothing_of_campaigns_and_clips(ann: Client, campaign: Campaign) -> None:
    clip = Clip.objects.first()
    assert clip is not None
    for path in (
        "/campaigns/",
        "/campaigns/new/",
        f"/campaigns/{campaign.pk}/",
        "/clips/",
        "/clips/upload/",
        "/clips/manifest/",
        f"/clips/{clip.pk}/",
        f"/clips/{clip.pk}/video/",
        "/api/campaigns",
        f"/api/campaigns/{campaign.pk}",
        f"/api/campaigns/{campaign.pk}/export/pairs",
        "/api/clips",
        f"/api/clips/{clip.pk}",
    ):
        assert ann.get(path).status_code == 403, path


def test_the_campaign_form_makes_a_campaign_and_keeps_what_was_typed(manager: User) -> None:
    rows.clips(2)
    client = logged_in(manager)
    page = client.get("/campaigns/new/")
    assert page.status_code == 200
    fields: dict[str, Any] = {
        "name": "From the form",
        "guidelines": "Look twice.",
        "clips_per_item": 4,
        "overlap": 2,
        "question_limit": 3,
        "lease_minutes": 20,
        "min_play_seconds": 0,
    }
    for form in page.context["dimensions"]:
        for name in form.fields:
            value = form[name].value()
            if value not in (None, False, ""):
                fields[form.add_prefix(name)] = "on" if value is True else value
    management = page.context["dimensions"].management_form
    fields |= {management.add_prefix(name): management[name].value() for name in management.fields}
    wrong = client.post("/campaigns/new/", {**fields, "clips_per_item": 9})
    assert wrong.status_code == 422
    assert "Look twice." in wrong.content.decode()
    made = client.post("/campaigns/new/", fields)
    assert made.status_code == 302, made.content.decode()
    campaign = Campaign.objects.get()
    assert made["Location"] == f"/campaigns/{campaign.pk}/"
    assert [d.key for d in campaign.dimensions.all()] == [
        "prompt_following",
        "structural_stability",
        "motion_quality",
        "aesthetic_quality",
    ]
    detail = client.get(made["Location"]).content.decode()
    assert "Motion quality" in detail
    opened = client.post(f"/campaigns/{campaign.pk}/state/", {"state": "open", "version": 0})
    assert opened.status_code == 302
    stale = client.post(f"/campaigns/{campaign.pk}/state/", {"state": "closed", "version": 0})
    assert stale.status_code == 409


def test_clips_are_listed_filtered_and_paged(manager: User) -> None:
    rows.clips(3)
    client = logged_in(manager)
    assert client.get("/clips/").content.decode().count('<a href="/clips/') >= 12
    found = client.get("/api/clips?video_model=secret-model-1&text=number 2").json()["clips"]
    assert [(clip["video_model"], clip["seed"]) for clip in found] == [("secret-model-1", 2)]
    seen, after = [], ""
    while True:
        page = client.get(f"/api/clips?limit=5{after}").json()
        seen += [clip["id"] for clip in page["clips"]]
        if page["next_after"] is None:
            break
        after = f"&after={page['next_after']}"
    assert len(seen) == len(set(seen)) == 12
    lost = client.get(f"/api/clips?after={uuid.uuid4()}")
    assert (lost.status_code, lost.json()["code"]) == (422, "no_such_clip")
