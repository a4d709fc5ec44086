"""Gold items are dealt in their share, once each, tell nothing, and are scored; the qualification round."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from annotation.exchange import export
from annotation.labelling import queue
from annotation.labelling.bestworst import Answers, Mark, Picks
from annotation.models import Assignment, Campaign, GoldAnswer, GoldJudgement, Judgement, Participation
from annotation.quality import gold, gold_items, ownfigures, qualification
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict

pytestmark = pytest.mark.django_db
KNOWN = {"motion_quality": {"best": [0], "worst": [3]}}


@pytest.fixture
def manager() -> User:
    return rows.person("manager", Role.MANAGER)


def gilded(campaign: Campaign, n: int, known: dict[str, Any] = KNOWN) -> list[GoldAnswer]:
    """So many gold items over clips of the campaign; the known answers name clips by their place."""
    made = []
    for item in campaign.items.filter(gold=False).order_by("position")[:n]:
        clips = [row.clip_id for row in item.item_clips.order_by("position")]
        copy, places = gold_items._item(campaign, item.prompt_id, clips)
        answers = {
            key: {side: [str(places[clips[place]]) for place in picked] for side, picked in answer.items()}
            for key, answer in known.items()
        }
        made.append(
            GoldAnswer.objects.create(
                item=copy,
                campaign=campaign,
                answers=answers,
                explanation_en="Look at the feet.",
                explanation_zh="看脚。",
                source=GoldAnswer.Source.CONSENSUS,
            )
        )
    return made


def submit(assignment: Assignment, right: bool = True) -> Judgement:
    best, worst = (0, 3) if right else (3, 0)
    return rows.submit(assignment, answers=rows.picks(assignment, best, worst), seconds=9.0)


def picks(best: str, worst: str) -> Picks:
    return Picks(frozenset(best), frozenset(worst))


@pytest.mark.parametrize(
    ("known", "said", "expected"),
    [
        ({"worst": ["d"]}, picks("a", "d"), True),
        ({"worst": ["d"]}, picks("a", "cd"), True),  # jointly worst: no mistake
        ({"worst": ["d"]}, picks("a", "bcd"), False),  # more than half of the clips: no answer
        ({"worst": ["d"]}, picks("d", "a"), False),
        ({"worst": ["d"]}, Mark.TIE, False),
        ({"worst": ["d"]}, Mark.CANT_JUDGE, False),
        ({"best": ["a"], "worst": ["d"]}, picks("b", "d"), False),
        ({"best": ["a", "b", "c"], "worst": ["d"]}, picks("abc", "d"), True),
        ({"tie": True}, Mark.TIE, True),
        ({"tie": True}, picks("a", "d"), False),
    ],
)
def test_answers_are_right_or_wrong(known: dict[str, Any], said: Any, expected: bool) -> None:
    assert gold.compared({"d": known}, Answers({"d": said}), 4) == {"d": expected}
    assert gold.compared({"d": known, "e": known}, Answers({"e": said}), 4) == {"e": expected}


def test_the_share_of_gold_is_the_campaign_s_for_everybody(manager: User) -> None:
    """The draws of 20 people's first 500 items each: 2000 gold ones expected, standard deviation 40."""
    campaign = rows.campaign(manager, items=1)
    Campaign.objects.update(gold_share=0.2)
    part = """SELECT n AS judged, 0 AS surplus, 0 AS skipped, 0 AS gold_judged, NULL AS excluded_at,
        '' AS qualification, 0 AS trial_judged FROM generate_series(0, 499) n"""
    drawn = f"SELECT {gold.TURN} AS turn FROM annotation_campaign c, ({part}) p WHERE c.id = %(campaign)s"
    each = []
    for person in range(20):
        with connection.cursor() as cursor:
            cursor.execute(drawn, {"campaign": campaign.pk, "person": person, "ahead": 0})
            turns = [turn for (turn,) in cursor.fetchall()]
        assert set(turns) == {"item", "gold"}
        each.append(turns.count("gold"))
    assert abs(sum(each) - 2000) < 5 * 40
    assert len(set(each)) > 5, "people's draws are their own"


def test_nobody_meets_a_gold_item_twice_and_work_goes_on_after_the_last(manager: User) -> None:
    campaign = rows.campaign(manager, items=12, overlap=2)
    gilded(campaign, 3)
    Campaign.objects.update(gold_share=0.5)
    dealt = []
    for person in map(rows.person, ("ann", "bob")):
        met = []
        while (held := queue.hold_next(campaign.pk, person)) is not None:
            assignment = rows.taken(campaign, person)
            assert held.pk == assignment.pk, "what was held is what comes"
            met.append(assignment.item)
            rows.submit(assignment)
        assert len({item.pk for item in met}) == len(met)
        dealt.append(sum(item.gold for item in met))
        part = Participation.objects.get(annotator=person)
        assert (part.gold_judged, part.judged) == (dealt[-1], 12), "ordinary items are all judged"
    assert all(0 < n <= 3 for n in dealt)
    assert not campaign.items.filter(gold=True).exclude(open_slots=0).exists()
    assert not Judgement.objects.filter(item__gold=True, pairs__isnull=False).exists()
    exported = [json.loads(text) for page in export.items_jsonl(campaign) for text in page.splitlines()]
    known = [line for line in exported if line["gold"]]
    assert (len(known), len(exported)) == (3, 15)
    assert known[0]["gold"]["motion_quality"]["worst"] == [known[0]["clips"][3]["clip"]]
    assert not [one for line in known for one in line["judgements"] if one["pairs"]]
    campaign.refresh_from_db()
    assert campaign.progress.judged == 24


