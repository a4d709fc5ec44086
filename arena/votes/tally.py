"""Counts out of columns of votes: by pair, by prompt and by voter; ratings need no more.

"Both bad" counts as a tie in them, and is also counted apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.numerics.counts import BOTH_BAD, Counts, counted, split
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
