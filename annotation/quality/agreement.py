"""How far raters agree beyond chance: Krippendorff's alpha, Fleiss' and Cohen's kappa, percent agreement.

Ratings are a matrix (units, raters) of numbers, NaN where a rater did not rate a unit. A unit is what is
given one value (here: a clip of an item, in one dimension); units that hang together (the clips of one item)
share a cluster, and intervals come from drawing whole clusters anew.

All figures but Cohen's kappa follow from a unit's coincidences: the ordered pairs of its m values by
different raters, each of weight 1 / (m - 1), so that a unit weighs as much as it has values. Units with fewer
than two values say nothing of agreement and are left out. Pure numpy.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESAMPLES = 2000
LEAST_CLUSTERS = 10
"""Fewer clusters give no interval: redrawing a handful says little of what others would have shown."""


class Metric(StrEnum):
    """How far two values differ: nominal whether, ordinal by the values between, interval by how much."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


@dataclass(frozen=True)
class Interval:
    """Of 95 %."""

    low: float
    high: float


@dataclass(frozen=True)
class Percent:
    """Shares in 0..1 of pairs of ratings of one unit that are the same: found, and expected by chance."""

    observed: float
    chance: float


def alpha(ratings: Floats, metric: Metric) -> float | None:
    """Krippendorff's alpha (Computing Krippendorff's Alpha-Reliability, 2011): 1 is perfect, 0 is chance.

    `ratings` is (units, raters), NaN for missing. None where it is not defined: no unit was rated twice, or
    all its values are the same, so that nothing could have disagreed.
    """
    found = _alphas(_coincidences(ratings).sum(axis=0)[None], _values(ratings), metric)[0]
    return None if np.isnan(found) else float(found)


