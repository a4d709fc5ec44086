"""Likert and good/same/bad campaigns: what they are made of, who labels, what is stored and read back."""

import csv
import io
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from annotation.campaigns import extending, lifecycle
from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.lifecycle import CampaignSpec
from annotation.campaigns.planning import Group, Selection
from annotation.clips import intake
from annotation.exchange import export
from annotation.exchange.export_scores import ScoreFormat, pages
from annotation.labelling import judging, page, queue, scoring
from annotation.labelling.judging import Submission
from annotation.models import (
    Assignment,
    Campaign,
    Clip,
    Dispute,
    GoldAnswer,
    ItemClip,
    Judgement,
    PreferencePair,
    Prompt,
    Task,
    VideoModel,
)
from annotation.prompts.identity import find_or_create
from annotation.quality import adjudication, annotators, campaign_agreement, disputes, exclusion, gold_items
from annotation.results import pairs, pairversions
from annotation.results.scores import gsb_rows, likert_rows
from tests.annotation import rows
from tests.annotation.video_files import write_video
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid, Missing

pytestmark = pytest.mark.django_db
Protocol = Campaign.Protocol


@pytest.fixture
def manager() -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def eve() -> User:
    return rows.person("eve", Role.EXPERT)


def made(manager: User, protocol: str, clips_per_item: int = 1, **changes: Any) -> Campaign:
    if not Clip.objects.exists():
        rows.clips(3, 3)
    tested = VideoModel.objects.get(slug="secret-model-0") if protocol == Protocol.GSB else None
    spec: dict[str, Any] = {
        "name": "Expert scoring",
        "protocol": protocol,
        "model_under_test": tested.pk if tested else None,
        "dimensions": default_dimensions(Task.T2V, protocol),
        "selection": Selection(clips_per_item=2 if tested else clips_per_item),
        **changes,
    }
    items = spec.pop("items", None)
    campaign = lifecycle.create(CampaignSpec(**spec), manager, items)
    return lifecycle.set_state(campaign.pk, Campaign.State.OPEN, campaign.version)


def scores(assignment: Assignment, score: int = 4, **marks: Any) -> dict[str, Any]:
    keys = [one.key for one in assignment.campaign.dimensions.all() if one.key != "preservation"]
    return {"scores": {key: dict.fromkeys(assignment.clip_order, score) for key in keys}, "marks": []}


def verdicts(assignment: Assignment, side: str = "left") -> dict[str, Any]:
    return {"verdicts": {one.key: side for one in assignment.campaign.dimensions.all()}}


def test_a_likert_campaign_shows_every_clip_in_one_item(manager: User) -> None:
    one = made(manager, Protocol.LIKERT)
    assert one.items_total == 9
    two = made(manager, Protocol.LIKERT, clips_per_item=2)
    sizes = sorted(item.clips.count() for item in two.items.all())
    assert sizes == [1, 1, 1, 2, 2, 2]
    assert ItemClip.objects.filter(item__campaign=two).values("clip").distinct().count() == 9


def test_a_good_same_bad_campaign_sets_the_model_against_every_other(manager: User) -> None:
    campaign = made(manager, Protocol.GSB)
    assert campaign.items_total == 6
    for item in campaign.items.all():
        models = [clip.video_model_id for clip in item.clips.all()]
        assert models.count(campaign.model_under_test_id) == 1
        assert len(set(models)) == 2


def test_items_that_are_given_are_taken_as_they_are_or_refused(manager: User) -> None:
    clips = rows.clips(2, 3)
    first, second, third, other, *_ = clips
    gsb = made(manager, Protocol.GSB, items=[Group(first.prompt_id or 0, (first.pk, third.pk))])
    assert gsb.items_total == 1
    wrong = [
        (Protocol.GSB, (second.pk, third.pk)),  # none of the model under test
        (Protocol.GSB, (first.pk,)),
        (Protocol.LIKERT, (first.pk, first.pk)),
        (Protocol.LIKERT, (other.pk,)),  # of another prompt
        (Protocol.LIKERT, (first.pk, second.pk)),  # more than an item shows
        (Protocol.LIKERT, (uuid.uuid4(),)),
    ]
    for protocol, shown in wrong:
        with pytest.raises(Invalid, match="expected"):
            made(manager, protocol, items=[Group(first.prompt_id or 0, shown)])
    with pytest.raises(Invalid, match="under test"):
        made(manager, Protocol.GSB, model_under_test=None)
    with pytest.raises(Invalid, match="under test"):
        made(manager, Protocol.LIKERT, model_under_test=gsb.model_under_test_id)


