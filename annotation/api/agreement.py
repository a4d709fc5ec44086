"""API of annotators' agreement in a campaign."""

import uuid

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field

from annotation.models import Campaign
from annotation.quality import campaign_agreement
from annotation.quality.campaign_agreement import DimensionAgreement, JudgedBy, KappaKind, Reading
from workbench.access import require

router = Router(tags=["campaigns"])


class IntervalOut(Schema):
    low: float
    high: float


class PercentOut(Schema):
    observed: float = Field(description="Share of pairs of ratings of one clip that are the same")
    chance: float = Field(description="The same share of ratings of any clips")


class KappaOut(Schema):
    kind: KappaKind = Field(description="cohen where all overlap is of the same two annotators")
    value: float | None
    each: int = Field(description="Ratings of each item")
    items: int = Field(description="Items with that many ratings")


class PairAgreementOut(Schema):
    stated: int = Field(description="Pairs of clips that one of two annotators stated, or both")
    shared: int = Field(description="Those that both stated")
    agreed: int = Field(description="Those that both stated the same way round; half by chance")
    share: float | None = Field(description="agreed / shared")


class DimensionAgreementOut(Schema):
    dimension: str = Field(description="Key")
    items: int = Field(description="Items that two annotators or more rated in this dimension")
    raters: int
    alpha: float | None = Field(
        description="Krippendorff's, ordinal: worst, neither, best. 1 perfect, 0 chance"
    )
    interval: IntervalOut | None = Field(
        description="Of alpha, 95 %: a bootstrap over items, seeded; null under ten items"
    )
    alpha_nominal: float | None
    kappa: KappaOut | None
    percent: PercentOut | None
    pairs: PairAgreementOut
    reading: Reading

    @staticmethod
    def resolve_dimension(found: DimensionAgreement) -> str:
        return found.dimension.key


class AgreementOut(Schema):
    judged_by: JudgedBy
    items: int = Field(description="Items that two such annotators or more judged, as far as they were read")
    sampled: bool = Field(description="True: there may be more items; these were drawn at random")
    dimensions: list[DimensionAgreementOut]


@router.get("/{uuid:campaign_id}/agreement", response=list[AgreementOut])
def agreement(request: HttpRequest, campaign_id: uuid.UUID) -> tuple[campaign_agreement.Agreement, ...]:
    """How far annotators agree, by dimension, where current judgements of an item overlap.

    People and simulated annotators apart, each there only if two of them judged an item; empty without
    overlap. A tie counts as neither for all clips; what can't be judged is left out.
    """
    require(request.user, "campaigns.view")
    return campaign_agreement.of_campaign(get_object_or_404(Campaign, pk=campaign_id))
