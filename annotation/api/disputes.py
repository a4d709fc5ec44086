"""API of adjudication: items whose judges disagree, and deciding them."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from annotation.api.labelling import Answers, ShownClip
from annotation.labelling import bestworst
from annotation.models import Campaign
from annotation.quality import adjudication, disputes
from workbench.access import audit, require
from workbench.answers import Misfits, Problem
from workbench.models import User

campaigns = Router(tags=["adjudication"])
decisions = Router(tags=["adjudication"])

After = Annotated[
    str, StringConstraints(pattern=r"^(?:0(?:\.[0-9]{1,17})?|1(?:\.0{1,17})?):[0-9a-f-]{36}$", max_length=60)
]


class DisputeOut(Schema):
    item: uuid.UUID = Field(alias="item_id")
    position: int = Field(alias="item.position")
    score: float = Field(description="Disagreement in the most disputed dimension, 0 to 1")
    by_dimension: dict[str, float]
    judgements: int
    computed_at: datetime


class DisputePage(Schema):
    disputes: list[DisputeOut]
    next_after: str | None


class SaidOut(Schema):
    letter: str = Field(description="Stands for a judge within this item; says nothing else")
    answers: dict[str, Any]


class ToDecide(Schema):
    item: uuid.UUID
    prompt_en: str
    prompt_zh: str
    clips: list[ShownClip] = Field(description="In the caller's own order")
    said: list[SaidOut]
    own: dict[str, Any] | None = Field(
        description="The caller's decision, if there is one; it can be corrected"
    )


class DecideIn(Answers):
    idempotency_key: uuid.UUID
    seconds: float | None = Field(None, ge=0, le=86400)


class DecidedOut(Schema):
    judgement: uuid.UUID
    supersedes: uuid.UUID | None
    pairs: int


@campaigns.get("/{uuid:campaign_id}/disputes", response=DisputePage)
def open_disputes(
    request: HttpRequest,
    campaign_id: uuid.UUID,
    after: After | None = None,
    limit: Annotated[int, Field(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Items that wait for adjudication, the sharpest dispute first, a page at a time."""
    require(request.user, "score")
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    found, following = disputes.open_disputes(campaign, disputes.cursor(after), limit)
    return {"disputes": found, "next_after": disputes.written(following)}


@decisions.get("/{uuid:item_id}", response={200: ToDecide, 409: Problem})
def item_to_decide(request: HttpRequest, item_id: uuid.UUID) -> dict[str, Any]:
    """An item with its clips, blind, and what its judges said, under letters."""
    require(request.user, "score")
    opened = adjudication.open_item(item_id, _person(request))
    return {
        "item": opened.item.pk,
        "prompt_en": opened.item.prompt.text_en,
        "prompt_zh": opened.item.prompt.text_zh,
        "clips": opened.clips,
        "said": [{"letter": one.letter, "answers": bestworst.to_json(one.answers)} for one in opened.said],
        "own": opened.own.answers if opened.own else None,
    }


@decisions.post("/{uuid:item_id}", response={200: DecidedOut, 409: Problem, 422: Misfits})
def decide_item(request: HttpRequest, item_id: uuid.UUID, payload: DecideIn) -> dict[str, Any]:
    """Decide an item, or correct one's own decision: its pairs follow this judgement from now on."""
    require(request.user, "score")
    decision = adjudication.decide(
        item_id, _person(request), payload.answers, payload.idempotency_key, payload.seconds
    )
    audit(request, "item.adjudicate", decision.item, campaign=str(decision.item.campaign_id))
    return {
        "judgement": decision.pk,
        "supersedes": decision.supersedes_id,
        "pairs": decision.pairs.count(),
    }


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
