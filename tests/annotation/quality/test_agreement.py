"""Agreement beyond chance, against published worked examples and against plain loops over the definition."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annotation.quality import agreement
from annotation.quality.agreement import Floats, Metric

NAN = np.nan
# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: four observers, twelve units.
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T
# Section B of the same: two observers, twelve units, five categories a to e, and section A: ten binary units.
NOMINAL = np.array([[1, 1, 2, 2, 4, 3, 3, 3, 5, 4, 4, 1], [2, 1, 2, 2, 2, 3, 3, 3, 5, 4, 4, 4]]).T
BINARY = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]).T
# Fleiss' kappa as usually worked: ten subjects, fourteen raters, five categories.
FLEISS = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)
# Boyd et al. (1982), 85 mammograms read by two radiologists, as in Altman (1991, p. 403) and Stata's `kap`.
MAMMOGRAMS = np.array([[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("ratings", "metric", "published"),
    [
        (KRIPPENDORFF, Metric.NOMINAL, 0.743),
        (KRIPPENDORFF, Metric.ORDINAL, 0.815),
        (KRIPPENDORFF, Metric.INTERVAL, 0.849),
        (NOMINAL, Metric.NOMINAL, 0.692),
        (BINARY, Metric.NOMINAL, 0.095),
        (BINARY, Metric.ORDINAL, 0.095),
    ],
)
def test_alpha_is_the_published_one(ratings: Floats, metric: Metric, published: float) -> None:
    assert agreement.alpha(ratings.astype(float), metric) == pytest.approx(published, abs=0.0005)


def test_fleiss_kappa_is_the_published_one() -> None:
    assert agreement.fleiss_kappa(FLEISS) == pytest.approx(0.210, abs=0.0005)
    with pytest.raises(ValueError, match=r"got \[13, 14\]"):
        agreement.fleiss_kappa(FLEISS - np.eye(10, 5, -5, dtype=int))


def test_cohen_kappa_is_the_published_one() -> None:
    one, other = np.nonzero(MAMMOGRAMS)
    ratings = np.repeat(np.c_[one, other], MAMMOGRAMS[one, other], axis=0).astype(float)
    assert agreement.cohen_kappa(*ratings.T) == pytest.approx(0.4728, abs=0.00005)
    unread = np.r_[ratings, [[NAN, 1], [2, NAN]]]
    assert agreement.cohen_kappa(*unread.T) == agreement.cohen_kappa(*ratings.T)


MATRICES = arrays(
    np.float64,
    st.tuples(st.integers(0, 7), st.integers(0, 4)),
    elements=st.sampled_from([-1.0, 0.0, 1.0, 5.0, NAN]),
)


@settings(deadline=None)
@given(MATRICES, st.sampled_from(list(Metric)))
def test_alpha_is_what_loops_over_the_definition_give(ratings: Floats, metric: Metric) -> None:
    units = [[value for value in row if not np.isnan(value)] for row in ratings]
    units = [values for values in units if len(values) > 1]
    pooled = [value for values in units for value in values]

    def distance(c: float, k: float) -> float:
        if metric is Metric.NOMINAL:
            return float(c != k)
        if metric is Metric.INTERVAL:
            return (c - k) ** 2
        between = sum(min(c, k) <= value <= max(c, k) for value in pooled)
        return float(between - (pooled.count(c) + pooled.count(k)) / 2) ** 2

    n = len(pooled)
    observed = sum(
        distance(c, k) / (len(values) - 1) for values in units for c, k in itertools.permutations(values, 2)
    )
    expected = sum(distance(c, k) for c, k in itertools.permutations(pooled, 2))
    found = agreement.alpha(ratings, metric)
    assert found == (pytest.approx(1 - (n - 1) * observed / expected) if expected else None)
    percent = agreement.percent_agreement(ratings)
    assert (percent is None) == (not units)
    if percent and expected and metric is Metric.NOMINAL:
        assert found == pytest.approx((percent.observed - percent.chance) / (1 - percent.chance))


def rated(clusters: int, seed: int) -> tuple[Floats, agreement.Ints]:
    """Items of four clips, rated by two who each see the same order through noise of their own."""
    rng = np.random.default_rng(seed)
    seen = rng.normal(size=(clusters, 4, 1)) + rng.normal(size=(clusters, 4, 2))
    rank = seen.argsort(axis=1).argsort(axis=1)
    values = (rank == 3).astype(float) - (rank == 0)
    return values.reshape(-1, 2), np.repeat(np.arange(clusters), 4)


def test_the_interval_is_that_of_drawing_whole_clusters() -> None:
    """Against the plain way: draw items, stack their rows, take alpha."""
    ratings, clusters = rated(40, seed=3)
    found = agreement.alpha_interval(ratings, clusters, Metric.ORDINAL, seed=1, resamples=4000)
    assert found == agreement.alpha_interval(ratings, clusters, Metric.ORDINAL, seed=1, resamples=4000)
    rng = np.random.default_rng(2)
    of_item = ratings.reshape(40, 4, 2)
    plain = [
        agreement.alpha(of_item[rng.integers(40, size=40)].reshape(-1, 2), Metric.ORDINAL)
        for _draw in range(1500)
    ]
    low, high = np.percentile(np.array(plain, float), [2.5, 97.5])
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)
    alone = agreement.alpha_interval(ratings, np.arange(160), Metric.ORDINAL)
    assert alone is not None
    assert alone.high - alone.low != pytest.approx(found.high - found.low, abs=0.015), "clusters matter here"


def test_no_interval_where_drawing_anew_says_nothing() -> None:
    ratings, clusters = rated(9, seed=3)
    assert agreement.alpha_interval(ratings, clusters, Metric.ORDINAL) is None, "too few items"
    agreed = np.repeat(rated(30, seed=3)[0][:, :1], 2, axis=1)
    assert agreement.alpha(agreed, Metric.ORDINAL) == 1
    assert agreement.alpha_interval(agreed, np.arange(120), Metric.ORDINAL) is None, "no disagreement"