def test_experts_label_and_others_only_where_they_are_named(manager: User, eve: User) -> None:
    ann = rows.person("ann")
    campaign = made(manager, Protocol.LIKERT)
    assert queue.next_item(campaign.pk, ann) is None
    assert queue.why_nothing(campaign, ann) == "not_invited"
    assert list(lifecycle.open_to(ann)) == []
    for person in (eve, manager):
        assert list(lifecycle.open_to(person)) == [campaign]
        assert queue.next_item(campaign.pk, person)
    named = made(manager, Protocol.LIKERT, annotators=(ann.pk,))
    assert list(lifecycle.open_to(ann)) == [named]
    assert queue.next_item(named.pk, ann)


def test_scores_are_stored_corrected_and_read_as_rows(manager: User, eve: User) -> None:
    campaign = made(manager, Protocol.LIKERT, clips_per_item=3)
    assignment = rows.taken(campaign, eve)
    shown = page.shown(assignment.pk)
    assert shown["draft"] == {"scores": {}, "marks": []}
    assert [len(one["anchors"]) for one in shown["dimensions"]] == [5, 5, 5]
    clip = assignment.clip_order[1]
    mark = {
        "clip": clip,
        "dimension": "motion_quality",
        "aspect": "structural_accuracy",
        "kind": "defect",
        "from": 0.1,
        "to": 0.2,
        "note": "六指",
    }
    first = rows.submit(assignment, answers={**scores(assignment, 2), "marks": [mark]})
    said = page.shown(assignment.pk, correcting=first)
    assert said["draft"] == {**scores(assignment, 2), "marks": [mark]}
    second = rows.submit(assignment, answers={**scores(assignment, 3), "marks": [mark]}, supersedes=first.pk)
    found = list(likert_rows(campaign))
    assert len(found) == 9
    assert {(row.score, row.judgement, row.rater) for row in found} == {(3, second.pk, eve.pseudonym)}
    marked = [row for row in found if row.marks]
    assert [(str(row.clip), row.dimension) for row in marked] == [
        (str(ItemClip.objects.get(pk=clip).clip_id), "motion_quality")
    ]
    assert marked[0].marks == (
        scoring.Mark(clip, "motion_quality", "structural_accuracy", scoring.Kind.DEFECT, 0.1, 0.2, "六指"),
    )
    assert {row.model for row in found} == {"secret-model-0", "secret-model-1", "secret-model-2"}
    assert not PreferencePair.objects.exists()


@pytest.mark.parametrize("side", ["left", "same", "right"])
def test_a_verdict_is_of_the_model_under_test_wherever_it_stood(manager: User, eve: User, side: str) -> None:
    campaign = made(manager, Protocol.GSB)
    for _n in range(6):
        assignment = rows.taken(campaign, eve)
        judgement = rows.submit(assignment, answers=verdicts(assignment, side))
        left = ItemClip.objects.get(pk=assignment.clip_order[0]).clip.video_model_id
        tested_left = left == campaign.model_under_test_id
        wanted = "S" if side == "same" else "G" if (side == "left") == tested_left else "B"
        assert set(judgement.answers["verdicts"].values()) == {wanted}
        assert page.shown(assignment.pk, correcting=judgement)["draft"] == verdicts(assignment, side)
        mine = [row for row in gsb_rows(campaign) if row.judgement == judgement.pk]
        assert {(row.verdict, row.side) for row in mine} == {(wanted, "left" if tested_left else "right")}
        assert {row.opponent for row in mine} <= {"secret-model-1", "secret-model-2"}
    assert len(list(gsb_rows(campaign))) == 6 * 4


