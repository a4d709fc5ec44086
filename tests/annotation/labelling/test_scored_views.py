"""Expert scoring over HTTP: what is asked, refused, made and given out."""

import csv
import io
import json
import uuid
from typing import Any

import pytest
from django.test import Client

from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.planning import Selection
from annotation.models import Campaign, Clip, GoldAnswer, Judgement, Task, VideoModel
from tests.annotation import rows
from tests.annotation.labelling.test_label_views import logged_in, send, taken
from workbench.models import Role, User

Protocol = Campaign.Protocol


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def boss(manager: User) -> Client:
    return logged_in(manager)


@pytest.fixture
def eve(db: None) -> Client:
    return logged_in(rows.person("eve", Role.EXPERT))


@pytest.fixture
def likert(manager: User) -> Campaign:
    rows.clips(2, 2)
    return rows.campaign(
        manager,
        protocol=Protocol.LIKERT,
        dimensions=default_dimensions(Task.T2V, Protocol.LIKERT),
        selection=Selection(clips_per_item=2),
    )


@pytest.fixture
def gsb(manager: User) -> Campaign:
    rows.clips(2, 3)
    return rows.campaign(
        manager,
        protocol=Protocol.GSB,
        model_under_test=VideoModel.objects.get(slug="secret-model-1").pk,
        dimensions=default_dimensions(Task.T2V, Protocol.GSB),
    )


def scores(item: dict[str, Any], score: object = 3) -> dict[str, Any]:
    by_clip = {clip["id"]: score for clip in item["clips"]}
    return {"scores": {one["key"]: dict(by_clip) for one in item["dimensions"]}, "marks": []}


def test_an_item_is_drafted_checked_and_submitted(eve: Client, likert: Campaign) -> None:
    item = taken(eve, likert)
    at = f"/api/label/{item['assignment']}"
    assert (item["campaign"]["protocol"], item["draft"]) == ("likert", {"scores": {}, "marks": []})
    [first, *_others] = item["dimensions"]
    assert [one["key"] for one in first["aspects"]] == [
        "structural_accuracy",
        "motion_plausibility",
        "motion_stability",
        "motion_vividness",
    ]
    half = {"scores": {first["key"]: {item["clips"][0]["id"]: 5}}, "marks": []}
    checked = send(eve, "POST", f"{at}/check", {"answers": half}).json()
    assert checked["unanswered"] == [one["key"] for one in item["dimensions"]]
    assert {one["code"] for one in checked["problems"]} == {"missing_score"}
    saved = send(eve, "PUT", f"{at}/draft", {"answers": half, "draft_version": 0})
    assert saved.status_code == 200
    assert taken(eve, likert)["draft"] == half
    body = {"answers": scores(item), "idempotency_key": str(uuid.uuid4())}
    [once, again] = [send(eve, "POST", f"{at}/submit", body) for _n in range(2)]
    assert once.status_code == 200
    assert once.json() == again.json()
    assert Judgement.objects.get().answers == scores(item)
    opened = send(eve, "POST", "/api/label/last", {"campaign": str(likert.pk)}).json()["item"]
    assert opened["draft"] == scores(item)


def test_every_misfit_is_a_422_that_stores_nothing(eve: Client, likert: Campaign) -> None:
    item = taken(eve, likert)
    clip = item["clips"][0]["id"]
    good = scores(item)
    key = item["dimensions"][0]["key"]
    mark = {"clip": clip, "dimension": key, "aspect": "motion_stability", "kind": "defect", "note": ""}

    def marked(**changes: object) -> dict[str, Any]:
        return {**good, "marks": [{**mark, "from": 0.0, "to": 0.1, **changes}]}

    wrong: list[tuple[Any, str]] = [
        (scores(item, 6), "off_scale"),
        ({**good, "scores": {}}, "missing_score"),
        ({**good, "scores": {**good["scores"], "taste": {clip: 3}}}, "unknown_dimension"),
        ({**good, "scores": {**good["scores"], key: {str(uuid.uuid4()): 3}}}, "foreign_clip"),
        (marked(to=7.0), "mark_outside"),
        (marked(**{"from": 0.2}), "mark_reversed"),
        (marked(aspect="camera_behaviour"), "unknown_aspect"),
        (marked(kind="joy"), "malformed"),
        (marked(note="x" * 501), "malformed"),
        (marked(clip="<script>"), "malformed"),
        ({"verdicts": {key: "left"}}, "malformed"),
        ({"picks": {}, "comparisons": []}, "malformed"),
        ({}, "malformed"),
    ]
    for answers, code in wrong:
        body = {"answers": answers, "idempotency_key": str(uuid.uuid4())}
        answer = send(eve, "POST", f"/api/label/{item['assignment']}/submit", body)
        assert answer.status_code == 422, answers
        told = answer.json()
        assert told["detail"]
        assert code in {told["code"], *(one["code"] for one in told["problems"])}, (answers, told)
    assert not Judgement.objects.exists()
    nothing = send(eve, "PUT", f"/api/label/{item['assignment']}/draft", {"answers": {}, "draft_version": 0})
    assert nothing.status_code == 422


