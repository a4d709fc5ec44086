"""API of rounds, the playground and checkpoints."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Router, Schema, Status
from pydantic import Field, StringConstraints, WithJsonSchema

from annotation.api.clips import ClipOut
from annotation.models import PromptSet
from annotation.prompts import sharing
from annotation.prompts.identity import TEXT_LENGTH
from generator import checkpoints, playground, progress, rounds
from generator.models import Checkpoint, Round
from generator.playground import MOST_PROMPTS, MOST_SEEDS, Wanted
from workbench.access import require
from workbench.answers import Misfits, Problem
from workbench.models import Run, RunState, User
from workbench.refusals import Conflict, Invalid
from workbench.runs.kinds import ConfigRefusedError

round_router = Router(tags=["rounds"])
generate_router = Router(tags=["generator"])
checkpoint_router = Router(tags=["generator"])

RoundId = Annotated[int, Field(ge=1, le=2**63 - 1)]
RoundState = Annotated[
    Round.State, WithJsonSchema({"type": "string", "enum": Round.State.values, "title": "Round state"})
]
StateOfRun = Annotated[
    RunState, WithJsonSchema({"type": "string", "enum": RunState.values, "title": "Run state"})
]
PromptText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_LENGTH, pattern=r"^[^\x00]*$"),
]
Slug = Annotated[str, StringConstraints(max_length=60, pattern=r"^[-a-zA-Z0-9_]+$")]


def register(api: NinjaAPI) -> None:
    """Put this app's routers into the API."""
    api.add_router("/rounds", round_router)
    api.add_router("/generate", generate_router)
    api.add_router("/checkpoints", checkpoint_router)


# --- Checkpoints ------------------------------------------------------------------------------------------


class CheckpointOut(Schema):
    id: uuid.UUID
    name: str
    stage: str
    preset: str
    video_model: str = Field(alias="video_model.slug")
    sha256: str
    size: int
    parent: uuid.UUID | None = Field(None, alias="parent_id")
    run: uuid.UUID | None = Field(None, alias="run_id")
    settings: dict[str, Any]
    created_at: datetime


@checkpoint_router.get("", response=list[CheckpointOut])
def list_checkpoints(request: HttpRequest) -> list[Checkpoint]:
    """All checkpoints of the generator, newest first."""
    require(request.user, "runs")
    return list(Checkpoint.objects.select_related("video_model"))


@checkpoint_router.get("/{uuid:checkpoint_id}", response=CheckpointOut)
def checkpoint(request: HttpRequest, checkpoint_id: uuid.UUID) -> Checkpoint:
    require(request.user, "runs")
    return get_object_or_404(Checkpoint.objects.select_related("video_model"), pk=checkpoint_id)


# --- Playground -------------------------------------------------------------------------------------------


class GenerateIn(Schema):
    """Clips of texts; a `generate` run takes prompts by id, and more of them."""

    prompts: list[PromptText] = Field(min_length=1, max_length=MOST_PROMPTS)
    checkpoint: uuid.UUID | None = Field(None, description="null: the one that the next round begins with")
    first_seed: int = Field(1, ge=0, le=2**62)
    seeds: int = Field(1, ge=1, le=MOST_SEEDS, description="Clips of each prompt")
    steps: int = Field(20, ge=1, le=200)
    guidance: float = Field(3.0, ge=0, le=30)
    share: bool = Field(
        False,
        description="The texts may be kept for review and used as prompts; withdraw under /api/arena/prompts",
    )


class GeneratedOut(Schema):
    run: uuid.UUID
    state: StateOfRun
    error: str
    clips: list[ClipOut] = Field(description="Empty until the run has succeeded")


@generate_router.post("", response={201: GeneratedOut, 409: Problem, 422: Misfits})
def generate(request: HttpRequest, payload: GenerateIn) -> Status[dict[str, Any]]:
    """Launch it; ask for the run's clips until they are there. 409: files of runs fill the quota."""
    require(request.user, "runs.launch")
    base = _checkpoint(payload.checkpoint)
    given = payload.dict(exclude={"prompts", "checkpoint", "share"})
    try:
        run = playground.generate(
            _user(request), Wanted(checkpoint=base, texts=tuple(payload.prompts), **given), request
        )
    except ConfigRefusedError as refused:
        raise Invalid("config_refused", str(refused)) from refused
    if payload.share:
        sharing.share(payload.prompts, sharing.Place.PLAYGROUND, _user(request))
    return Status(201, _generated(run))


@generate_router.get("/{uuid:run_id}", response=GeneratedOut)
def generated(request: HttpRequest, run_id: uuid.UUID) -> dict[str, Any]:
    """The clips of a `generate` run."""
    require(request.user, "runs")
    return _generated(get_object_or_404(Run, pk=run_id, kind="generate"))


# --- Rounds -----------------------------------------------------------------------------------------------


class RoundIn(Schema):
    prompt_set: Slug
    preset: Annotated[str, StringConstraints(max_length=20)] = Field("tiny", description="micro or tiny")
    base: uuid.UUID | None = Field(None, description="null: the latest that was promoted")


