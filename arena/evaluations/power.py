"""Which differences an evaluation of a size can tell: `power.py` with what earlier evaluations measured."""

from collections.abc import Callable
from dataclasses import dataclass

from arena.evaluations.reports import OVERALL
from arena.models import Evaluation
from arena.numerics import power
from arena.numerics.mixedmodel import Components

POWER = 0.8
SAME = 0.3
"""Share of pairs in which experts see no difference, as assumed."""
_MOST_LIKERT, _MOST_GSB = 4.0, 1 - SAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much would be judged."""

    prompts: int
    overlap: int
    """Judgements of each prompt and model."""
    models: int


def likert_difference(size: Size) -> float | None:
    """The smallest true difference of two models' mean scores that is found with probability 0.8."""
    spread = components()
    return _smallest(
        lambda difference: power.likert_power(difference, size.prompts, size.overlap, spread),
        _MOST_LIKERT,
        size,
    )


def gsb_difference(size: Size) -> float | None:
    """The same of (G - B) / N."""
    return _smallest(lambda net: power.gsb_power(net, size.prompts, size.overlap, same=SAME), _MOST_GSB, size)


def likert_prompts(size: Size, difference: float) -> int | None:
    """Prompts that it takes to find this difference with probability 0.8; None for more than can be."""
    try:
        return power.likert_need(difference, size.overlap, components(), models=max(2, size.models)).prompts
    except ValueError:
        return None


def components() -> Components:
    """The spread that the latest evaluation with scores measured overall; else typical values."""
    measured = Evaluation.objects.filter(report__components__has_key=OVERALL).order_by("-report_at").first()
    return Components(**measured.report["components"][OVERALL]) if measured else power.TYPICAL


def _smallest(chance: Callable[[float], float], most: float, size: Size) -> float | None:
    """By halving; None where not even the largest difference would be found."""
    if size.prompts < 2 or chance(most) < POWER:
        return None
    low, high = 0.0, most
    for _step in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if chance(middle) >= POWER else (middle, high)
    return high
