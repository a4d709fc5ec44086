"""Agreement of a campaign's annotators, from judgements that people and simulated annotators submitted."""

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from annotation.campaigns.dimensions import DimensionSpec
from annotation.models import Assignment, Campaign, Item, Judgement, Participation, PreferencePair
from annotation.quality import agreement, campaign_agreement
from annotation.quality.agreement import Metric
from annotation.quality.campaign_agreement import Agreement, JudgedBy, KappaKind, Reading
from tests.annotation import rows
from workbench.models import Role, User

pytestmark = pytest.mark.django_db
TIE: Any = {"tie": True}
CANT_JUDGE: Any = {"cant_judge": True}


@pytest.fixture
def manager() -> User:
    return rows.person("manager", Role.MANAGER)


def campaign_of(manager: User, *keys: str, **changes: Any) -> Campaign:
    dimensions = tuple(DimensionSpec(key=key, name_en=key.title(), name_zh=key) for key in keys)
    return rows.campaign(manager, dimensions=dimensions, **{"overlap": 3, **changes})


def says(campaign: Campaign, person: User, *items: dict[str, Any]) -> None:
    """One answer by dimension for each item in turn: a mark, or (best places, worst places)."""
    for answers in items:
        assignment = rows.taken(campaign, person)
        keys = [str(pk) for pk in assignment.item.item_clips.values_list("pk", flat=True)]
        picks = {
            dimension: {
                "best": [keys[place] for place in answer[0]],
                "worst": [keys[place] for place in answer[1]],
            }
            if isinstance(answer, tuple)
            else answer
            for dimension, answer in answers.items()
        }
        rows.submit(assignment, answers={"picks": picks, "comparisons": []})


def simulated(name: str) -> User:
    person = rows.person(name)
    person.simulated = True
    person.save()
    return person


def one(found: Sequence[Agreement]) -> Agreement:
    assert len(found) == 1
    return found[0]


def test_clips_are_coded_as_the_rules_say(manager: User) -> None:
    """Joint picks, a tie, what can't be judged; an item rated once does not count."""
    campaign = campaign_of(manager, "motion")
    ann, bob, cai = map(rows.person, ("ann", "bob", "cai"))
    says(campaign, ann, {"motion": ([0], [3])}, {"motion": ([0, 1], [3])}, {"motion": ([0], [1])})
    says(campaign, bob, {"motion": ([1], [3])}, {"motion": TIE}, {"motion": CANT_JUDGE})
    says(campaign, cai, {"motion": CANT_JUDGE})
    ratings = [[1, 0], [0, 1], [0, 0], [-1, -1], [1, 0], [1, 0], [0, 0], [-1, 0]]

    found = one(campaign_agreement.of_campaign(campaign))
    assert (found.judged_by, found.items, found.sampled) == (JudgedBy.PEOPLE, 3, False)
    (row,) = found.dimensions
    expected = np.array(ratings, float)
    assert row.alpha == pytest.approx(agreement.alpha(expected, Metric.ORDINAL))
    assert row.alpha_nominal == pytest.approx(agreement.alpha(expected, Metric.NOMINAL))
    assert row.percent == agreement.percent_agreement(expected)
    assert (row.items, row.raters, row.interval, row.reading) == (2, 2, None, Reading.TOO_FEW)
    assert row.kappa is not None
    assert row.kappa.kind is KappaKind.COHEN
    assert row.kappa.value == pytest.approx(agreement.cohen_kappa(*expected.T))


def test_pairs_count_where_both_state_them_and_broken_ones_never(manager: User) -> None:
    campaign = campaign_of(manager, "motion", "colour")
    ann, bob, cai = map(rows.person, ("ann", "bob", "cai"))
    says(campaign, ann, {"motion": ([0, 1], [3]), "colour": TIE})
    says(campaign, bob, {"motion": ([1], [3]), "colour": TIE})
    # Opposite in both dimensions of one judgement: each breaks the other's pair.
    says(campaign, cai, {"motion": ([3], [1]), "colour": ([1], [3])})
    assert PreferencePair.objects.exclude(broken_by=[]).count() == 2
    motion, colour = one(campaign_agreement.of_campaign(campaign)).dimensions
    assert (motion.pairs.stated, motion.pairs.shared, motion.pairs.agreed) == (2 + 2 + 1, 1, 1)
    assert (motion.raters, colour.pairs.shared, colour.pairs.share) == (3, 0, None)
    assert motion.kappa is not None
    assert (motion.kappa.kind, motion.kappa.each, motion.kappa.items) == (KappaKind.FLEISS, 3, 1)

    dan = rows.person("dan")
    Campaign.objects.filter(pk=campaign.pk).update(overlap=4)
    campaign.items.update(open_slots=4)
    says(campaign, dan, {"motion": ([3], [1]), "colour": TIE})
    motion, _colour = one(campaign_agreement.of_campaign(campaign)).dimensions
    assert (motion.pairs.shared, motion.pairs.agreed) == (3, 1), "dan contradicts ann and bob"