def alpha_interval(
    ratings: Floats, clusters: Ints, metric: Metric, *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval | None:
    """The 95 % interval of `alpha`: percentiles over `resamples` draws of as many clusters, with replacement.

    `clusters` (units,) tells which units are drawn together. None where fewer than LEAST_CLUSTERS clusters
    have a unit rated twice, or where no two ratings differ: draws of no disagreement show none. Draws in
    which alpha is not defined are left out. With few clusters it is too narrow, as such intervals are: of
    4-clip items rated by two, it held the true alpha in 88 % of trials at 10 items, 92 % at 50, 94 % at 200.
    """
    coincidences = _coincidences(ratings)
    kept = coincidences.any(axis=(1, 2))
    names, cluster = np.unique(clusters[kept], return_inverse=True)
    if len(names) < LEAST_CLUSTERS:
        return None
    of_cluster = np.zeros((len(names), *coincidences.shape[1:]))
    np.add.at(of_cluster, cluster, coincidences[kept])
    if not _disagreeing(of_cluster).any():
        return None
    # Clusters with the same coincidences are one kind. Drawing kinds by how many clusters they have is the
    # same as drawing clusters, at a cost that stops growing with them.
    kinds, counts = np.unique(of_cluster, axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(names), counts / len(names), size=resamples)
    found = _alphas(np.tensordot(drawn, kinds, axes=1), _values(ratings), metric)
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Interval(float(low), float(high))


def percent_agreement(ratings: Floats) -> Percent | None:
    """How often two ratings of a unit are the same, beside how often two ratings of any units are.

    Units count by their number of values, as in alpha: nominal alpha is (observed - chance) / (1 - chance).
    None where no unit was rated twice.
    """
    total = _coincidences(ratings).sum(axis=0)
    of_value = total.sum(axis=0)
    n = of_value.sum()
    if not n:
        return None
    chance = (of_value * (of_value - 1)).sum() / (n * (n - 1))
    return Percent(float(np.trace(total) / n), float(chance))


def fleiss_kappa(counts: Ints) -> float | None:
    """Fleiss' kappa (Psychological Bulletin 76, 1971) of counts (units, categories): who rated is not told.

    Raises ValueError unless each unit has the same number of ratings, two or more. None where there is no
    unit, or where all ratings are the same.
    """
    if not len(counts):
        return None
    n = int(counts[0].sum())
    if n < 2 or (counts.sum(axis=1) != n).any():
        numbers = sorted(set(counts.sum(axis=1).tolist()))
        raise ValueError(
            f"expected the same number of ratings, two or more, of each unit; got {numbers}. "
            "Leave units out, or use Krippendorff's alpha, which takes any number."
        )
    observed = ((counts * (counts - 1)).sum(axis=1) / (n * (n - 1))).mean()
    return _beyond_chance(observed, float((counts.mean(axis=0) / n) @ (counts.mean(axis=0) / n)))


def cohen_kappa(first: Floats, second: Floats) -> float | None:
    """Cohen's kappa (Educational and Psychological Measurement 20, 1960) of two raters, unweighted.

    `first` and `second` are (units,); units that either did not rate (NaN) are left out. None where they have
    no unit in common, or both gave all units the same value.
    """
    both = ~(np.isnan(first) | np.isnan(second))
    if not both.any():
        return None
    a, b = first[both], second[both]
    values = np.union1d(a, b)
    chance = sum(float((a == value).mean() * (b == value).mean()) for value in values)
    return _beyond_chance(float((a == b).mean()), chance)


def counted(ratings: Floats) -> Ints:
    """Ratings (units, raters) as counts (units, values), the values in ascending order."""
    counts: Ints = (ratings[:, :, None] == _values(ratings)).sum(axis=1)
    return counts


def _values(ratings: Floats) -> Floats:
    return np.unique(ratings[~np.isnan(ratings)])


def _coincidences(ratings: Floats) -> Floats:
    """(units, V, V): for each unit, its ordered pairs of values by different raters, over m - 1."""
    counts = counted(ratings).astype(np.float64)
    others = counts.sum(axis=1) - 1
    pairs = counts[:, :, None] * counts[:, None, :]
    diagonal = np.arange(counts.shape[1])
    pairs[:, diagonal, diagonal] -= counts
    return np.where(others[:, None, None] > 0, pairs / np.maximum(others, 1)[:, None, None], 0.0)


def _alphas(coincidences: Floats, values: Floats, metric: Metric) -> Floats:
    """Alpha of each summed coincidence matrix (draws, V, V); NaN where not defined. `values` (V,) ascend."""
    of_value = coincidences.sum(axis=2)
    n = of_value.sum(axis=1)
    distance = _distances(of_value, values, metric)
    observed = (coincidences * distance).sum(axis=(1, 2))
    expected = (of_value[:, :, None] * of_value[:, None, :] * distance).sum(axis=(1, 2))
    defined = expected > 0
    return np.where(defined, 1 - (n - 1) * observed / np.where(defined, expected, 1.0), np.nan)


def _distances(of_value: Floats, values: Floats, metric: Metric) -> Floats:
    """Squared differences (draws, V, V) of values; ordinal ones depend on how often each value occurs.

    Ordinal: the values from one to the other, the ends by half, counted and squared; that is the difference
    of their mean ranks.
    """
    if metric is Metric.NOMINAL:
        return np.broadcast_to(1 - np.eye(len(values)), (*of_value.shape, len(values)))
    if metric is Metric.INTERVAL:
        return np.broadcast_to((values[:, None] - values) ** 2, (*of_value.shape, len(values)))
    rank = np.cumsum(of_value, axis=1) - of_value / 2
    squares: Floats = (rank[:, :, None] - rank[:, None, :]) ** 2
    return squares


def _disagreeing(coincidences: Floats) -> Floats:
    return coincidences * (1 - np.eye(coincidences.shape[1]))


def _beyond_chance(observed: float, chance: float) -> float | None:
    return None if chance >= 1 else float((observed - chance) / (1 - chance))