def test_the_page_and_the_api_say_nothing_of_models(eve: Client, gsb: Campaign) -> None:
    page = eve.get(f"/label/{gsb.pk}/")
    assert page.status_code == 200
    item = taken(eve, gsb)
    body = {
        "answers": {"verdicts": {one["key"]: "left" for one in item["dimensions"]}},
        "idempotency_key": str(uuid.uuid4()),
    }
    answer = send(eve, "POST", f"/api/label/{item['assignment']}/submit", body)
    last = send(eve, "POST", "/api/label/last", {"campaign": str(gsb.pk)})
    for text in (page.content.decode(), json.dumps(item), answer.content.decode(), last.content.decode()):
        assert "secret" not in text.lower()
    assert last.json()["item"]["draft"] == body["answers"]
    assert set(Judgement.objects.get().answers["verdicts"].values()) <= {"G", "B"}


def test_annotators_find_no_way_in(likert: Campaign) -> None:
    ann = logged_in(rows.person("ann"))
    assert ann.get(f"/label/{likert.pk}/").status_code == 404
    assert ann.get("/api/label/campaigns").json() == []
    answer = send(ann, "POST", "/api/label/next", {"campaign": str(likert.pk)}).json()
    assert (answer["item"], answer["nothing"]) == (None, "not_invited")


def test_the_api_makes_campaigns_of_every_protocol(boss: Client) -> None:
    rows.clips(3, 3)
    tested = VideoModel.objects.get(slug="secret-model-0").pk
    cases: list[tuple[dict[str, Any], int | None, int | None]] = [
        ({"protocol": "likert", "selection": {"clips_per_item": 1}}, 9, 1),
        ({"protocol": "likert", "selection": {"clips_per_item": 2}}, 6, 2),
        ({"protocol": "gsb", "model_under_test": tested}, 6, 2),
        ({"protocol": "best_worst", "selection": {"clips_per_item": 3}}, 3, 3),
        ({}, None, None),
        ({"selection": {"clips_per_item": 1}}, None, None),
        ({"protocol": "gsb"}, None, None),
        ({"protocol": "gsb", "model_under_test": 10**9}, None, None),
        ({"protocol": "likert", "model_under_test": tested}, None, None),
        ({"protocol": "poll"}, None, None),
    ]
    for given, items, size in cases:
        answer = send(boss, "POST", "/api/campaigns", {"name": "Made by a program", **given})
        assert answer.status_code == (201 if items else 422), answer.content
        if not items:
            continue
        told = answer.json()
        assert (told["items_total"], told["clips_per_item"]) == (items, size)
        assert told["protocol"] == given["protocol"]
        assert told["model_under_test"] == ("secret-model-0" if given["protocol"] == "gsb" else None)
        chosen: Any = given.get("selection", {})
        kept = {name: value for name, value in given.items() if name != "selection"}
        preview = send(boss, "POST", "/api/campaigns/preview", {**chosen, **kept, "overlap": 2}).json()
        assert (preview["items"], preview["judgements"]) == (items, 2 * items)


@pytest.mark.parametrize("protocol", Protocol.values)
def test_the_builder_shows_the_fields_that_fit(boss: Client, protocol: str) -> None:
    rows.clips(4, 3)
    page = boss.get(f"/campaigns/new/?protocol={protocol}").content.decode()
    assert ('name="question_limit"' in page) == (protocol == Protocol.BEST_WORST)
    assert ('name="model_under_test"' in page) == (protocol == Protocol.GSB)
    assert ('name="clips_per_item"' in page) == (protocol != Protocol.GSB)
    assert 'name="gold_percent"' in page
    assert ("-reward" in page) == (protocol == Protocol.BEST_WORST)
    assert page.count('value="overall"') == (protocol == Protocol.GSB)
    given: dict[str, Any] = {"name": "Made by hand", "protocol": protocol, "overlap": 2, "lease_minutes": 20}
    given |= {"min_play_seconds": 0, "clips_per_item": 3, "question_limit": 3}
    dimensions = default_dimensions(Task.T2V, protocol)
    given |= {"d-TOTAL_FORMS": len(dimensions), "d-INITIAL_FORMS": 0}
    for n, one in enumerate(dimensions):
        given |= {f"d-{n}-{name}": getattr(one, name) for name in ("key", "name_en", "name_zh")}
        given |= {f"d-{n}-used": "on", f"d-{n}-required": "on"}
    if protocol == Protocol.GSB:
        refused = boss.post("/campaigns/new/", given)
        assert refused.status_code == 422
        given["model_under_test"] = VideoModel.objects.get(slug="secret-model-0").pk
    answer = boss.post("/campaigns/new/", given)
    made = Campaign.objects.get()
    assert answer.status_code == 302
    assert (made.protocol, made.overlap) == (protocol, 2)
    assert made.items_total == {"best_worst": 4, "likert": 4, "gsb": 8}[protocol]
    edit = boss.get(f"/campaigns/{made.pk}/edit/").content.decode()
    assert ('name="question_limit"' in edit) == (protocol == Protocol.BEST_WORST)