def test_a_corrected_judgement_counts_as_corrected_and_programs_apart_from_people(manager: User) -> None:
    campaign = campaign_of(manager, "motion", overlap=4, items=1)
    ann, bob = map(rows.person, ("ann", "bob"))
    says(campaign, ann, {"motion": ([0], [3])})
    assignment = rows.taken(campaign, bob)
    first = rows.submit(assignment, answers=rows.picks(assignment, best=3, worst=0))
    says(campaign, simulated("robot"), {"motion": ([3], [0])})
    before = one(campaign_agreement.of_campaign(campaign))
    assert (before.judged_by, before.dimensions[0].pairs.agreed) == (JudgedBy.PEOPLE, 0)
    rows.submit(assignment, answers=rows.picks(assignment), supersedes=first.pk)
    says(campaign, simulated("machine"), {"motion": ([0], [3])})

    people, programs = campaign_agreement.of_campaign(campaign)
    assert (people.judged_by, programs.judged_by) == (JudgedBy.PEOPLE, JudgedBy.SIMULATED)
    assert (people.dimensions[0].alpha, people.dimensions[0].pairs.share) == (1, 1)
    assert (programs.dimensions[0].raters, programs.dimensions[0].pairs.share) == (2, 0)
    assert (programs.dimensions[0].alpha or 0) < 0


def judged(campaign: Campaign, items: Sequence[Item], *people: User) -> None:
    """The first clip best and the last worst, by all of these people on all of these items; without pairs."""
    now = timezone.now()
    assignments = Assignment.objects.bulk_create(
        Assignment(
            item=item,
            campaign=campaign,
            annotator=person,
            state=Assignment.State.SUBMITTED,
            clip_order=[],
            expires_at=now,
        )
        for item in items
        for person in people
    )
    clips = {item.pk: [str(pk) for pk in item.item_clips.values_list("pk", flat=True)] for item in items}
    picks = {item: {"best": [keys[0]], "worst": [keys[-1]]} for item, keys in clips.items()}
    Judgement.objects.bulk_create(
        Judgement(
            assignment=assignment,
            item_id=assignment.item_id,
            annotator_id=assignment.annotator_id,
            answers={"picks": {"motion": picks[assignment.item_id]}, "comparisons": []},
            idempotency_key=uuid.uuid4(),
        )
        for assignment in assignments
    )
    for person in people:
        Participation.objects.create(campaign=campaign, annotator=person, judged=len(items))
    campaign.refresh_from_db()


def test_a_large_campaign_is_read_as_a_sample_and_says_so(
    manager: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = campaign_of(manager, "motion", overlap=2, items=40)
    items = list(campaign.items.all())
    ann, bob, cai = map(rows.person, ("ann", "bob", "cai"))
    judged(campaign, items, ann)
    judged(campaign, items[:30], bob, cai)
    whole = one(campaign_agreement.of_campaign(campaign))
    assert (whole.items, whole.sampled) == (30, False), "ten items have one judgement"
    assert whole.dimensions[0].reading is Reading.RELIABLE

    monkeypatch.setattr(campaign_agreement, "ITEMS", 12)
    few = one(campaign_agreement.of_campaign(campaign))
    assert (few.items, few.dimensions[0].items, few.sampled) == (12, 12, True)
    assert few == one(campaign_agreement.of_campaign(campaign)), "the same sample each time"
    client.force_login(manager)
    assert "Of 12 items" in client.get(f"/campaigns/{campaign.pk}/").content.decode()

    monkeypatch.setattr(campaign_agreement, "ITEMS", 40)
    monkeypatch.setattr(campaign_agreement, "WALKED", 99)
    cut = one(campaign_agreement.of_campaign(campaign))
    assert cut.sampled
    assert cut.items in (29, 30), "one of the hundred judgements was not looked at"


def test_the_page_and_the_api_say_the_same(manager: User, client: Client) -> None:
    client.force_login(manager)
    single = campaign_of(manager, "motion", overlap=1)
    assert "It needs overlap" in client.get(f"/campaigns/{single.pk}/").content.decode()
    campaign = campaign_of(manager, "motion", "colour", overlap=2, items=12)
    empty = client.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "No item has two judgements yet" in empty
    assert client.get(f"/api/campaigns/{campaign.pk}/agreement").json() == []

    turns = [([0], [3]), ([1], [2]), ([2], [3])]
    for n, person in enumerate(map(rows.person, ("ann", "bob"))):
        answers = [turns[(place + (n if place % 4 == 0 else 0)) % 3] for place in range(3)]
        says(campaign, person, *[{"motion": answer, "colour": TIE} for answer in answers])
    (found,) = client.get(f"/api/campaigns/{campaign.pk}/agreement").json()
    motion, colour = found["dimensions"]
    assert (motion["dimension"], motion["items"], motion["raters"]) == ("motion", 3, 2)
    assert colour["alpha"] is None
    assert colour["percent"] == {"observed": 1.0, "chance": 1.0}
    page = client.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert f"{motion['alpha']:.2f}" in page
    assert f"Cohen's kappa {motion['kappa']['value']:.2f}" in page
