"""The power calculation, against simulated evaluations and against its own inverse."""

import numpy as np
import pytest
from scipy import stats

from arena.numerics import power
from arena.numerics.mixedmodel import Components
from tests.arena import simulated_scores

COMPONENTS = Components(prompt=0.3, prompt_model=0.2, residual=0.5)


def test_simulated_evaluations_find_a_difference_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    spreads = {"prompt_sd": 0.3**0.5, "clip_sd": 0.2**0.5, "rest_sd": 0.5**0.5}
    hits = []
    for _evaluation in range(200):
        frame = simulated_scores.scores(rng, 60, np.array([3.0, 3.3]), np.array([0.4, 0.0]), 2, **spreads)
        means = frame.groupby(["prompt", "model"])["score"].mean().unstack()
        hits.append(stats.ttest_rel(means["m0"], means["m1"]).pvalue < 0.05)
    expected = power.likert_power(0.3, 60, 2, COMPONENTS)
    assert 0.5 < expected < 0.8
    assert np.mean(hits) == pytest.approx(expected, abs=0.1)


def test_simulated_verdicts_find_a_net_as_often_as_it_says() -> None:
    """With probability r a prompt's verdicts are all its first one, which correlates any two by r."""
    rng, net, same, r = np.random.default_rng(2), 0.2, 0.3, 0.4
    chances = [(1 - same + net) / 2, same, (1 - same - net) / 2]
    said = rng.choice([1, 0, -1], p=chances, size=(2000, 50, 3))
    said = np.where(rng.random((2000, 50, 1)) < r, said[:, :, :1], said)
    hits = stats.ttest_1samp(said.mean(axis=2), 0, axis=1).pvalue < 0.05
    assert hits.mean() == pytest.approx(power.gsb_power(net, 50, 3, same=same, correlation=r), abs=0.03)


def test_the_need_is_the_fewest_prompts_that_reach_the_power() -> None:
    need = power.likert_need(0.2, 3, COMPONENTS, models=5, comparisons=10)
    assert need.judgements == need.prompts * 3 * 5
    assert need.power >= 0.8
    assert power.likert_power(0.2, need.prompts, 3, COMPONENTS, comparisons=10) == need.power
    assert power.likert_power(0.2, need.prompts - 1, 3, COMPONENTS, comparisons=10) < 0.8
    verdicts = power.gsb_need(-0.15, 2, same=0.4, power=0.9, opponents=3)
    assert verdicts.judgements == verdicts.prompts * 6
    assert power.gsb_power(0.15, verdicts.prompts - 1, 2, same=0.4) < 0.9 <= verdicts.power
    plain = 2 * (0.2 + 0.5 / 3) * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2 / 0.2**2
    assert power.likert_need(0.2, 3, COMPONENTS).prompts == pytest.approx(plain, abs=3), "the usual formula"


def test_more_judgements_help_less_and_less_on_the_same_prompts() -> None:
    prompts = [power.likert_need(0.2, overlap, COMPONENTS).prompts for overlap in (1, 2, 4, 100)]
    assert prompts == sorted(prompts, reverse=True)
    assert prompts[3] > 0.9 * power.likert_need(0.2, 1, Components(0, 0.2, 0)).prompts


@pytest.mark.parametrize("difference", [0.3, 3.0, 50.0])
def test_power_lies_between_level_and_certainty(difference: float) -> None:
    found = power.likert_power(difference, 200, 3, COMPONENTS)
    assert 0.05 < found <= 1
    assert power.likert_power(0.0, 200, 3, COMPONENTS) == pytest.approx(0.05)
    assert power.likert_power(difference, 1, 3, COMPONENTS) == 0


def test_what_can_not_be_reached_says_so() -> None:
    with pytest.raises(ValueError, match="more than 10,000,000 prompts"):
        power.likert_need(0.0, 3, COMPONENTS)
    with pytest.raises(ValueError, match=r"net is at most 0\.3; got 0\.5"):
        power.gsb_need(0.5, 3, same=0.7)
    with pytest.raises(ValueError, match="got an overlap of 0"):
        power.gsb_need(0.5, 0)
