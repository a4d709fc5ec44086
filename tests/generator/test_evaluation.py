"""Before against after: paired values, intervals and the sign-flip test, beside other implementations."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from generator.evaluation import paired, sign_flip

NUMBERS = st.lists(st.integers(-20, 20).map(float), min_size=2, max_size=8)


@given(NUMBERS)
def test_the_sign_flip_test_counts_every_pattern(differences: list[float]) -> None:
    reached = [
        abs(sum(sign * value for sign, value in zip(signs, differences, strict=True)))
        >= abs(sum(differences))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    assert sign_flip(differences) == pytest.approx(sum(reached) / len(reached))


def test_many_prompts_are_drawn_and_agree_with_scipy() -> None:
    values = np.random.default_rng(3).normal(0.3, 1, 40)
    expected = stats.permutation_test(
        (values, np.zeros(40)),
        lambda x, y: np.mean(x - y),
        permutation_type="samples",
        n_resamples=20_000,
        rng=1,
    ).pvalue
    assert sign_flip(values) == pytest.approx(expected, abs=0.015)


def test_clips_of_one_prompt_count_as_one() -> None:
    before = {(1, 1): 0.2, (1, 2): 0.4, (2, 1): 0.5, (3, 1): 0.1, (9, 9): 1.0}
    after = {(1, 1): 0.4, (1, 2): 0.4, (2, 1): 0.6, (3, 1): 0.4}
    found = paired(before, after)
    differences = [0.1, 0.1, 0.3]
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (found.prompts, found.pairs) == (3, 4)
    assert found.before == pytest.approx((0.3 + 0.5 + 0.1) / 3)
    assert found.difference == pytest.approx(np.mean(differences))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.p == 2 / 8


def test_one_prompt_has_no_interval_and_none_is_refused() -> None:
    alone = paired({(1, 1): 0.0}, {(1, 1): 1.0})
    assert (alone.difference, alone.low, alone.p) == (1.0, None, None)
    with pytest.raises(ValueError, match="both before and after"):
        paired({(1, 1): 0.0}, {(1, 2): 1.0})
