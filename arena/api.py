"""API of the arena: all that its pages do. A visitor's session, a person's session or a token will do."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Router, Schema, Status
from pydantic import Field, StringConstraints

from annotation import sharing
from annotation.models import Rendition, Task, VideoModel
from annotation.models_data import PromptConsent
from annotation.prompts import TEXT_LENGTH
from arena import battles, leaderboard, visitors
from arena.api_evaluations import router as evaluations
from arena.leaderboard import Voters
from arena.models import Answer, Battle, Vote
from arena.ratings import Ties
from workbench.answers import Misfits, Problem
from workbench.models import User
from workbench.refusals import Invalid

router = Router(tags=["arena"], auth=visitors.AUTH)


class ShownSide(Schema):
    """A clip of a battle, blind: its address says nothing else."""

    src: str
    width: int
    height: int
    duration: float


class BattlePrompt(Schema):
    text_en: str
    text_zh: str
    first_frame: str | None = Field(description="Where the picture is that the clips start from")


class ShownBattle(Schema):
    id: uuid.UUID
    task: Task
    prompt: BattlePrompt
    left: ShownSide
    right: ShownSide
    least_seconds: int = Field(description="A vote that comes sooner is kept, and left out of the ratings")
    expires_at: datetime


class NextBattle(Schema):
    battle: ShownBattle | None
    nothing: str | None = Field(description="Why there is none: enough_today, no_pairs")


class VoteIn(Schema):
    answer: Answer
    idempotency_key: uuid.UUID


class RevealedModel(Schema):
    model: str
    name: str
    organisation: str
    rating: float | None = Field(description="Null while votes do not compare it with the others")


class VoteOut(Schema):
    vote: uuid.UUID
    answer: Answer
    too_fast: bool
    simulated: bool
    left: RevealedModel
    right: RevealedModel


class PromptShared(Schema):
    text: Annotated[str, StringConstraints(max_length=TEXT_LENGTH, pattern=r"^[^\x00]*$")]
    agreed: bool = Field(description="To what the page “Suggest a prompt” says")


class ReceiptOut(Schema):
    receipt: uuid.UUID

    @staticmethod
    def resolve_receipt(consent: PromptConsent) -> uuid.UUID:
        return consent.pk


class SharedPromptOut(ReceiptOut):
    text_en: str
    text_zh: str
    given_at: datetime

    @staticmethod
    def resolve_text_en(consent: PromptConsent) -> str:
        return consent.candidate.text_en if consent.candidate else ""

    @staticmethod
    def resolve_text_zh(consent: PromptConsent) -> str:
        return consent.candidate.text_zh if consent.candidate else ""


class WithdrawnOut(Schema):
    in_use: bool = Field(description="Clips, items or battles are of it, and keep its text")


class RowOut(Schema):
    rank: int | None = Field(description="1 + the number of models whose whole interval lies above")
    model: str
    name: str
    organisation: str
    rating: float | None = Field(description="Elo scale, centred at 1000; null while not comparable")
    low: float | None = Field(description="95 % interval")
    high: float | None
    votes: int
    win_rate: float = Field(description="Wins and half of the ties, by votes")
    both_bad_share: float


class BoardOut(Schema):
    task: Task
    method: Ties
    voters: Voters
    votes: int = Field(description="Votes that the ratings were computed from")
    simulated: int = Field(description="How many of them simulated voters gave")
    too_fast: int = Field(description="Votes left out because they came too fast")
    up_to: datetime | None = Field(description="When the latest of these votes was given")
    left_bias: float | None = Field(description="Elo points by which the left side is favoured")
    left_bias_low: float | None
    left_bias_high: float | None
    tie_parameter: float | None = Field(description="Davidson's nu")
    prior: bool = Field(description="A weak prior holds the ratings: somebody won or lost everything")
    both_bad_share: float | None
    rows: list[RowOut]


@router.post("/{task}/next", response={200: NextBattle, 429: Problem})
def next_battle(request: HttpRequest, task: Task) -> dict[str, Any]:
    """The caller's next battle; the one they have open comes back."""
    visitors.throttled(request)
    voter = visitors.voter(request)
    battle = battles.next_battle(voter, task)
    if battle is None:
        return {"battle": None, "nothing": battles.why_nothing(voter, task)}
    return {"battle": _shown(battle), "nothing": None}


@router.post(
    "/battles/{uuid:battle_id}/vote", response={200: VoteOut, 409: Problem, 422: Misfits, 429: Problem}
)
def vote(request: HttpRequest, battle_id: uuid.UUID, payload: VoteIn) -> dict[str, Any]:
    """Vote, once: sent again with the same key it gives the same answer. Tells which models they were."""
    visitors.throttled(request)
    ballot = battles.Ballot(payload.answer, payload.idempotency_key)
    return _revealed(battles.vote(battle_id, visitors.known_voter(request), ballot))


