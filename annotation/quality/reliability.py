"""How reliable each rater is where nobody knows the truth: Dawid and Skene's model.

Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm (Applied Statistics 28, 1979):
expectation-maximisation.
Every unit has a true class k, drawn with prior p_k; rater r calls a unit of class k an l with probability
pi_r[k, l], whatever the others say. Starting from the shares of votes, the two steps take turns:

    M  pi_r[k, l] ~ sum over units that r called l of T[unit, k];    p_k = mean of T[:, k]
    E  T[unit, k] ~ p_k * product over its labels (r, l) of pi_r[k, l]

With `smoothing` s > 0 each pi_r[k, l] starts from s labels instead of none, so that a rater with few labels
is not held to be perfect, or perfectly wrong. The model tells raters apart by whom they agree with: with two
raters a unit it can only say how far those two agree. Pure numpy.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SMOOTHING = 0.5
LEAST_LABELS = 30
"""Labels of a rater, fewer than which say nothing of them."""


@dataclass(frozen=True)
class Found:
    """What the model says: K classes, R raters, N units."""

    priors: Floats
    """(K,), sums to 1."""
    confusion: Floats
    """(R, K, K): of units of the true class k, the share that the rater calls l; rows sum to 1."""
    truth: Floats
    """(N, K): how probable each class is for each unit; rows sum to 1."""
    log_likelihood: float
    steps: int

    @property
    def accuracy(self) -> Floats:
        """(R,): how often a rater is right, 0..1, over classes as frequent as they are here."""
        accuracy: Floats = np.einsum("k,rkk->r", self.priors, self.confusion)
        return accuracy


def dawid_skene(
    units: Ints,
    raters: Ints,
    labels: Ints,
    classes: int,
    *,
    smoothing: float = SMOOTHING,
    steps: int = 200,
    tolerance: float = 1e-7,
) -> Found:
    """Fit the model to labels: label n says that `raters[n]` called `units[n]` a `labels[n]`; all from 0 on.

    Ends after `steps`, or where the mean log-likelihood of a unit grows by less than `tolerance`. Raises
    ValueError without labels, where the three differ in length, and for a label out of range.
    """
    if not len(units) == len(raters) == len(labels) > 0:
        raise ValueError(f"{len(units)} units, {len(raters)} raters, {len(labels)} labels: expected as many")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels reach from {labels.min()} to {labels.max()}, expected 0 to {classes - 1}")
    n_units, n_raters = int(units.max()) + 1, int(raters.max()) + 1
    votes = np.zeros((n_units, classes))
    np.add.at(votes, (units, labels), 1)
    total = votes.sum(axis=1, keepdims=True)
    truth = np.divide(votes, total, out=np.full_like(votes, 1 / classes), where=total > 0)
    before, step = -np.inf, 0
    while step < steps:
        step += 1
        priors, confusion = _rates(truth, units, raters, labels, n_raters, smoothing)
        truth, log_likelihood = _truth(priors, confusion, units, raters, labels, n_units)
        if (log_likelihood - before) / n_units < tolerance:
            break
        before = log_likelihood
    return Found(priors, confusion, truth, log_likelihood, step)


def _rates(
    truth: Floats, units: Ints, raters: Ints, labels: Ints, n_raters: int, smoothing: float
) -> tuple[Floats, Floats]:
    classes = truth.shape[1]
    counts = np.full((n_raters, classes, classes), float(smoothing))  # rater, label, true class
    np.add.at(counts, (raters, labels), truth[units])
    confusion = counts.transpose(0, 2, 1)
    total = confusion.sum(axis=2, keepdims=True)
    rates = np.divide(confusion, total, out=np.zeros_like(confusion), where=total > 0)
    return truth.mean(axis=0), rates


def _truth(
    priors: Floats, confusion: Floats, units: Ints, raters: Ints, labels: Ints, n_units: int
) -> tuple[Floats, float]:
    with np.errstate(divide="ignore"):
        scores = np.tile(np.log(priors), (n_units, 1))
        np.add.at(scores, units, np.log(confusion[raters, :, labels]))
    highest = scores.max(axis=1, keepdims=True)
    weights = np.exp(scores - highest)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total, float((highest + np.log(total)).sum())
