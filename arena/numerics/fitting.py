"""The point of maximum likelihood of counts, by Newton's method; and what is done where votes have none.

The parameters are one vector: n strengths, then, where they are fitted, the side, k effects of
covariates, and t of the ties (see `outcomes.py`). Strengths are free up to a constant, which is chosen so
that their sum is 0.

Votes alone may have no answer: somebody won or lost everything, or the side can't be told from the strengths
(each pair was always shown the same way round). Then the side gets a prior of `SIDE_PRIOR`, and where that is
not enough each pair that met gets `PRIOR_VOTES` wins for either model; `Fit` says so. Where votes have an
answer, it is theirs and no prior touches it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from arena.numerics import outcomes
from arena.numerics.counts import Counts, Floats, connected, folded
from arena.numerics.outcomes import ELO, Ties

SIDE_PRIOR = 200 / ELO
"""Standard deviation of the prior on the side bias, where it needs one: 200 Elo."""
PRIOR_VOTES = 0.5
"""Wins given to either model of each pair that met, only where the votes alone have no finite answer."""
_STEPS = 100
_FAR = 35.0  # differences of strengths that only a likelihood without a maximum leads to
_NEAR = 10.0
_FLAT = 1e-7  # ratio of the Cholesky factor's diagonals below which a direction is not determined


@dataclass(frozen=True)
class Layout:
    """Where the parameters are in the vector."""

    n: int
    side: bool
    covariates: int
    tie: bool

    @property
    def effects(self) -> slice:
        return slice(self.n + self.side, self.n + self.side + self.covariates)

    @property
    def size(self) -> int:
        return self.n + self.side + self.covariates + self.tie


@dataclass(frozen=True)
class Fit:
    """Maximum likelihood. `strength` (n,) sums to 0; `side` is 0.0 where it was not fitted."""

    strength: Floats
    side: float
    effects: Floats
    """Of the covariates, (k,): strength by unit of the design."""
    tie: float | None
    """Davidson's nu or Rao and Kupper's theta: 0 and 1 where there was no tie. None for half wins."""
    ties: Ties
    prior: bool
    """True: `PRIOR_VOTES` were added, since somebody won or lost everything, or nothing was decided."""
    side_prior: bool
    """True: `SIDE_PRIOR` was, since the votes alone don't tell the side from the strengths."""
    point: Floats
    """All parameters, by `layout`."""
    layout: Layout

    @property
    def nu(self) -> float:
        """Davidson's tie parameter; 0 for half wins."""
        return self.tie or 0.0


def fitted(
    counts: Counts,
    n: int,
    ties: Ties = Ties.HALF_WINS,
    side: bool = True,
    start: Floats | None = None,
) -> Fit:
    """The point of maximum likelihood, with the counts' covariates if they have any.

    `start` is a point near it, of the same parameters. ValueError if the models were not all compared with
    each other, or if a covariate can't be told from the models.
    """
    if ties is Ties.HALF_WINS and not (side or counts.covariates) and (quick := _half_wins(counts, n, start)):
        return quick
    if not connected(counts, n):
        raise ValueError(f"{n} models were given, and votes do not connect them all; see `comparable`")
    tie = ties is not Ties.HALF_WINS and bool(counts.ties.any())
    layout = Layout(n, side, counts.covariates, tie)
    if not (side or layout.covariates):
        counts = folded(counts, n)
    model = ties if tie else Ties.HALF_WINS
    point, side_prior, prior = None, False, False
    if (counts.left_wins.any() or counts.right_wins.any()) or n < 2:
        point = _maximum(counts, layout, model, side_prior, start)
        if point is None and side:
            side_prior = True
            point = _maximum(counts, layout, model, side_prior)
    if point is None:
        prior, side_prior = True, side
        point = _maximum(with_prior(counts), layout, model, side_prior)
    if point is None:
        raise ValueError(
            "the covariates can't be told from the models: each is the same in all clips of a model"
        )
    return Fit(
        strength=point[:n],
        side=float(point[n]) if side else 0.0,
        effects=point[layout.effects],
        tie=float(np.exp(point[-1])) if tie else {Ties.DAVIDSON: 0.0, Ties.RAO_KUPPER: 1.0}.get(ties),
        ties=ties,
        prior=prior,
        side_prior=side_prior,
        point=point,
        layout=layout,
    )


