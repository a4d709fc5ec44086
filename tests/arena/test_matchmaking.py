"""Chances of pairs: always a distribution with a floor, by a gain that is what one more vote gains."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arena.numerics.matchmaking import (
    EXPLORATION,
    covariance_of,
    gains,
    pair_probabilities,
    prompt_probabilities,
)
from arena.ratings import ELO, counted, rate

N = 5
strengths = hnp.arrays(float, N, elements=st.floats(-20, 20) | st.just(np.nan))
meetings = hnp.arrays(float, (N, N), elements=st.integers(0, 10_000))
weightings = hnp.arrays(float, N, elements=st.floats(0.01, 10) | st.just(0.0))
allowances = hnp.arrays(bool, (N, N))


@given(strengths, meetings, weightings, allowances)
@settings(max_examples=100, deadline=None)
def test_a_distribution_in_which_every_possible_pair_has_a_floor(
    strength: np.ndarray, met: np.ndarray, weights: np.ndarray, allowed: np.ndarray
) -> None:
    chance = pair_probabilities(strength, None, met, weights, allowed)
    possible = (allowed | allowed.T) & ~np.eye(N, dtype=bool) & (np.outer(weights, weights) > 0)
    assert (chance[~possible] == 0).all()
    assert chance == pytest.approx(chance.T)
    if possible.any():
        assert chance.sum() == pytest.approx(1)
        share = np.outer(weights, weights) * possible
        assert (chance >= EXPLORATION * share / share.sum() * (1 - 1e-9)).all()
    else:
        assert chance.sum() == 0


def test_the_gain_is_what_one_more_vote_takes_off_the_variances() -> None:
    rng = np.random.default_rng(0)
    strength, met = rng.normal(size=N), rng.integers(0, 50, (N, N)).astype(float)
    before = covariance_of(strength, met)
    found = gains(strength, before)

    def centred(covariance: np.ndarray) -> float:
        middle = np.eye(N) - 1 / N
        return float(np.trace(middle @ covariance @ middle))

    for i, j in ((0, 1), (2, 4), (3, 0)):
        one = met.copy()
        one[i, j] += 1
        assert found[i, j] == pytest.approx(centred(before) - centred(covariance_of(strength, one)))
        assert found[i, j] == pytest.approx(found[j, i])


def test_the_covariance_by_counts_is_about_that_of_the_fit() -> None:
    rng = np.random.default_rng(1)
    strength = np.linspace(-1, 1, N)
    left = rng.integers(0, N, 20_000)
    right = (left + rng.integers(1, N, len(left))) % N
    said = (rng.random(len(left)) > 1 / (1 + np.exp(strength[right] - strength[left]))).astype(int)
    counts = counted(left, right, said, N)
    met = np.zeros((N, N))
    met[counts.left, counts.right] = counts.votes
    found = rate(counts, N, side=False)
    middle = np.eye(N) - 1 / N
    assert middle @ covariance_of(found.fit.strength, met) @ middle == pytest.approx(
        found.covariance / ELO**2, abs=2e-5
    )
    given_both = pair_probabilities(found.fit.strength, found.covariance / ELO**2, met)
    assert given_both == pytest.approx(pair_probabilities(found.fit.strength, None, met), abs=0.003)


def test_new_models_come_first_then_pairs_whose_result_is_open() -> None:
    met = np.full((N, N), 500.0)
    met[4] = met[:, 4] = 0
    strength = np.array([1.5, 0.1, 0.0, -1.5, np.nan])
    chance = pair_probabilities(strength, None, met)
    assert chance[4].sum() + chance[:, 4].sum() > 0.85
    known_alike = pair_probabilities(strength[:4], 0.01 * np.eye(4), met[:4, :4])
    assert known_alike[1, 2] > 2 * known_alike[0, 3] > 0


def test_battles_that_wait_send_the_next_voter_elsewhere() -> None:
    strength, met = np.zeros(3), np.full((3, 3), 10.0)
    waiting = met.copy()
    waiting[0, 1] += 30
    alike = pair_probabilities(strength, None, met)
    after = pair_probabilities(strength, None, waiting)
    assert alike[0, 1] == pytest.approx(1 / 6)
    assert after[0, 1] < alike[0, 1] < after[0, 2]


def test_a_model_that_weighs_more_is_shown_more() -> None:
    strength, met = np.zeros(N), np.full((N, N), 100.0)
    shown = pair_probabilities(strength, None, met, np.array([2.0, 1, 1, 1, 0])).sum(1)
    assert shown[0] > 1.4 * shown[1] > 0
    assert shown[4] == 0
    with pytest.raises(ValueError, match="expected numbers of at least 0"):
        pair_probabilities(strength, None, met, np.array([1.0, 1, 1, 1, -1]))


def test_prompts_stay_balanced_and_none_is_certain() -> None:
    rng = np.random.default_rng(2)
    shown, weights = np.zeros(20), np.r_[np.full(10, 1.0), np.full(9, 3.0), 0.0]
    for _battle in range(4000):
        chance = prompt_probabilities(shown, weights)
        assert chance.sum() == pytest.approx(1)
        shown[rng.choice(20, p=chance)] += 1
    assert shown[:10] == pytest.approx(4000 / 37, abs=6)
    assert shown[10:19] == pytest.approx(3 * 4000 / 37, abs=6)
    assert shown[19] == 0
    assert (prompt_probabilities(np.array([0.0, 0, 5]))[:2] < 0.51).all()
    assert prompt_probabilities(np.zeros(0)).tolist() == []
