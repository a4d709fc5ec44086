"""API of the arena: all that its pages do. A visitor's session, a person's session or a token will do."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status
from pydantic import Field, StringConstraints

from annotation.models import PromptConsent, Rendition, Task, VideoModel
from annotation.prompts import sharing
from annotation.prompts.identity import TEXT_LENGTH
from arena.battles import tracks, visitors, voting
from arena.boards import leaderboard
from arena.models import Answer, Battle, Track, Vote
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
    track: str
    task: Task
    prompt: BattlePrompt
    left: ShownSide
    right: ShownSide
    least_seconds: int = Field(description="A vote that comes sooner is kept, and left out of the ratings")
    expires_at: datetime


class NextBattle(Schema):
    battle: ShownBattle | None
    nothing: str | None = Field(description="Why there is none: enough_today, no_pairs, closed")


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


@router.post("/{track}/next", response={200: NextBattle, 429: Problem})
def next_battle(request: HttpRequest, track: str) -> dict[str, Any]:
    """The caller's next battle on a track; the one they have open comes back."""
    visitors.throttled(request)
    found = tracks.find(request.user, track)
    if found.state == Track.State.OPEN and not tracks.may_vote(request.user, found):
        raise PermissionDenied(_("Only people with an account vote on this track. Log in first."))
    voter = visitors.voter(request)
    battle = voting.next_battle(voter, found)
    if battle is None:
        return {"battle": None, "nothing": voting.why_nothing(voter, found)}
    return {"battle": _shown(battle), "nothing": None}


@router.post(
    "/battles/{uuid:battle_id}/vote", response={200: VoteOut, 409: Problem, 422: Misfits, 429: Problem}
)
def vote(request: HttpRequest, battle_id: uuid.UUID, payload: VoteIn) -> dict[str, Any]:
    """Vote, once: sent again with the same key it gives the same answer. Tells which models they were."""
    visitors.throttled(request)
    ballot = voting.Ballot(payload.answer, payload.idempotency_key)
    return _revealed(voting.vote(battle_id, visitors.known_voter(request), ballot))


@router.post("/battles/{uuid:battle_id}/shown", response={200: None, 409: Problem, 429: Problem})
def begin_battle(request: HttpRequest, battle_id: uuid.UUID) -> None:
    """Say that a battle which was asked for ahead is on the screen now: its time begins."""
    visitors.throttled(request)
    voting.begin(battle_id, visitors.known_voter(request))


@router.post("/battles/{uuid:battle_id}/pass", response={200: None, 409: Problem, 429: Problem})
def pass_over(request: HttpRequest, battle_id: uuid.UUID) -> None:
    """End a battle without a vote, where a clip does not play."""
    visitors.throttled(request)
    voting.pass_over(battle_id, visitors.known_voter(request))


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


def _shown(battle: Battle) -> dict[str, Any]:
    prompt = battle.prompt
    picture = reverse("arena_first_frame", args=[battle.pk]) if prompt.first_frame else None
    plain = Rendition.objects.filter(clip__in=(battle.left_id, battle.right_id), fps=None, seconds=None)
    renditions = {rendition.clip_id: rendition for rendition in plain}
    return {
        "id": battle.pk,
        "track": battle.track.slug,
        "task": battle.track.task,
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
    ratings = {row.model: row.rating for row in leaderboard.board(battle.track).rows}

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