def test_answers_that_do_not_fit_are_refused_and_nothing_is_stored(manager: User, eve: User) -> None:
    campaign = made(manager, Protocol.LIKERT)
    assignment = rows.taken(campaign, eve)
    [clip] = assignment.clip_order
    good = scores(assignment)
    key = "motion_quality"
    mark = {"clip": clip, "dimension": key, "aspect": "structural_accuracy", "kind": "defect", "note": ""}

    def wrong(answers: dict[str, Any]) -> tuple[str, str]:
        with pytest.raises(Invalid) as refused:
            rows.submit(assignment, answers=answers)
        problems = refused.value.detail.get("problems")
        return (problems[0]["code"] if problems else refused.value.code), refused.value.message

    def scored(value: object) -> dict[str, Any]:
        return {**good, "scores": {**good["scores"], key: {clip: value}}}

    def marked(**changes: object) -> dict[str, Any]:
        return {**good, "marks": [{**mark, "from": 0.0, "to": 0.1, **changes}]}

    assert wrong(scored(6)) == ("off_scale", "Motion quality, clip 1: scores go from 1 to 5; 6 was given.")
    assert wrong(scored(0))[0] == "off_scale"
    assert wrong(scored(3.5))[0] == "malformed"
    assert wrong(scored(True))[0] == "malformed"
    assert wrong({**good, "scores": {**good["scores"], "taste": {clip: 3}}})[0] == "unknown_dimension"
    assert wrong({**good, "scores": {**good["scores"], "preservation": {clip: 3}}})[0] == "unknown_dimension"
    assert wrong({**good, "scores": {**good["scores"], key: {str(uuid.uuid4()): 3}}})[0] == "foreign_clip"
    assert wrong({**good, "scores": {}})[0] == "missing_score"
    assert wrong(marked(to=0.9))[0] == "mark_outside"
    assert wrong(marked(**{"from": -0.1}))[0] == "mark_outside"
    assert wrong(marked(**{"from": 0.2}))[0] == "mark_reversed"
    assert wrong(marked(aspect="visual_texture"))[0] == "unknown_aspect"
    assert wrong(marked(clip=str(uuid.uuid4())))[0] == "foreign_clip"
    assert wrong(marked(to=None))[0] == "malformed"
    assert wrong(marked(kind="joy"))[0] == "malformed"
    assert wrong(verdicts(assignment))[0] == "malformed"
    assert wrong(rows.picks(assignment))[0] == "malformed"
    assert not Judgement.objects.exists()
    rows.submit(assignment, answers=marked())


def test_verdicts_that_do_not_fit_are_refused(manager: User, eve: User) -> None:
    campaign = made(manager, Protocol.GSB)
    assignment = rows.taken(campaign, eve)
    good = verdicts(assignment)
    for answers in (
        {"verdicts": {**good["verdicts"], "motion_quality": "G"}},
        {"verdicts": {**good["verdicts"], "taste": "left"}},
        {"verdicts": {"overall": "left"}},
        scores(assignment),
    ):
        with pytest.raises(Invalid):
            rows.submit(assignment, answers=answers)
    assert not Judgement.objects.exists()
    key = uuid.uuid4()
    once = judging.submit(assignment.pk, eve, Submission(answers=good, idempotency_key=key))
    again = judging.submit(assignment.pk, eve, Submission(answers=good, idempotency_key=key))
    assert once.judgement.pk == again.judgement.pk
    with pytest.raises(Conflict):
        rows.submit(assignment, answers=good)


def test_doubts_are_told_and_taken_all_the_same(manager: User, eve: User) -> None:
    campaign = made(manager, Protocol.GSB)
    assignment = rows.taken(campaign, eve)
    odd = {"verdicts": {**verdicts(assignment, "right")["verdicts"], "overall": "left"}}
    told = judging.check(assignment.pk, eve, odd)
    assert [doubt["code"] for doubt in told["doubts"]] == ["overall_alone"]
    assert (told["problems"], told["unanswered"]) == ([], [])
    rows.submit(assignment, answers=odd)
    half = judging.check(rows.taken(campaign, eve).pk, eve, {"verdicts": {"overall": "left"}})
    assert half["unanswered"] == ["motion_quality", "prompt_following", "aesthetic_quality"]


