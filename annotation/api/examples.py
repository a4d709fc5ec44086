"""API for the example clips of a campaign's guidelines."""

import uuid
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status
from pydantic import Field, StringConstraints

from annotation.campaigns import examples
from annotation.models import Campaign, GuidelineExample
from workbench.access import audit, require
from workbench.answers import Misfits, Problem

router = Router(tags=["campaigns"])

Caption = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300, pattern=r"^[^\x00-\x1f]*$")]


class ExampleIn(Schema):
    clip: uuid.UUID
    kind: GuidelineExample.Shows = GuidelineExample.Shows.GOOD
    dimension: str = Field("", max_length=40, description="A dimension's key; empty: for all of them")
    caption_en: Caption = ""
    caption_zh: Caption = ""


class ExampleOut(Schema):
    id: uuid.UUID
    clip: uuid.UUID = Field(alias="clip_id")
    kind: str
    dimension: str
    caption_en: str
    caption_zh: str

    @staticmethod
    def resolve_dimension(example: GuidelineExample) -> str:
        return example.dimension.key if example.dimension else ""


@router.get("/{uuid:campaign_id}/examples", response=list[ExampleOut])
def example_list(request: HttpRequest, campaign_id: uuid.UUID) -> Any:
    """The example clips that stand beside the guidelines, in the order of the page."""
    require(request.user, "campaigns.view")
    return examples.of_campaign(get_object_or_404(Campaign, pk=campaign_id))


@router.post("/{uuid:campaign_id}/examples", response={201: ExampleOut, 409: Problem, 422: Misfits})
def example_add(request: HttpRequest, campaign_id: uuid.UUID, payload: ExampleIn) -> Any:
    """Put a ready clip beside the guidelines, as a good or a bad example."""
    require(request.user, "campaigns.manage")
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    given = payload.dict()
    made = examples.add(campaign, given.pop("clip"), **{**given, "kind": payload.kind.value})
    audit(request, "campaign.example_add", campaign, clip=str(made.clip_id))
    return Status(201, made)


@router.delete("/{uuid:campaign_id}/examples/{uuid:example_id}", response={204: None})
def example_remove(request: HttpRequest, campaign_id: uuid.UUID, example_id: uuid.UUID) -> Any:
    """Take an example away; its clip stays."""
    require(request.user, "campaigns.manage")
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    examples.remove(campaign, example_id)
    audit(request, "campaign.example_remove", campaign, example=str(example_id))
    return Status(204, None)
