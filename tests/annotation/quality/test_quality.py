"""The report on a campaign's annotators, in the page, the API and the table; and what managers change."""

import csv
import io
import json
import random
from typing import Any

import pytest
from django.test import Client

from annotation.models import Campaign, GoldAnswer, Participation, QualityReport
from annotation.quality import annotators
from tests.annotation import rows
from workbench.models import AuditEntry, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def judged(manager: User) -> Campaign:
    """22 items judged by two who agree, one who agrees by half, and one who always picks the same places."""
    campaign = rows.campaign(manager, items=22, overlap=4)
    for name, right, seconds in (
        ("ann", 1.0, 20.0),
        ("bob", 1.0, 22.0),
        ("cai", 0.5, 19.0),
        ("dan", None, 0.1),
    ):
        person = rows.person(name)
        for _n in range(22):
            lease = rows.taken(campaign, person)
            # The same places in every run: who comes out as reliable follows from them.
            chance = random.Random(f"{name} {lease.item.prompt.text_en}")
            clips = lease.item.item_clips.order_by("position").values_list("pk", flat=True)
            lease.clip_order = chance.sample([str(pk) for pk in clips], 4)
            lease.save(update_fields=["clip_order"])
            if right is None:
                answers = {"best": [lease.clip_order[0]], "worst": [lease.clip_order[3]]}
                given = {"picks": {d.key: answers for d in campaign.dimensions.all()}, "comparisons": []}
            else:
                best, worst = (0, 3) if chance.random() < right else chance.sample(range(4), 2)
                given = rows.picks(lease, best, worst)
            rows.submit(lease, answers=given, seconds=seconds)
    return campaign


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def test_the_report_tells_who_is_reliable_and_what_stands_out(judged: Campaign, manager: User) -> None:
    client = signed_in(manager)
    assert post(client, f"/api/campaigns/{judged.pk}/quality/report").status_code == 202
    assert QualityReport.objects.get().asked_at is not None
    row = annotators.compute(judged.pk)
    assert (row.judgements, row.asked_at) == (88, None)
    told = client.get(f"/api/campaigns/{judged.pk}/quality").json()
    assert told["computed_at"] is not None
    people = {one["annotator"]: one for one in told["people"]}
    of = {name: people[User.objects.get(username=name).pseudonym] for name in ("ann", "bob", "cai", "dan")}
    accuracy = {name: one["accuracy"]["motion_quality"] for name, one in of.items()}
    assert accuracy["ann"] == pytest.approx(accuracy["bob"])
    assert accuracy["ann"] > 0.95 > 0.9 > accuracy["cai"] > accuracy["dan"]
    assert of["ann"]["labels"]["motion_quality"] == 22 * 6
    assert of["ann"]["signs"] == ["same"]
    assert set(of["dan"]["signs"]) == {"too_quick", "side", "same", "repeats"}
    assert of["dan"]["side_p"] < 0.001
    assert of["cai"]["median_seconds"] == 19.0

    page = client.get(f"/campaigns/{judged.pk}/quality/").text
    assert "prefers place 1 on the screen" in page
    text = client.get(f"/api/campaigns/{judged.pk}/quality/people.csv").text
    table = list(csv.DictReader(io.StringIO(text)))
    assert [line["annotator"] for line in table] == [one["annotator"] for one in told["people"]]
    assert float(table[2]["accuracy_motion_quality"]) == pytest.approx(accuracy["cai"])
    assert "dan" not in text


def test_managers_change_what_is_asked_of_annotators(manager: User) -> None:
    campaign, ann = rows.campaign(manager), rows.person("ann")
    rows.judge(campaign, ann)
    client, at = signed_in(manager), f"/api/campaigns/{campaign.pk}"
    answer = post(client, f"{at}/quality/settings", version=1, qualification_items=3, gold_feedback=True)
    assert answer.json() == {
        "version": 2,
        "gold_share": 0,
        "gold_feedback": True,
        "qualification_items": 3,
        "qualification_pass": 0.7,
        "dispute_from": 0.5,
        "gold_lacking": 3,
    }
    assert client.get(f"{at}/quality").json()["settings"] == answer.json()
    assert post(client, f"{at}/quality/settings", version=1, dispute_from=0.2).status_code == 409
    assert "lacks 3 gold items" in client.get(f"/campaigns/{campaign.pk}/quality/").text
    answer = client.post(
        f"/campaigns/{campaign.pk}/quality/settings/",
        {"version": 2, "qualification_items": 0, "qualification_pass": 0.9, "dispute_from": 7},
    )
    assert answer.status_code == 422
    assert Campaign.objects.get().qualification_items == 3

    person = f"{at}/people/{ann.pseudonym}"
    assert post(client, f"{person}/exclude", why=" ").status_code == 422
    answer = post(client, f"{person}/exclude", why="clicked through", reopen_slots=True)
    assert (answer.json()["excluded_why"], answer.json()["pairs_due"]) == ("clicked through", True)
    assert post(client, f"{person}/exclude", why="again").status_code == 409
    assert post(client, f"{person}/take-back").json()["excluded_at"] is None
    assert post(client, f"{person}/let-in").json()["qualification"] == "let_in"
    assert post(client, f"{person}/qualify-again").json()["code"] == "no_gold_left"
    said = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert said[-4:] == ["campaign.quality", "campaign.exclude", "campaign.take_back", "campaign.let_in"]


def test_gold_is_made_listed_and_retired_by_the_api(manager: User) -> None:
    campaign = rows.campaign(manager, items=1, overlap=2)
    for name in ("ann", "bob"):
        rows.judge(campaign, rows.person(name))
    client, at = signed_in(manager), f"/api/campaigns/{campaign.pk}/gold"
    item = str(campaign.items.get().pk)
    made = post(client, f"{at}/consensus", item=item, explanation_en="Both saw it")
    assert made.status_code == 201
    assert set(made.json()["answers"]) == {d.key for d in campaign.dimensions.all()}
    assert post(client, f"{at}/consensus", item=item, explanation_en="Both saw it").status_code == 409
    listed = client.get(at).json()
    assert [(one["item"], one["times"], one["share"]) for one in listed["items"]] == [
        (made.json()["item"], 0, None)
    ]
    assert not post(client, f"{at}/{made.json()['item']}/active", active=False).json()["active"]
    assert not GoldAnswer.objects.get().active
    assert post(client, f"{at}/make", n=1, kinds=["no such"]).status_code == 422
    # The page makes one by the item's number, and says what is wrong with it.
    page = client.post(
        f"/campaigns/{campaign.pk}/gold/", {"action": "consensus", "number": 7, "explanation_en": "x"}
    )
    assert page.status_code == 404
    assert "There is no such item." in page.text


def test_own_figures_are_one_s_own(judged: Campaign) -> None:
    client = signed_in(User.objects.get(username="ann"))
    (told,) = client.get("/api/label/me").json()
    assert (told["judged"], told["median_seconds"], told["gold_share"]) == (22, 20.0, None)
    assert told["per_hour"] == pytest.approx(3600 / 20)
    page = client.get("/label/me/").text
    assert "180 an hour" in page
    assert "bob" not in page
    Participation.objects.filter(annotator__username="ann").update(gold_judged=4, gold_right=3.0)
    assert "75 %" in client.get("/label/me/").text
