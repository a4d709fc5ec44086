"""Ratings out of counts of votes: Bradley–Terry and Davidson by Newton's method, with clustered intervals.

The input is aggregated (`Counts`: how often the left one of two models won, the right one, neither), so a fit
costs O(models²) however many votes there are. Pure numpy; `tally.py` makes the counts in SQL.

Left model l and right model r differ by d = strength_l - strength_r + side, in natural logarithms of odds.
- Bradley–Terry with half wins (`Ties.HALF_WINS`): P(left) = 1 / (1 + exp(-d)); a tie is half a win for each.
  The usual choice of boards; it shrinks the scale as ties grow (about a fifth at 20 % ties).
- Davidson 1970 (`Ties.DAVIDSON`): P(left) : P(tie) : P(right) = exp(d/2) : nu : exp(-d/2). Ties have a
  parameter of their own and leave the scale alone.
Ratings are on the Elo scale, 1000 + 400 / ln 10 x strength, centred: the models' mean is 1000.

What is rated is the *marginal* strength: how a model fares over the board's prompts and voters, whatever clip
it happens to have for each. That is what the intervals cover. Strengths from which each clip's quality was
drawn lie further apart, since the spread between clips shrinks the scale.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ELO = 400 / np.log(10)
"""Elo points of one unit of strength."""
CENTRE = 1000.0
SIDE_PRIOR = 200 / ELO
"""Standard deviation of the prior on the side bias: 200 Elo, so that a few votes can't drive it off."""
PRIOR_VOTES = 0.5
"""Wins given to either model of each pair that met, only where the votes alone have no finite answer."""
_Z = 1.959964
_STEPS = 100


class Ties(StrEnum):
    HALF_WINS = "bradley-terry"
    DAVIDSON = "davidson"


@dataclass(frozen=True)
class Counts:
    """Votes by (left model, right model): arrays of one length K; models are numbered from 0."""

    left: Ints
    right: Ints
    left_wins: Floats
    right_wins: Floats
    ties: Floats
    cluster: Ints | None = None
    """Whose votes a row counts (a prompt's, a voter's), from 0; None where rows are not split by cluster."""

    @property
    def votes(self) -> Floats:
        return self.left_wins + self.right_wins + self.ties

    def only(self, models: Ints) -> "Counts":
        """The votes among these models, which are numbered anew in this order."""
        place = np.full(int(max(self.left.max(initial=-1), self.right.max(initial=-1), models.max())) + 1, -1)
        place[models] = np.arange(len(models))
        kept = (place[self.left] >= 0) & (place[self.right] >= 0)
        cluster = None if self.cluster is None else self.cluster[kept]
        arrays = (self.left_wins[kept], self.right_wins[kept], self.ties[kept])
        return Counts(place[self.left[kept]], place[self.right[kept]], *arrays, cluster)


@dataclass(frozen=True)
class Fit:
    """Maximum likelihood. `strength` (n,) sums to 0; `side` is 0.0 where it was not fitted."""

    strength: Floats
    side: float
    nu: float
    """Davidson's tie parameter; 0 for half wins, or where there was no tie."""
    ties: Ties
    prior: bool
    """True: `PRIOR_VOTES` were added, since somebody won or lost everything, or nothing was decided."""


@dataclass(frozen=True)
class Ratings:
    """On the Elo scale; arrays (n,). `low` and `high` bound the 95 % intervals."""

    rating: Floats
    low: Floats
    high: Floats
    side: float
    """Elo points by which the left side is favoured, and its interval."""
    side_low: float
    side_high: float
    fit: Fit


def rate(
    counts: Counts,
    n: int,
    clustered: tuple[Counts, ...] = (),
    ties: Ties = Ties.HALF_WINS,
    side: bool = True,
) -> Ratings:
    """Ratings of n models that have all been compared, directly or through others (see `comparable`).

    `clustered` holds the same votes split by prompt, and by voter: the intervals are of a sandwich clustered
    by each and by both (Cameron, Gelbach and Miller 2011), and never narrower than by either alone or by
    single votes, so one voter or one prompt does not make them vanish.
    """
    fit = fitted(counts, n, ties, side)
    error = _standard_errors(fit, counts, n, clustered, side)
    rating, reach = CENTRE + ELO * fit.strength, _Z * ELO * error
    bias = ELO * fit.side
    return Ratings(
        rating, rating - reach[:n], rating + reach[:n], bias, bias - reach[n], bias + reach[n], fit
    )


