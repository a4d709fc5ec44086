"""What somebody's answers look like before asking whether they are right: time, sides, sameness. Pure.

None of these says that the work is bad; each says where to look. What is compared with others uses medians
and the median absolute deviation, which one odd person can't move.
"""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import chdtrc

LEAST_ITEMS = 20
"""Items of a person, fewer than which say nothing."""
LEAST_PEOPLE = 5
"""People with that many, before anybody stands out among them."""
OUTLIER = 3.5
"""Robust z from which somebody stands out (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993)."""
SIGNIFICANT = 0.01
NORMAL_MAD = 1.4826
"""A normal distribution's standard deviation is this many median absolute deviations."""


@dataclass(frozen=True)
class Answer:
    """One item's answers of a person, in the order they were given."""

    seconds: float | None
    """On task, as the page measured it."""
    least_seconds: float
    """What it takes to see the item's clips once."""
    n_clips: int
    picks: Mapping[str, tuple[frozenset[int], frozenset[int]]]
    """By dimension: the places on the screen, from 0, that were picked as best and as worst; a tie or what
    could not be judged is absent."""


@dataclass(frozen=True)
class Habits:
    """Of one person. Shares are in 0..1; None where there are too few items to say."""

    items: int
    median_seconds: float | None
    quick_share: float | None
    """Items answered in less time than their clips last."""
    side_p: float | None
    """How probable such uneven picks of places are by chance: chi-square, see `side_p`."""
    favourite: int | None
    """The place picked as best most often, from 0."""
    same_share: float | None
    """Of items with picks in two dimensions or more: the same picks in all of them."""
    repeat_share: float | None
    """Of items after the first: the same places picked as in the item before."""


def of_person(answers: Sequence[Answer]) -> Habits:
    """The habits of one person, from their answers in the order they were given."""
    timed = [answer for answer in answers if answer.seconds]
    seconds = [answer.seconds for answer in timed if answer.seconds]
    quick = [answer.seconds < answer.least_seconds for answer in timed if answer.seconds]
    several = [answer for answer in answers if len(answer.picks) > 1]
    following = [
        (one, other)
        for one, other in itertools.pairwise(answers)
        if one.picks and one.n_clips == other.n_clips
    ]
    places = best_places(answers)
    enough = len(answers) >= LEAST_ITEMS
    return Habits(
        items=len(answers),
        median_seconds=statistics.median(seconds) if seconds else None,
        quick_share=statistics.fmean(quick) if enough and quick else None,
        side_p=side_p(places) if enough else None,
        favourite=max(range(len(places)), key=places.__getitem__) if enough and places else None,
        same_share=statistics.fmean(len(set(a.picks.values())) == 1 for a in several)
        if len(several) >= LEAST_ITEMS
        else None,
        repeat_share=statistics.fmean(one.picks == other.picks for one, other in following)
        if len(following) >= LEAST_ITEMS
        else None,
    )


def best_places(answers: Sequence[Answer]) -> list[float]:
    """How often each place on the screen was picked as best, of the items of the commonest size.

    An item counts once in all, however many dimensions and joint picks it has: its answers hang together, and
    counting each would make chance look like a habit.
    """
    sizes = [answer.n_clips for answer in answers if answer.picks]
    if not sizes:
        return []
    size = statistics.mode(sizes)
    counts = [0.0] * size
    for answer in answers:
        if answer.n_clips != size or not answer.picks:
            continue
        for best, _worst in answer.picks.values():
            for place in best:
                counts[place] += 1 / (len(best) * len(answer.picks))
    return counts


def side_p(counts: Sequence[float]) -> float | None:
    """The p-value of Pearson's chi-square test against every place being picked as often; None without picks.

    Places are shuffled for every person and item, so the clips themselves favour none. Spreading an item's
    count over several places makes the counts more even: the test then errs towards saying nothing.
    """
    if len(counts) < 2 or sum(counts) <= 0:
        return None
    expected = sum(counts) / len(counts)
    distance = sum((count - expected) ** 2 / expected for count in counts)
    return float(chdtrc(len(counts) - 1, distance))


def holm(values: Mapping[int, float]) -> dict[int, float]:
    """p-values corrected for asking of so many people at once (Holm, Scand. J. Statist. 6, 1979)."""
    corrected, largest = {}, 0.0
    for rank, (key, value) in enumerate(sorted(values.items(), key=lambda entry: entry[1])):
        largest = max(largest, min(1.0, (len(values) - rank) * value))
        corrected[key] = largest
    return corrected


def robust_z(values: Mapping[int, float]) -> dict[int, float]:
    """How many robust standard deviations each value is off the median; {} where nothing can stand out."""
    if len(values) < LEAST_PEOPLE:
        return {}
    middle = statistics.median(values.values())
    spread = NORMAL_MAD * statistics.median(abs(value - middle) for value in values.values())
    return {key: (value - middle) / spread for key, value in values.items()} if spread else {}


def time_z(people: Mapping[int, Habits]) -> dict[int, float]:
    """Robust z of everybody's median log seconds on task: below -OUTLIER strikingly quick, above slow."""
    logs = {
        key: math.log(habits.median_seconds)
        for key, habits in people.items()
        if habits.median_seconds and habits.items >= LEAST_ITEMS
    }
    return robust_z(logs)
