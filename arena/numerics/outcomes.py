"""How likely each outcome of a vote is, by the difference of two strengths: three models of ties.

Left model l and right model r differ by d = strength_l - strength_r + side + design, in natural logarithms of
odds.
- Bradley–Terry with half wins (`Ties.HALF_WINS`): P(left) = 1 / (1 + exp(-d)); a tie is half a win for each.
  The usual choice of boards; it shrinks the scale as ties grow (about a fifth at 20 % ties).
- Davidson 1970 (`Ties.DAVIDSON`): P(left) : P(tie) : P(right) = exp(d/2) : nu : exp(-d/2).
- Rao and Kupper 1967 (`Ties.RAO_KUPPER`): P(left) = 1 / (1 + theta exp(-d)), P(right) with -d, and the
  rest are ties: differences below a threshold, ln theta, are not seen. In the last two, ties have a
  parameter of their own and leave the scale alone. It is fitted as t: ln nu, and ln theta.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from arena.numerics.counts import Counts, Floats

ELO = 400 / np.log(10)
"""Elo points of one unit of strength."""


class Ties(StrEnum):
    HALF_WINS = "bradley-terry"
    DAVIDSON = "davidson"
    RAO_KUPPER = "rao-kupper"


@dataclass(frozen=True)
class Slopes:
    """The log likelihood of counts at one point, its slopes, and its curvature (minus the second
    derivatives)."""

    value: float
    by_d: Floats  # (K,)
    by_t: float
    dd: Floats  # (K,)
    dt: Floats  # (K,)
    tt: float


def slopes(ties: Ties, counts: Counts, d: Floats, t: float) -> Slopes:
    """Of counts whose rows differ by d (K,). Where Rao and Kupper's t is not above 0, the value is
    -infinity."""
    if ties is Ties.HALF_WINS:
        return _half_wins(counts, d)
    return _davidson(counts, d, t) if ties is Ties.DAVIDSON else _rao_kupper(counts, d, t)


def scores(ties: Ties, d: Floats, t: float) -> Floats:
    """d log P / d(d) and d log P / dt of one vote, by outcome (left, right, tie): shape (2, 3, K)."""
    if ties is Ties.HALF_WINS:
        left, zero = _logistic(d), np.zeros((3, len(d)))
        return np.stack([np.stack([1 - left, -left, 0.5 - left]), zero])
    if ties is Ties.DAVIDSON:
        left, right, tie = _davidson_chances(d, t)
        slope = (left - right) / 2
        return np.stack([np.stack([0.5 - slope, -0.5 - slope, -slope]), np.stack([-tie, -tie, 1 - tie])])
    lost, won = _logistic(t - d), _logistic(t + d)  # that the left one, the right one does not win
    seen = 2 / -np.expm1(-2 * t)
    return np.stack([np.stack([lost, -won, lost - won]), np.stack([-lost, -won, seen - lost - won])])


def start(ties: Ties, counts: Counts) -> float:
    """The t at which models of equal strength would tie as often as these did."""
    share = float(counts.ties.sum() / counts.votes.sum())
    share = min(max(share, 1e-6), 1 - 1e-6)
    if ties is Ties.DAVIDSON:
        return float(np.log(2 * share / (1 - share)))
    return float(2 * np.arctanh(share))


def _half_wins(counts: Counts, d: Floats) -> Slopes:
    wins, votes = counts.left_wins + counts.ties / 2, counts.votes
    small = np.exp(-np.abs(d))
    chance = np.where(d >= 0, 1.0, small) / (1 + small)
    value = (wins - votes * (d >= 0)) @ d - votes @ np.log1p(small)
    expected = votes * chance
    return Slopes(float(value), wins - expected, 0.0, expected * (1 - chance), np.zeros_like(d), 0.0)


def _davidson(counts: Counts, d: Floats, t: float) -> Slopes:
    votes, decided = counts.votes, (counts.left_wins - counts.right_wins) / 2
    left, right, tie = _davidson_chances(d, t)
    total = np.logaddexp(np.logaddexp(d / 2, -d / 2), t)
    value = decided @ d + counts.ties.sum() * t - votes @ total
    slope = (left - right) / 2
    # An exponential family: the curvature is the scores' covariance.
    dd = votes * ((left + right) / 4 - slope**2)
    by_t, tt = counts.ties.sum() - votes @ tie, votes @ (tie * (1 - tie))
    return Slopes(float(value), decided - votes * slope, float(by_t), dd, -votes * slope * tie, float(tt))


def _davidson_chances(d: Floats, t: float) -> Floats:
    """(3, K): left, right, tie."""
    logs = np.stack([d / 2, -d / 2, np.full_like(d, t)])
    weights = np.exp(logs - logs.max(0))
    return np.asarray(weights / weights.sum(0))


def _rao_kupper(counts: Counts, d: Floats, t: float) -> Slopes:
    """With P(tie) = (theta² - 1) P(left) P(right), which makes it two logistic regressions that share
    ties."""
    if not t > 0:
        zero = np.zeros_like(d)
        return Slopes(-np.inf, zero, 0.0, zero, zero, 0.0)
    lefts, rights, ties = counts.left_wins + counts.ties, counts.right_wins + counts.ties, counts.ties.sum()
    lost, won = _logistic(t - d), _logistic(t + d)
    value = -lefts @ np.logaddexp(0, t - d) - rights @ np.logaddexp(0, t + d)
    # ln(theta² - 1), in a form that neither end of t hurts
    value += ties * (2 * t + np.log(-np.expm1(-2 * t)))
    one, other = lefts * lost * (1 - lost), rights * won * (1 - won)
    by_t = ties * 2 / -np.expm1(-2 * t) - lefts @ lost - rights @ won
    tt = one.sum() + other.sum() + ties / np.sinh(min(t, 300.0)) ** 2
    return Slopes(float(value), lefts * lost - rights * won, float(by_t), one + other, other - one, float(tt))


def _logistic(x: Floats) -> Floats:
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0, small) / (1 + small))
