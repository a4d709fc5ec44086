"""API of benchmark evaluations: all that their pages do, under the same names."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from ninja import Router, Schema, Status
from pydantic import Field, StringConstraints, WithJsonSchema

from annotation.models import PromptSet, Task, VideoModel
from arena.evaluations import cliptable, lifecycle, power, reportfigures, reports
from arena.evaluations.lifecycle import MOST_SEEDS, EvaluationPlan
from arena.forms.evaluations import MAX_SEED
from arena.models import Evaluation
from workbench.access import require
from workbench.answers import Misfits, Problem
from workbench.models import User
from workbench.refusals import Invalid, Missing

router = Router(tags=["evaluations"])

Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
EvaluationState = Annotated[
    Evaluation.State,
    WithJsonSchema({"type": "string", "enum": Evaluation.State.values, "title": "Evaluation state"}),
]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$"),
]


class EvaluationShape(Schema):
    """What decides how many clips, items and judgements there are."""

    prompt_set: Id
    task: Task = Task.T2V
    video_models: list[Id] = Field(max_length=50)
    likert: bool = True
    gsb: bool = False
    under_test: Id | None = Field(None, description="GSB: the video model that the others are compared with")
    seeds: list[Seed] = Field([1], min_length=1, max_length=MOST_SEEDS)
    side_by_side: bool = Field(
        False, description="Likert: an item is all of a model's clips of a prompt, 2 to 8 of them"
    )
    overlap: int = Field(2, ge=1, le=20, description="Judgements of each item, by different people")
    steps: int = Field(20, ge=1, le=1000, description="Sampling steps of clips that are made here")
    guidance: float = Field(3.0, ge=0, le=30)


class EvaluationIn(EvaluationShape):
    name: Name
    annotators: list[Id] = Field([], max_length=1000, description="Users who score; none and no group: all")
    groups: list[Id] = Field([], max_length=100)


class EvaluationPreviewIn(EvaluationShape):
    difference: float = Field(0.3, gt=0, le=4, description="A Likert difference that matters")


class ModelClips(Schema):
    model: str
    name: str
    ready: int
    pending: int = Field(description="There, waiting for their rendition")
    missing: int
    wanted: int


class EvaluationPreview(Schema):
    prompts: int
    without_frame: int = Field(description="Image-to-video prompts that can't be run")
    frames_note: str
    clips: int
    items: int
    judgements: int
    models: list[ModelClips]
    likert_difference: float | None = Field(
        description="Smallest true difference of two models' means that is found with probability 0.8"
    )
    gsb_difference: float | None = Field(description="The same of (G - B) / N")
    needed_likert: int | None = Field(description="Prompts needed to find `difference`")


class EvaluationRow(Schema):
    id: uuid.UUID
    name: str
    state: EvaluationState
    problem: str
    prompt_set: str = Field(alias="prompt_set.slug")
    task: Task
    likert: bool
    gsb: bool
    under_test: str | None = Field(None, alias="under_test.slug")
    seeds: list[int]
    side_by_side: bool
    overlap: int
    likert_campaign: uuid.UUID | None = Field(None, alias="likert_campaign_id")
    gsb_campaign: uuid.UUID | None = Field(None, alias="gsb_campaign_id")
    report_judgements: int
    created_at: datetime
    ended_at: datetime | None
    version: int


class EvaluationOut(EvaluationRow):
    models: list[ModelClips]
    without_frame: list[int] = Field(description="Prompts that can't be run: they have no first frame")

    @staticmethod
    def resolve_models(row: Evaluation) -> list[dict[str, Any]]:
        return _models(cliptable.of_evaluation(row))

    @staticmethod
    def resolve_without_frame(row: Evaluation) -> list[int]:
        return [prompt.pk for prompt in cliptable.without_frame(row.prompt_set, row.task)]


class MissingClip(Schema):
    model: str
    prompt: int
    seed: int


class VersionIn(Schema):
    version: int = Field(ge=0, le=2**31 - 1)


class EvaluationReportOut(Schema):
    at: datetime
    judgements: int
    simulated: int = Field(description="How many of them simulated experts gave")
    experts: int
    under_test: str
    models: list[str]
    dimensions: dict[str, list[str]]
    means: list[dict[str, Any]]
    comparisons: list[dict[str, Any]]
    raters: list[dict[str, Any]]
    agreement: list[dict[str, Any]]
    defects: list[dict[str, Any]]
    categories: list[dict[str, Any]]
    slices: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    pair_categories: list[dict[str, Any]]
    prompts: list[dict[str, Any]]
    figures: list[str] = Field(description="Keys of figures whose rows can be fetched as CSV")


@router.get("", response=list[EvaluationRow])
def list_evaluations(request: HttpRequest) -> list[Evaluation]:
    """All evaluations, newest first."""
    require(request.user, "campaigns.view")
    return list(Evaluation.objects.select_related("prompt_set", "under_test")[:500])


@router.post("", response={201: EvaluationOut, 422: Misfits})
def create_evaluation(request: HttpRequest, payload: EvaluationIn) -> Status[Evaluation]:
    """Make an evaluation. It goes on by itself, and waits for clips and for experts."""
    require(request.user, "evaluate")
    assert isinstance(request.user, User)
    prompt_set, models = _chosen(payload)
    plan = EvaluationPlan(
        name=payload.name,
        task=payload.task,
        likert=payload.likert,
        gsb=payload.gsb,
        seeds=tuple(payload.seeds),
        side_by_side=payload.side_by_side,
        overlap=payload.overlap,
        steps=payload.steps,
        guidance=payload.guidance,
        annotators=tuple(payload.annotators),
        groups=tuple(payload.groups),
        prompt_set=prompt_set,
        video_models=models,
        under_test=next((model for model in models if model.pk == payload.under_test), None),
    )
    return Status(201, lifecycle.create(request.user, plan, request))


@router.post("/preview", response={200: EvaluationPreview, 422: Misfits})
def preview_evaluation(request: HttpRequest, payload: EvaluationPreviewIn) -> dict[str, Any]:
    """What an evaluation would be: clips, items, judgements, and which differences they can tell."""
    require(request.user, "campaigns.view")
    prompt_set, models = _chosen(payload)
    prompts = cliptable.usable_prompts(prompt_set, payload.task)
    lost = cliptable.without_frame(prompt_set, payload.task)
    sampling = {"steps": payload.steps, "guidance": payload.guidance}
    found = cliptable.table(prompts, models, payload.seeds, sampling)
    opponents = max(0, len(models) - 1) if payload.gsb else 0
    scored = len(models) * (1 if payload.side_by_side else len(payload.seeds)) if payload.likert else 0
    items = len(prompts) * (scored + len(payload.seeds) * opponents)
    judged = power.Size(
        prompts=len(prompts), overlap=payload.overlap * len(payload.seeds), models=len(models)
    )
    told = ngettext(
        "%(n)d prompt has no first frame and can't be run.",
        "%(n)d prompts have no first frame and can't be run.",
        len(lost),
    )
    return {
        "prompts": len(prompts),
        "without_frame": len(lost),
        "frames_note": told % {"n": len(lost)} if lost else "",
        "clips": found.wanted,
        "items": items,
        "judgements": items * payload.overlap,
        "models": _models(found),
        "likert_difference": power.likert_difference(judged) if payload.likert else None,
        "gsb_difference": power.gsb_difference(judged) if payload.gsb else None,
        "needed_likert": (power.likert_prompts(judged, payload.difference) if payload.likert else None),
    }


@router.get("/{uuid:evaluation_id}", response=EvaluationOut)
def evaluation_detail(request: HttpRequest, evaluation_id: uuid.UUID) -> Evaluation:
    return _evaluation(request, evaluation_id)


@router.get("/{uuid:evaluation_id}/missing", response=list[MissingClip])
def evaluation_lacks(request: HttpRequest, evaluation_id: uuid.UUID) -> list[dict[str, Any]]:
    """Clips that are missing, by model, prompt and seed."""
    found = cliptable.of_evaluation(_evaluation(request, evaluation_id))
    return [
        {"model": model.slug, "prompt": prompt.pk, "seed": seed} for model, prompt, seed in found.lacking()
    ]


@router.post("/{uuid:evaluation_id}/begin", response={200: EvaluationOut, 409: Problem})
def begin_evaluation(request: HttpRequest, evaluation_id: uuid.UUID, payload: VersionIn) -> Evaluation:
    """Score the clips there are, without waiting for the others."""
    require(request.user, "evaluate")
    assert isinstance(request.user, User)
    return lifecycle.begin_with_what_is_there(request.user, evaluation_id, payload.version, request)


@router.post("/{uuid:evaluation_id}/finish", response={200: EvaluationOut, 409: Problem})
def finish_evaluation(request: HttpRequest, evaluation_id: uuid.UUID, payload: VersionIn) -> Evaluation:
    """End it now: scoring is closed, what was judged is reported; while it awaits clips it is cancelled."""
    require(request.user, "evaluate")
    assert isinstance(request.user, User)
    return lifecycle.finish(request.user, evaluation_id, payload.version, request)


@router.get("/{uuid:evaluation_id}/report", response=EvaluationReportOut)
def report_of_evaluation(request: HttpRequest, evaluation_id: uuid.UUID) -> dict[str, Any]:
    """The report as it was computed last; 404 while nothing is judged."""
    report = _report(request, evaluation_id)
    told = {name: getattr(report, name) for name in EvaluationReportOut.model_fields if name != "figures"}
    return told | {"figures": [figure.key for figure in reportfigures.figures(report)]}


@router.get("/{uuid:evaluation_id}/figures/{key}.csv", url_name="evaluation_figure_csv")
def evaluation_figure_csv(request: HttpRequest, evaluation_id: uuid.UUID, key: str) -> HttpResponse:
    """The rows behind a figure of the report, as CSV."""
    report = _report(request, evaluation_id)
    figure = next((one for one in reportfigures.figures(report) if one.key == key), None)
    if figure is None:
        raise Missing("no_such_figure", _("The report has no such figure."))
    answer = HttpResponse(figure.csv, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{figure.key}.csv"'
    return answer


def _evaluation(request: HttpRequest, evaluation_id: uuid.UUID) -> Evaluation:
    require(request.user, "campaigns.view")
    return get_object_or_404(Evaluation.objects.select_related("prompt_set", "under_test"), pk=evaluation_id)


def _report(request: HttpRequest, evaluation_id: uuid.UUID) -> reports.Report:
    report = reports.of(_evaluation(request, evaluation_id))
    if report is None:
        raise Missing("no_report", _("There is no report yet: nothing has been judged."))
    return report


def _chosen(payload: EvaluationShape) -> tuple[PromptSet, tuple[VideoModel, ...]]:
    """The rows that were named. Raises Invalid `no_such_prompt_set`, `no_such_model`."""
    prompt_set = PromptSet.objects.filter(pk=payload.prompt_set).first()
    if prompt_set is None:
        text = _("There is no prompt set %(id)s.") % {"id": payload.prompt_set}
        raise Invalid("no_such_prompt_set", text, where="body.prompt_set")
    models = VideoModel.objects.filter(pk__in=payload.video_models).order_by("name", "pk")
    if lost := set(payload.video_models) - {model.pk for model in models}:
        text = _("There is no video model %(id)s.") % {"id": min(lost)}
        raise Invalid("no_such_model", text, where="body.video_models")
    return prompt_set, tuple(models)


def _models(found: cliptable.ClipTable) -> list[dict[str, Any]]:
    return [
        {
            "model": model.slug,
            "name": model.name,
            "ready": part.ready,
            "pending": part.pending,
            "missing": part.missing,
            "wanted": part.wanted,
        }
        for model in found.video_models
        for part in (found.of_model(model),)
    ]
