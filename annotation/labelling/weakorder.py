"""What is certain of a weak order (a ranking that allows ties) when only some comparisons are known.

Facts have one of two forms, x >= y and x > y. A further one is certain, that is true in every weak order that
fits, exactly if the known ones lead to it by transitivity: suppose x >= y does not follow; then y > x can be
added without a contradiction, so some weak order that fits has y above x.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Order:
    """Pairs (x, y) with x >= y for certain, and those with x > y; each closed under transitivity."""

    weak: frozenset[tuple[str, str]]
    strict: frozenset[tuple[str, str]]

    @classmethod
    def unknown(cls, things: Iterable[str]) -> Order:
        """Nothing is known but that each thing equals itself."""
        return cls(frozenset((x, x) for x in things), frozenset())

    @property
    def consistent(self) -> bool:
        """Whether any weak order fits: nothing is above itself."""
        return all(x != y for x, y in self.strict)

    def at_least(self, x: str, y: str) -> bool:
        return (x, y) in self.weak

    def above(self, x: str, y: str) -> bool:
        return (x, y) in self.strict

    def with_fact(self, x: str, y: str, *, strict: bool) -> Order:
        """This and x > y if strict, else x >= y: all that is at least x is now at least all that y is."""
        reached = {(a, b) for a, end in self.weak if end == x for start, b in self.weak if start == y}
        above = {(a, b) for a, b in reached if strict or self.above(a, x) or self.above(y, b)}
        return Order(self.weak | reached, self.strict | above)
