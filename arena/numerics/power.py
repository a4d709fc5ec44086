"""How many judgements a difference of a given size needs, of Likert scores and of good/same/bad.

Two models are compared on the same prompts, so what counts is how much their difference varies from prompt to
prompt. With k judgements of each clip (overlap), its variance is

    Likert  2 (s_clip^2 + s_rest^2 / k)               the prompt itself cancels; so do raters who score both
    GSB     (1 - same - net^2) (r + (1 - r) / k)      r: correlation of two verdicts on one pair of clips

so beyond some overlap only more prompts help. Power is of the two-sided t test over prompts at level `alpha`;
with several comparisons, at alpha / comparisons, which Holm's correction never falls below.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from arena.numerics.mixedmodel import Components

MOST_PROMPTS = 10_000_000
TYPICAL = Components(prompt=0.3, prompt_model=0.3, residual=0.6)
"""In squared points of a five-point scale: assumed where no evaluation has told yet."""


@dataclass(frozen=True)
class Need:
    prompts: int
    overlap: int
    judgements: int
    """In one dimension."""
    power: float
    """What so many prompts have; at least what was asked for."""


def likert_power(
    difference: float,
    prompts: int,
    overlap: int,
    components: Components,
    *,
    alpha: float = 0.05,
    comparisons: int = 1,
) -> float:
    """The chance, 0..1, of finding two models that truly differ by `difference` points different."""
    return _power(abs(difference), _likert_variance(overlap, components), prompts, alpha / comparisons)


def likert_need(
    difference: float,
    overlap: int,
    components: Components,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    comparisons: int = 1,
    models: int = 2,
) -> Need:
    """The fewest prompts with that power, `models` clips of each prompt scored `overlap` times.

    Raises ValueError for a difference of 0, and where MOST_PROMPTS are not enough.
    """
    _checked(overlap, power, alpha)

    def reached(prompts: int) -> float:
        return likert_power(difference, prompts, overlap, components, alpha=alpha, comparisons=comparisons)

    prompts = _fewest(reached, power, f"A difference of {difference:g} points")
    return Need(prompts, overlap, prompts * overlap * models, reached(prompts))


def gsb_power(
    net: float,
    prompts: int,
    overlap: int,
    *,
    same: float = 0.3,
    correlation: float = 0.3,
    alpha: float = 0.05,
    comparisons: int = 1,
) -> float:
    """The chance, 0..1, of finding a true (G - B) / N of `net` to be none by accident.

    `same` is the share of S, `correlation` that of two verdicts on one prompt (`arena.gsb.correlation`).
    Raises ValueError where so many S leave no room for that net.
    """
    return _power(abs(net), _gsb_variance(net, overlap, same, correlation), prompts, alpha / comparisons)


def gsb_need(
    net: float,
    overlap: int,
    *,
    same: float = 0.3,
    correlation: float = 0.3,
    power: float = 0.8,
    alpha: float = 0.05,
    comparisons: int = 1,
    opponents: int = 1,
) -> Need:
    """The fewest prompts with that power, each judged `overlap` times against each opponent."""
    _checked(overlap, power, alpha)

    def reached(prompts: int) -> float:
        settings = {"same": same, "correlation": correlation, "alpha": alpha}
        return gsb_power(net, prompts, overlap, **settings, comparisons=comparisons)

    prompts = _fewest(reached, power, f"A net of {net:g}")
    return Need(prompts, overlap, prompts * overlap * opponents, reached(prompts))


def _likert_variance(overlap: int, components: Components) -> float:
    return 2 * (components.prompt_model + components.residual / overlap)


def _gsb_variance(net: float, overlap: int, same: float, correlation: float) -> float:
    if not 0 <= same < 1 or abs(net) > 1 - same:
        raise ValueError(f"With a share of {same:g} same, the net is at most {1 - same:g}; got {net:g}.")
    of_verdict = 1 - same - net**2
    return of_verdict * (correlation + (1 - correlation) / overlap)


def _power(difference: float, variance: float, prompts: int, alpha: float) -> float:
    """Of the two-sided t test of the mean of `prompts` differences."""
    if prompts < 2:
        return 0.0
    if variance <= 0:
        return 1.0 if difference > 0 else alpha
    freedom = prompts - 1
    shift = difference / np.sqrt(variance / prompts)
    bound = stats.t.ppf(1 - alpha / 2, freedom)
    if shift > bound + 30:  # where the noncentral t's tail is past what its series can hold
        return 1.0
    # The other tail is next to nothing, and NaN once it is smaller than its series can tell.
    other = np.nan_to_num(stats.nct.cdf(-bound, freedom, shift))
    return float(stats.nct.sf(bound, freedom, shift) + other)


def _checked(overlap: int, power: float, alpha: float) -> None:
    if overlap < 1 or not 0 < alpha < power < 1:
        raise ValueError(
            "Expected an overlap of 1 or more and 0 < alpha < power < 1; "
            f"got an overlap of {overlap}, alpha {alpha:g}, power {power:g}."
        )


def _fewest(reached: Callable[[int], float], power: float, what: str) -> int:
    """The fewest prompts with which `reached` is at least `power`; it grows with them."""
    high = 2
    while reached(high) < power:
        high *= 2
        if high > MOST_PROMPTS:
            raise ValueError(f"{what} would need more than {MOST_PROMPTS:,} prompts.")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) >= power else (middle, high)
    return high
