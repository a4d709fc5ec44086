"""Counts out of columns of votes: by pair, by prompt and by voter; ratings need no more.

"Both bad" counts as a tie in them, and is also counted apart.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arena.numerics.counts import BOTH_BAD, Counts, comparable, counted, split
from arena.numerics.covariates import counted_with, standardised, told_apart
from arena.ratings import Floats
from arena.votes.columns import Columns


@dataclass(frozen=True)
class Tally:
    """Votes as counts; models are numbered as in `Columns.models`. Weights, where there are any, are in
    `counts`, `by_prompt` and `by_voter` only: the others count votes.
    """

    counts: Counts
    by_prompt: Counts
    by_voter: Counts
    met: Floats
    """(n, n): votes with model i on the left and j on the right."""
    won: Floats
    """(n, n): votes that say i is better than j, whichever side they were on, and half of the ties."""
    both_bad: Floats
    """(n, n), as `met`."""
    votes: int
    looks: "Looks | None" = None


@dataclass(frozen=True)
class Looks:
    """What clips look like, in the `design` of a tally's counts."""

    told: NDArray[np.bool_]
    """Which of the looks (k,) can be told from the models; the design has these."""
    unit: Floats
    """A standard deviation of the difference between the two clips of a vote, (k,)."""
    unmeasured: int
    """Votes on a clip that was not measured: they count as on two clips that look alike."""


def tally(votes: Columns, among: NDArray[np.bool_], weights: Floats | None = None) -> Tally:
    """The votes `among`; `weights` has one for each of all votes."""
    left, right, answer, prompt, voter = (
        array if among.all() else array[among]
        for array in (votes.left, votes.right, votes.answer, votes.prompt, votes.voter)
    )
    given = None if weights is None else weights[among]
    n = len(votes.models)
    whole = counted(left, right, answer, n)
    met, won = np.zeros((2, n, n))
    met[whole.left, whole.right] = whole.votes
    won[whole.left, whole.right] += whole.left_wins + whole.ties / 2
    won[whole.right, whole.left] += whole.right_wins + whole.ties / 2
    bad = answer == BOTH_BAD
    places = left[bad].astype(np.int64) * n + right[bad]
    return Tally(
        counts=whole if given is None else counted(left, right, answer, n, given),
        by_prompt=split(left, right, answer, n, prompt, given),
        by_voter=split(left, right, answer, n, voter, given),
        met=met,
        won=won,
        both_bad=np.bincount(places, minlength=n * n).reshape(n, n).astype(np.float64),
        votes=len(left),
    )


def at_equal_looks(
    plain: Tally, votes: Columns, among: NDArray[np.bool_], by_clip: Floats, weights: Floats | None = None
) -> Tally:
    """The same votes, with how their clips look, (clips, k), as covariates."""
    n, prompt, voter = len(votes.models), votes.prompt[among], votes.voter[among]
    left, right, answer = votes.left[among], votes.right[among], votes.answer[among]
    one, other = votes.left_clip[among].astype(np.int64), votes.right_clip[among]
    given = None if weights is None else weights[among]
    difference = by_clip[one] - by_clip[other]
    values, unit = standardised(difference)
    alike = np.unique(one * len(votes.clips) + other, return_inverse=True)[1]
    counts = counted_with(values, left, right, answer, alike, prompt, given)
    compared = comparable(counts, n)
    told = (
        told_apart(counts.only(compared), len(compared)) if len(compared) > 1 else np.zeros(len(unit), bool)
    )
    looks = Looks(told, unit, int(np.isnan(difference).any(1).sum()))
    if not told.any():
        return replace(plain, looks=looks)
    assert counts.design is not None
    counts = replace(counts, design=counts.design[:, told])
    by_voter = counted_with(values[:, told], left, right, answer, None, voter, given)
    return replace(
        plain, counts=replace(counts, cluster=None), by_prompt=counts, by_voter=by_voter, looks=looks
    )
