"""API for clips called broken: anybody with the item says so, those who look after campaigns read it."""

import uuid
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field

from annotation.api.labelling import Line
from annotation.labelling import flags
from annotation.models import Campaign
from workbench.access import require
from workbench.answers import Misfits
from workbench.models import User

labelling = Router(tags=["labelling"])
campaigns = Router(tags=["campaigns"])


class FlagIn(Schema):
    clip: uuid.UUID = Field(description="The clip's id in this item")
    reason: Line


class FlagOut(Schema):
    clip: uuid.UUID = Field(alias="item_clip_id")
    reason: str
    created_at: datetime


class FlaggedClip(Schema):
    clip: uuid.UUID
    people: int = Field(description="How many flagged it")
    reasons: list[str]
    latest: datetime


@labelling.post("/{uuid:assignment_id}/flag", response={200: FlagOut, 422: Misfits})
def flag(request: HttpRequest, assignment_id: uuid.UUID, payload: FlagIn) -> Any:
    """Say that a clip is broken. Said again by the same person it is one flag; the item stays in work."""
    require(request.user, "label")
    assert isinstance(request.user, User)
    return flags.flag(assignment_id, request.user, payload.clip, payload.reason)


@campaigns.get("/{uuid:campaign_id}/flags", response=list[FlaggedClip])
def flagged(request: HttpRequest, campaign_id: uuid.UUID) -> Any:
    """The clips that were flagged in a campaign, at most 50, those that most people flagged first."""
    require(request.user, "campaigns.view")
    return flags.flagged(get_object_or_404(Campaign, pk=campaign_id))
