"""Reward models and scores a page at a time, and their figures: behind pages, API and files alike."""

import csv
import io
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from annotation.models import Clip
from rewardmodels.models import RewardModel, Score
from workbench.refusals import Invalid

PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How good a reward model is in one dimension, on prompts that it was not trained on; shares of 0–1.

    None where the held-out judgements say nothing, or (agreement) where nothing was judged twice.
    """

    dimension: str
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    pairs: int
    chance: float
    agreement: float | None
    agreement_pairs: int
    accuracy_with_ties: float | None
    majority_tie: float | None
    ece: float | None


def figures(model: RewardModel) -> list[Figures]:
    """The figures of each dimension of a model, in its order."""
    return [
        Figures(
            dimension=dimension,
            accuracy=model.figure("accuracy", dimension),
            accuracy_low=model.figure("accuracy_low", dimension),
            accuracy_high=model.figure("accuracy_high", dimension),
            pairs=model.figure("pairs", dimension) or 0,
            chance=model.metrics.get("chance", 0.5),
            agreement=model.figure("agreement", dimension),
            agreement_pairs=model.figure("agreement_pairs", dimension) or 0,
            accuracy_with_ties=model.figure("accuracy_with_ties", dimension),
            majority_tie=model.figure("majority_tie", dimension),
            ece=model.figure("ece", dimension),
        )
        for dimension in model.dimensions
    ]


def models(
    kind: str = "", after: uuid.UUID | None = None, limit: int = 50
) -> tuple[list[RewardModel], uuid.UUID | None]:
    """A page of reward models, newest first, from behind the one `after`; and what to pass for the next.

    Raises Invalid `no_such_reward_model` for an `after` that is none.
    """
    rows = RewardModel.objects.select_related("run", "weights", "start", "pairs").prefetch_related(
        "campaigns"
    )
    rows = rows.order_by("-created_at", "-id")
    if kind:
        rows = rows.filter(kind=kind)
    if after is not None:
        last = RewardModel.objects.filter(pk=after).values_list("created_at", flat=True).first()
        if last is None:
            message = _("There is no reward model %(id)s.") % {"id": after}
            raise Invalid("no_such_reward_model", message, where="query.after")
        rows = rows.filter(Q(created_at__lt=last) | Q(created_at=last, pk__lt=after))
    found = list(rows[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None


@dataclass(frozen=True, kw_only=True)
class ScoreFilter:
    """None and "" mean: any."""

    reward_model: uuid.UUID | None = None
    clip: uuid.UUID | None = None
    dimension: str = ""

    def rows(self) -> QuerySet[Score]:
        rows = Score.objects.select_related("clip__video_model", "reward_model")
        if self.reward_model is not None:
            rows = rows.filter(reward_model=self.reward_model)
        if self.clip is not None:
            rows = rows.filter(clip=self.clip)
        return rows.filter(dimension=self.dimension) if self.dimension else rows


def scores(wanted: ScoreFilter, after: int = 0, limit: int = 100) -> tuple[list[Score], int | None]:
    """A page of scores in the order they were first given, behind the id `after`; and the next `after`."""
    found = list(wanted.rows().filter(pk__gt=after).order_by("pk")[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None


def extremes(model: RewardModel, dimension: str, count: int) -> tuple[list[Score], list[Score]]:
    """The clips that score best, best first, and those that score worst, worst first; no clip in both."""
    rows = ScoreFilter(reward_model=model.pk, dimension=dimension).rows().select_related("clip__prompt")
    best = list(rows.order_by("-value", "pk")[:count])
    worst = list(rows.exclude(pk__in=[score.pk for score in best]).order_by("value", "pk")[:count])
    return best, worst


def of_clip(clip: Clip) -> list[Score]:
    """All scores of a clip: the newest reward models first, dimensions in the model's order."""
    rows = list(Score.objects.filter(clip=clip).select_related("reward_model"))
    rows.sort(key=lambda score: score.reward_model.dimensions.index(score.dimension))
    return sorted(rows, key=lambda score: score.reward_model.created_at, reverse=True)


def score_row(score: Score) -> dict[str, Any]:
    """A score as files and the API show it."""
    model = score.clip.video_model
    return {
        "id": score.pk,
        "reward_model": str(score.reward_model_id),
        "clip": str(score.clip_id),
        "sha256": score.clip.sha256,
        "video_model": model.slug if model else None,
        "seed": score.clip.seed,
        "dimension": score.dimension,
        "value": score.value,
        "run": str(score.run_id) if score.run_id else None,
        "scored_at": score.scored_at.isoformat(),
    }


SCORE_COLUMNS = (
    *("id", "reward_model", "clip", "sha256", "video_model", "seed", "dimension", "value", "run"),
    "scored_at",
)


def scores_jsonl(wanted: ScoreFilter) -> Iterator[str]:
    """All scores, one JSON object a line; yields a page's text at a time."""
    return _paged(wanted, lambda rows: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def scores_csv(wanted: ScoreFilter) -> Iterator[str]:
    """The same as CSV, with a line of names first."""
    yield _csv([SCORE_COLUMNS])
    yield from _paged(wanted, lambda rows: _csv([row[name] for name in SCORE_COLUMNS] for row in rows))


def accuracies_csv() -> Iterator[str]:
    """The figures of all reward models, one line a model and dimension, newest first."""
    names = [field.name for field in fields(Figures)]
    yield _csv([["reward_model", "name", "kind", "judgements", "simulated", *names]])
    after: uuid.UUID | None = None
    while True:
        found, after = models(after=after, limit=PAGE)
        yield _csv(
            [str(model.pk), model.name, model.kind, model.judgements, model.simulated, *asdict(one).values()]
            for model in found
            for one in figures(model)
        )
        if after is None:
            return


def _paged(wanted: ScoreFilter, text: Callable[[Iterable[dict[str, Any]]], str]) -> Iterator[str]:
    after: int | None = 0
    while after is not None:
        found, after = scores(wanted, after, PAGE)
        yield text(score_row(score) for score in found)


def _csv(rows: Iterable[Iterable[Any]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()
