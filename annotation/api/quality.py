"""API of a campaign's annotators: figures, exclusion, the qualification round; and one's own figures."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status
from pydantic import Field, StringConstraints

from annotation.api.labelling import Line
from annotation.models import Campaign, Participation, QualityReport
from annotation.quality import annotators, exclusion, ownfigures, qualification, quality_table
from annotation.quality.ownfigures import OwnDimension, OwnPart
from workbench.access import audit, require
from workbench.answers import Misfits, Problem
from workbench.models import User
from workbench.streamed import CSV

campaigns = Router(tags=["quality"])
labelling = Router(tags=["labelling"])

Pseudonym = Annotated[str, StringConstraints(pattern=r"^p-[0-9a-f]{12}$")]


class AnnotatorQuality(Schema):
    annotator: str = Field(description="Pseudonym")
    simulated: bool
    judged: int
    surplus: int
    skipped: int
    hours: float = Field(description="On task")
    gold_judged: int
    gold_share: float | None = Field(description="Of the gold items, how much was right: 0 to 1")
    qualification: str = Field(description='"passed", "failed", "let_in"; "" before the end of the round')
    trial_judged: int = Field(description="Items of the qualification round")
    trial_share: float | None
    excluded_at: datetime | None
    excluded_why: str
    median_seconds: float | None = Field(description="On task, an item")
    time_z: float | None = Field(description="Robust z of the median's logarithm among all people here")
    quick_share: float | None = Field(description="Items answered in less time than their clips last")
    side_p: float | None = Field(
        description="How probable the preference for places on the screen is by chance: chi-square, Holm"
    )
    same_share: float | None = Field(description="Items with the same picks in every dimension")
    repeat_share: float | None = Field(description="Items with the same places picked as in the one before")
    signs: list[str] = Field(description="What stands out: quick, slow, too_quick, side, same, repeats")
    accuracy: dict[str, float | None] = Field(
        description="By dimension, Dawid and Skene's: how often this person is right; null: too few labels"
    )
    labels: dict[str, int] = Field(description="By dimension: pairs of clips that it rests on")


class QualitySettingsOut(Schema):
    version: int
    gold_share: float
    gold_feedback: bool
    qualification_items: int
    qualification_pass: float
    dispute_from: float
    gold_lacking: int = Field(description="Gold items that a qualification round lacks")


class QualityOut(Schema):
    computed_at: datetime | None = Field(description="When the report was; null: not yet")
    asked_at: datetime | None = Field(description="A new one is on its way since")
    judgements: int = Field(description="That the report rests on")
    settings: QualitySettingsOut
    people: list[AnnotatorQuality]


class ReportAsked(Schema):
    asked_at: datetime


class QualitySettings(Schema):
    version: int = Field(ge=0, le=2**31 - 1, description="The campaign's, as last read")
    gold_feedback: bool | None = Field(None, description="A wrong gold answer is explained at once")
    qualification_items: int | None = Field(None, ge=0, le=50, description="0: no qualification round")
    qualification_pass: float | None = Field(None, ge=0, le=1)
    dispute_from: float | None = Field(
        None, ge=0, le=1, description="Disagreement from which an item waits for adjudication"
    )


class ExcludeIn(Schema):
    why: Line
    reopen_slots: bool = Field(False, description="Others judge those items again")


class PartChanged(Schema):
    annotator: str = Field(alias="annotator.pseudonym", description="Pseudonym")
    excluded_at: datetime | None
    excluded_why: str
    pairs_due: bool = Field(description="What is derived follows by a task; true until it has")
    qualification: str
    trial_judged: int


class OwnDimensionOut(Schema):
    dimension: str = Field(description="Key")
    judged: int
    right: int

    @staticmethod
    def resolve_dimension(found: OwnDimension) -> str:
        return found.dimension.key


class OwnPartOut(Schema):
    campaign: uuid.UUID = Field(alias="campaign.id")
    name: str = Field(alias="campaign.name")
    judged: int
    today: int
    hours: float
    per_hour: float | None = Field(description="Items an hour on task")
    median_seconds: float | None = Field(description="On task, of the latest items")
    skipped: int
    gold_judged: int
    gold_share: float | None = Field(description="Of gold items, how much was right: 0 to 1")
    dimensions: list[OwnDimensionOut] = Field(description="Of the latest gold items")
    qualification: str
    excluded: bool


@campaigns.get("/{uuid:campaign_id}/quality", response=QualityOut)
def campaign_quality(request: HttpRequest, campaign_id: uuid.UUID) -> dict[str, Any]:
    """Everybody with a part in the campaign; what needs judgements is as of the latest report."""
    require(request.user, "campaigns.view")
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    report = QualityReport.objects.filter(campaign=campaign).first()
    return {
        "computed_at": report.computed_at if report else None,
        "asked_at": report.asked_at if report else None,
        "judgements": report.judgements if report else 0,
        "settings": _settings(campaign),
        "people": [quality_table.row(person) for person in annotators.people(campaign)],
    }


@campaigns.get(
    "/{uuid:campaign_id}/quality/people.csv",
    response={200: None},
    openapi_extra={"responses": {200: {"content": {"text/csv": {}}}}},
)
def campaign_quality_csv(request: HttpRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """The same people as a table."""
    require(request.user, "export")
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    audit(request, "campaign.export.people", campaign)
    response = HttpResponse(quality_table.as_csv(campaign), content_type=CSV)
    response["Content-Disposition"] = f'attachment; filename="{campaign.pk}-people.csv"'
    return response


@campaigns.post("/{uuid:campaign_id}/quality/report", response={202: ReportAsked})
def ask_quality_report(request: HttpRequest, campaign_id: uuid.UUID) -> Status[QualityReport]:
    """Have the report computed anew; `computed_at` of the figures tells when it is there."""
    require(request.user, "campaigns.view")
    return Status(202, annotators.ask(get_object_or_404(Campaign, pk=campaign_id)))


@campaigns.post(
    "/{uuid:campaign_id}/quality/settings",
    response={200: QualitySettingsOut, 409: Problem, 422: Misfits},
)
def quality_settings(
    request: HttpRequest, campaign_id: uuid.UUID, payload: QualitySettings
) -> dict[str, Any]:
    """Change what the campaign asks of its annotators; what is not named stays."""
    require(request.user, "campaigns.manage")
    given = payload.dict(exclude={"version"}, exclude_none=True)
    campaign = annotators.configure(campaign_id, payload.version, given)
    audit(request, "campaign.quality", campaign, **given)
    return _settings(campaign)


@campaigns.post(
    "/{uuid:campaign_id}/people/{pseudonym}/exclude", response={200: PartChanged, 409: Problem, 422: Misfits}
)
def exclude_annotator(
    request: HttpRequest, campaign_id: uuid.UUID, pseudonym: Pseudonym, payload: ExcludeIn
) -> Participation:
    """Leave a person's work out of the campaign: agreement, reliability, exports and training, at once."""
    require(request.user, "campaigns.manage")
    person = _person(campaign_id, pseudonym)
    part = exclusion.exclude(campaign_id, person.pk, payload.why, reopen_slots=payload.reopen_slots)
    audit(request, "campaign.exclude", part.campaign, annotator=pseudonym, **payload.dict())
    return part


