"""API of versions of pair sets: keep the pairs as they are now, and fetch exactly these later."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema, Status
from pydantic import Field, StringConstraints

from annotation.exchange.export_formats import PairFormat
from annotation.models import Campaign, PairVersion
from annotation.results import pairversions
from workbench import streamed
from workbench.access import audit, require
from workbench.answers import Misfits, Problem
from workbench.models import User

campaigns = Router(tags=["campaigns"])
versions = Router(tags=["campaigns"])

VersionName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]*$")
]
Key = Annotated[str, StringConstraints(max_length=40, pattern=r"^[a-z0-9_-]+$")]


class PairVersionIn(Schema):
    name: VersionName
    dimensions: list[Key] = Field([], max_length=12, description="Keys; empty: all")
    include_broken: bool = False


class PairVersionOut(Schema):
    id: uuid.UUID
    name: str
    campaigns: list[uuid.UUID]
    until: datetime = Field(description="Of the judgements that decided then")
    dimensions: list[str] = Field(description="Keys; empty: all")
    include_broken: bool
    made: bool = Field(description="false: it is still being made, and has neither hash nor rows")
    sha256: str = Field(description="Over the pairs: judgement, dimension, best, worst, weight; sorted")
    count: int = Field(description="Pairs")
    judgements: int = Field(description="That it was made from, those that give no pair too")
    created_at: datetime

    @staticmethod
    def resolve_campaigns(version: PairVersion) -> list[uuid.UUID]:
        return [campaign.pk for campaign in version.campaigns.all()]

    @staticmethod
    def resolve_made(version: PairVersion) -> bool:
        return version.made_at is not None


@campaigns.get("/{uuid:campaign_id}/pair-versions", response=list[PairVersionOut])
def list_versions(
    request: HttpRequest, campaign_id: uuid.UUID, limit: Annotated[int, Field(ge=1, le=500)] = 100
) -> Any:
    """A campaign's versions, the newest first: those kept by people, and those that runs learnt from."""
    require(request.user, "export")
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    return list(pairversions.of_campaign(campaign).prefetch_related("campaigns")[:limit])


@campaigns.post("/{uuid:campaign_id}/pair-versions", response={201: PairVersionOut, 422: Misfits})
def keep_version(request: HttpRequest, campaign_id: uuid.UUID, payload: PairVersionIn) -> Status[PairVersion]:
    """Keep a campaign's pairs as they are now. Of a large campaign the version is made within a minute."""
    require(request.user, "export")
    assert isinstance(request.user, User)
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    made = pairversions.keep(campaign, request.user, payload.name, payload.dimensions, payload.include_broken)
    audit(request, "pairs.version", made, name=made.name, sha256=made.sha256)
    return Status(201, made)


@versions.get("/{uuid:version_id}", response=PairVersionOut)
def version(request: HttpRequest, version_id: uuid.UUID) -> PairVersion:
    require(request.user, "export")
    return get_object_or_404(PairVersion, pk=version_id)


@versions.get(
    "/{uuid:version_id}/export",
    response={200: None, 409: Problem},
    openapi_extra={"responses": {200: {"content": {kind.media_type: {} for kind in PairFormat}}}},
)
def export_version(
    request: HttpRequest,
    version_id: uuid.UUID,
    wanted: Annotated[PairFormat, Query(alias="format")] = PairFormat.JSONL,
) -> HttpResponseBase:
    """Exactly the pairs of a version, in the formats of a campaign's export."""
    require(request.user, "export")
    found = get_object_or_404(PairVersion, pk=version_id)
    pairversions.refuse_unmade(found)
    audit(request, "pairs.version.export", found, format=wanted.value)
    pages = wanted.of(pairversions.rows(found))
    return streamed.download(request, pages, f"pairs-{found.pk}.{wanted.value}", wanted.content_type)
