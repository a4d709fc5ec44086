"""How far ratings may be off: the sandwich, clustered by prompt and by voter, and the bootstrap of clusters.

Votes on one prompt show the same clips, and votes of one voter the same taste, so they say less than as
many votes of their own. The sandwich sums the scores (slopes of the log likelihood) of each cluster
before squaring them; it is right for half wins too, which are no likelihood, and for weighted votes. The
bootstrap draws whole clusters anew and fits again; its intervals need not be symmetric.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.special import stdtrit

from arena.numerics import outcomes
from arena.numerics.counts import Counts, Floats, Ints, connected
from arena.numerics.fitting import (
    SIDE_PRIOR,
    Fit,
    differences,
    fitted,
    held,
    information,
    prior_votes,
    with_prior,
)
from arena.numerics.outcomes import Ties

REPLICATES = 400
"""Of a bootstrap."""
_LEVEL = 0.975
_BLOCK = 1 << 15  # rows
_DENSE = 20_000_000  # score sums (clusters x parameters) held at a time


@dataclass(frozen=True)
class Sandwich:
    """Candidates for the covariance of all parameters, (size, size) each, strengths centred; and for each the
    factor by which a standard error gives the 95 % interval. The widest counts."""

    covariances: tuple[Floats, ...]
    factors: tuple[float, ...]

    def reach(self, combinations: Floats) -> Floats:
        """Half the width of the 95 % interval of combinations (m, size) of the parameters: (m,)."""
        each = [
            factor * np.sqrt(np.maximum(np.einsum("mi,ij,mj->m", combinations, covariance, combinations), 0))
            for covariance, factor in zip(self.covariances, self.factors, strict=True)
        ]
        return np.asarray(np.max(each, axis=0))

    @property
    def widest(self) -> Floats:
        """The candidate that gives the parameters the largest variances together."""
        return max(self.covariances, key=np.trace)


def sandwich(fit: Fit, counts: Counts, clustered: tuple[Counts, ...] = ()) -> Sandwich:
    """By single votes, by each clustering, and by two at once: A + B - (A and B) of Cameron, Gelbach and
    Miller (2011), where the votes of one voter on one prompt are taken to be single votes. That is exact
    while nobody votes twice on one prompt, and a little wide otherwise. With G clusters the factor is
    Student's with G - 1 degrees of freedom.
    """
    layout = fit.layout
    full = with_prior(counts) if fit.prior else counts
    bread = _bread(fit, full)
    # The residuals that a fit leaves are smaller than the errors (the sandwich "CR1"). Weighted votes are
    # worth as many as Kish's effective number.
    votes = full.votes.sum() ** 2 / max(full.squared.sum(), 1e-300)
    few = votes / max(votes - (layout.size - 1), 1.0)
    extra = _meat_of_priors(fit, counts)
    single = bread @ (few * _meat_of_votes(fit, counts) + extra) @ bread.T
    covariances, factors = [single], [float(stdtrit(np.inf, _LEVEL))]
    for split in clustered:
        sums, used = _sums_by_cluster(fit, split)
        if used < 2:
            continue  # one cluster's scores sum to 0: they say nothing of the spread between clusters
        meat = sums * (few * used / (used - 1)) + extra
        covariances.append(bread @ meat @ bread.T)
        factors.append(float(stdtrit(used - 1, _LEVEL)))
    if len(covariances) == 3:
        covariances.append(covariances[1] + covariances[2] - single)
        factors.append(max(factors))
    return Sandwich(tuple(covariances), tuple(factors))


def bootstrap(
    fit: Fit, counts: Counts, split: Counts | None, rng: np.random.Generator, replicates: int = REPLICATES
) -> Floats:
    """Parameters of fits to clusters drawn anew, as many as there are: (replicates, size). Without clusters,
    single votes are. Rows of NaN are draws that left some model without votes.

    ValueError: the counts have covariates.
    """
    if counts.design is not None:
        raise ValueError("the bootstrap is of counts without covariates; use the sandwich")
    n = fit.layout.n
    drawn = (
        _drawn_votes(counts, n, rng, replicates)
        if split is None
        else _drawn_clusters(split, n, rng, replicates)
    )
    pairs, cells = drawn
    found = np.full((replicates, fit.layout.size), np.nan)
    for place, (wins, losses, ties) in enumerate(cells):
        again = Counts(pairs // n, pairs % n, wins, losses, ties)
        if (fit.layout.tie and not ties.any()) or not connected(again, n):
            continue
        found[place] = fitted(again, n, fit.ties, fit.layout.side, start=fit.point).point
    return found


def percentiles(values: Floats) -> tuple[Floats, Floats]:
    """The 95 % interval of each column; without end where more than one draw in forty was NaN."""
    lost = np.isnan(values).mean(0) > 1 - _LEVEL
    kept = values[~np.isnan(values).any(1)]
    if not len(kept):
        return np.full(values.shape[1], -np.inf), np.full(values.shape[1], np.inf)
    low, high = np.quantile(kept, [1 - _LEVEL, _LEVEL], axis=0)
    return np.where(lost, -np.inf, low), np.where(lost, np.inf, high)


def _bread(fit: Fit, counts: Counts) -> Floats:
    """The inverse curvature, (size, size), of centred strengths."""
    layout, model = fit.layout, _model(fit)
    found = outcomes.slopes(model, counts, differences(counts, fit.point, layout), float(fit.point[-1]))
    bread = np.linalg.inv(held(information(counts, found, layout, fit.side_prior), layout.n))
    bread[: layout.n] -= bread[: layout.n].mean(0)
    return np.asarray(bread)


def _model(fit: Fit) -> Ties:
    """Without a tie all three are one."""
    return fit.ties if fit.layout.tie else Ties.HALF_WINS


def _meat_of_votes(fit: Fit, counts: Counts) -> Floats:
    """The scores' outer products, summed over single votes: (size, size)."""
    layout = fit.layout
    by_d, by_t = _scores(fit, counts)
    weights = counts.squared
    dd, dt, tt = ((one * other * weights).sum(0) for one, other in ((by_d, by_d), (by_d, by_t), (by_t, by_t)))
    return information(
        counts, outcomes.Slopes(0.0, dd, 0.0, dd, dt, float(tt.sum())), layout, side_prior=False
    )


