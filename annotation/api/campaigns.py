"""API of campaigns: make, look, open and close, export."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema, Status
from pydantic import Field, StringConstraints, WithJsonSchema

from annotation.campaigns import lifecycle, progress
from annotation.campaigns.dimensions import DimensionSpec, default_dimensions
from annotation.campaigns.dryrun import DryRun, dry_run
from annotation.campaigns.lifecycle import CampaignSpec
from annotation.campaigns.planning import Selection
from annotation.exchange import export
from annotation.exchange.export_formats import PairFormat
from annotation.exchange.export_scores import ScoreFormat
from annotation.exchange.export_scores import pages as scores_as_file
from annotation.models import Campaign, Dimension, Item, Task
from workbench import streamed
from workbench.access import audit, require
from workbench.answers import Misfits, Problem
from workbench.models import User

router = Router(tags=["campaigns"])

# Named for the schema: an object called `State` is in it once, and clips have states too.
CampaignState = Annotated[
    Campaign.State,
    WithJsonSchema({"type": "string", "enum": Campaign.State.values, "title": "Campaign state"}),
]
CampaignProtocol = Annotated[
    Campaign.Protocol,
    WithJsonSchema({"type": "string", "enum": Campaign.Protocol.values, "title": "Protocol"}),
]
Text = Annotated[str, StringConstraints(max_length=20_000, pattern=r"^[^\x00]*$")]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]*$")
]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Most = Annotated[int, Field(ge=1, le=2**31 - 1)]


class DimensionOut(Schema):
    key: str
    name_en: str
    name_zh: str
    definition_en: str
    definition_zh: str
    reward: str
    required: bool


class DimensionIn(Schema):
    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    name_en: Name
    name_zh: Name
    definition_en: Text = ""
    definition_zh: Text = ""
    reward: Dimension.Reward | None = None
    required: bool = True

    def spec(self) -> DimensionSpec:
        return DimensionSpec(**{**self.dict(), "reward": self.reward.value if self.reward else ""})


class SelectionIn(Schema):
    """Which clips: ready ones of these prompts and video models; what is not named means all.

    Prompts of these sets, in these categories or below them, with this text in either language, and of
    these: each narrows.
    """

    clips_per_item: int = Field(4, ge=1, le=8, description="Two at least in best/worst, two in good/same/bad")
    prompt_sets: list[Id] = Field([], max_length=200)
    categories: list[Id] = Field([], max_length=500)
    text: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] = ""
    prompts: list[Id] = Field([], max_length=10_000)
    video_models: list[Id] = Field([], max_length=200)
    most_items: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    seed: int = Field(0, ge=0, le=2**31 - 1)

    def selection(self) -> Selection:
        lists = ("prompt_sets", "categories", "prompts", "video_models")
        return Selection(
            clips_per_item=self.clips_per_item,
            text=self.text,
            most_items=self.most_items,
            seed=self.seed,
            **{name: tuple(getattr(self, name)) for name in lists},
        )


class PreviewIn(SelectionIn):
    protocol: CampaignProtocol = Campaign.Protocol.BEST_WORST
    model_under_test: Id | None = None
    overlap: int = Field(1, ge=1, le=20)
    gold_share: float = Field(0, ge=0, le=0.5)
    dimensions: int = Field(4, ge=1, le=12, description="How many: a judgement's time depends on it")
    seconds: Annotated[float, Field(gt=0, le=36_000)] | None = Field(
        None, description="Of a judgement; null: as measured, or assumed where nothing was"
    )


class PaceOut(Schema):
    seconds: float = Field(description="Of a judgement")
    judgements: int = Field(description="Over how many it was measured; 0: it is an assumption")
    campaigns: int


class FirstItem(Schema):
    text_en: str
    text_zh: str
    first_frame: str | None
    clips: list[str] = Field(description="Addresses of the clips, blind")


class ListedPrompt(Schema):
    id: int
    text_en: str
    text_zh: str
    clips: int = Field(description="Ready ones")


class PreviewOut(Schema):
    prompts: int
    prompts_short: int = Field(description="Prompts left out: fewer ready clips than an item shows")
    clips: int
    items: int
    judgements: int
    gold: int = Field(description="Gold items shown besides, over all people")
    hours: float = Field(description="Of work, on task")
    pace: PaceOut
    first: list[FirstItem] = Field(description="The first items, as people would see them")
    listed: list[ListedPrompt] = Field(description="The first prompts that fit, to choose single ones from")


class NewCampaign(Schema):
    name: Annotated[Name, StringConstraints(max_length=120)]
    protocol: CampaignProtocol = Campaign.Protocol.BEST_WORST
    model_under_test: Id | None = Field(
        None, description="The video model that good/same/bad sets against the others; only there"
    )
    guidelines: Text = ""
    selection: SelectionIn = Field(default_factory=lambda: SelectionIn.model_validate({}))
    dimensions: list[DimensionIn] | None = Field(
        None, description="null: the protocol's default dimensions", max_length=12
    )
    overlap: int = Field(1, ge=1, le=20)
    question_limit: int = Field(3, ge=0, le=20)
    lease_minutes: int = Field(20, ge=1, le=1440)
    min_play_seconds: float = Field(0, ge=0, le=60)
    normalise_fps: float | None = Field(None, ge=1, le=120)
    normalise_seconds: float | None = Field(None, ge=0.1, le=600)
    gold_share: float = Field(0, ge=0, le=0.5, description="Of what a person is shown")
    most_per_annotator: Most | None = None
    most_per_day: Most | None = None
    least_gold_accuracy: float | None = Field(None, ge=0, le=1, description="Below: a notice to managers")
    least_pace: float | None = Field(None, ge=0, le=3600, description="Judgements an hour on task; the same")
    annotators: list[Id] = Field(
        [], max_length=1000, description="Who may label; nobody and no group: everybody with the right"
    )
    groups: list[Id] = Field([], max_length=200, description="Groups whose members of now may label")


class CampaignOut(Schema):
    id: uuid.UUID
    name: str
    state: CampaignState
    protocol: CampaignProtocol
    version: int
    clips_per_item: int
    overlap: int
    items_total: int
    judged: int = Field(alias="progress.judged")
    wanted: int
    surplus: int = Field(alias="progress.surplus", description="Judgements beyond the overlap: late ones")
    skipped: int = Field(alias="progress.skipped")
    created_at: datetime


class CampaignDetail(CampaignOut):
    guidelines: str
    model_under_test: str | None = Field(description="The video model of good/same/bad, by slug")
    question_limit: int
    lease_minutes: int
    min_play_seconds: float
    normalise_fps: float | None
    normalise_seconds: float | None
    gold_share: float
    most_per_annotator: int | None
    most_per_day: int | None
    least_gold_accuracy: float | None
    least_pace: float | None
    open_to_all: bool
    simulated: int = Field(description="How many of the judgements simulated annotators gave")
    dimensions: list[DimensionOut]

    @staticmethod
    def resolve_model_under_test(campaign: Campaign) -> str | None:
        return campaign.model_under_test.slug if campaign.model_under_test else None

    @staticmethod
    def resolve_simulated(campaign: Campaign) -> int:
        return progress.simulated_judgements(campaign)


class StateIn(Schema):
    state: CampaignState
    version: int = Field(ge=0, le=2**31 - 1)


class ItemOut(Schema):
    id: uuid.UUID
    position: int
    prompt_id: int
    open_slots: int
    clips: list[uuid.UUID]

    @staticmethod
    def resolve_clips(item: Item) -> list[uuid.UUID]:
        return [item_clip.clip_id for item_clip in item.item_clips.all()]


class ItemPage(Schema):
    items: list[ItemOut]
    next_after: int | None = Field(description="Pass as `after` for the next page; null at the end")


@router.get("", response=list[CampaignOut])
def list_campaigns(request: HttpRequest, state: CampaignState | None = None) -> Any:
    """All campaigns, newest first."""
    require(request.user, "campaigns.view")
    rows = Campaign.objects.prefetch_related("participations")
    return list(rows.filter(state=state) if state else rows)


@router.post("", response={201: CampaignDetail, 422: Misfits})
def create(request: HttpRequest, payload: NewCampaign) -> Status[Campaign]:
    """Make a campaign with its items, in the state draft."""
    require(request.user, "campaigns.manage")
    given = payload.dict(exclude={"selection", "dimensions", "annotators", "groups"})
    known = User.objects.filter(pk__in=payload.annotators).values_list("pk", flat=True)
    spec = CampaignSpec(
        selection=payload.selection.selection(),
        dimensions=tuple(d.spec() for d in payload.dimensions or ())
        or default_dimensions(
            Task.T2V if payload.protocol == Campaign.Protocol.BEST_WORST else Task.I2V, payload.protocol
        ),
        annotators=tuple(known),
        groups=tuple(payload.groups),
        **given,
    )
    campaign = lifecycle.create(spec, _user(request))
    audit(request, "campaign.create", campaign, name=campaign.name, items=campaign.items_total)
    return Status(201, campaign)


@router.post("/preview", response={200: PreviewOut, 422: Misfits})
def preview(request: HttpRequest, payload: PreviewIn) -> DryRun:
    """A dry run: items, judgements, hours and the first items that a selection would give. Stores nothing."""
    require(request.user, "campaigns.view")
    return dry_run(
        payload.selection(),
        protocol=payload.protocol,
        model_under_test=payload.model_under_test,
        overlap=payload.overlap,
        gold_share=payload.gold_share,
        n_dimensions=payload.dimensions,
        seconds=payload.seconds,
    )


@router.get("/{uuid:campaign_id}", response=CampaignDetail)
def detail(request: HttpRequest, campaign_id: uuid.UUID) -> Campaign:
    require(request.user, "campaigns.view")
    return get_object_or_404(Campaign, pk=campaign_id)


@router.post("/{uuid:campaign_id}/state", response={200: CampaignOut, 409: Problem, 422: Misfits})
def set_state(request: HttpRequest, campaign_id: uuid.UUID, payload: StateIn) -> Campaign:
    """Open (again), pause or close. `version` is the one last read; a stale one is a conflict."""
    require(request.user, "campaigns.manage")
    campaign = lifecycle.set_state(campaign_id, payload.state, payload.version)
    audit(request, f"campaign.{campaign.state}", campaign)
    return campaign


@router.get("/{uuid:campaign_id}/items", response=ItemPage)
def items(
    request: HttpRequest,
    campaign_id: uuid.UUID,
    after: Annotated[int, Field(ge=-1, le=2**31 - 1)] = -1,
    limit: Annotated[int, Field(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Items by position, a page at a time."""
    require(request.user, "campaigns.view")
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    rows = list(
        campaign.items.filter(position__gt=after).order_by("position").prefetch_related("item_clips")[:limit]
    )
    return {"items": rows, "next_after": rows[-1].position if len(rows) == limit else None}


