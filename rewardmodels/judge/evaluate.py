"""How good a reward model is, on judgements it was not trained on: accuracies, ties, calibration, people.

All differences are score of the first minus score of the second clip of a pair.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from annotation.labelling.bestworst import Relation, relation
from rewardmodels.train.judgements import ItemJudgement

CHANCE = 0.5
"""Accuracy of a scorer that knows nothing."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The share of pairs whose better clip scores higher, an equal pair counting half; 95 % interval."""

    value: float
    low: float
    high: float
    pairs: int
    clusters: int


def accuracy(differences: Sequence[float], clusters: Sequence[str]) -> Accuracy:
    """Pairwise accuracy, `differences` of better minus worse, with an interval over clusters (prompts).

    Pairs of one prompt are not independent: the variance is the linearised one of a ratio over clusters, the
    interval Student's t. Where every cluster has the same accuracy that variance is 0 and says nothing; then
    it is Wilson's, as if each cluster were one pair. Raises ValueError if there is no pair.
    """
    credits_ = credit(np.asarray(differences, np.float64))
    if len(credits_) == 0:
        raise ValueError("no pair to take an accuracy of")
    value = float(credits_.mean())
    of_cluster: defaultdict[str, list[float]] = defaultdict(list)
    for one, cluster in zip(credits_, clusters, strict=True):
        of_cluster[cluster].append(float(one))
    count = len(of_cluster)
    if count < 2:
        return Accuracy(value, 0.0, 1.0, len(credits_), count)
    sums = np.array([sum(c - value for c in of_one) for of_one in of_cluster.values()])
    error = float(np.sqrt(count / (count - 1) * (sums**2).sum())) / len(credits_)
    if error < 1e-12:
        low, high = _wilson(value, count)
    else:
        reach = float(stats.t.ppf(0.975, count - 1)) * error
        low, high = max(0.0, value - reach), min(1.0, value + reach)
    return Accuracy(value, low, high, len(credits_), count)


def credit(differences: Floats) -> Floats:
    """1 where the difference is positive, 0 where negative, 0.5 where it is 0."""
    found: Floats = (differences > 0) + 0.5 * (differences == 0)
    return found


def tie_accuracy(differences: Floats, outcomes: NDArray[np.int_], threshold: float) -> float:
    """The share of outcomes (1 first better, 0 tie, -1 second better) told right, when a difference of
    at most `threshold` (0 or more) either way is called a tie."""
    said = np.where(np.abs(differences) <= threshold, 0, np.sign(differences))
    return float((said == outcomes).mean())


def fit_tie_threshold(differences: Floats, outcomes: NDArray[np.int_]) -> tuple[float, float]:
    """(threshold, accuracy) with the best `tie_accuracy`; of several such thresholds the lowest.

    Only at a value that |difference| takes does anything change, and all pairs of that value change
    together: equal differences are one block.
    """
    sizes = np.abs(differences)
    order = np.argsort(sizes, kind="stable")
    levels, starts = np.unique(sizes[order], return_index=True)
    told = (np.sign(differences) == outcomes).astype(np.float64)
    # With the threshold at 0; then each block turns from its own tellings to ties.
    gains = np.add.reduceat(((outcomes == 0) - told)[order], starts)
    right = told.sum() + np.concatenate([[0.0], np.cumsum(gains)])
    best = int(np.argmax(right))
    return (0.0 if best == 0 else float(levels[best - 1])), float(right[best] / len(outcomes))


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs with a similar confidence."""

    confidence: float
    """Mean probability that the model gives to the clip it prefers, 0.5–1."""
    accuracy: float
    """How often that clip was the better one."""
    pairs: int


def reliability(differences: Sequence[float], bins: int = 10) -> list[Bin]:
    """The reliability curve of P(first better) = sigmoid(difference), on pairs whose first clip is better."""
    d = np.asarray(differences, np.float64)
    confidence = 1 / (1 + np.exp(-np.abs(d)))
    places = np.minimum(((confidence - 0.5) * 2 * bins).astype(int), bins - 1)
    right = credit(d)
    return [
        Bin(float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum()))
        for place in range(bins)
        if (inside := places == place).any()
    ]


def calibration_error(curve: Sequence[Bin]) -> float:
    """Expected calibration error: |accuracy - confidence| of the bins, weighted by their pairs, 0–0.5."""
    total = sum(one.pairs for one in curve)
    return sum(one.pairs * abs(one.accuracy - one.confidence) for one in curve) / total


def preferred(judgements: Iterable[ItemJudgement], dimension: str) -> list[tuple[ItemJudgement, str, str]]:
    """The preference pairs (judgement, better clip, worse clip) of a dimension."""
    return [
        (judgement, pair.best, pair.worst)
        for judgement in judgements
        for pair in judgement.pairs
        if pair.dimension == dimension
    ]


_OUTCOMES = {Relation.BETTER: 1, Relation.EQUAL: 0, Relation.WORSE: -1}


def decided(judgements: Iterable[ItemJudgement], dimension: str) -> list[tuple[ItemJudgement, str, str, int]]:
    """All pairs of clips that a judgement decides in a dimension, ties too: (judgement, x, y, outcome).

    The outcome is 1 where x is better, -1 where y is, and 0 where they are equal.
    """
    return [
        (judgement, x, y, _OUTCOMES[found])
        for judgement in judgements
        if dimension in judgement.picks
        for x, y in combinations(judgement.rules.clips, 2)
        if (found := relation(judgement.rules, dimension, x, y)) in _OUTCOMES
    ]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far people agree: of the pairs that one prefers, how many another orders the same way."""

    value: float
    pairs: int


def agreement(judgements: Iterable[ItemJudgement], dimension: str) -> Agreement | None:
    """Agreement of two people's judgements of the same item; None where no item has two.

    For every ordered two judgements of an item: the first's preference pairs that the second decides too; it
    agrees where the same clip is better, half where it finds them equal. This is the ceiling for a model
    that is compared with single judgements.
    """
    of_item: defaultdict[str, list[ItemJudgement]] = defaultdict(list)
    for judgement in judgements:
        of_item[judgement.item].append(judgement)
    credits_ = []
    for together in of_item.values():
        for first, second in permutations(together, 2):
            if first.annotator == second.annotator or dimension not in second.picks:
                continue
            for _, better, worse in preferred([first], dimension):
                if {better, worse} <= set(second.rules.clips):
                    found = relation(second.rules, dimension, better, worse)
                    if found in _OUTCOMES:
                        credits_.append((_OUTCOMES[found] + 1) / 2)
    return Agreement(float(np.mean(credits_)), len(credits_)) if credits_ else None


def _wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of `count`."""
    z = 1.959964
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    return max(0.0, middle - reach), min(1.0, middle + reach)
