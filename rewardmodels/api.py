"""API of reward models and of the scores they gave; runs of the kinds `reward` and `score` make them."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import NinjaAPI, Query, Router, Schema
from pydantic import Field, StringConstraints, WithJsonSchema

from annotation.models import Dimension
from rewardmodels import listing
from rewardmodels.listing import ScoreFilter
from rewardmodels.models import RewardModel
from workbench import streamed
from workbench.access import audit, require

models = Router(tags=["reward models"])
scores = Router(tags=["reward models"])

RewardKind = Annotated[
    Dimension.Reward,
    WithJsonSchema({"type": "string", "enum": Dimension.Reward.values, "title": "Reward kind"}),
]
Key = Annotated[str, StringConstraints(max_length=40, pattern=r"^[a-z0-9_-]*$")]


class FiguresOut(Schema):
    """On prompts that it was not trained on; shares of 0–1, null where the judgements say nothing."""

    dimension: str
    accuracy: float | None = Field(description="Held-out pairs whose better clip scores higher")
    accuracy_low: float | None = Field(description="Its 95 % interval, by prompt")
    accuracy_high: float | None
    pairs: int
    chance: float
    agreement: float | None = Field(description="How far people agree with each other: the ceiling")
    agreement_pairs: int
    accuracy_with_ties: float | None = Field(description="Better, worse or tie told right")
    majority_tie: float | None = Field(description="What always saying “tie” gets")
    ece: float | None = Field(description="Expected calibration error")


class LearntPairsOut(Schema):
    """A version of a pair set; `/api/pair-versions` has it."""

    id: uuid.UUID
    sha256: str
    count: int


class RewardModelOut(Schema):
    id: uuid.UUID
    name: str
    kind: RewardKind
    dimensions: list[str]
    figures: list[FiguresOut]
    metrics: dict[str, Any] = Field(description="All figures that the training ended with, by name")
    run: uuid.UUID
    start: uuid.UUID | None = Field(description="The reward model it went on from")
    campaigns: list[uuid.UUID]
    until: datetime = Field(description="It learnt from the judgements that were current then")
    pairs: LearntPairsOut | None = Field(description="Exactly the pairs it learnt from")
    judgements: int
    simulated: int = Field(description="Judgements among them that no person made")
    sha256: str
    size: int
    created_at: datetime


class RewardModelPage(Schema):
    reward_models: list[RewardModelOut]
    next_after: uuid.UUID | None = Field(description="Pass as `after` for the next page; null at the end")


class ScoreOut(Schema):
    id: int
    reward_model: uuid.UUID
    clip: uuid.UUID
    sha256: str
    video_model: str | None
    seed: int | None
    dimension: str
    value: float = Field(description="0 is the mean and 1 the deviation of base samples")
    run: uuid.UUID | None
    scored_at: datetime


class ScorePage(Schema):
    scores: list[ScoreOut]
    next_after: int | None = Field(description="Pass as `after` for the next page; null at the end")


class Wanted(Schema):
    """Which scores."""

    reward_model: uuid.UUID | None = None
    clip: uuid.UUID | None = None
    dimension: Key = ""

    def filter(self) -> ScoreFilter:
        return ScoreFilter(reward_model=self.reward_model, clip=self.clip, dimension=self.dimension)


@models.get("", response=RewardModelPage)
def list_models(
    request: HttpRequest,
    kind: RewardKind | None = None,
    after: uuid.UUID | None = None,
    limit: Annotated[int, Field(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Reward models, newest first, a page at a time."""
    require(request.user, "runs")
    rows, next_after = listing.models(kind or "", after, limit)
    return {"reward_models": [_out(row) for row in rows], "next_after": next_after}


@models.get(
    "/accuracies.csv", response={200: None}, openapi_extra={"responses": {200: {"content": {"text/csv": {}}}}}
)
def export_accuracies(request: HttpRequest) -> HttpResponseBase:
    """The figures of all reward models, one line a model and dimension."""
    require(request.user, "export")
    return streamed.download(request, listing.accuracies_csv(), "reward-models.csv", streamed.CSV)


@models.get("/{uuid:reward_model_id}", response=RewardModelOut)
def detail(request: HttpRequest, reward_model_id: uuid.UUID) -> dict[str, Any]:
    require(request.user, "runs")
    return _out(get_object_or_404(RewardModel.objects.select_related("weights", "pairs"), pk=reward_model_id))


@scores.get("", response=ScorePage)
def list_scores(
    request: HttpRequest,
    wanted: Query[Wanted],
    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0,
    limit: Annotated[int, Field(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Scores in the order they were first given, a page at a time."""
    require(request.user, "runs")
    rows, next_after = listing.scores(wanted.filter(), after, limit)
    return {"scores": [listing.score_row(row) for row in rows], "next_after": next_after}


@scores.get(
    "/export.jsonl",
    response={200: None},
    openapi_extra={"responses": {200: {"content": {"application/x-ndjson": {}}}}},
)
def export_scores_jsonl(request: HttpRequest, wanted: Query[Wanted]) -> HttpResponseBase:
    """Scores as JSON lines, streamed."""
    _exported(request, wanted)
    pages = listing.scores_jsonl(wanted.filter())
    return streamed.download(request, pages, "scores.jsonl", streamed.JSON_LINES)


@scores.get(
    "/export.csv", response={200: None}, openapi_extra={"responses": {200: {"content": {"text/csv": {}}}}}
)
def export_scores_csv(request: HttpRequest, wanted: Query[Wanted]) -> HttpResponseBase:
    """The same as CSV."""
    _exported(request, wanted)
    return streamed.download(request, listing.scores_csv(wanted.filter()), "scores.csv", streamed.CSV)


def register(api: NinjaAPI) -> None:
    """Put this app's routers into the API."""
    api.add_router("/reward-models", models)
    api.add_router("/scores", scores)


def _exported(request: HttpRequest, wanted: Wanted) -> None:
    require(request.user, "export")
    chosen = {name: str(value) for name, value in wanted.dict().items() if value}
    audit(request, "scores.export", None, **chosen)


def _out(model: RewardModel) -> dict[str, Any]:
    return {
        **{name: getattr(model, name) for name in _PLAIN},
        "figures": listing.figures(model),
        "run": model.run_id,
        "start": model.start_id,
        "campaigns": [campaign.pk for campaign in model.campaigns.all()],
        "size": model.weights.size,
    }


_PLAIN = (
    *("id", "name", "kind", "dimensions", "metrics", "until", "pairs", "judgements", "simulated"),
    *("sha256", "created_at"),
)
