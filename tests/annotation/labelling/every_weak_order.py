"""The best/worst rules the slow way: go through every weak order of the clips and keep those that fit.

Shares no reasoning with `annotation.labelling.bestworst`: no transitivity, no cases, only definitions.
"""

from collections.abc import Callable, Iterable
from functools import cache
from itertools import product

from annotation.labelling.bestworst import Comparison, DimensionAnswer, Mark, Picks, Reply

Ranks = dict[str, int]
"""A weak order: each clip's rank, higher is better."""


@cache
def weak_orders(clips: tuple[str, ...]) -> list[Ranks]:
    """Every weak order of the clips once."""
    every = product(range(len(clips)), repeat=len(clips))
    return [
        dict(zip(clips, ranks, strict=True)) for ranks in every if set(ranks) == set(range(max(ranks) + 1))
    ]


def picks_of(truth: Ranks) -> DimensionAnswer:
    """What an annotator who sees this order answers."""
    top, bottom = max(truth.values()), min(truth.values())
    if top == bottom:
        return Mark.TIE
    return Picks(
        best=frozenset(clip for clip, rank in truth.items() if rank == top),
        worst=frozenset(clip for clip, rank in truth.items() if rank == bottom),
    )


def fitting(
    clips: tuple[str, ...], answer: DimensionAnswer | None, comparisons: Iterable[Comparison]
) -> list[Ranks]:
    """The weak orders that a dimension's answer and comparisons allow."""
    said = list(comparisons)
    return [order for order in _picked(clips, answer) if all(_true(comparison, order) for comparison in said)]


def certain(orders: list[Ranks], statement: Callable[[Ranks], bool]) -> bool:
    return all(statement(order) for order in orders)


@cache
def _picked(clips: tuple[str, ...], answer: DimensionAnswer | None) -> list[Ranks]:
    if answer is None or answer is Mark.CANT_JUDGE:
        return weak_orders(clips)
    return [order for order in weak_orders(clips) if picks_of(order) == answer]


def _true(comparison: Comparison, order: Ranks) -> bool:
    at_least = order[comparison.question.b] >= order[comparison.question.w]
    return {Reply.YES: at_least, Reply.NO: not at_least, Reply.CANT_TELL: True}[comparison.answer]
