"""API for people with an account: a track's votes as a file; for managers, the votes that it leaves out, its
voters, and the cards of video models.
"""

import uuid
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from ninja import Query as Parameters
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from annotation.models import VideoModel
from arena.api.boards import Asked
from arena.battles import tracks
from arena.models import Answer, Ruling, Track
from arena.votes import leftout, rulings, voteexport
from workbench.access import audit, require
from workbench.answers import Problem
from workbench.models import User
from workbench.refusals import Conflict, Missing
from workbench.streamed import CSV, download

router = Router(tags=["arena"])
Text = Annotated[str, StringConstraints(max_length=120, pattern=r"^[^\x00]*$")]


class LeftOutPart(Schema):
    reason: str
    said: str
    votes: int

    @staticmethod
    def resolve_reason(part: leftout.Part) -> str:
        return part.reason.key


class RuledVoter(Schema):
    voter: uuid.UUID
    pseudonym: str = Field(description="As in the export of votes")
    kind: Ruling.Verdict
    account: bool
    votes: int
    looked_at: int = Field(description="Votes after which the test found them; 0 where a manager decided")
    p_value: float | None
    reason: str
    by: str
    at: datetime


class LeftOutVote(Schema):
    at: datetime
    left: str
    right: str
    answer: Answer
    text_en: str
    text_zh: str
    pseudonym: str
    reason: str


class FiltersOut(Schema):
    given: int
    counting: int
    simulated: int = Field(description="Of those that count")
    left_out: list[LeftOutPart]
    day_cap: int | None = Field(description="Votes of a voter in a day that count; null: all")
    prompt_cap: int | None = Field(description="Votes on a prompt that count; null: all")
    outlier_alpha: float
    leak_words: list[str]
    voters: list[RuledVoter]
    latest: list[LeftOutVote] = Field(description="The last votes that do not count")


class RulingIn(Schema):
    voter: uuid.UUID
    kind: Literal["excluded", "cleared"]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class ModelCard(Schema):
    slug: str
    name: str
    organisation: str
    licence: str
    released: date | None
    price_per_second: float | None = Field(description="US dollars for a second of video")
    seconds_per_second: float | None = Field(description="Waiting for a second of video")
    deprecated: bool
    version: int


class ModelCardIn(Schema):
    """What is not sent stays as it is."""

    version: int = Field(description="As it was read; another one is a conflict")
    name: Annotated[Text, Field(min_length=1)] | None = None
    organisation: Text | None = None
    licence: Annotated[str, StringConstraints(max_length=80, pattern=r"^[^\x00]*$")] | None = None
    released: date | None = None
    price_per_second: float | None = Field(None, ge=0, allow_inf_nan=False)
    seconds_per_second: float | None = Field(None, ge=0, allow_inf_nan=False)
    deprecated: bool | None = None


@router.get("/{track}/filters", response=FiltersOut)
def left_out(request: HttpRequest, track: str) -> dict[str, Any]:
    """What a track's board leaves out: rules, votes by reason, voters, and the latest such votes."""
    require(request.user, "campaigns.manage")
    found = tracks.find(request.user, track)
    summary = leftout.summary(found)
    rules = {name: getattr(found, name) for name in ("day_cap", "prompt_cap", "outlier_alpha")}
    return rules | {
        "given": summary.given,
        "counting": summary.counting,
        "simulated": summary.simulated,
        "left_out": summary.left_out,
        "leak_words": found.leak_words.splitlines(),
        "voters": leftout.voters(found),
        "latest": leftout.latest(found),
    }


@router.post("/{track}/rulings", response=RuledVoter)
def rule_on_voter(request: HttpRequest, track: str, payload: RulingIn) -> leftout.Ruled:
    """Exclude a voter from a track, or let them count again. Goes into the audit trail."""
    require(request.user, "campaigns.manage")
    found = tracks.find(request.user, track)
    assert isinstance(request.user, User)
    row = rulings.rule(found, payload.voter, Ruling.Verdict(payload.kind), request.user, payload.reason)
    audit(request, "track.ruling", row, track=found.slug, kind=payload.kind, reason=payload.reason)
    return next(one for one in leftout.voters(found) if one.voter == payload.voter)


@router.patch("/models/{model}", response={200: ModelCard, 409: Problem})
def change_model_card(request: HttpRequest, model: str, payload: ModelCardIn) -> VideoModel:
    """Say what is known of a video model: creator, licence, release, price, speed, if it is deprecated."""
    require(request.user, "campaigns.manage")
    changes = payload.dict(exclude_unset=True)
    read = changes.pop("version")
    never_null = ("name", "organisation", "licence", "deprecated")
    changes = {name: value for name, value in changes.items() if value is not None or name not in never_null}
    with transaction.atomic():
        rows = VideoModel.objects.filter(slug=model)
        if not rows.exists():
            raise Missing("no_such_model", _("There is no such video model."), where="path.model")
        if not rows.filter(version=read).update(version=F("version") + 1, **changes):
            message = _("It was changed meanwhile. Read it again, then decide.")
            raise Conflict("changed", message, version=rows.get().version)
        for track in Track.objects.all():
            tracks.changed(track)
    row = rows.get()
    audit(request, "model.card", row, slug=row.slug)
    return row


@router.get("/{track}/votes.csv", url_name="votes_csv")
def votes_csv(
    request: HttpRequest,
    track: str,
    asked: Asked,
    left_out: Annotated[
        bool, Parameters(description="Also votes that no board counts, with the reason")
    ] = False,
) -> HttpResponseBase:
    """A board's votes, as `manage.py fit_ratings` reads them; voters by pseudonym. Needs “export”."""
    require(request.user, "export")
    found = tracks.find(request.user, track)
    pages = voteexport.lines(found, asked.query(), left_out)
    return download(request, pages, f"votes-{track}.csv", CSV)
