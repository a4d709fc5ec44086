"""Fits against other implementations: the written-out likelihood maximised by scipy, evalica,
statsmodels, and Davidson's published example."""

import warnings

import evalica
import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from arena.numerics import online
from arena.numerics.covariates import counted_with, standardised
from arena.ratings import ELO, Counts, Floats, Ties, counted, fitted

MODELS = 4
Vote = tuple[int, int, int]
"""Left model, right model, and what was said: 0 left, 1 right, 2 a tie."""

votes = st.lists(
    st.tuples(st.integers(0, MODELS - 1), st.integers(0, MODELS - 1), st.integers(0, 2)).filter(
        lambda vote: vote[0] != vote[1]
    ),
    min_size=10,
    max_size=60,
)
several = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def columns(drawn: list[Vote]) -> tuple[Floats, Floats, Floats]:
    """With a ring in which everybody beats the next one on either side, so that a maximum exists."""
    ring = [(i, (i + 1) % MODELS, 0) for i in range(MODELS)] + [
        ((i + 1) % MODELS, i, 1) for i in range(MODELS)
    ]
    left, right, said = np.array([*ring, *drawn]).T
    return left, right, said


def likelihood(
    point: Floats, ties: Ties, left: Floats, right: Floats, said: Floats, design: Floats, weight: Floats
) -> float:
    """Minus the logarithm, vote by vote, as the papers write it. Parameters: strengths, the side, the
    effects of the design's columns, and nu or ln theta."""
    strength = np.exp(point[:MODELS])
    shift = np.exp(point[MODELS] + design @ point[MODELS + 1 : -1])
    one, other, tie = strength[left] * shift, strength[right], np.abs(point[-1])
    if ties is Ties.HALF_WINS:
        wins, losses = np.log(one / (one + other)), np.log(other / (one + other))
        drawn = (wins + losses) / 2
    elif ties is Ties.DAVIDSON:
        total = one + other + tie * np.sqrt(one * other)
        wins, losses, drawn = (
            np.log(one / total),
            np.log(other / total),
            np.log(tie * np.sqrt(one * other) / total),
        )
    else:
        theta = np.exp(tie)
        wins, losses = np.log(one / (one + theta * other)), np.log(other / (other + theta * one))
        drawn = np.log((theta**2 - 1) * one * other / ((one + theta * other) * (other + theta * one)))
    return float(-(weight * np.choose(said.astype(int), [wins, losses, drawn])).sum())


def brute_force(ties: Ties, side: bool, *data: Floats) -> tuple[Floats, float, Floats, float]:
    """Centred strengths, the side, effects and the tie parameter, by a search that knows no derivative of
    ours."""
    design = data[3]
    free = np.r_[np.ones(MODELS - 1, bool), False, side, np.ones(design.shape[1] + 1, bool)]
    tie = ties is not Ties.HALF_WINS and bool((data[2] == 2).any())
    free[-1] = tie

    def value(some: Floats) -> float:
        point = np.zeros(len(free))
        point[-1] = 1e-300 if not tie else 0.5
        point[free] = some
        return likelihood(point, ties, *data)

    some = np.zeros(free.sum())
    if tie:
        some[-1] = 0.5
    some = minimize(value, some, method="BFGS").x
    # Steps of Newton by finite differences take the search to the last digits.
    point = np.zeros(len(free))
    for _step in range(3):
        some = some - np.linalg.solve(curvature(value, some), slope(value, some))
    point[free] = some
    strength = point[:MODELS]
    return strength - strength.mean(), float(point[MODELS]), point[MODELS + 1 : -1], float(abs(point[-1]))


def slope(value, at: Floats, step: float = 1e-4) -> Floats:  # type: ignore[no-untyped-def]
    """By differences of fourth order."""
    each = step * np.eye(len(at))
    return np.array(
        [
            (8 * (value(at + e) - value(at - e)) - value(at + 2 * e) + value(at - 2 * e)) / (12 * step)
            for e in each
        ]
    )


def curvature(value, at: Floats, step: float = 1e-3) -> Floats:  # type: ignore[no-untyped-def]
    each = step * np.eye(len(at))
    return np.array([(slope(value, at + e) - slope(value, at - e)) / (2 * step) for e in each])


@pytest.mark.parametrize("side", [False, True])
@pytest.mark.parametrize("ties", Ties)
@given(drawn=votes)
@several
def test_the_fit_is_at_the_maximum_of_the_likelihood(ties: Ties, side: bool, drawn: list[Vote]) -> None:
    left, right, said = columns(drawn)
    nothing, ones = np.zeros((len(left), 0)), np.ones(len(left))
    strength, bias, _effects, tie = brute_force(ties, side, left, right, said, nothing, ones)
    found = fitted(counted(left, right, said, MODELS), MODELS, ties, side)
    assert not found.prior
    assert not found.side_prior
    assert found.strength == pytest.approx(strength, abs=1e-6)
    assert found.side == pytest.approx(bias, abs=1e-6)
    if ties is Ties.DAVIDSON:
        assert found.tie == pytest.approx(tie if (said == 2).any() else 0, abs=1e-6)
    if ties is Ties.RAO_KUPPER:
        assert found.tie == pytest.approx(np.exp(tie) if (said == 2).any() else 1, abs=1e-6)