@router.post("/battles/{uuid:battle_id}/pass", response={200: None, 409: Problem, 429: Problem})
def pass_over(request: HttpRequest, battle_id: uuid.UUID) -> None:
    """End a battle without a vote, where a clip does not play."""
    visitors.throttled(request)
    battles.pass_over(battle_id, visitors.known_voter(request))


@router.post("/prompts", response={201: ReceiptOut, 422: Misfits, 429: Problem})
def share_prompt(request: HttpRequest, payload: PromptShared) -> Status[PromptConsent]:
    """Let a prompt be used; somebody looks at it first. Nothing is kept unless `agreed` is true.

    The receipt is all that is needed to withdraw.
    """
    visitors.throttled(request)
    if not payload.agreed:
        message = _("Nothing is kept unless you agree.")
        raise Invalid("not_agreed", message, where="body.agreed")
    person = request.user if isinstance(request.user, User) else None
    [consent] = sharing.share([payload.text], sharing.Place.ARENA, person)
    return Status(201, consent)


@router.get("/prompts", response=list[SharedPromptOut])
def shared_prompts(request: HttpRequest) -> list[PromptConsent]:
    """What the caller shared while signed in and has not withdrawn; of a visitor nothing is known."""
    return list(sharing.of_user(request.user)[:500]) if isinstance(request.user, User) else []


@router.post("/prompts/{uuid:receipt}/withdraw", response={200: WithdrawnOut, 429: Problem})
def withdraw_prompt(request: HttpRequest, receipt: uuid.UUID) -> dict[str, bool]:
    """Take a prompt back; twice is as once."""
    visitors.throttled(request)
    return {"in_use": sharing.withdraw(receipt).in_use}


@router.get("/{task}/leaderboard", response=BoardOut)
def board(
    request: HttpRequest, task: Task, method: Ties = Ties.HALF_WINS, voters: Voters = Voters.PEOPLE
) -> leaderboard.Board:
    """Ratings of a task's video models, with 95 % intervals clustered by prompt and voter."""
    return leaderboard.board(task, method, voters)


@router.get("/{task}/leaderboard.csv", url_name="leaderboard_csv")
def board_csv(
    request: HttpRequest, task: Task, method: Ties = Ties.HALF_WINS, voters: Voters = Voters.PEOPLE
) -> HttpResponse:
    """The rows of the leaderboard as CSV, under the same names."""
    shown = leaderboard.board(task, method, voters)
    answer = HttpResponse("".join(leaderboard.as_csv(shown)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="leaderboard-{task}.csv"'
    return answer


def register(api: NinjaAPI) -> None:
    """Put this app's routers into the API."""
    api.add_router("/arena", router)
    api.add_router("/evaluations", evaluations)


def _shown(battle: Battle) -> dict[str, Any]:
    prompt = battle.prompt
    picture = reverse("arena_first_frame", args=[battle.pk]) if prompt.first_frame else None
    plain = Rendition.objects.filter(clip__in=(battle.left_id, battle.right_id), fps=None, seconds=None)
    renditions = {rendition.clip_id: rendition for rendition in plain}
    return {
        "id": battle.pk,
        "task": battle.task,
        "prompt": {"text_en": prompt.text_en, "text_zh": prompt.text_zh, "first_frame": picture},
        "left": _side(battle.left_address, renditions[battle.left_id]),
        "right": _side(battle.right_address, renditions[battle.right_id]),
        "least_seconds": settings.ARENA_LEAST_SECONDS,
        "expires_at": battle.expires_at,
    }


def _side(address: uuid.UUID, rendition: Rendition) -> dict[str, Any]:
    return {
        "src": reverse("arena_media", args=[address]),
        "width": rendition.width,
        "height": rendition.height,
        "duration": rendition.duration,
    }


def _revealed(given: Vote) -> dict[str, Any]:
    battle = given.battle
    ratings = {row.model: row.rating for row in leaderboard.board(Task(battle.task)).rows}

    def model(row: VideoModel) -> dict[str, Any]:
        told = {"model": row.slug, "name": row.name, "organisation": row.organisation}
        return told | {"rating": ratings.get(row.slug)}

    return {
        "vote": given.pk,
        "answer": given.answer,
        "too_fast": given.too_fast,
        "simulated": given.simulated,
        "left": model(battle.left_model),
        "right": model(battle.right_model),
    }