def differences(counts: Counts, point: Floats, layout: Layout) -> Floats:
    """d of each row: (K,)."""
    d = point[counts.left] - point[counts.right]
    if layout.side:
        d += point[layout.n]
    if layout.covariates:
        assert counts.design is not None
        d += counts.design @ point[layout.effects]
    return np.asarray(d)


def information(counts: Counts, found: outcomes.Slopes, layout: Layout, side_prior: bool) -> Floats:
    """The curvature by all parameters (size, size), in which all strengths move together for free."""
    n = layout.n
    pairs = np.bincount(counts.left * n + counts.right, found.dd, n * n).reshape(n, n)
    by_left, by_right = pairs.sum(1), pairs.sum(0)
    curvature = np.zeros((layout.size, layout.size))
    curvature[:n, :n] = -pairs - pairs.T
    curvature[np.arange(n), np.arange(n)] += by_left + by_right
    rest = [np.ones(len(found.dd))] if layout.side else []
    if counts.design is not None:
        rest += list(counts.design.T)
    for place, column in enumerate(rest, n):
        curvature[place, :n] = _by_model(counts, found.dd * column, n)
        for other, also in enumerate(rest, n):
            curvature[place, other] = (found.dd * column) @ also
        if layout.tie:
            curvature[-1, place] = found.dt @ column
    if layout.tie:
        curvature[-1, :n] = _by_model(counts, found.dt, n)
        curvature[-1, -1] = found.tt
    curvature[:n, n:] = curvature[n:, :n].T
    curvature[n:, -1] = curvature[-1, n:]
    if side_prior:
        curvature[n, n] += SIDE_PRIOR**-2
    return curvature


def held(curvature: Floats, n: int) -> Floats:
    """The curvature with the strengths' sum held in place, so that it can be inverted."""
    fixed = curvature.copy()
    fixed[:n, :n] += np.trace(curvature[:n, :n]) / n**2 if n > 1 else 1.0
    return fixed


def prior_votes(counts: Counts) -> Counts:
    """`PRIOR_VOTES` wins for either model of each pair that met, spread over both sides (and over the rows
    that differ in their covariates)."""
    size = int(max(counts.left.max(), counts.right.max())) + 1
    design = np.zeros((len(counts.left), 0)) if counts.design is None else counts.design
    rows = np.concatenate(
        [
            np.column_stack([counts.left, counts.right, design]),
            np.column_stack([counts.right, counts.left, -design]),
        ]
    )
    rows = np.unique(rows, axis=0)
    left, right = rows[:, :2].T.astype(np.int64)
    pair = np.minimum(left, right) * size + np.maximum(left, right)
    wins = PRIOR_VOTES / np.bincount(pair)[pair]
    covariates = None if counts.design is None else rows[:, 2:]
    return Counts(left, right, wins, wins, np.zeros_like(wins), design=covariates)


def with_prior(counts: Counts) -> Counts:
    prior = prior_votes(counts)
    return Counts(
        np.r_[counts.left, prior.left],
        np.r_[counts.right, prior.right],
        np.r_[counts.left_wins, prior.left_wins],
        np.r_[counts.right_wins, prior.right_wins],
        np.r_[counts.ties, prior.ties],
        squares=np.concatenate([counts.squared, prior.squared], axis=1),
        design=None
        if counts.design is None or prior.design is None
        else np.concatenate([counts.design, prior.design]),
    )