class StepRun(Schema):
    role: str
    run: uuid.UUID
    state: StateOfRun


class StepOut(Schema):
    key: str
    state: str = Field(description="done, working, failed, cancelled or waiting")
    runs: list[StepRun]


class RoundRow(Schema):
    id: int
    state: RoundState
    step: str
    problem: str
    preset: str
    base: uuid.UUID = Field(alias="base_id")
    trained: uuid.UUID | None = Field(None, alias="trained_id")
    campaign: uuid.UUID | None = Field(None, alias="campaign_id")
    created_at: datetime
    ended_at: datetime | None


class RoundOut(RoundRow):
    settings: dict[str, Any]
    steps: list[StepOut]
    prompts: list[int] = Field(description="Prompts to learn from")
    held_out: list[int] = Field(description="Prompts of the comparison")
    reward_models: list[uuid.UUID]
    report: dict[str, Any] = Field(description="The comparison, once there is one; else empty")

    @staticmethod
    def resolve_steps(row: Round) -> list[dict[str, Any]]:
        return [
            {
                "key": step.key,
                "state": step.state,
                "runs": [{"role": role, "run": run.pk, "state": run.state} for role, run, _ in step.runs],
            }
            for step in progress.steps_of(row)
        ]

    @staticmethod
    def resolve_prompts(row: Round) -> list[int]:
        return list(row.round_prompts.filter(held_out=False).values_list("prompt_id", flat=True))

    @staticmethod
    def resolve_held_out(row: Round) -> list[int]:
        return list(row.round_prompts.filter(held_out=True).values_list("prompt_id", flat=True))

    @staticmethod
    def resolve_reward_models(row: Round) -> list[uuid.UUID]:
        return list(row.reward_models.values_list("pk", flat=True))


class Simulated(Schema):
    run: uuid.UUID


@round_router.get("", response=list[RoundRow])
def list_rounds(request: HttpRequest) -> list[Round]:
    """All rounds, newest first."""
    require(request.user, "runs")
    return list(Round.objects.all())


@round_router.post("", response={201: RoundOut, 409: Problem, 422: Misfits})
def start(request: HttpRequest, payload: RoundIn) -> Status[Round]:
    """Begin a round. It goes on by itself, and waits where it needs judgements."""
    require(request.user, "runs.launch")
    found = PromptSet.objects.filter(slug=payload.prompt_set).first()
    if found is None:
        text = _("There is no prompt set “%(slug)s”.") % {"slug": payload.prompt_set}
        raise Invalid("no_such_prompt_set", text, where="body.prompt_set")
    plan = rounds.Plan(base=_checkpoint(payload.base), prompt_set=found, preset=payload.preset)
    return Status(201, rounds.start(_user(request), plan, request))


@round_router.get("/{round_id}", response=RoundOut)
def detail(request: HttpRequest, round_id: RoundId) -> Round:
    return _round(request, round_id)


@round_router.post("/{round_id}/retry", response={200: RoundOut, 409: Problem})
def retry(request: HttpRequest, round_id: RoundId) -> Round:
    """Go on with a failed round from the step that failed."""
    _round(request, round_id)
    return rounds.retry(_user(request), round_id, request)


@round_router.post("/{round_id}/cancel", response={200: RoundOut, 409: Problem})
def cancel(request: HttpRequest, round_id: RoundId) -> Round:
    """End a round for good."""
    _round(request, round_id)
    return rounds.cancel(_user(request), round_id, request)


@round_router.post("/{round_id}/simulate", response={201: Simulated, 409: Problem})
def simulate(request: HttpRequest, round_id: RoundId) -> Status[dict[str, uuid.UUID]]:
    """Have simulated annotators judge what is left; their judgements are marked."""
    _round(request, round_id)
    try:
        return Status(201, {"run": rounds.simulate(_user(request), round_id, request).pk})
    except ConfigRefusedError as refused:
        raise Conflict("config_refused", str(refused)) from refused


def _round(request: HttpRequest, round_id: int) -> Round:
    require(request.user, "runs")
    return get_object_or_404(Round.objects.select_related("campaign"), pk=round_id)


def _checkpoint(wanted: uuid.UUID | None) -> Checkpoint:
    if wanted is None:
        found = checkpoints.current_base()
    else:
        found = Checkpoint.objects.filter(pk=wanted).select_related("video_model").first()
    if found is None:
        none_yet = _(
            "There is no checkpoint of the generator yet. Bring one in: manage.py import_checkpoint FILE"
        )
        text = _("There is no checkpoint %(id)s.") % {"id": wanted} if wanted else none_yet
        raise Invalid("no_such_checkpoint", text, where="body.checkpoint")
    return found


def _generated(run: Run) -> dict[str, Any]:
    return {
        "run": run.pk,
        "state": RunState(run.state),
        "error": run.error,
        "clips": playground.clips_of(run),
    }


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