def test_scores_go_out_in_the_columns_that_statistics_read(manager: User, eve: User) -> None:
    campaign = made(manager, Protocol.LIKERT, clips_per_item=3)
    assignment = rows.taken(campaign, eve)
    [clip, *_others] = assignment.clip_order
    mark = {"clip": clip, "dimension": "motion_quality", "aspect": "motion_stability", "kind": "defect"}
    rows.submit(
        assignment,
        answers={
            **scores(assignment, 2),
            "marks": [{**mark, "from": None, "to": None, "note": "=1+1, 闪烁"}],
        },
    )
    table = list(csv.DictReader(io.StringIO("".join(pages(campaign, ScoreFormat.CSV)))))
    assert list(table[0])[:5] == ["prompt", "model", "rater", "dimension", "score"]
    assert len(table) == 9
    told = [json.loads(line) for line in "".join(pages(campaign, ScoreFormat.JSONL)).splitlines()]
    assert [str(row["prompt"]) for row in told] == [row["prompt"] for row in table]
    [marked] = [row for row in told if row["marks"]]
    assert marked["marks"] == [
        {"aspect": "motion_stability", "kind": "defect", "from": None, "to": None, "note": "=1+1, 闪烁"}
    ]
    assert marked["model"] == ItemClip.objects.get(pk=clip).clip.video_model.slug  # type: ignore[union-attr]
    assert [json.loads(row["marks"]) for row in table if row["marks"]] == [marked["marks"]]
    [item, *_more] = [json.loads(line) for line in "".join(export.items_jsonl(campaign)).splitlines()]
    assert item["protocol"] == "likert"
    [said] = item["judgements"]
    assert set(said["answers"]["motion_quality"].values()) == {2}
    assert said["marks"][0]["clip"] == str(ItemClip.objects.get(pk=clip).clip_id)
    with pytest.raises(Missing):
        pages(rows.campaign(manager, clips_per_item=2), ScoreFormat.CSV)


def test_verdicts_go_out_by_opponent(manager: User, eve: User) -> None:
    campaign = made(manager, Protocol.GSB)
    assignment = rows.taken(campaign, eve)
    rows.submit(assignment, answers=verdicts(assignment, "same"))
    table = list(csv.DictReader(io.StringIO("".join(pages(campaign, ScoreFormat.CSV, page=1)))))
    assert list(table[0])[:4] == ["prompt", "opponent", "dimension", "verdict"]
    assert {row["verdict"] for row in table} == {"S"}
    assert len(table) == 4
    first = json.loads("".join(export.items_jsonl(campaign)).splitlines()[0])
    assert set(first["judgements"][0]["answers"].values()) == {"S"}


@pytest.mark.parametrize("protocol", [Protocol.LIKERT, Protocol.GSB])
def test_what_derives_from_best_worst_leaves_other_protocols_alone(
    manager: User, eve: User, protocol: str
) -> None:
    campaign = made(manager, protocol, overlap=2)
    answer = scores if protocol == Protocol.LIKERT else verdicts
    for person, said in ((eve, None), (manager, None)):
        for n in range(campaign.items_total):
            assignment = rows.taken(campaign, person)
            value: Any = (1 + n % 5) if protocol == Protocol.LIKERT else ("left", "right")[n % 2]
            rows.submit(assignment, answers=answer(assignment, said or value))
    assert disputes.find() == 2 * campaign.items_total
    assert not Dispute.objects.exists()
    with pytest.raises(Missing):
        adjudication.open_item(campaign.items.all()[0].pk, rows.person("third", Role.EXPERT))
    assert pairs.derive_all(campaign.pk) == (0, 0)
    assert not pairversions.learnable([campaign.pk], timezone.now()).exists()
    report = annotators.compute(campaign.pk)
    assert report.judgements == 2 * campaign.items_total
    assert [person.report.dimensions for person in annotators.people(campaign) if person.report] == [{}, {}]
    [found] = campaign_agreement.of_campaign(Campaign.objects.get(pk=campaign.pk))
    assert found.items == campaign.items_total
    assert all(row.items for row in found.dimensions)
    assert all(row.pairs.stated == 0 for row in found.dimensions)
    read = likert_rows if protocol == Protocol.LIKERT else gsb_rows
    counted = len(list(read(campaign)))
    exclusion.exclude(campaign.pk, eve.pk, "careless", reopen_slots=True)
    exclusion.follow()
    assert len(list(read(campaign))) == counted // 2
    if protocol == Protocol.LIKERT:
        assert not gold_items.make_many(campaign.pk, 2), "how many points it costs is not known"
    with pytest.raises(Invalid):
        gold_items.from_consensus(campaign.items.all()[0].pk, "so", "", manager)