def _meat_of_priors(fit: Fit, counts: Counts) -> Floats:
    """What the priors say is as uncertain as if votes had said it."""
    meat = np.zeros((fit.layout.size, fit.layout.size))
    if fit.prior:
        meat += _meat_of_votes(fit, prior_votes(counts))
    if fit.side_prior:
        meat[fit.layout.n, fit.layout.n] += SIDE_PRIOR**-2
    return meat


def _sums_by_cluster(fit: Fit, split: Counts) -> tuple[Floats, int]:
    """The outer products of the clusters' summed scores, (size, size), and how many clusters there are."""
    assert split.cluster is not None
    layout = fit.layout
    clusters = int(split.cluster.max(initial=-1)) + 1
    at_once = max(1, _DENSE // layout.size)
    total, used = np.zeros((layout.size, layout.size)), 0
    for first in range(0, clusters, at_once):
        rows = None
        if clusters > at_once:
            rows = np.flatnonzero((split.cluster >= first) & (split.cluster < first + at_once))
        sums = np.zeros((min(at_once, clusters - first), layout.size))
        seen = np.zeros(len(sums), bool)
        _add_scores(fit, split, rows, first, sums, seen)
        total += sums.T @ sums
        used += int(seen.sum())
    return total, used


def _add_scores(
    fit: Fit, split: Counts, rows: Ints | None, first: int, sums: Floats, seen: NDArray[np.bool_]
) -> None:
    """Add these rows' scores (None: all) to their clusters' `sums` (clusters, size), which begin at
    `first`. A block at a time, so that what is computed on the way stays in the processor's cache."""
    assert split.cluster is not None
    layout, flat = fit.layout, sums.reshape(-1)
    table = _scores_by_pair(fit) if split.design is None else None
    number = len(split.left) if rows is None else len(rows)
    for start in range(0, number, _BLOCK):
        part = slice(start, start + _BLOCK) if rows is None else rows[start : start + _BLOCK]
        left, right = split.left[part].astype(np.intp), split.right[part].astype(np.intp)
        outcome = (split.left_wins[part], split.right_wins[part], split.ties[part])
        design = None if split.design is None else split.design[part]
        if table is None:
            found = _scores(fit, Counts(left, right, *outcome, design=design))
        else:
            found = table[: 1 + layout.tie, :, left * layout.n + right]
        by_d, *by_t = (one[0] * outcome[0] + one[1] * outcome[1] + one[2] * outcome[2] for one in found)
        cluster = split.cluster[part].astype(np.intp) - first
        seen[cluster] = True
        place = cluster * layout.size
        np.add.at(flat, place + left, by_d)
        np.add.at(flat, place + right, -by_d)
        if layout.side:
            np.add.at(flat, place + layout.n, by_d)
        if design is not None:
            for column, values in enumerate(design.T, layout.effects.start):
                np.add.at(flat, place + column, by_d * values)
        if layout.tie:
            np.add.at(flat, place + layout.size - 1, by_t[0])


def _scores_by_pair(fit: Fit) -> Floats:
    """Of one vote, by outcome and pair, left x n + right: (2, 3, n²)."""
    n = fit.layout.n
    every = np.arange(n * n)
    return _scores(fit, Counts(every // n, every % n, every, every, every))


def _scores(fit: Fit, counts: Counts) -> Floats:
    d = differences(counts, fit.point, fit.layout)
    return outcomes.scores(_model(fit), d, float(fit.point[-1]))


def _drawn_clusters(split: Counts, n: int, rng: np.random.Generator, replicates: int) -> tuple[Ints, Floats]:
    """Pairs (P,), left x n + right, and the counts of each draw: (replicates, 3, P)."""
    assert split.cluster is not None
    whose = np.unique(split.cluster, return_inverse=True)[1]
    pairs, pair = np.unique(split.left.astype(np.int64) * n + split.right, return_inverse=True)
    size = int(whose.max()) + 1
    times = rng.multinomial(size, np.full(size, 1 / size), replicates).astype(np.float64)
    cells = [
        (coo_array((row, (pair, whose)), shape=(len(pairs), size)).tocsr() @ times.T).T
        for row in split.outcomes
    ]
    return pairs, np.stack(cells, axis=1)


def _drawn_votes(counts: Counts, n: int, rng: np.random.Generator, replicates: int) -> tuple[Ints, Floats]:
    """As `_drawn_clusters`. Each count is drawn from Poisson's; of weighted votes, in units of their mean
    weight."""
    unit = np.divide(
        counts.squared, counts.outcomes, where=counts.outcomes > 0, out=np.ones_like(counts.outcomes)
    )
    cells = rng.poisson(counts.outcomes / unit, (replicates, *unit.shape)) * unit
    return counts.left.astype(np.int64) * n + counts.right, np.asarray(cells, np.float64)