@router.get(
    "/{uuid:campaign_id}/export/pairs",
    response={200: None},
    openapi_extra={"responses": {200: {"content": {kind.media_type: {} for kind in PairFormat}}}},
)
def export_pairs(
    request: HttpRequest,
    campaign_id: uuid.UUID,
    wanted: Annotated[PairFormat, Query(alias="format")] = PairFormat.JSONL,
    include_broken: bool = False,
) -> HttpResponseBase:
    """Preference pairs of the current judgements as one file, streamed: JSON lines, CSV or Parquet.

    As `zip`, a folder with the clips too: `pairs.jsonl`, `metadata.jsonl` and `clips/`, which
    `datasets.load_dataset("videofolder", data_dir=…)` reads.
    """
    campaign = _exported(request, campaign_id, "pairs", format=wanted.value, include_broken=include_broken)
    pages = wanted.pages(campaign, include_broken)
    return streamed.download(request, pages, f"{campaign.pk}-pairs.{wanted.value}", wanted.content_type)


@router.get("/{uuid:campaign_id}/export/items.jsonl", response={200: None})
def export_items(request: HttpRequest, campaign_id: uuid.UUID) -> HttpResponseBase:
    """Whole items with all judgements as JSON lines, streamed."""
    campaign = _exported(request, campaign_id, "items")
    pages = export.items_jsonl(campaign)
    return streamed.download(request, pages, f"{campaign.pk}-items.jsonl", streamed.JSON_LINES)


@router.get(
    "/{uuid:campaign_id}/export/scores",
    response={200: None, 404: Problem},
    openapi_extra={"responses": {200: {"content": {kind.media_type: {} for kind in ScoreFormat}}}},
)
def export_scores(
    request: HttpRequest,
    campaign_id: uuid.UUID,
    wanted: Annotated[ScoreFormat, Query(alias="format")] = ScoreFormat.CSV,
) -> HttpResponseBase:
    """Experts' scores as one file, streamed: a row a clip and dimension, or a row a pair and dimension.

    Of a Likert campaign the columns begin with prompt, model, rater, dimension, score; of a good/same/bad one
    with prompt, opponent, dimension, verdict (G, S or B of the model under test).
    """
    require(request.user, "export")
    pages = scores_as_file(get_object_or_404(Campaign, pk=campaign_id), wanted)
    campaign = _exported(request, campaign_id, "scores", format=wanted.value)
    return streamed.download(request, pages, f"{campaign.pk}-scores.{wanted.value}", wanted.content_type)


def _exported(request: HttpRequest, campaign_id: uuid.UUID, what: str, **detail: Any) -> Campaign:
    require(request.user, "export")
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    audit(request, f"campaign.export.{what}", campaign, **detail)
    return campaign


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