@campaigns.post("/{uuid:campaign_id}/people/{pseudonym}/take-back", response={200: PartChanged, 409: Problem})
def take_annotator_back(request: HttpRequest, campaign_id: uuid.UUID, pseudonym: Pseudonym) -> Participation:
    """Let a person's work count again."""
    require(request.user, "campaigns.manage")
    part = exclusion.take_back(campaign_id, _person(campaign_id, pseudonym).pk)
    audit(request, "campaign.take_back", part.campaign, annotator=pseudonym)
    return part


@campaigns.post("/{uuid:campaign_id}/people/{pseudonym}/let-in", response={200: PartChanged, 409: Problem})
def let_annotator_in(request: HttpRequest, campaign_id: uuid.UUID, pseudonym: Pseudonym) -> Participation:
    """Let a person work who has not passed the qualification round."""
    require(request.user, "campaigns.manage")
    part = qualification.let_in(campaign_id, _person(campaign_id, pseudonym).pk)
    audit(request, "campaign.let_in", part.campaign, annotator=pseudonym)
    return part


@campaigns.post(
    "/{uuid:campaign_id}/people/{pseudonym}/qualify-again", response={200: PartChanged, 409: Problem}
)
def qualify_annotator_again(
    request: HttpRequest, campaign_id: uuid.UUID, pseudonym: Pseudonym
) -> Participation:
    """Let a person take the qualification round again, on gold items they have not met."""
    require(request.user, "campaigns.manage")
    part = qualification.reset(campaign_id, _person(campaign_id, pseudonym).pk)
    audit(request, "campaign.qualify_again", part.campaign, annotator=pseudonym)
    return part


@labelling.get("/me", response=list[OwnPartOut])
def own_figures(request: HttpRequest) -> list[OwnPart]:
    """The caller's own figures: pace, time on task, agreement with gold; their latest campaigns first."""
    require(request.user, "label")
    assert isinstance(request.user, User)
    return ownfigures.of_person(request.user)


def _settings(campaign: Campaign) -> dict[str, Any]:
    names = ("version", "gold_share", *annotators.SETTINGS)
    told = {name: getattr(campaign, name) for name in names}
    return {**told, "gold_lacking": qualification.lacking(campaign)}


def _person(campaign_id: uuid.UUID, pseudonym: str) -> User:
    return get_object_or_404(User, participations__campaign=campaign_id, pseudonym=pseudonym)
