"""Intervals and tests by cluster: against enumeration, against statsmodels, and for what they promise."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from annotation.quality import resampling
from annotation.quality.resampling import EXACT, FLIPS

SMALL = st.lists(st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0]), min_size=1, max_size=8)


@given(SMALL)
@settings(deadline=None)
def test_few_clusters_are_turned_in_every_way(differences: list[float]) -> None:
    column = np.array(differences)
    signs = np.array(list(itertools.product((-1, 1), repeat=len(column))))
    expected = (np.abs(signs @ column) >= abs(column.sum())).mean()
    assert resampling.sign_flips(column[:, None])[0] == pytest.approx(expected)


def test_many_clusters_are_turned_at_random_and_a_missing_one_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    column = rng.normal(0.15, 1, 200)
    found = resampling.sign_flips(np.c_[column, np.r_[column[:EXACT], np.zeros(200 - EXACT)], 0 * column])
    assert found[0] == pytest.approx(stats.ttest_1samp(column, 0).pvalue, abs=0.01)
    assert found[1] == resampling.sign_flips(column[:EXACT, None])[0], "exact, as if alone"
    assert found[2] == 1
    far = resampling.sign_flips(np.full((300, 1), 2.0))
    assert far[0] == 1 / (1 + FLIPS), "what was found is one of the patterns"
    several = rng.normal(0.02, 1, (5000, 1))
    assert resampling.sign_flips(several)[0] == pytest.approx(
        stats.ttest_1samp(several[:, 0], 0).pvalue, abs=0.1
    )


def test_p_is_uniform_where_there_is_no_difference() -> None:
    rng = np.random.default_rng(2)
    found = resampling.sign_flips(rng.standard_t(3, (40, 400)))
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_holm_is_statsmodels() -> None:
    rng = np.random.default_rng(3)
    for p in (rng.random(1), rng.random(12) ** 4, np.round(rng.random(9) / 10, 2), np.zeros(3)):
        assert resampling.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
        beside = resampling.holm(np.r_[np.nan, p, np.nan])
        assert np.isnan(beside[[0, -1]]).all()
        assert beside[1:-1] == pytest.approx(resampling.holm(p))


@pytest.mark.parametrize("clusters", [8, 12, 40])
def test_the_interval_of_a_mean_covers_it_with_few_clusters_too(clusters: int) -> None:
    rng = np.random.default_rng(clusters)
    weights = resampling.weights(clusters)
    covered = []
    for _sample in range(300):
        low, high = resampling.interval(weights @ rng.normal(size=clusters) / clusters, clusters)
        assert low is not None
        assert high is not None
        covered.append(low < 0 < high)
    assert 0.91 < np.mean(covered) < 0.99


def test_no_interval_where_nothing_can_be_said() -> None:
    assert resampling.interval(np.arange(100.0), resampling.LEAST_CLUSTERS - 1) == (None, None)
    assert resampling.interval(np.r_[np.full(20, np.nan), np.arange(80.0)], 50) == (None, None)
    assert resampling.interval(np.zeros(0), 0) == (None, None)


def test_many_clusters_in_bundles_give_an_interval_as_wide() -> None:
    rng = np.random.default_rng(4)
    values = rng.gamma(1, size=20_000)
    bundle, count = resampling.bundled(np.arange(20_000))
    assert count == 2000
    assert set(np.bincount(bundle)) == {10}
    drawn = resampling.weights(count) @ np.bincount(bundle, values) / 20_000
    low, high = resampling.interval(drawn, count)
    assert low is not None
    assert high is not None
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(20_000), rel=0.1)
    few, same = resampling.bundled(np.array([0, 1, 1, 2]))
    assert (few.tolist(), same) == ([0, 1, 1, 2], 3)
