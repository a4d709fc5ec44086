"""How a simulated expert scores: by what it measures, its strictness, and errors. Pure: no network, no clock.

1. A clip is worth 1 + 4 m points in a dimension, m in [0, 1] being the labellers' measure, or the mean of
   those that the dimension stands for (motion quality is about structure too, §7.2.2).
2. The expert takes its severity off, errs for each clip, rounds, and stays within 1 to 5.
3. A measure below `_DEFECT` is marked as a defect of the aspect it is about.
4. Of two clips the better one is better by more than the expert's margin, else they are the same. Severity
   has no say there.
5. A strict expert can pass over poor clips ("not worth scoring"): then its scores are of the better clips,
   the others' come from milder people, and plain means flatter what is poor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Values = Mapping[str, Mapping[str, float]]
"""By clip, then by the labellers' dimension."""
Verdict = Literal["left", "same", "right"]

MEASURES: dict[str, tuple[str, ...]] = {
    "motion_quality": ("motion_quality", "structural_stability"),
    "prompt_following": ("prompt_following",),
    "aesthetic_quality": ("aesthetic_quality",),
    "preservation": ("first_frame_preservation",),
}
"""What of the labellers' measures an expert's dimension stands for."""
_ASPECTS: dict[tuple[str, str], str] = {
    ("motion_quality", "structural_stability"): "structural_accuracy",
    ("motion_quality", "motion_quality"): "motion_plausibility",
    ("prompt_following", "prompt_following"): "action_responsiveness",
    ("aesthetic_quality", "aesthetic_quality"): "visual_texture",
    ("preservation", "first_frame_preservation"): "content_alignment",
}
_DEFECT = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertTemper:
    """What makes one expert differ from another."""

    severity: float
    """Points below what a clip is worth."""
    noise: float
    """Standard deviation of the error on a value, which is 0 to 1."""
    margin: float
    """Differences of two clips' values up to this are none."""
    skips: float
    """Chance that a poor clip is passed over."""
    poor: float = 0.65
    """The mean value below which a clip is poor."""


def expert_temper(
    seed: int, number: int, experts: int, *, spread: float, noise: float, picky: float
) -> ExpertTemper:
    """The expert of that number out of so many: severities from 0 to twice the spread, in even steps.

    `picky` is the chance that the strictest passes over a poor clip; the milder half never does.
    """
    chance = np.random.default_rng([seed, number])
    place = 2 * (number - 1) / (experts - 1) - 1 if experts > 1 else 0.0
    return ExpertTemper(
        severity=spread * (place + 1),
        noise=noise * float(chance.uniform(0.7, 1.3)),
        margin=float(chance.uniform(0.03, 0.07)),
        skips=picky * max(0.0, place),
    )


class Opinion:
    """What one expert makes of one item."""

    def __init__(
        self, person: ExpertTemper, values: Values, dimensions: Sequence[str], seed: Sequence[int]
    ) -> None:
        """`seed` is of the person and the item: it draws this person's errors about it."""
        self._person = person
        self._values = values
        self._clips = list(values)
        chance = np.random.default_rng(list(seed))
        self._passes = float(chance.random())
        self._felt: dict[str, dict[str, float]] = {}
        for dimension in (key for key in dimensions if key in MEASURES):
            errors = chance.normal(0.0, person.noise, len(self._clips))
            self._felt[dimension] = {
                clip: self._worth(clip, dimension) + float(error)
                for clip, error in zip(self._clips, errors, strict=True)
            }

    @property
    def passes_over(self) -> bool:
        """Whether the expert would rather not score this."""
        mean = np.mean([value for felt in self._felt.values() for value in felt.values()])
        return bool(mean < self._person.poor and self._passes < self._person.skips)

    def scores(self) -> dict[str, Any]:
        """Answers to a Likert item, as the API takes them."""
        return {
            "scores": {
                dimension: {clip: self._score(value) for clip, value in felt.items()}
                for dimension, felt in self._felt.items()
            },
            "marks": [
                {
                    "clip": clip,
                    "dimension": dimension,
                    "aspect": aspect,
                    "kind": "defect",
                    "from": None,
                    "to": None,
                    "note": "",
                }
                for (dimension, measure), aspect in _ASPECTS.items()
                for clip in self._clips
                if dimension in self._felt and self._values[clip].get(measure, 1.0) < _DEFECT
            ],
        }

    def verdicts(self, left: str, right: str, dimensions: Sequence[str]) -> dict[str, Any]:
        """Answers to a good/same/bad item; "overall" is the mean over what was felt."""
        gaps = {dimension: felt[left] - felt[right] for dimension, felt in self._felt.items()}
        mean = float(np.mean(list(gaps.values()))) if gaps else 0.0
        return {"verdicts": {key: self._verdict(gaps.get(key, mean)) for key in dimensions}}

    def _worth(self, clip: str, dimension: str) -> float:
        known = [self._values[clip][one] for one in MEASURES[dimension] if one in self._values[clip]]
        return float(np.mean(known)) if known else 0.5

    def _score(self, value: float) -> int:
        return int(np.clip(round(1 + 4 * value - self._person.severity), 1, 5))

    def _verdict(self, gap: float) -> Verdict:
        if abs(gap) <= self._person.margin:
            return "same"
        return "left" if gap > 0 else "right"
