"""API of campaigns that go on: change settings and overlap, extend, and see how they go."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from annotation.api.campaigns import CampaignDetail, CampaignOut, Id, Most, Name, SelectionIn, Text
from annotation.campaigns import editing, extending, overlap, progress
from annotation.campaigns.extending import Way
from annotation.models import Campaign
from workbench.access import audit, may, require
from workbench.answers import Misfits, Problem
from workbench.models import User

router = Router(tags=["campaigns"])

Version = Annotated[int, Field(ge=0, le=2**31 - 1, description="As last read; a stale one conflicts")]


class DimensionWords(Schema):
    """What is not named stays."""

    name_en: Name | None = None
    name_zh: Name | None = None
    definition_en: Text | None = None
    definition_zh: Text | None = None


class EditIn(Schema):
    """What is not named stays."""

    version: Version
    name: Annotated[Name, StringConstraints(max_length=120)] = ""
    guidelines: Text = ""
    question_limit: int = Field(3, ge=0, le=20)
    lease_minutes: int = Field(20, ge=1, le=1440)
    min_play_seconds: float = Field(0, ge=0, le=60)
    gold_share: float = Field(0, ge=0, le=0.5)
    most_per_annotator: Most | None = None
    most_per_day: Most | None = None
    least_gold_accuracy: float | None = Field(None, ge=0, le=1)
    least_pace: float | None = Field(None, ge=0, le=3600)
    dimensions: dict[str, DimensionWords] = Field({}, max_length=12, description="By key")
    annotators: Annotated[list[Id], Field(max_length=1000)] | None = Field(
        None, description="Who may label; nobody and no group: everybody with the right. null: as it is"
    )
    groups: list[Id] = Field([], max_length=200, description="Groups whose members join `annotators`")


class OverlapIn(Schema):
    version: Version
    overlap: int = Field(ge=1, le=20)


class ExtendIn(Schema):
    version: Version
    selection: SelectionIn | None = Field(
        None, description="null: the one it was made from. Clips per item and seed don't count"
    )
    way: Way = Way.FRESH
    most: Most | None = None
    dry_run: bool = False


class ExtendOut(Schema):
    items: int
    prompts: int
    clips: int
    campaign: CampaignOut


class ForecastOut(Schema):
    hours: float = Field(description="Of the past that it rests on")
    pace: float = Field(description="Judgements an hour by the clock")
    expected: datetime
    earliest: datetime
    latest: datetime | None = Field(description="null: so uneven that no end is certain")


class AnnotatorPart(Schema):
    annotator: str = Field(description="Pseudonym")
    name: str | None = Field(description="Username, to those who may manage people")
    judged: int
    surplus: int
    skipped: int
    hours: float = Field(description="On task")
    per_hour: float | None = Field(description="Judgements an hour on task")
    last_hour: int
    skip_share: float
    gold_judged: int
    gold_share: float | None = Field(description="Of gold, how much was right")
    last_at: datetime
    in_work: bool
    excluded: bool
    shortfalls: list[str]


class CampaignShare(Schema):
    id: int | None = Field(description="Of the category or video model; null: without one")
    items: int
    judged: int


class CampaignFigures(Schema):
    categories: list[CampaignShare]
    video_models: list[CampaignShare]
    step: str = Field(description="hour or day: what `counts` are by")
    times: list[datetime]
    counts: list[int]
    last_hour: int
    last_day: int


class ProgressOut(Schema):
    judged: int
    wanted: int
    left: int
    surplus: int
    skipped: int
    in_work: int
    held: int
    hours_left: float | None = Field(description="Of work, at the time a judgement took here")
    forecast: ForecastOut | None
    people: list[AnnotatorPart]
    counted_at: datetime | None = Field(description="When `figures` were counted; null: not yet")
    figures: CampaignFigures | None


@router.post("/{uuid:campaign_id}/edit", response={200: CampaignDetail, 409: Problem, 422: Misfits})
def edit(request: HttpRequest, campaign_id: uuid.UUID, payload: EditIn) -> Campaign:
    """Change settings, words and who labels, in any state but closed."""
    require(request.user, "campaigns.manage")
    given = payload.dict(exclude_unset=True)
    words = {
        key: {name: text for name, text in words.items() if text is not None}
        for key, words in given.pop("dimensions", {}).items()
    }
    annotators = given.pop("annotators", None)
    groups = given.pop("groups", [])
    if annotators is not None or groups:
        known = User.objects.filter(pk__in=annotators or [])
        annotators = tuple(known.values_list("pk", flat=True))
    version = given.pop("version")
    changes = editing.Changes(settings=given, dimensions=words, annotators=annotators, groups=tuple(groups))
    campaign = editing.edit(campaign_id, version, changes)
    audit(request, "campaign.edit", campaign, changed=sorted(given), version=campaign.version)
    return campaign


@router.post("/{uuid:campaign_id}/overlap", response={200: CampaignOut, 409: Problem, 422: Misfits})
def change_overlap(request: HttpRequest, campaign_id: uuid.UUID, payload: OverlapIn) -> Campaign:
    """How many people judge each item, up or down, while they do. Nothing that was judged is lost."""
    require(request.user, "campaigns.manage")
    campaign = overlap.change(campaign_id, payload.version, payload.overlap)
    audit(request, "campaign.overlap", campaign, after=campaign.overlap)
    return campaign


@router.post("/{uuid:campaign_id}/extend", response={200: ExtendOut, 409: Problem, 422: Misfits})
def extend(request: HttpRequest, campaign_id: uuid.UUID, payload: ExtendIn) -> dict[str, Any]:
    """Add items, never two with the same clips; with `dry_run` say what would come."""
    require(request.user, "campaigns.manage")
    selection = payload.selection.selection() if payload.selection else None
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    if payload.dry_run:
        found = extending.planned(campaign, selection, payload.way, payload.most)
    else:
        campaign, found = extending.extend(campaign_id, payload.version, selection, payload.way, payload.most)
        audit(request, "campaign.extend", campaign, added=len(found.groups), way=payload.way.value)
    return {
        "items": len(found.groups),
        "prompts": found.prompts,
        "clips": found.clips,
        "campaign": campaign,
    }


@router.get("/{uuid:campaign_id}/progress", response=ProgressOut)
def standing(request: HttpRequest, campaign_id: uuid.UUID) -> dict[str, Any]:
    """How a campaign goes. People's names only to those who may manage people."""
    require(request.user, "campaigns.view")
    found = progress.of_campaign(get_object_or_404(Campaign, pk=campaign_id))
    named = may(request.user, "people")
    people = [
        {
            **vars(part),
            "annotator": part.annotator.pseudonym,
            "name": part.annotator.username if named else None,
        }
        for part in found.people
    ]
    totals = found.totals
    return {
        **{name: getattr(totals, name) for name in ("judged", "wanted", "left", "surplus", "skipped")},
        **{
            name: getattr(found, name) for name in ("in_work", "held", "hours_left", "forecast", "counted_at")
        },
        "people": people,
        "figures": found.figures,
    }
