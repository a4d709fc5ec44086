"""A person's work is left out and taken back: everything derived follows, and nothing judged is lost."""

import pytest

from annotation.exchange import export
from annotation.models import Assignment, Campaign, Dispute, Item, Judgement, Participation, PreferencePair
from annotation.quality import annotators, campaign_agreement, disputes, exclusion
from annotation.results import counting, pairs
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid, Missing

pytestmark = pytest.mark.django_db
Said = tuple[int, int]


@pytest.fixture
def manager() -> User:
    return rows.person("manager", Role.MANAGER)


def judged(campaign: Campaign, person: User, *said: Said) -> list[Judgement]:
    """Judge the next items: the clips at these places are best and worst, in every dimension."""
    found = []
    for best, worst in said:
        lease = rows.taken(campaign, person)
        found.append(rows.submit(lease, answers=rows.picks(lease, best, worst)))
    return found


def pairs_by(person: User) -> int:
    return PreferencePair.objects.filter(judgement__annotator=person).count()


def alpha(campaign: Campaign) -> float | None:
    (found,) = campaign_agreement.of_campaign(Campaign.objects.get(pk=campaign.pk))
    return found.dimensions[0].alpha


def test_everything_derived_follows_an_exclusion_and_its_end(manager: User) -> None:
    campaign = rows.campaign(manager, items=4, overlap=3)
    ann, bob, cai = map(rows.person, ("ann", "bob", "cai"))
    for person in (ann, bob):
        judged(campaign, person, *[(0, 3)] * 4)
    judged(campaign, cai, *[(3, 0)] * 4)
    disputes.find()
    assert Dispute.objects.filter(campaign=campaign, score__gt=0.5).count() == 4
    before = alpha(campaign)
    assert before is not None
    assert before < 0.5

    with pytest.raises(Invalid):
        exclusion.exclude(campaign.pk, cai.pk, "  ")
    part = exclusion.exclude(campaign.pk, cai.pk, "always the last clip")
    assert (part.excluded_why, part.pairs_due) == ("always the last clip", True)
    with pytest.raises(Conflict):
        exclusion.exclude(campaign.pk, cai.pk, "again")
    assert counting.excluded(campaign.pk) == [cai.pk]
    assert alpha(campaign) == pytest.approx(1)
    exported = [pair["annotator"] for page in export.pairs(campaign) for pair in page]
    assert set(exported) == {ann.pseudonym, bob.pseudonym}, "before the task has come to the pairs"
    assert cai.pseudonym not in "".join(export.items_jsonl(campaign))
    assert exclusion.follow(batch=3) == 4
    assert (pairs_by(ann), pairs_by(cai)) == (16, 0)
    assert not Dispute.objects.exists()
    assert not Participation.objects.get(annotator=cai).pairs_due
    assert exclusion.follow() == 0
    annotators.compute(campaign.pk)
    told = {one.annotator.username: one for one in annotators.people(campaign)}
    assert told["cai"].report is not None
    assert told["cai"].report.dimensions == {}
    assert told["ann"].report is not None
    assert told["ann"].report.dimensions["motion_quality"].labels == 24
    assert rows.next_item(campaign, cai) is None
    assert Judgement.objects.filter(annotator=cai).count() == 4, "nothing judged is lost"
    pairs.derive_all(campaign.pk)
    assert (pairs_by(ann), pairs_by(cai)) == (16, 0), "deriving all again says the same"

    exclusion.take_back(campaign.pk, cai.pk)
    exclusion.follow(part.pk)
    assert (pairs_by(ann), pairs_by(cai)) == (16, 16)
    assert alpha(campaign) == pytest.approx(before)
    assert Dispute.objects.count() == 4
    with pytest.raises(Conflict):
        exclusion.take_back(campaign.pk, cai.pk)
    with pytest.raises(Missing):
        exclusion.take_back(campaign.pk, manager.pk)
    rows.slots_add_up(campaign)


def test_slots_are_open_again_where_the_manager_asks(manager: User) -> None:
    campaign = rows.campaign(manager, items=3, overlap=1)
    ann, bob = map(rows.person, ("ann", "bob"))
    judged(campaign, ann, (0, 3), (0, 3))
    exclusion.exclude(campaign.pk, ann.pk, "clicked through", reopen_slots=True)
    exclusion.follow(batch=1)
    rows.slots_add_up(campaign)
    part = Participation.objects.get(annotator=ann)
    assert (part.judged, part.surplus, part.slots_due) == (0, 2, False)
    assert Item.objects.filter(campaign=campaign, open_slots=1).count() == 3
    judged(campaign, bob, (1, 2), (1, 2), (1, 2))
    exclusion.take_back(campaign.pk, ann.pk)
    exclusion.follow()
    rows.slots_add_up(campaign)
    assert (pairs_by(ann), pairs_by(bob)) == (8, 12)
    assert Assignment.objects.filter(annotator=ann, surplus=True).count() == 2


def test_what_an_excluded_person_still_submits_gives_no_pairs(manager: User) -> None:
    campaign = rows.campaign(manager, items=2)
    ann = rows.person("ann")
    lease = rows.taken(campaign, ann)
    exclusion.exclude(campaign.pk, ann.pk, "clicked through")
    exclusion.follow()
    rows.submit(lease)
    exclusion.follow()
    assert Judgement.objects.count() == 1
    assert not PreferencePair.objects.exists()
