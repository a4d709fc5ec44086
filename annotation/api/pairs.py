"""API of preference pairs: those of a campaign, with verdict and agreement."""

import uuid
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field, StringConstraints, WithJsonSchema

from annotation.exchange import export
from annotation.models import Campaign
from annotation.results.pairlist import PairFilter, ShownPair, Verdict, pairs_of
from workbench.access import require

router = Router(tags=["campaigns"])

Key = Annotated[str, StringConstraints(max_length=40, pattern=r"^[a-z0-9_-]*$")]
PairVerdict = Annotated[
    Verdict, WithJsonSchema({"type": "string", "enum": Verdict.values, "title": "Pair verdict"})
]


class PairPromptOut(Schema):
    id: int
    task: str
    text_en: str
    text_zh: str
    first_frame: str | None


class PairClipOut(Schema):
    clip: uuid.UUID
    sha256: str
    file: str
    video_model: str | None
    seed: int | None


class PairOut(Schema):
    """The fields of an export's lines, and three more."""

    campaign: uuid.UUID
    item: uuid.UUID
    judgement: uuid.UUID
    annotator: str = Field(description="A pseudonym")
    judged_at: str
    simulated: bool
    prompt: PairPromptOut
    dimension: str
    reward: str | None
    best: PairClipOut
    worst: PairClipOut
    weight: float
    broken_by: list[str] = Field(description="Dimensions in which the best is inferior to the worst")
    unchecked: list[str] = Field(description="Dimensions in which that could not be checked")
    imported: str | None = Field(description="The file it came from; null where it was judged here")
    verdict: PairVerdict
    same: int = Field(description="Judgements that say the same of these clips in this dimension, itself too")
    opposite: int = Field(description="Judgements that say the opposite")


class PairPage(Schema):
    pairs: list[PairOut]
    next_after: int | None = Field(description="Pass as `after` for the next page; null at the end")


@router.get("/{uuid:campaign_id}/pairs", response=PairPage)
def pairs(
    request: HttpRequest,
    campaign_id: uuid.UUID,
    dimension: Key = "",
    verdict: PairVerdict | None = None,
    broken_by: Key = "",
    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0,
    limit: Annotated[int, Field(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Preference pairs, the newest first, a page at a time; broken ones too, unless `verdict` says not."""
    require(request.user, "campaigns.view")
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    wanted = PairFilter(dimension=dimension, verdict=verdict or "", broken_by=broken_by)
    found, next_after = pairs_of(campaign, wanted, after, limit)
    imported = export.imported_from([campaign.pk]).get(campaign.pk)
    return {"pairs": [_out(shown, campaign.pk, imported) for shown in found], "next_after": next_after}


def _out(shown: ShownPair, campaign_id: uuid.UUID, imported: str | None) -> dict[str, Any]:
    prompt = export.prompt_row(shown.pair.judgement.item.prompt)
    row = export.pair_row(shown.pair, campaign_id, prompt, imported)
    return {**row, "verdict": shown.verdict, "same": shown.same, "opposite": shown.opposite}
