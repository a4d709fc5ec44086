"""Agreement on scores: against published examples, evalica, mean squares, least squares and plain loops."""

from typing import Literal, get_args

import evalica
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.anova import anova_lm

from annotation.quality import agreement as matrix
from annotation.quality.resampling import Floats, Ints
from annotation.quality.scoreagreement import MOST, ScoreAgreement, agreement

# Shrout and Fleiss, Psychological Bulletin 86 (1979), table 2: six subjects, four judges.
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def of(ratings: Floats, prompts: Ints | None = None) -> ScoreAgreement:
    """Of a matrix (items, raters), NaN for none."""
    item, rater = np.indices(ratings.shape)
    clusters = None if prompts is None else np.repeat(prompts, ratings.shape[1]).tolist()
    return agreement(item.ravel(), rater.ravel(), ratings.ravel(), clusters)


def test_shrout_and_fleiss_example() -> None:
    found = of(SHROUT_FLEISS)
    assert found.icc_a1.value == pytest.approx(0.29, abs=0.005)  # their ICC(2,1)
    assert found.icc_c1.value == pytest.approx(0.71, abs=0.005)  # their ICC(3,1)
    for one in (found.icc_a1, found.icc_c1):
        assert one.low is not None
        assert one.value is not None
        assert one.high is not None
        assert one.low < one.value < one.high
    means = SHROUT_FLEISS.mean(axis=0)
    assert [one.mean for one in found.raters] == pytest.approx(means)
    assert [one.severity for one in found.raters] == pytest.approx(means.mean() - means)


Distance = Literal["nominal", "ordinal", "interval"]
MATRICES = arrays(
    np.float64,
    st.tuples(st.integers(1, 8), st.integers(1, 4)),
    elements=st.sampled_from([1.0, 2.0, 2.5, 5.0, np.nan]),
)


@settings(deadline=None)
@given(MATRICES)
def test_alpha_is_that_of_the_matrix_and_evalicas(ratings: Floats) -> None:
    found = of(ratings)
    ours = (found.alpha_nominal, found.alpha_ordinal, found.alpha_interval)
    twice = ratings[(~np.isnan(ratings)).sum(axis=1) > 1]
    assert found.items == len(twice)
    for name, one in zip(get_args(Distance), ours, strict=True):
        expected = matrix.alpha(ratings, matrix.Metric(name))
        assert one.value == (None if expected is None else pytest.approx(expected))
        if expected is not None:
            theirs = evalica.alpha(pd.DataFrame(twice.T), distance=name).alpha
            assert one.value == pytest.approx(theirs, abs=1e-9)


def test_the_intraclass_correlation_is_that_of_the_sums_of_squares_with_scores_missing() -> None:
    """Henderson's third method, sums of squares from least squares, coefficients from dense traces."""
    rng = np.random.default_rng(1)
    ratings = rng.normal(size=(25, 1)) + np.array([0.0, 1.0, -0.5, 0.2]) + rng.normal(0, 0.8, (25, 4))
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    ratings[(~np.isnan(ratings)).sum(axis=1) < 2] = np.nan
    item, rater = (~np.isnan(ratings)).nonzero()
    frame = pd.DataFrame({"item": item, "rater": rater, "y": ratings[item, rater]})
    squares = anova_lm(smf.ols("y ~ C(item) + C(rater)", frame).fit(), typ=2)
    rest = squares["sum_sq"]["Residual"] / squares["df"]["Residual"]
    found = {}
    for name, other in (("item", "rater"), ("rater", "item")):
        dummies, beside = (pd.get_dummies(frame[key]).to_numpy(float) for key in (name, other))
        apart = np.eye(len(frame)) - beside @ np.linalg.pinv(beside)
        row = f"C({name})"
        explained = squares["sum_sq"][row] - rest * squares["df"][row]
        found[name] = explained / np.trace(dummies.T @ apart @ dummies)
    ours = of(ratings)
    assert ours.icc_c1.value == pytest.approx(found["item"] / (found["item"] + rest))
    assert ours.icc_a1.value == pytest.approx(found["item"] / (found["item"] + found["rater"] + rest))
    fit = smf.ols("y ~ C(item) + C(rater)", frame).fit()
    effects = np.r_[0, [fit.params[f"C(rater)[T.{k}]"] for k in (1, 2, 3)]]
    weights = np.bincount(rater)
    assert [one.severity for one in ours.raters] == pytest.approx(effects @ weights / weights.sum() - effects)


def test_intervals_are_of_drawing_whole_prompts() -> None:
    """Against the plain way: draw prompts, put their items together, compute anew."""
    rng = np.random.default_rng(2)
    prompts = np.repeat(np.arange(30), 4)
    truth = rng.normal(size=30)[prompts] + rng.normal(0, 0.5, 120)
    ratings = np.clip(np.round(3 + truth[:, None] + [-0.4, 0.0, 0.6] + rng.normal(0, 0.6, (120, 3))), 1, 5)
    ratings[rng.random(ratings.shape) < 0.2] = np.nan
    found = of(ratings, prompts)
    assert found.prompts == 30
    names = ("alpha_nominal", "alpha_ordinal", "alpha_interval", "icc_a1", "icc_c1")
    plain = []
    for _draw in range(150):
        drawn = np.concatenate([np.flatnonzero(prompts == k) for k in rng.integers(30, size=30)])
        item, rater = np.indices((len(drawn), 3))
        once = agreement(item.ravel(), rater.ravel(), ratings[drawn].ravel(), draws=1)
        plain.append([getattr(once, name).value for name in names])
    spread = np.std(np.array(plain, float), axis=0)
    for name, one in zip(names, spread, strict=True):
        figure = getattr(found, name)
        assert (figure.high - figure.low) / (2 * 2.08) == pytest.approx(one, rel=0.2), name
    alone = of(ratings)
    assert alone.alpha_ordinal.low is not None
    assert found.alpha_ordinal.low is not None
    assert alone.alpha_ordinal.low > found.alpha_ordinal.low, "items of one prompt hang together"


def test_what_is_not_defined_is_none() -> None:
    for ratings in (np.full((6, 1), 3.0), np.full((6, 3), 3.0), np.full((6, 3), np.nan)):
        found = of(ratings)
        figures = (found.alpha_nominal, found.alpha_ordinal, found.alpha_interval, found.icc_a1, found.icc_c1)
        assert {(one.value, one.low, one.high) for one in figures} == {(None, None, None)}
    alone = of(np.array([[1, np.nan], [2, np.nan], [np.nan, 4]]))
    assert [one.severity for one in alone.raters] == [None, None]
    agreed = of(np.repeat(np.arange(8.0)[:, None], 2, axis=1))
    assert (agreed.alpha_ordinal.value, agreed.alpha_ordinal.low) == (1, None), (
        "draws of it would be 1 as well"
    )
    with pytest.raises(ValueError, match=f"{MOST + 1} raters"):
        agreement(range(MOST + 1), range(MOST + 1), np.ones(MOST + 1))


def test_raters_who_never_meet_are_strict_only_among_their_own() -> None:
    ratings = np.full((20, 4), np.nan)
    ratings[:10, :2] = [1, 3]
    ratings[10:, 2:] = [4, 5]
    found = of(ratings + np.arange(20)[:, None] % 2 * 0.25)
    assert [one.severity for one in found.raters] == pytest.approx([1, -1, 0.5, -0.5])