def fitted(counts: Counts, n: int, ties: Ties = Ties.HALF_WINS, side: bool = True) -> Fit:
    """The point of maximum likelihood. ValueError if the models were not all compared with each other."""
    if len(comparable(counts, n)) != n:
        raise ValueError(f"{n} models were given, and votes do not connect them all; see `comparable`")
    prior = _needs_prior(counts, n)
    if prior:
        counts = _with_prior(counts)
    davidson = ties is Ties.DAVIDSON and bool(counts.ties.sum() > 0)
    point = np.zeros(n + 2)  # strengths, side, log nu
    free = np.r_[np.ones(n, bool), side, davidson]
    value = _log_likelihood(point, counts, davidson)
    for _step in range(_STEPS):
        gradient, curvature = _derivatives(point, counts, n, davidson)
        move = np.zeros_like(point)
        move[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        size = 1.0
        while (found := _log_likelihood(point + size * move, counts, davidson)) < value - 1e-12 * abs(value):
            size /= 2
        point, value = point + size * move, found
        if np.abs(move).max() < 1e-10:
            break
    nu = float(np.exp(point[n + 1])) if davidson else 0.0
    return Fit(point[:n] - point[:n].mean(), float(point[n]), nu, ties, prior)


def comparable(counts: Counts, n: int) -> Ints:
    """The largest set of models that votes connect, directly or through others; ratings exist within it."""
    met = np.zeros((n, n), bool)
    met[counts.left, counts.right] = True
    reach = _closure(met | met.T)
    return np.flatnonzero(reach[reach.sum(1).argmax()]) if n else np.zeros(0, np.int64)


# --- Likelihoods ------------------------------------------------------------------------------------------


def _log_likelihood(point: Floats, counts: Counts, davidson: bool) -> float:
    """Of the point (strengths, side, log nu), with the side's prior."""
    n = len(point) - 2
    d = point[counts.left] - point[counts.right] + point[n]
    prior = -0.5 * (point[n] / SIDE_PRIOR) ** 2
    if not davidson:
        wins = counts.left_wins + counts.ties / 2
        losses = counts.right_wins + counts.ties / 2
        return float(-(wins * np.logaddexp(0, -d) + losses * np.logaddexp(0, d)).sum() + prior)
    total = np.logaddexp(np.logaddexp(d / 2, -d / 2), point[n + 1])
    said = (counts.left_wins - counts.right_wins) * d / 2 + counts.ties * point[n + 1]
    return float((said - counts.votes * total).sum() + prior)


def _derivatives(point: Floats, counts: Counts, n: int, davidson: bool) -> tuple[Floats, Floats]:
    """Gradient (n + 2,) and negative Hessian of the log likelihood; a penalty holds the strengths' mean."""
    scores = _scores(point, counts, n, davidson)
    one = np.zeros(len(counts.left), np.int64)
    gradient = _sum_scores(scores, _outcomes(counts), counts, n, one, 1)[0]
    # An exponential family's: the scores' outer product, expected.
    curvature = _sum_squares(scores, counts.votes * _chances(point, counts, n, davidson), counts, n)
    gradient[n] -= point[n] / SIDE_PRIOR**2
    curvature[n, n] += SIDE_PRIOR**-2
    gradient[:n] -= point[:n].sum()
    curvature[:n, :n] += 1
    return gradient, curvature


def _chances(point: Floats, counts: Counts, n: int, davidson: bool) -> Floats:
    """Of each outcome (left, right, tie): shape (3, K). A tie has none of its own with half wins."""
    d = point[counts.left] - point[counts.right] + point[n]
    if not davidson:
        left = 1 / (1 + np.exp(-d))
        return np.stack([left, 1 - left, np.zeros_like(d)])
    logs = np.stack([d / 2, -d / 2, np.full_like(d, point[n + 1])])
    weights = np.exp(logs - logs.max(0))
    return np.asarray(weights / weights.sum(0))


def _scores(point: Floats, counts: Counts, n: int, davidson: bool) -> Floats:
    """d log P / d(d) and d log P / d(log nu) of one vote by outcome (left, right, tie): shape (2, 3, K)."""
    left, right, tie = _chances(point, counts, n, davidson)
    zero = np.zeros_like(left)
    if not davidson:
        return np.stack([np.stack([1 - left, -left, 0.5 - left]), np.stack([zero, zero, zero])])
    slope = (left - right) / 2
    return np.stack([np.stack([0.5 - slope, -0.5 - slope, -slope]), np.stack([-tie, -tie, 1 - tie])])


def _outcomes(counts: Counts) -> Floats:
    return np.stack([counts.left_wins, counts.right_wins, counts.ties])


def _sum_scores(
    scores: Floats, weights: Floats, counts: Counts, n: int, cluster: Ints, clusters: int
) -> Floats:
    """Scores by strengths, side and log nu, summed by cluster: (clusters, n + 2)."""
    by_d, by_nu = (scores * weights).sum(1)
    width = n + 2
    sums = np.zeros(clusters * width)
    for place, score in ((counts.left, by_d), (counts.right, -by_d), (n, by_d), (n + 1, by_nu)):
        sums += np.bincount(cluster * width + place, score, clusters * width)
    return sums.reshape(clusters, width)


def _sum_squares(scores: Floats, weights: Floats, counts: Counts, n: int) -> Floats:
    """The scores' outer products, summed with weights (3, K): (n + 2, n + 2). No more than K additions each,
    since a vote's score is not 0 for two strengths, the side and log nu only.
    """
    dd, dv, vv = ((scores[a] * scores[b] * weights).sum(0) for a, b in ((0, 0), (0, 1), (1, 1)))
    width = n + 2
    squares = np.zeros(width * width)
    whose = ((counts.left, 1), (counts.right, -1), (n, 1))
    terms = [(one, other, sign * mark * dd) for one, sign in whose for other, mark in whose]
    terms += [(one, n + 1, sign * dv) for one, sign in whose] + [
        (n + 1, one, sign * dv) for one, sign in whose
    ]
    for one, other, term in (*terms, (n + 1, n + 1, vv)):
        place = np.broadcast_to(one * width + other, term.shape)
        squares += np.bincount(place, term, width * width)
    return squares.reshape(width, width)


# --- Intervals --------------------------------------------------------------------------------------------


def _standard_errors(fit: Fit, counts: Counts, n: int, clustered: tuple[Counts, ...], side: bool) -> Floats:
    """Of the centred strengths and of the side, (n + 1,)."""
    davidson = fit.nu > 0
    point = np.r_[fit.strength, fit.side, np.log(fit.nu) if davidson else 0.0]
    free = np.r_[np.ones(n, bool), side, davidson]
    with_prior = _with_prior(counts) if fit.prior else counts
    curvature = _derivatives(point, with_prior, n, davidson)[1][np.ix_(free, free)]
    bread = np.linalg.inv(curvature)
    bread[:n] -= bread[:n].mean(0)  # of the centred strengths: what the penalty gave the mean goes

    def variances(meat: Floats) -> Floats:
        meat[n, n] += SIDE_PRIOR**-2  # the prior on the side says as much as one vote of this spread
        return np.asarray(np.einsum("ij,jk,ik->i", bread, meat[np.ix_(free, free)], bread))

    # Small boards: the residuals that a fit leaves are smaller than the errors (the sandwich "CR1").
    votes, spent = float(with_prior.votes.sum()), int(free.sum()) - 1
    few = votes / max(votes - spent, 1.0)
    single = variances(few * _meat_of_votes(point, with_prior, n, davidson))
    found = [single]
    for split in clustered:
        assert split.cluster is not None
        size = int(split.cluster.max(initial=-1)) + 1
        scores = _scores(point, split, n, davidson)
        sums = _sum_scores(scores, _outcomes(split), split, n, split.cluster, size)
        used = int(np.count_nonzero(np.bincount(split.cluster, split.votes, size)))
        meat = sums.T @ sums * (few * used / (used - 1) if used > 1 else few)
        if fit.prior:
            meat += _meat_of_votes(point, _prior_votes(counts), n, davidson)
        found.append(variances(meat))
    if len(found) == 3:
        # By both: the intersection is taken to be the single vote, which is exact while nobody judges one
        # prompt twice, and a little wide otherwise.
        found.append(found[1] + found[2] - single)
    error = np.zeros(n + 1)
    error[: n + side] = np.sqrt(np.max(found, axis=0)[: n + side])
    return error


def _meat_of_votes(point: Floats, counts: Counts, n: int, davidson: bool) -> Floats:
    """The scores' outer products summed over single votes."""
    return _sum_squares(_scores(point, counts, n, davidson), _outcomes(counts), counts, n)


# --- Where votes alone have no finite answer --------------------------------------------------------------


def _needs_prior(counts: Counts, n: int) -> bool:
    """Ford 1957: the maximum exists if in every split of the models each part has a win over the other."""
    beat = np.zeros((n, n), bool)
    decided = counts.left_wins + counts.right_wins
    np.logical_or.at(beat, (counts.left, counts.right), counts.left_wins + counts.ties > 0)
    np.logical_or.at(beat, (counts.right, counts.left), counts.right_wins + counts.ties > 0)
    return not bool(_closure(beat).all()) or not decided.sum() > 0


def _prior_votes(counts: Counts) -> Counts:
    """`PRIOR_VOTES` wins for either model of each pair that met, half of them on either side."""
    met = np.stack([np.r_[counts.left, counts.right], np.r_[counts.right, counts.left]])
    left, right = np.unique(met, axis=1)
    wins = np.full(len(left), PRIOR_VOTES / 2)
    return Counts(left, right, wins, wins, np.zeros_like(wins))


def _with_prior(counts: Counts) -> Counts:
    prior = _prior_votes(counts)
    pairs = (np.r_[counts.left, prior.left], np.r_[counts.right, prior.right])
    wins = (np.r_[counts.left_wins, prior.left_wins], np.r_[counts.right_wins, prior.right_wins])
    return Counts(*pairs, *wins, np.r_[counts.ties, prior.ties])


def _closure(linked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which model reaches which over links, itself included."""
    reach = linked | np.eye(len(linked), dtype=bool)
    while True:
        further = reach @ reach
        if (further == reach).all():
            return reach
        reach = further
