"""How a simulated annotator makes up its mind. Pure: no network, no clock; the same seed decides the same.

1. What a clip is worth in a dimension is the labellers' measure plus this person's own error for that item.
2. The best and the worst clips are picked; what lies within a small margin of them is picked with them, and
   a dimension in which all clips lie that close is a tie.
3. Now and then attention lapses, and two clips are picked blindly.
4. A question about two clips is answered from the same values, so answers never contradict each other.
5. Shown a pair that breaks the constraint, the person takes back what they are less sure of and calls that
   dimension a tie, if they are not sure enough of either; else both stand, and the pair stays broken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Values = Mapping[str, Mapping[str, float]]
"""By clip, then by dimension; a dimension that can't be measured is absent."""

Reply = Literal["yes", "no", "cant_tell"]
Ballot = Literal["left", "right", "tie", "both_bad"]


@dataclass(frozen=True, slots=True)
class Temper:
    """What makes one annotator differ from another."""

    noise: float
    """Standard deviation of the error on each value, which is 0 to 1."""
    margin: float
    """Differences up to this are none."""
    lapses: float
    """Chance that a dimension is answered blindly."""
    sure: float
    """A difference from which on a pick is not taken back."""
    severity: float
    """The mean value below which a clip is bad."""


def temper(seed: int, number: int, noise: float) -> Temper:
    """The annotator of that number: `noise` times 0.6 to 1.6, and habits of its own."""
    chance = np.random.default_rng([seed, number])
    return Temper(
        noise=noise * float(chance.uniform(0.6, 1.6)),
        margin=float(chance.uniform(0.01, 0.04)),
        lapses=float(chance.uniform(0.0, 0.04)),
        sure=float(chance.uniform(0.08, 0.2)),
        severity=float(chance.uniform(0.2, 0.4)),
    )


class Impression:
    """What one annotator makes of one item."""

    def __init__(
        self, person: Temper, values: Values, dimensions: Sequence[str], seed: Sequence[int]
    ) -> None:
        """`seed` is of the person and the item: it draws this person's errors about it."""
        self._person = person
        self._clips = list(values)
        chance = np.random.default_rng(list(seed))
        self._felt: dict[str, dict[str, float]] = {}
        self._blind: dict[str, tuple[str, str]] = {}
        self._ties: set[str] = set()
        for dimension in dimensions:
            errors = chance.normal(0.0, person.noise, len(self._clips))
            first, second = chance.permutation(len(self._clips))[:2]
            lapse = chance.random() < person.lapses
            if any(dimension not in values[clip] for clip in self._clips):
                continue
            self._felt[dimension] = {
                clip: values[clip][dimension] + float(error)
                for clip, error in zip(self._clips, errors, strict=True)
            }
            if lapse:
                self._blind[dimension] = self._clips[first], self._clips[second]

    def picks(self) -> dict[str, dict[str, Any]]:
        """Best and worst clips of each dimension that can be judged, as the API takes them."""
        return {dimension: self._pick(dimension) for dimension in self._felt}

    def reconsider(self, broken: Sequence[Mapping[str, Any]]) -> bool:
        """Look again at pairs as the API tells of them; False if nothing is taken back."""
        before = len(self._ties)
        for pair in broken:
            gaps = {
                dimension: abs(self._felt[dimension][pair["best"]] - self._felt[dimension][pair["worst"]])
                for dimension in (pair["dimension"], *pair["broken_by"])
            }
            if self._ties.isdisjoint(gaps):
                weakest = min(gaps, key=lambda dimension: gaps[dimension])
                if gaps[weakest] < self._person.sure:
                    self._ties.add(weakest)
        return len(self._ties) > before

    def compare(self, dimension: str, b: str, w: str) -> Reply:
        """Is `b` at least as good as `w`?"""
        if dimension not in self._felt:
            return "cant_tell"
        difference = self._felt[dimension][b] - self._felt[dimension][w]
        if abs(difference) < self._person.margin / 2:
            return "cant_tell"
        return "yes" if difference > 0 else "no"

    def ballot(self, left: str, right: str) -> Ballot:
        """Which of two clips is better all in all, by the mean over the dimensions."""
        means = {clip: float(np.mean([felt[clip] for felt in self._felt.values()])) for clip in (left, right)}
        if blind := self._blind.get(next(iter(self._felt), "")):
            return "left" if blind[0] == left else "right"
        if max(means.values()) < self._person.severity:
            return "both_bad"
        if abs(means[left] - means[right]) < self._person.margin:
            return "tie"
        return "left" if means[left] > means[right] else "right"

    def _pick(self, dimension: str) -> dict[str, Any]:
        if dimension in self._ties:
            return {"tie": True}
        if dimension in self._blind:
            best, worst = self._blind[dimension]
            return {"best": [best], "worst": [worst]}
        felt, margin = self._felt[dimension], self._person.margin
        top, bottom = max(felt.values()), min(felt.values())
        if top - bottom < 2 * margin:
            return {"tie": True}
        return {
            "best": [clip for clip, value in felt.items() if value > top - margin / 2],
            "worst": [clip for clip, value in felt.items() if value < bottom + margin / 2],
        }
