"""What came of a round: the rewards' composite and the judge, before and after, from the rows.

The composite of a clip is the weighted mean over reward models, each giving the mean of its standardised
scores. The judge's score of a clip is the mean of its dimensions, each 0 to 1.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from annotation.models import Clip
from generator.evaluation import Paired, paired
from generator.models import JudgeScore
from rewardmodels.models import RewardModel, Score

Key = tuple[int, int]
"""(prompt, seed)."""


class NothingToCompareError(ValueError):
    """Clips lack scores or a judgement on one of the sides."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything compared; the parts by reward model's kind, and by the judge's dimension."""

    composite: Paired
    judge: Paired
    rewards: dict[str, Paired]
    judged: dict[str, Paired]
    judge_version: int

    @property
    def hacked(self) -> bool:
        """The rewards rose and the judge did not: what was learnt may be the rewards' weak spots."""
        return self.composite.difference > 0 >= self.judge.difference

    def stored(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Report":
        return cls(
            composite=Paired(**stored["composite"]),
            judge=Paired(**stored["judge"]),
            rewards={key: Paired(**one) for key, one in stored["rewards"].items()},
            judged={key: Paired(**one) for key, one in stored["judged"].items()},
            judge_version=stored["judge_version"],
        )


def compare(
    before: Iterable[Clip], after: Iterable[Clip], models: Iterable[RewardModel], weights: Mapping[str, float]
) -> Report:
    """Compare clips of the same prompts and seeds, which have been scored and judged.

    Raises NothingToCompareError.
    """
    old, new = _by_key(before), _by_key(after)
    rewards = {}
    sums: tuple[dict[Key, float], dict[Key, float]] = (defaultdict(float), defaultdict(float))
    whole = sum(weights.values())
    for row in sorted(models, key=lambda row: row.kind):
        sides = tuple(_reward(row, clips) for clips in (old, new))
        rewards[row.kind] = _paired(row.name, *sides)
        for total, values in zip(sums, sides, strict=True):
            for key, value in values.items():
                total[key] += weights[row.kind] / whole * value
    newest = JudgeScore.objects.filter(clip__in=new.values()).order_by("-version").first()
    version = newest.version if newest else 0
    told = tuple(_judged(clips, version) for clips in (old, new))
    dimensions = sorted(told[0].keys() & told[1].keys())
    judge = tuple(_mean([side[name] for name in dimensions]) for side in told)
    return Report(
        composite=_paired("composite", *sums),
        judge=_paired("judge", *judge),
        rewards=rewards,
        judged={name: _paired(name, told[0][name], told[1][name]) for name in dimensions},
        judge_version=version,
    )


def _paired(what: str, before: Mapping[Key, float], after: Mapping[Key, float]) -> Paired:
    try:
        return paired(before, after)
    except ValueError as error:
        raise NothingToCompareError(f"{what}: {error}") from error


def _by_key(clips: Iterable[Clip]) -> dict[Key, Clip]:
    return {(clip.prompt_id or 0, clip.seed or 0): clip for clip in clips}


def _reward(model: RewardModel, clips: Mapping[Key, Clip]) -> dict[Key, float]:
    of_clip: dict[Any, list[float]] = defaultdict(list)
    rows = Score.objects.filter(reward_model=model, clip__in=clips.values())
    for clip, value in rows.values_list("clip_id", "value"):
        of_clip[clip].append(value)
    return {key: _average(of_clip[clip.pk]) for key, clip in clips.items() if of_clip[clip.pk]}


def _judged(clips: Mapping[Key, Clip], version: int) -> dict[str, dict[Key, float]]:
    """Dimension -> (prompt, seed) -> value."""
    place = {clip.pk: key for key, clip in clips.items()}
    rows = JudgeScore.objects.filter(clip__in=place, version=version)
    found: dict[str, dict[Key, float]] = defaultdict(dict)
    for clip, dimension, value in rows.values_list("clip_id", "dimension", "value"):
        found[dimension][place[clip]] = value
    return found


def _mean(parts: list[dict[Key, float]]) -> dict[Key, float]:
    of_key: dict[Key, list[float]] = defaultdict(list)
    for part in parts:
        for key, value in part.items():
            of_key[key].append(value)
    return {key: _average(values) for key, values in of_key.items()}


def _average(values: list[float]) -> float:
    return sum(values) / len(values)