def _half_wins(counts: Counts, n: int, start: Floats | None) -> Fit | None:
    """The plain case, which is fitted most often, on matrices: the same point in a third of the time.
    None where anything is unusual: it is left to `_maximum`.
    """
    code, back, half = counts.left * n + counts.right, counts.right * n + counts.left, counts.ties / 2
    wins = np.bincount(code, counts.left_wins + half, n * n)
    wins = (wins + np.bincount(back, counts.right_wins + half, n * n)).reshape(n, n)
    votes = wins + wins.T
    if np.count_nonzero(votes[0]) < n - 1 or not (counts.left_wins.any() or counts.right_wins.any()):
        return None
    won, diagonal, hold = wins.sum(1), np.arange(n), votes.sum() / n**2
    strength = np.zeros(n) if start is None or len(start) != n else start
    last = np.inf
    for _step in range(20):
        odds = np.exp(strength)
        chance = odds[:, None] / (odds[:, None] + odds)
        expected = votes * chance
        gradient = won - expected.sum(1)
        curvature = expected * (chance - 1)
        curvature[diagonal, diagonal] -= curvature.sum(1)
        factor, failed = dpotrf(curvature + hold, lower=1, overwrite_a=1)
        if failed:
            return None
        move = dpotrs(factor, gradient, lower=1)[0]
        promised = (
            gradient @ move
        )  # twice what the likelihood gains: it falls from step to step near the maximum
        strength = strength + move
        size = np.abs(move).max()
        if not promised < last or not np.abs(strength).max() < _NEAR:
            return None
        if size < 1e-7:  # the next one would be of the square of it
            centred = strength - strength.mean()
            layout = Layout(n, side=False, covariates=0, tie=False)
            nothing = np.zeros(0)
            return Fit(centred, 0.0, nothing, None, Ties.HALF_WINS, False, False, centred, layout)
        last = promised
    return None


def _maximum(
    counts: Counts, layout: Layout, ties: Ties, side_prior: bool, start: Floats | None = None
) -> Floats | None:
    """None if there is none: some direction is not determined, or leads uphill for ever."""
    point = np.zeros(layout.size)
    if start is not None and len(start) == layout.size:
        point = start.copy()
    elif layout.tie:
        point[-1] = outcomes.start(ties, counts)
    found = _at(point, counts, layout, ties, side_prior)
    for _step in range(_STEPS):
        if (factor := _factor(held(information(counts, found, layout, side_prior), layout.n))) is None:
            return None
        move = dpotrs(factor, _gradient(point, counts, found, layout, side_prior), lower=1)[0]
        size = 1.0
        while True:
            further = _at(point + size * move, counts, layout, ties, side_prior)
            if further.value >= found.value - 1e-12 * abs(found.value) or size < 1e-9:
                break
            size /= 2
        point, found = point + size * move, further
        if np.abs(point).max() > _FAR:
            return None
        if np.abs(move).max() < 1e-8:  # the next one would be of the square of it
            point[: layout.n] -= point[: layout.n].mean()
            return np.asarray(point)
    return None


def _at(point: Floats, counts: Counts, layout: Layout, ties: Ties, side_prior: bool) -> outcomes.Slopes:
    found = outcomes.slopes(ties, counts, differences(counts, point, layout), float(point[-1]))
    if not side_prior:
        return found
    return outcomes.Slopes(
        found.value - 0.5 * float(point[layout.n] / SIDE_PRIOR) ** 2,
        *(found.by_d, found.by_t, found.dd, found.dt, found.tt),
    )


def _gradient(
    point: Floats, counts: Counts, found: outcomes.Slopes, layout: Layout, side_prior: bool
) -> Floats:
    gradient = np.zeros(layout.size)
    gradient[: layout.n] = _by_model(counts, found.by_d, layout.n)
    if layout.side:
        gradient[layout.n] = found.by_d.sum() - (point[layout.n] / SIDE_PRIOR**2 if side_prior else 0.0)
    if counts.design is not None:
        gradient[layout.effects] = counts.design.T @ found.by_d
    if layout.tie:
        gradient[-1] = found.by_t
    return gradient


def _by_model(counts: Counts, slope: Floats, n: int) -> Floats:
    """Summed for the left model, and with the other sign for the right one: (n,)."""
    return np.asarray(np.bincount(counts.left, slope, n) - np.bincount(counts.right, slope, n))


def _factor(matrix: Floats) -> Floats | None:
    """Cholesky's, lower; None unless the matrix is safely positive definite."""
    factor, failed = dpotrf(matrix, lower=1)
    if failed:
        return None
    own = np.diag(factor) / np.sqrt(np.diag(matrix))
    return None if own.min() < _FLAT * own.max() else np.asarray(factor)
