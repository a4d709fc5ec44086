"""How far judges of an item disagree, by hand, and which items wait for adjudication."""

import pytest

from annotation.labelling.bestworst import Answers, Mark, Picks
from annotation.models import Dispute, DisputesFound
from annotation.quality import disputes
from tests.annotation import rows
from workbench.models import Role

CLIPS = "abcd"


def said(best: str, worst: str) -> Answers:
    return Answers({"d": Picks(frozenset(best), frozenset(worst))})


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (said("a", "d"), said("a", "d"), 0),
        (said("a", "d"), said("d", "a"), 5 / 6),  # all but the pair of the two in the middle turns round
        (said("a", "d"), said("b", "d"), 1 / 3),  # ab turns round, ac and bc are equal to one of the two
        (said("a", "d"), Answers({"d": Mark.TIE}), 5 / 12),
        (said("ab", "d"), said("a", "d"), 1 / 6),
    ],
)
def test_the_distance_of_two_judges(one: Answers, other: Answers, expected: float) -> None:
    assert disputes.disagreement([one, other], CLIPS) == {"d": pytest.approx(expected, abs=1e-6)}
    assert disputes.disagreement([other, one], CLIPS) == disputes.disagreement([one, other], CLIPS)


def test_a_third_judge_counts_with_each_of_the_others() -> None:
    judged = [said("a", "d"), said("a", "d"), said("d", "a")]
    assert disputes.disagreement(judged, CLIPS) == {"d": pytest.approx(2 / 3 * 5 / 6, abs=1e-6)}
    left_out = Answers({"d": Mark.CANT_JUDGE})
    assert disputes.disagreement([said("a", "d"), left_out], CLIPS) == {}
    assert disputes.disagreement([*judged, left_out], CLIPS) == disputes.disagreement(judged, CLIPS)


@pytest.mark.django_db
def test_disputes_are_found_once_and_listed_sharpest_first() -> None:
    campaign = rows.campaign(rows.person("manager", Role.MANAGER), items=5, overlap=2)
    ann, bob = map(rows.person, ("ann", "bob"))
    for _n in range(5):
        rows.judge(campaign, ann)
    first = []
    for best, worst in ((0, 3), (1, 3), (3, 0), (3, 0), (2, 3)):
        lease = rows.taken(campaign, bob)
        first.append(rows.submit(lease, answers=rows.picks(lease, best, worst)))
    assert disputes.find(batch=3) == 10
    assert disputes.find() == 10, "the last two minutes are looked through again"
    assert [round(row.score, 3) for row in Dispute.objects.order_by("-score")] == [0.833, 0.833, 0.333, 0.333]
    DisputesFound.objects.update(through=first[-1].created_at + disputes.OVERLAP * 2)
    assert disputes.find() == 0

    page, after = disputes.open_disputes(campaign, limit=1)
    assert after is not None
    rest, end = disputes.open_disputes(campaign, after, limit=1)
    assert (len(page), len(rest), end) == (1, 1, None), "one third is below the campaign's threshold"
    assert {page[0].item, rest[0].item} == {first[2].item, first[3].item}
    # A correction that agrees ends the dispute.
    lease = first[2].assignment
    rows.submit(lease, answers=rows.picks(lease), supersedes=first[2].pk)
    disputes.measure([first[2].item_id])
    assert [row.item for row in disputes.open_disputes(campaign)[0]] == [first[3].item]
