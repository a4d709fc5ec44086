"""Likert and good/same/bad campaigns: what they are made of, who labels, what is stored and read back."""

import uuid
from typing import Any

import pytest

from annotation import campaigns, judging, labelling, queue, scoring
from annotation.campaigns import CampaignSpec
from annotation.dimensions import default_dimensions
from annotation.judging import Submission
from annotation.models import (
    Assignment,
    Campaign,
    Clip,
    ItemClip,
    Judgement,
    PreferencePair,
    Task,
    VideoModel,
)
from annotation.planning import Group, Selection
from annotation.scores import gsb_rows, likert_rows
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid

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
    campaign = campaigns.create(CampaignSpec(**spec), manager, items)
    return campaigns.set_state(campaign.pk, Campaign.State.OPEN, campaign.version)


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
    assert list(campaigns.open_to(ann)) == []
    for person in (eve, manager):
        assert list(campaigns.open_to(person)) == [campaign]
        assert queue.next_item(campaign.pk, person)
    named = made(manager, Protocol.LIKERT, annotators=(ann.pk,))
    assert list(campaigns.open_to(ann)) == [named]
    assert queue.next_item(named.pk, ann)


def test_scores_are_stored_corrected_and_read_as_rows(manager: User, eve: User) -> None:
    campaign = made(manager, Protocol.LIKERT, clips_per_item=3)
    assignment = rows.taken(campaign, eve)
    shown = labelling.shown(assignment.pk)
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
    said = labelling.shown(assignment.pk, correcting=first)
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
        assert labelling.shown(assignment.pk, correcting=judgement)["draft"] == verdicts(assignment, side)
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
