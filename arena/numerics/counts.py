"""Votes as counts: how often the left one of two models won, the right one, neither; and who met whom.

A fit needs no more than `Counts` by pair, which are as long as there are pairs, however many votes there are;
clustered intervals need the same votes split by prompt or by voter. `votes/tally.py` makes both of columns of
votes, `counted` of arrays. Pure numpy.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[Any]
"""Of any integer or float type: a row a vote is kept small."""

LEFT, RIGHT, TIE, BOTH_BAD = range(4)
"""What a vote says, as `counted` reads it; "both bad" counts as a tie."""
_BLOCK = 1 << 16  # votes counted at a time: their codes stay in the processor's cache


@dataclass(frozen=True)
class Counts:
    """Votes by (left model, right model): arrays of one length K; models are numbered from 0. A pair may have
    several rows, which add up. Weighted votes count their weights."""

    left: Numbers
    right: Numbers
    left_wins: Numbers
    right_wins: Numbers
    ties: Numbers
    cluster: Numbers | None = None
    """Whose votes a row counts (a prompt's, a voter's), from 0; None where rows are not split by cluster."""
    squares: Floats | None = None
    """Sums of the squared weights of left wins, right wins and ties, (3, K); None: every vote weighs 1."""
    design: Floats | None = None
    """Covariates of the left clips less those of the right ones, (K, k), see `covariates.py`; None: none."""

    @property
    def votes(self) -> Floats:
        return np.asarray(self.left_wins + self.right_wins + self.ties, np.float64)

    @property
    def outcomes(self) -> Floats:
        """Left wins, right wins, ties: (3, K)."""
        return np.stack([self.left_wins, self.right_wins, self.ties]).astype(np.float64)

    @property
    def squared(self) -> Floats:
        """Squared weights, by outcome: (3, K)."""
        return self.outcomes if self.squares is None else self.squares

    @property
    def covariates(self) -> int:
        return 0 if self.design is None else self.design.shape[1]

    def only(self, models: Ints) -> "Counts":
        """The votes among these models, which are numbered anew in this order."""
        known = max(int(self.left.max(initial=-1)), int(self.right.max(initial=-1)), *models.tolist(), -1)
        place = np.full(known + 1, -1)
        place[models] = np.arange(len(models))
        kept = (place[self.left] >= 0) & (place[self.right] >= 0)
        found = self._where(kept)
        return replace(found, left=place[found.left], right=place[found.right])

    def _where(self, kept: NDArray[np.bool_]) -> "Counts":
        return Counts(
            self.left[kept],
            self.right[kept],
            self.left_wins[kept],
            self.right_wins[kept],
            self.ties[kept],
            None if self.cluster is None else self.cluster[kept],
            None if self.squares is None else self.squares[:, kept],
            None if self.design is None else self.design[kept],
        )


def counted(left: Numbers, right: Numbers, said: Numbers, n: int, weight: Floats | None = None) -> Counts:
    """Votes (arrays of one length: models from 0 to n - 1, and `LEFT`, `RIGHT`, `TIE` or `BOTH_BAD`) by
    pair."""
    sums = _summed(left, right, said, n, weight)
    met = np.flatnonzero(sums.any(1))
    wins, losses, ties, bad = sums[met].T
    squares = None
    if weight is not None:
        squared = _summed(left, right, said, n, weight**2)[met].T
        squares = np.stack([squared[LEFT], squared[RIGHT], squared[TIE] + squared[BOTH_BAD]])
    return Counts(met // n, met % n, wins, losses, ties + bad, squares=squares)


def split(
    left: Numbers, right: Numbers, said: Numbers, n: int, cluster: Numbers, weight: Floats | None = None
) -> Counts:
    """The same votes by pair and cluster (numbered from 0), for clustered intervals. Where that has more
    cells than votes, a row a vote.
    """
    clusters = int(cluster.max(initial=-1)) + 1
    cells = clusters * n * n * 3
    if cells > max(2 * len(left), 1 << 20):
        tie = (said == TIE) | (said == BOTH_BAD)
        rows = [said == LEFT, said == RIGHT, tie]
        if weight is not None:
            rows = [row * weight for row in rows]
        return Counts(left, right, rows[0], rows[1], rows[2], cluster)
    code = ((cluster.astype(np.int64) * n + left) * n + right) * 3 + np.minimum(said, TIE)
    sums = np.bincount(code, weight, cells).reshape(-1, 3)
    met = np.flatnonzero(sums.any(1))
    wins, losses, ties = sums[met].T.astype(np.float64)
    whose, pair = np.divmod(met, n * n)
    return Counts(pair // n, pair % n, wins, losses, ties, whose)


def folded(counts: Counts, n: int) -> Counts:
    """One row a pair, whichever side its models were on: what there is to know where sides do not matter."""
    code, back = counts.left * n + counts.right, counts.right * n + counts.left

    def grid(of: Numbers, other: Numbers) -> Floats:
        sums = np.bincount(code, of, n * n) + np.bincount(back, other, n * n)
        return np.asarray(sums.reshape(n, n), np.float64)

    beat, ties = grid(counts.left_wins, counts.right_wins), grid(counts.ties, counts.ties)
    left, right = np.triu(beat + beat.T + ties, 1).nonzero()
    return Counts(left, right, beat[left, right], beat[right, left], ties[left, right])


def groups(counts: Counts, n: int) -> list[Ints]:
    """The sets of models that votes connect, directly or through others; ratings exist within each. Largest
    first, and of equal ones that with more votes.
    """
    if n == 0:
        return []
    told = counts.votes > 0
    links = coo_array((np.ones(told.sum()), (counts.left[told], counts.right[told])), shape=(n, n))
    number, whose = connected_components(links, directed=False)
    votes = np.bincount(whose[counts.left], counts.votes, number)
    sizes = np.bincount(whose, minlength=number)
    return [np.flatnonzero(whose == group) for group in np.lexsort((-votes, -sizes))]


def comparable(counts: Counts, n: int) -> Ints:
    """The first of `groups`; empty without models."""
    return (groups(counts, n) or [np.zeros(0, np.int64)])[0]


def connected(counts: Counts, n: int) -> bool:
    """True if all n models are of one group."""
    pairs = np.zeros((n, n), np.float32)
    pairs[counts.left, counts.right] = counts.votes
    met = (pairs + pairs.T + np.eye(n, dtype=np.float32)) > 0
    return bool(met[0].all()) or len(groups(counts, n)) <= 1 if n else True


def _summed(left: Numbers, right: Numbers, said: Numbers, n: int, weight: Floats | None) -> Floats:
    """Weights by pair and what was said: (n², 4)."""
    cells = 4 * n * n
    sums = np.zeros(cells, np.int64 if weight is None else np.float64)
    for start in range(0, len(left), _BLOCK):
        part = slice(start, start + _BLOCK)
        code = left[part].astype(np.intp)
        code *= n
        code += right[part]
        code *= 4
        code += said[part]
        sums += np.bincount(code, None if weight is None else weight[part], cells)
    return sums.reshape(-1, 4).astype(np.float64)
