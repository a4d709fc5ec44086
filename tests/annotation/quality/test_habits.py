"""Time, sides and sameness, against values worked by hand."""

import math
import random

import pytest

from annotation.quality import habits
from annotation.quality.habits import Answer


def answer(best: int, worst: int, seconds: float = 20.0, **picks: tuple[int, int]) -> Answer:
    given = picks or {"motion": (best, worst), "look": (best, worst)}
    sides = {key: (frozenset({b}), frozenset({w})) for key, (b, w) in given.items()}
    return Answer(seconds=seconds, least_seconds=5.0, n_clips=4, picks=sides)


def test_the_corrections_and_the_outliers_are_the_textbook_s() -> None:
    assert habits.holm({1: 0.01, 2: 0.04, 3: 0.03, 4: 0.005}) == pytest.approx(
        {4: 0.02, 1: 0.03, 3: 0.06, 2: 0.06}
    )
    assert habits.holm({1: 0.6, 2: 0.7}) == {1: 1.0, 2: 1.0}
    # Median 3, deviations 2 1 0 1 97: their median is 1.
    z = habits.robust_z({1: 1, 2: 2, 3: 3, 4: 4, 5: 100})
    assert z == pytest.approx({1: -2 / 1.4826, 2: -1 / 1.4826, 3: 0, 4: 1 / 1.4826, 5: 97 / 1.4826})
    assert habits.robust_z({1: 1, 2: 2, 3: 3, 4: 4}) == {}, "four people are too few"
    assert habits.robust_z(dict.fromkeys(range(9), 7.0)) == {}, "nobody differs"


def test_places_are_counted_once_an_item_and_tested_against_an_even_spread() -> None:
    joint = Answer(
        seconds=None,
        least_seconds=5,
        n_clips=4,
        picks={
            "motion": (frozenset({0, 1}), frozenset({3})),
            "look": (frozenset({2}), frozenset({3})),
        },
    )
    assert habits.best_places([joint, answer(3, 0)]) == pytest.approx([0.25, 0.25, 0.5, 1])
    # (10, 20, 20, 30) against 20 each: chi-square 10, of which 3 degrees of freedom leave p = 0.01857.
    assert habits.side_p([10, 20, 20, 30]) == pytest.approx(0.01857, abs=1e-5)
    assert habits.side_p([]) is None


def test_who_always_picks_the_first_clip_stands_out_among_people_who_look() -> None:
    chance = random.Random(5)
    people = {n: habits.of_person([answer(*chance.sample(range(4), 2)) for _ in range(60)]) for n in range(8)}
    people[8] = habits.of_person([answer(0, 3, seconds=2.0)] * 60)
    p = habits.holm({n: one.side_p for n, one in people.items() if one.side_p is not None})
    assert [n for n, value in p.items() if value < habits.SIGNIFICANT] == [8]
    one = people[8]
    assert (one.favourite, one.quick_share, one.same_share, one.repeat_share) == (0, 1.0, 1.0, 1.0)
    assert people[0].quick_share == 0
    assert people[0].repeat_share == pytest.approx(1 / 12, abs=0.12)
    mixed = habits.of_person([answer(0, 1, motion=(0, 1), look=(2, 3)), answer(0, 1)] * 20)
    assert mixed.same_share == 0.5


def test_time_is_compared_by_its_logarithm_and_few_items_say_nothing() -> None:
    seconds = {1: 10.0, 2: 20.0, 3: 20.0, 4: 40.0, 5: 20.0, 6: 0.6}
    people = {n: habits.of_person([answer(n % 4, (n + 1) % 4, value)] * 30) for n, value in seconds.items()}
    people[7] = habits.of_person([answer(0, 1, 0.1)] * 5)
    z = habits.time_z(people)
    assert 7 not in z
    assert people[7].side_p is None
    # Log seconds off their median (20 s): ln 2 is the median of 0 0 0 ln2 ln2 ln33; halfway is ln2 / 2.
    assert z[6] == pytest.approx(math.log(0.6 / 20) / (1.4826 * math.log(2) / 2))
    assert [n for n, value in z.items() if abs(value) > habits.OUTLIER] == [6]