def test_pages_of_a_campaign_hide_what_only_best_worst_has(
    boss: Client, eve: Client, likert: Campaign, gsb_alone: Campaign
) -> None:
    for campaign in (likert, gsb_alone):
        page = boss.get(f"/campaigns/{campaign.pk}/").content.decode()
        assert "/export/pairs" not in page
        assert f"/campaigns/{campaign.pk}/pairs/" not in page
        assert "/export/scores" in page
        assert "experts and managers" in page
        for place in ("quality", "gold", "edit", "progress", "pairs", "versions", "disputes"):
            assert boss.get(f"/campaigns/{campaign.pk}/{place}/").status_code == 200, place
    home = eve.get("/label/").content.decode()
    assert "disputes" not in home
    assert "Scores from 1 to 5" in home
    item = likert.items.all()[0]
    assert boss.get(f"/disputes/{item.pk}/").status_code == 404


@pytest.fixture
def gsb_alone(manager: User, likert: Campaign) -> Campaign:
    return rows.campaign(
        manager,
        protocol=Protocol.GSB,
        model_under_test=VideoModel.objects.get(slug="secret-model-1").pk,
        dimensions=default_dimensions(Task.T2V, Protocol.GSB),
    )


def test_scores_are_downloaded(boss: Client, eve: Client, likert: Campaign) -> None:
    item = taken(eve, likert)
    body = {"answers": scores(item, 4), "idempotency_key": str(uuid.uuid4())}
    assert send(eve, "POST", f"/api/label/{item['assignment']}/submit", body).status_code == 200
    at = f"/api/campaigns/{likert.pk}/export/scores"
    text = boss.get(at).getvalue().decode()
    table = list(csv.DictReader(io.StringIO(text)))
    assert {row["score"] for row in table} == {"4"}
    assert len(table) == 6
    lines = boss.get(f"{at}?format=jsonl").getvalue().decode().splitlines()
    assert [json.loads(line)["score"] for line in lines] == [4] * 6
    assert eve.get(at).status_code == 403
    other = rows.campaign(User.objects.get(username="manager"), clips_per_item=2)
    assert boss.get(f"/api/campaigns/{other.pk}/export/scores").status_code == 404


def test_a_calibration_item_is_made_on_its_page_and_by_the_api(boss: Client, likert: Campaign) -> None:
    at = f"/campaigns/{likert.pk}/gold/"
    given = {"number": 1, "tolerance": 1, "explanation_en": "The hand has six fingers."}
    for wrong in ({}, {"scores_motion_quality": "2"}, {"scores_motion_quality": "2, 9"}):
        assert boss.post(at, {**given, **wrong}).status_code == 422
    assert boss.post(at, {**given, "scores_motion_quality": "2, 4"}).status_code == 302
    gold = GoldAnswer.objects.get()
    [answer] = gold.answers.values()
    order = [str(pk) for pk in gold.item.item_clips.order_by("position").values_list("pk", flat=True)]
    assert answer == {"expected": dict(zip(order, (2, 4), strict=True)), "tolerance": 1}
    assert "The hand has six fingers." in boss.get(at).content.decode()
    item = likert.items.filter(gold=False).order_by("position")[1]
    body = {"item": str(item.pk), "scores": {"motion_quality": [3, 3]}, "explanation_zh": "手有六指。"}
    made = send(boss, "POST", f"/api/campaigns/{likert.pk}/gold/scores", body)
    assert made.status_code == 201
    assert made.json()["source"] == "known"
    again = send(boss, "POST", f"/api/campaigns/{likert.pk}/gold/scores", body)
    assert again.status_code == 409
    assert Clip.objects.count() == 4
