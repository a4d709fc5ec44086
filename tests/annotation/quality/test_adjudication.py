"""An item whose judges disagree is decided: by one more judgement, that overwrites nobody's."""

import json
import uuid

import pytest

from annotation.exchange import export
from annotation.labelling import judging
from annotation.models import (
    Assignment,
    Campaign,
    Dispute,
    Item,
    Judgement,
    Participation,
    PreferencePair,
)
from annotation.quality import adjudication, campaign_agreement, disputes, exclusion
from annotation.results import counting, pairs
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid

pytestmark = pytest.mark.django_db


@pytest.fixture
def expert() -> User:
    return rows.person("expert", Role.EXPERT)


@pytest.fixture
def disputed() -> Item:
    """An item that ann and bob judged the opposite way round."""
    campaign = rows.campaign(rows.person("manager", Role.MANAGER), items=1, overlap=3)
    for name, best, worst in (("ann", 0, 3), ("bob", 3, 0)):
        lease = rows.taken(campaign, rows.person(name))
        rows.submit(lease, answers=rows.picks(lease, best, worst))
    disputes.find()
    return campaign.items.get()


def live() -> set[tuple[str, bool]]:
    """Whose pairs there are, and whether they are overruled."""
    return set(PreferencePair.objects.values_list("judgement__annotator__username", "overruled"))


def test_a_decision_stands_beside_the_judgements_and_gives_the_pairs(disputed: Item, expert: User) -> None:
    before = campaign_agreement.of_campaign(Campaign.objects.get())[0].dimensions[0].alpha
    opened = adjudication.open_item(disputed.pk, expert)
    assert [one.letter for one in opened.said] == ["A", "B"]
    assert {clip["id"] for clip in opened.clips} == {str(pk.pk) for pk in disputed.item_clips.all()}
    assert opened.assignment.state == Assignment.State.DECIDING
    answers = rows.picks(opened.assignment, 1, 2)
    with pytest.raises(Invalid):
        adjudication.decide(disputed.pk, expert, {"picks": {}, "comparisons": []}, uuid.uuid4())
    key = uuid.uuid4()
    decision = adjudication.decide(disputed.pk, expert, answers, key, seconds=12.5)
    assert adjudication.decide(disputed.pk, expert, answers, key) == decision
    assert Judgement.objects.count() == 3
    assert live() == {("ann", True), ("bob", True), ("expert", False)}
    assert Dispute.objects.get().decision == decision
    assert disputes.open_disputes(disputed.campaign)[0] == []
    # Training hears the decision only; agreement the two who judged without sight of each other.
    current = Judgement.objects.filter(superseded_by=None)
    assert list(counting.deciding(current)) == [decision]
    assert campaign_agreement.of_campaign(Campaign.objects.get())[0].dimensions[0].alpha == before
    (line,) = [
        json.loads(text) for page in export.items_jsonl(disputed.campaign) for text in page.splitlines()
    ]
    told = [(one["adjudicates"], one["overruled"], len(one["pairs"])) for one in line["judgements"]]
    assert told == [(False, True, 4), (False, True, 4), (True, False, 4)]
    exported = [pair for page in export.pairs(disputed.campaign) for pair in page]
    assert {pair["annotator"] for pair in exported} == {expert.pseudonym}
    rows.slots_add_up(disputed.campaign)
    assert judging.correctable(disputed.campaign_id, expert) is None
    pairs.derive_all()
    assert live() == {("ann", True), ("bob", True), ("expert", False)}

    corrected = adjudication.decide(disputed.pk, expert, rows.picks(opened.assignment, 2, 1), uuid.uuid4())
    assert corrected.supersedes == decision
    assert list(counting.deciding(Judgement.objects.filter(superseded_by=None))) == [corrected]
    assert PreferencePair.objects.filter(judgement=decision).count() == 0
    # A later answer of somebody else is overruled too.
    rows.judge(disputed.campaign, rows.person("cai"))
    disputes.find()
    assert Dispute.objects.get().decision == corrected
    late = rows.judge(rows.campaign(expert, items=1), rows.person("dan"))
    assert late.pairs.filter(overruled=False).count() == 4


def test_only_somebody_else_decides_and_only_one(disputed: Item, expert: User) -> None:
    ann, other = User.objects.get(username="ann"), rows.person("other", Role.EXPERT)
    with pytest.raises(Conflict) as conflict:
        adjudication.open_item(disputed.pk, ann)
    assert conflict.value.code == "judged_yourself"
    both = [adjudication.open_item(disputed.pk, person) for person in (expert, other)]
    adjudication.decide(disputed.pk, expert, rows.picks(both[0].assignment), uuid.uuid4())
    with pytest.raises(Conflict) as conflict:
        adjudication.decide(disputed.pk, other, rows.picks(both[1].assignment), uuid.uuid4())
    assert conflict.value.code == "decided"
    assert rows.next_item(disputed.campaign, expert) is None, "who decided does not judge it as well"


def test_an_excluded_adjudicator_decides_nothing(disputed: Item, expert: User) -> None:
    rows.judge(disputed.campaign, rows.person("cai"))
    Campaign.objects.update(overlap=4)
    opened = adjudication.open_item(disputed.pk, expert)
    adjudication.decide(disputed.pk, expert, rows.picks(opened.assignment), uuid.uuid4())
    Participation.objects.create(campaign=disputed.campaign, annotator=expert)
    exclusion.exclude(disputed.campaign_id, expert.pk, "saw the names")
    exclusion.follow()
    assert live() == {("ann", False), ("bob", False), ("cai", False)}
    assert [row.item for row in disputes.open_disputes(disputed.campaign)[0]] == [disputed]
    assert adjudication.open_item(disputed.pk, rows.person("other", Role.EXPERT)).own is None
    assert counting.deciding(Judgement.objects.filter(superseded_by=None)).count() == 3
    exclusion.take_back(disputed.campaign_id, expert.pk)
    exclusion.follow()
    assert live() == {("ann", True), ("bob", True), ("cai", True), ("expert", False)}
    assert disputes.open_disputes(disputed.campaign)[0] == []
