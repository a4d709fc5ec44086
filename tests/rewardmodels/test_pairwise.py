"""Losses and accuracies of pairs, against plain definitions."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardmodels.train.pairwise import accuracy, anchored_loss, bradley_terry_loss, pair_credits

_SCORES = st.lists(st.tuples(st.sampled_from([-2.0, 0.0, 0.5, 3.0]), st.sampled_from([-2.0, 0.0, 0.5, 3.0])))


@given(_SCORES.filter(bool))
def test_credits_count_wins_and_half_the_ties(scores: list[tuple[float, float]]) -> None:
    better, worse = torch.tensor(scores).T
    plain = [1.0 if b > w else 0.5 if b == w else 0.0 for b, w in scores]
    assert pair_credits(better, worse).tolist() == plain


@given(_SCORES.filter(bool))
def test_the_loss_is_minus_the_log_likelihood(scores: list[tuple[float, float]]) -> None:
    better, worse = torch.tensor(scores).T
    plain = sum(math.log1p(math.exp(w - b)) for b, w in scores) / len(scores)
    assert bradley_terry_loss(better, worse).item() == pytest.approx(plain, rel=1e-5)


def test_equal_scores_lose_ln_2() -> None:
    assert bradley_terry_loss(torch.ones(3), torch.ones(3)).item() == pytest.approx(math.log(2))


def test_the_scale_is_held() -> None:
    near, far = torch.tensor([1.0, 3.0]), torch.tensor([101.0, -97.0])
    assert bradley_terry_loss(near, near - 1).item() == pytest.approx(bradley_terry_loss(far, far - 1).item())
    assert anchored_loss(near, near - 1) < anchored_loss(far, far - 1)


def test_the_interval_is_over_clips() -> None:
    """Accuracies 1.0, 0.5, 0.75 of three clips: mean 0.75, standard error 0.25/sqrt(3), t(2) = 4.303."""
    credits_ = [1, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 0]
    found = accuracy(credits_, ["a"] * 4 + ["b"] * 4 + ["c"] * 4)
    assert found.value == 0.75
    assert found.low == pytest.approx(0.75 - 4.303 * 0.25 / math.sqrt(3), abs=1e-9)
    assert found.high == 1.0
    assert (found.pairs, found.clusters) == (12, 3)


def test_one_clip_tells_nothing_of_the_spread() -> None:
    found = accuracy([1, 1, 0, 1], ["a"] * 4)
    assert (found.value, found.low, found.high) == (0.75, 0.0, 1.0)