@pytest.mark.parametrize("ties", Ties)
@given(drawn=votes, seed=st.integers(0, 1000))
@several
def test_weights_and_covariates_too(ties: Ties, drawn: list[Vote], seed: int) -> None:
    left, right, said = columns(drawn)
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.2, 3, len(left))
    design, _unit = standardised(rng.normal(size=(len(left), 2)))
    data = (left, right, said, design, weight)
    found = fitted(counted_with(design, left, right, said, weight=weight), MODELS, ties)
    assume(not found.prior and not found.side_prior and np.abs(found.point).max() < 4)
    strength, bias, effects, _tie = brute_force(ties, True, *data)
    assert found.strength == pytest.approx(strength, abs=1e-6)
    assert found.side == pytest.approx(bias, abs=1e-6)
    assert found.effects == pytest.approx(effects, abs=1e-6)


@given(drawn=votes)
@settings(max_examples=60, deadline=None)
def test_half_wins_are_what_evalica_computes(drawn: list[Vote]) -> None:
    left, right, said = columns(drawn)
    ours = fitted(counted(left, right, said, MODELS), MODELS, side=False)
    theirs = evalica.bradley_terry(left, right, winners(said), tolerance=1e-14, limit=1_000_000)
    strengths = np.log(theirs.scores.sort_index().to_numpy())
    assert ours.strength == pytest.approx(strengths - strengths.mean(), abs=1e-6)


@given(drawn=votes)
@settings(max_examples=60, deadline=None)
def test_online_elo_is_what_evalica_computes(drawn: list[Vote]) -> None:
    left, right, said = columns(drawn)
    ours = online.history(left, right, said, MODELS, np.array([3, len(left)]))
    for row, first in zip(ours, (3, len(left)), strict=True):
        theirs = evalica.elo(left[:first], right[:first], winners(said[:first])).scores
        expected = np.full(MODELS, 1000.0)
        expected[theirs.index] = theirs.to_numpy()
        assert row == pytest.approx(expected, abs=1e-6)


@given(drawn=votes)
@settings(max_examples=20, deadline=None)
def test_without_ties_it_is_the_logistic_regression_of_statsmodels(drawn: list[Vote]) -> None:
    left, right, said = columns([vote for vote in drawn if vote[2] != 2])
    found = fitted(counted(left, right, said, MODELS), MODELS)
    design = np.zeros((len(left), MODELS + 1))
    design[np.arange(len(left)), left] += 1
    design[np.arange(len(left)), right] -= 1
    design[:, -1] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = sm.Logit(said == 0, design[:, 1:]).fit(method="newton", disp=0, tol=1e-14, maxiter=100)
    strength = np.r_[0.0, theirs.params[:-1]]
    assert found.strength == pytest.approx(strength - strength.mean(), abs=1e-6)
    assert found.side == pytest.approx(theirs.params[-1], abs=1e-6)


# Davidson 1970, chocolate puddings: i, j, wins of i, wins of j, ties.
PUDDINGS = """
1 2 19 22 16   1 3 16 19 12   2 3 19 19 10   1 4 18 23 13   2 4 23 19  9
3 4 19 20 15   1 5 13 19 18   2 5 16 20 12   3 5 16 15 17   4 5 17 14 16
1 6 18 21 12   2 6 22 20 12   3 6 13 18 10   4 6 14 19 18   5 6 11 21 12
"""


def puddings() -> Counts:
    i, j, *rest = np.array(PUDDINGS.split(), int).reshape(-1, 5).T
    return Counts(i - 1, j - 1, *(column.astype(float) for column in rest))


def test_davidsons_own_example() -> None:
    fit = fitted(puddings(), 6, Ties.DAVIDSON, side=False)
    shares = np.exp(fit.strength) / np.exp(fit.strength).sum()
    assert shares == pytest.approx([0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024], abs=5e-5)
    assert fit.tie == pytest.approx(0.7468, abs=5e-5)


def test_half_wins_shrink_the_scale_and_tie_parameters_do_not() -> None:
    rng = np.random.default_rng(2)
    strength = np.linspace(-1, 1, MODELS)
    left = rng.integers(0, MODELS, 400_000)
    right = (left + rng.integers(1, MODELS, len(left))) % MODELS
    for ties in (Ties.DAVIDSON, Ties.RAO_KUPPER):
        d, tie = strength[left] - strength[right], 2.5
        if ties is Ties.DAVIDSON:
            odds = np.stack([np.exp(d / 2), np.exp(-d / 2), np.full_like(d, tie)])
            chances = odds / odds.sum(0)
        else:
            won, lost = 1 / (1 + tie * np.exp(-d)), 1 / (1 + tie * np.exp(d))
            chances = np.stack([won, lost, 1 - won - lost])
        said = (rng.random(len(d)) > np.cumsum(chances, 0)[:2]).sum(0)
        counts = counted(left, right, said, MODELS)
        found = fitted(counts, MODELS, ties)
        assert found.strength == pytest.approx(strength, abs=0.02)
        assert found.tie == pytest.approx(tie, rel=0.02)
        assert np.ptp(fitted(counts, MODELS).strength) < 0.85 * 2


def winners(said: Floats) -> list[evalica.Winner]:
    names = (evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw)
    return [names[answer] for answer in said.tolist()]


def test_elo_points_are_of_the_usual_scale() -> None:
    assert 1 / (1 + np.exp(-200 / ELO)) == pytest.approx(1 / (1 + 10**-0.5))