def test_a_gold_item_is_scored_once_and_skipping_it_opens_no_slot(manager: User) -> None:
    campaign = rows.campaign(manager, items=4)
    gilded(campaign, 3, {**KNOWN, "aesthetic_quality": {"worst": [0]}})
    Campaign.objects.update(gold_share=0.5, gold_feedback=True)
    ann = rows.person("ann")
    assert gold.claim(campaign.pk, ann, Assignment.State.LEASED)
    first = rows.taken(campaign, ann)
    assert first.item.gold
    judgement = submit(first)
    row = GoldJudgement.objects.get(judgement=judgement)
    assert (row.right, row.share, row.trial) == (
        {"motion_quality": True, "aesthetic_quality": False},
        0.5,
        False,
    )
    told = gold.told(judgement)
    assert told is not None
    assert (told.right, told.explanation) == (row.right, "Look at the feet.")
    corrected = rows.submit(first, answers=rows.picks(first, 3, 0), supersedes=judgement.pk)
    assert gold.told(corrected) is None
    part = Participation.objects.get(annotator=ann)
    assert (part.gold_judged, part.gold_right, part.seconds) == (1, 0.5, 9.0)

    gold.claim(campaign.pk, ann, Assignment.State.LEASED)
    second = rows.taken(campaign, ann)
    queue.skip(second.pk, ann, "broken")
    gold.claim(campaign.pk, ann, Assignment.State.LEASED)
    third = rows.taken(campaign, ann)
    Assignment.objects.filter(pk=third.pk).update(expires_at="2020-01-01T00:00Z")
    queue.release_expired()
    assert gold.told(submit(third)) is not None
    assert not campaign.items.filter(gold=True).exclude(open_slots=0).exists()
    assert not Assignment.objects.filter(surplus=True).exists()
    assert gold.claim(campaign.pk, ann, Assignment.State.LEASED) is None
    (own,) = ownfigures.of_person(ann)
    assert (own.gold_judged, own.gold_share, own.judged, own.skipped) == (2, 0.5, 2, 1)
    assert [(one.dimension.key, one.judged, one.right) for one in own.dimensions] == [
        ("motion_quality", 2, 2),
        ("aesthetic_quality", 2, 0),
    ]
    # Without feedback the person never learns that it was one.
    Campaign.objects.update(gold_feedback=False)
    assert gold.told(judgement) is None


def test_the_qualification_round_lets_in_who_is_right(manager: User) -> None:
    campaign = rows.campaign(manager, items=4)
    gilded(campaign, 3)
    Campaign.objects.update(qualification_items=3, qualification_pass=0.6)
    campaign.refresh_from_db()
    ann, bob = map(rows.person, ("ann", "bob"))
    results = {ann: (True, False, True), bob: (True, False, False)}
    for person, answers in results.items():
        for n, right in enumerate(answers, start=1):
            assignment = rows.taken(campaign, person)
            assert assignment.item.gold
            if n == len(answers):
                assert queue.hold_next(campaign.pk, person) is None, "the result has to come first"
            told = gold.told(submit(assignment, right))
            assert told is not None
            assert (told.trial, told.judged, told.of, told.right) == (True, n, 3, {"motion_quality": right})
    parts = {part.annotator: part for part in Participation.objects.all()}
    assert (parts[ann].qualification, parts[bob].qualification) == ("passed", "failed")
    assert not rows.taken(campaign, ann).item.gold
    assert rows.next_item(campaign, bob) is None
    assert queue.why_nothing(campaign, bob) == "not_qualified"

    with pytest.raises(Conflict) as conflict:
        qualification.reset(campaign.pk, bob.pk)
    assert conflict.value.code == "no_gold_left"
    gilded(campaign, 3)
    qualification.reset(campaign.pk, bob.pk)
    for _n in range(3):
        submit(rows.taken(campaign, bob), right=False)
    assert queue.why_nothing(campaign, bob) == "not_qualified"
    qualification.let_in(campaign.pk, bob.pk)
    assert not rows.taken(campaign, bob).item.gold
    with pytest.raises(Conflict):
        qualification.let_in(campaign.pk, ann.pk)
    GoldAnswer.objects.update(active=False)
    assert qualification.lacking(campaign) == 3
    newcomer = rows.person("newcomer")
    assert rows.next_item(campaign, newcomer) is None
    assert queue.why_nothing(campaign, newcomer) == "no_gold_left"


def test_the_page_can_t_tell_gold_before_it_is_answered(manager: User) -> None:
    campaign = rows.campaign(manager, items=2)
    gilded(campaign, 1)
    ann, bob = map(rows.person, ("ann", "bob"))
    gold.claim(campaign.pk, ann, Assignment.State.LEASED)
    shown = []
    for person in (ann, bob):
        client = Client()
        client.force_login(person)
        answer = client.post(
            "/api/label/next", json.dumps({"campaign": str(campaign.pk)}), content_type="application/json"
        )
        shown.append(answer.json()["item"])
        assert "gold" not in answer.text

    def keys(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: keys(inner) for key, inner in value.items()}
        return [keys(inner) for inner in value] if isinstance(value, list) else type(value)

    assert keys(shown[0]) == keys(shown[1])