def test_agreement_of_scores_is_ordinal_alpha(manager: User, eve: User) -> None:
    campaign = made(manager, Protocol.LIKERT, overlap=2)
    for person in (eve, manager):
        for _n in range(9):
            assignment = rows.taken(campaign, person)
            rows.submit(assignment, answers=scores(assignment, 1 + assignment.item.position % 5))
    [found] = campaign_agreement.of_campaign(Campaign.objects.get(pk=campaign.pk))
    assert [row.alpha for row in found.dimensions] == [1.0, 1.0, 1.0]


def test_experts_are_calibrated_on_known_scores(manager: User, eve: User) -> None:
    campaign = made(manager, Protocol.LIKERT)
    for item in campaign.items.order_by("position")[:2]:
        gold_items.from_scores(item.pk, {"motion_quality": [4]}, 1, "Hands melt at the end.", "", manager)
    Campaign.objects.filter(pk=campaign.pk).update(qualification_items=2, qualification_pass=0.6)
    told = []
    for score in (3, 2):
        assignment = rows.taken(campaign, eve)
        assert assignment.item.gold
        accepted = judging.submit(
            assignment.pk,
            eve,
            Submission(answers=scores(assignment, score), idempotency_key=uuid.uuid4()),
        )
        assert accepted.told is not None
        told.append(accepted.told)
        [clip] = assignment.clip_order
        assert accepted.told.known == {"motion_quality": {"expected": {clip: 4}, "tolerance": 1}}
        assert accepted.told.explanation == "Hands melt at the end."
    assert [one.right for one in told] == [{"motion_quality": True}, {"motion_quality": False}]
    assert [one.qualification for one in told] == ["", "failed"]
    assert not list(likert_rows(campaign))
    lines = [json.loads(line) for line in "".join(export.items_jsonl(campaign)).splitlines()]
    assert [line["gold"]["motion_quality"]["expected"] for line in lines if line["gold"]]
    item = campaign.items.filter(gold=False).order_by("position")[3]
    for wrong in ({}, {"motion_quality": [6]}, {"motion_quality": [1, 2]}, {"taste": [3]}):
        with pytest.raises(Invalid):
            gold_items.from_scores(item.pk, wrong, 1, "so", "", manager)
    with pytest.raises(Conflict):
        gold_items.from_scores(
            campaign.items.order_by("position")[0].pk, {"motion_quality": [4]}, 1, "so", "", None
        )


