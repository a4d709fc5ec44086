"""API of a campaign's gold items."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status
from pydantic import Field

from annotation import tasks
from annotation.api.campaigns import Text
from annotation.clips.degrade import Kind
from annotation.models import Campaign, GoldAnswer, Item
from annotation.quality import gold_items
from workbench.access import audit, require
from workbench.answers import Misfits, Problem
from workbench.models import User

router = Router(tags=["quality"])


class GoldOut(Schema):
    item: uuid.UUID = Field(alias="item_id")
    position: int = Field(alias="item.position")
    source: str = Field(description='"degraded", "consensus" or "known"')
    active: bool = Field(description="Whether it is still dealt")
    answers: dict[str, Any] = Field(
        description="By dimension, in the form of `picks`; a side may be absent. Of a Likert campaign: "
        '{"expected": {clip: score}, "tolerance"}; of a good/same/bad one {"verdict": "G" | "S" | "B"}'
    )
    explanation_en: str
    explanation_zh: str
    created_at: datetime


class GoldListed(GoldOut):
    times: int = Field(description="How many people judged it")
    share: float | None = Field(description="How much of their answers was right: low may mean a bad item")


class GoldPage(Schema):
    items: list[GoldListed]
    next_after: int | None


class MakeGoldIn(Schema):
    n: int = Field(10, ge=1, le=200)
    kinds: list[Kind] = Field([], max_length=20, description="Of degradations; empty: all that fit")
    strength: float = Field(gold_items.STRENGTH, gt=0, le=1)
    seed: int = Field(0, ge=0, le=2**31 - 1)


class GoldAsked(Schema):
    n: int


class ConsensusIn(Schema):
    item: uuid.UUID
    explanation_en: Text = ""
    explanation_zh: Text = ""


class KnownScoresIn(Schema):
    item: uuid.UUID
    scores: dict[str, list[int]] = Field(
        description="By dimension, the scores of the item's clips in their order", max_length=12
    )
    tolerance: int = Field(1, ge=0, le=3, description="How many points off is still right")
    explanation_en: Text = ""
    explanation_zh: Text = ""


class ActiveIn(Schema):
    active: bool


@router.get("/{uuid:campaign_id}/gold", response=GoldPage)
def list_gold(
    request: HttpRequest,
    campaign_id: uuid.UUID,
    after: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Field(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Gold items by position, a page at a time."""
    require(request.user, "campaigns.manage")
    found, following = gold_items.listed(get_object_or_404(Campaign, pk=campaign_id), after, limit)
    return {"items": found, "next_after": following}


@router.post("/{uuid:campaign_id}/gold/make", response={202: GoldAsked, 409: Problem, 422: Misfits})
def make_gold(request: HttpRequest, campaign_id: uuid.UUID, payload: MakeGoldIn) -> Status[dict[str, int]]:
    """Have gold items made from degraded copies of the campaign's clips; a notice tells what came of it."""
    require(request.user, "campaigns.manage")
    assert isinstance(request.user, User)
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    tasks.ask_gold(campaign, **payload.dict(), by=request.user)
    audit(request, "campaign.gold.make", campaign, **payload.dict())
    return Status(202, {"n": payload.n})


@router.post("/{uuid:campaign_id}/gold/consensus", response={201: GoldOut, 409: Problem, 422: Misfits})
def gold_from_consensus(
    request: HttpRequest, campaign_id: uuid.UUID, payload: ConsensusIn
) -> Status[GoldAnswer]:
    """Make a gold item that repeats a judged one, with what its judges agreed on."""
    require(request.user, "campaigns.manage")
    assert isinstance(request.user, User)
    item = get_object_or_404(Item, pk=payload.item, campaign=campaign_id)
    made = gold_items.from_consensus(item.pk, payload.explanation_en, payload.explanation_zh, request.user)
    audit(request, "campaign.gold.consensus", item.campaign, item=str(item.pk))
    return Status(201, GoldAnswer.objects.select_related("item").get(pk=made.pk))


@router.post("/{uuid:campaign_id}/gold/scores", response={201: GoldOut, 409: Problem, 422: Misfits})
def gold_from_scores(
    request: HttpRequest, campaign_id: uuid.UUID, payload: KnownScoresIn
) -> Status[GoldAnswer]:
    """Make a gold item that repeats an item of a Likert campaign, with scores that are known."""
    require(request.user, "campaigns.manage")
    assert isinstance(request.user, User)
    item = get_object_or_404(Item, pk=payload.item, campaign=campaign_id)
    given = payload.dict(exclude={"item"})
    made = gold_items.from_scores(item.pk, **given, by=request.user)
    audit(request, "campaign.gold.scores", item.campaign, item=str(item.pk), tolerance=payload.tolerance)
    return Status(201, GoldAnswer.objects.select_related("item").get(pk=made.pk))


@router.post("/{uuid:campaign_id}/gold/{uuid:item_id}/active", response={200: GoldOut, 422: Misfits})
def retire_gold(
    request: HttpRequest, campaign_id: uuid.UUID, item_id: uuid.UUID, payload: ActiveIn
) -> GoldAnswer:
    """Deal a gold item no longer, or again."""
    require(request.user, "campaigns.manage")
    get_object_or_404(GoldAnswer, pk=item_id, campaign=campaign_id)
    found = gold_items.retire(item_id, payload.active)
    audit(request, "campaign.gold.active", found.campaign, item=str(item_id), active=payload.active)
    return found