def test_a_good_same_bad_gold_item_is_a_clip_beside_its_own_degraded_copy(
    manager: User, eve: User, tmp_path: Path
) -> None:
    for n in range(2):
        path = write_video(tmp_path / f"noise{n}.mp4", times=range(0, 2 * (10 + n), 2))
        facts = intake.Facts(
            prompt=find_or_create("Snow falls", ""), video_model=intake.video_model_named(f"Secret model {n}")
        )
        with path.open("rb") as file:
            intake.ingest(file, path.name, facts, uploaded_by=manager, render_now=True)
    campaign = made(manager, Protocol.GSB)
    [gold] = gold_items.make_many(campaign.pk, 1, ["freeze"], 0.8, 3, manager)
    shown = list(gold.item_clips.select_related("clip__degraded_from"))
    copy, tested = sorted((one.clip for one in shown), key=lambda clip: clip.degraded_from_id is None)
    assert copy.degraded_from == tested
    assert tested.video_model == campaign.model_under_test
    answer = GoldAnswer.objects.get(item=gold)
    assert answer.answers == {"motion_quality": {"verdict": "G"}, "overall": {"verdict": "G"}}
    Campaign.objects.filter(pk=campaign.pk).update(qualification_items=1, qualification_pass=0.6)
    assignment = rows.taken(campaign, eve)
    places = {str(one.pk): one.clip for one in shown}
    better = "left" if places[assignment.clip_order[0]] == tested else "right"
    said = verdicts(assignment, better)
    said["verdicts"]["overall"] = "same"
    accepted = judging.submit(assignment.pk, eve, Submission(answers=said, idempotency_key=uuid.uuid4()))
    assert accepted.told is not None
    assert accepted.told.known == {"motion_quality": {"side": better}, "overall": {"side": better}}
    assert accepted.told.right == {"motion_quality": True, "overall": False}
    assert accepted.told.qualification == "failed"
    assert not list(gsb_rows(campaign)), "gold is in no statistic"
    lines = [json.loads(line) for line in "".join(export.items_jsonl(campaign)).splitlines()]
    assert [line["gold"] for line in lines if line["gold"]] == [answer.answers]


def test_verdicts_that_experts_agree_on_become_gold(manager: User, eve: User) -> None:
    campaign = made(manager, Protocol.GSB, overlap=2)
    for person in (eve, rows.person("max", Role.EXPERT)):
        assignment = rows.taken(campaign, person)
        tested = campaign.model_under_test
        left = ItemClip.objects.filter(pk=assignment.clip_order[0], clip__video_model=tested).exists()
        said = verdicts(assignment, "right" if left else "left")
        said["verdicts"]["overall"] = "same" if person == eve else "left"
        rows.submit(assignment, answers=said)
    with pytest.raises(Invalid):
        gold_items.from_consensus(
            campaign.items.order_by("position")[1].pk, "Nobody has judged it twice.", "", manager
        )
    made_gold = gold_items.from_consensus(assignment.item_id, "It falls apart.", "", manager)
    known = GoldAnswer.objects.get(item=made_gold).answers
    assert {answer["verdict"] for answer in known.values()} == {"B"}
    assert set(known) == {"motion_quality", "prompt_following", "aesthetic_quality"}


def test_a_dimension_of_first_frames_is_asked_of_image_to_video_alone(manager: User, eve: User) -> None:
    rows.clips(1, 1)
    campaign = made(manager, Protocol.LIKERT, dimensions=default_dimensions(Task.I2V, Protocol.LIKERT))
    assignment = rows.taken(campaign, eve)
    keys = [one["key"] for one in page.shown(assignment.pk)["dimensions"]]
    assert "preservation" not in keys
    assert judging.check(assignment.pk, eve, {"scores": {}, "marks": []})["unanswered"] == keys
    Prompt.objects.update(task=Task.I2V)
    keys = [one["key"] for one in page.shown(assignment.pk)["dimensions"]]
    assert keys[-1] == "preservation"
    with pytest.raises(Invalid, match="Preservation"):
        rows.submit(assignment, answers=scores(assignment))


def test_a_campaign_grows_by_what_it_does_not_show_yet(manager: User) -> None:
    gsb, likert = made(manager, Protocol.GSB), made(manager, Protocol.LIKERT, clips_per_item=2)
    for campaign in (gsb, likert):
        assert extending.planned(campaign).groups == []
    newer = VideoModel.objects.create(slug="newer", name="Newer")
    clip = Clip.objects.filter(video_model__slug="secret-model-1").order_by("pk")[0]
    rendition = clip.renditions.get()
    clip.pk, clip.sha256, clip.video_model = uuid.uuid4(), "f" * 64, newer
    clip.save(force_insert=True)
    rendition.pk, rendition.clip = uuid.uuid4(), clip
    rendition.save(force_insert=True)
    [pair] = extending.planned(gsb).groups
    assert clip.pk in pair.clips
    [single] = extending.planned(likert).groups
    assert single.clips == (clip.pk,)
