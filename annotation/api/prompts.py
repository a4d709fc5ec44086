"""API of prompts: import with a preview, what was left out, a balanced choice."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from annotation.models import PromptCandidate, PromptSet
from annotation.prompts import collecting, promptsets
from annotation.prompts.candidates import candidates_of, sets_with_counts
from annotation.prompts.promptfile import MAX_BYTES, PromptFileError
from workbench.access import audit, require
from workbench.answers import Misfits, Problem
from workbench.models import User
from workbench.refusals import Invalid

router = Router(tags=["prompts"])

SetName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120, pattern=r"^[^\x00-\x1f]*$")]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Which = Literal["left_out", "taken_back", "in_set"]


class PromptImport(Schema):
    content: str = Field(description="The text of a CSV, JSON or JSON-lines file", max_length=MAX_BYTES)
    prompt_set: SetName = Field("", description="The set of lines that name none; made where it is new")
    source: Annotated[SetName, StringConstraints(max_length=200)] = Field(
        "", description="Where they come from, as the file's name"
    )
    dry_run: bool = Field(False, description="Say what would happen; store nothing")


class PromptLine(Schema):
    line: int
    outcome: collecting.Outcome
    text_en: str
    text_zh: str
    prompt_set: str
    reason: str = Field(description="Why it is left out: near_duplicate or an ambiguity rule's name")
    evidence: str
    resemblance: float | None
    code: str = Field(description="Why it is refused")
    message: str


class ImportCounts(Schema):
    new: int
    there: int
    left_out: int
    refused: int


class PromptImportReport(Schema):
    stored: bool
    counts: ImportCounts
    notes: list[str]
    lines: list[PromptLine]


class PromptSetOut(Schema):
    id: int
    slug: str
    name: str
    prompts: int = Field(alias="n_prompts")
    left_out: int
    without_first_frame: int = Field(description="Image-to-video prompts that no clip can be made of yet")


class CandidateOut(Schema):
    id: int
    text_en: str
    text_zh: str
    first_frame_en: str = Field(description="What the picture shows that an image-to-video clip starts from")
    first_frame_zh: str
    task: str
    categories: list[str]
    source: str
    external_id: str
    reason: str
    evidence: str
    alike: int | None = Field(alias="alike_id", description="The prompt it is nearly the same as")
    resemblance: float | None
    prompt: int | None = Field(alias="prompt_id", description="Its prompt in the set; null: left out")
    lacks_first_frame: bool = Field(description="No clip can be made of it until it has its first frame")
    decided_at: datetime | None = Field(description="When a person decided; null: as the filter said")


class CandidatePage(Schema):
    candidates: list[CandidateOut]
    next_after: int | None = Field(description="Pass as `after` for the next page; null at the end")


class Decision(Schema):
    kept: bool = Field(description="true: into the set; false: out of it")


class ChoiceIn(Schema):
    n: int = Field(ge=1, le=promptsets.MAX_CHOSEN)
    seed: int = Field(0, ge=0, le=2**31 - 1)
    name: SetName = Field("", description="Keep the choice as a new set of this name; empty: only show it")


class ShareOut(Schema):
    slug: str = Field(description="of the category; empty: prompts without one")
    name: str
    definition: str = Field(description="What the category means; empty: not of the shipped taxonomy")
    before: int
    after: int


class ChoiceOut(Schema):
    prompts: list[int]
    before: int
    shares: list[ShareOut]
    prompt_set: str | None = Field(description="Slug of the new set, where a name was given")


@router.post("/import", response={200: PromptImportReport, 422: Misfits})
def import_prompts(request: HttpRequest, payload: PromptImport) -> collecting.Report:
    """Import prompts, or with `dry_run` see line by line what would happen. A bad line stops no other."""
    require(request.user, "campaigns.manage")
    try:
        if payload.dry_run:
            return collecting.preview(payload.content, payload.prompt_set)
        report = collecting.collect(payload.content, payload.prompt_set, source=payload.source)
    except PromptFileError as error:
        raise Invalid("unreadable", str(error), where="body.content") from error
    audit(request, "prompts.import", **report.counts)
    return report


@router.get("/sets", response=list[PromptSetOut])
def list_sets(request: HttpRequest) -> Any:
    """All prompt sets, by name, with how many prompts they have and how many were left out."""
    require(request.user, "campaigns.view")
    return list(sets_with_counts())


@router.get("/sets/{slug:slug}/candidates", response=CandidatePage)
def list_candidates(
    request: HttpRequest,
    slug: str,
    which: Which = "left_out",
    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0,
    limit: Annotated[int, Field(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """What came in for a set, in the order it came, a page at a time."""
    require(request.user, "campaigns.view")
    rows, next_after = candidates_of(_set(slug), which, after=after, limit=limit)
    return {"candidates": rows, "next_after": next_after}


@router.post("/sets/{slug:slug}/choose", response={200: ChoiceOut, 409: Problem, 422: Misfits})
def choose(request: HttpRequest, slug: str, payload: ChoiceIn) -> dict[str, Any]:
    """Choose prompts of a set evenly over its categories, and keep them as a new set where it has a name."""
    require(request.user, "campaigns.manage")
    choice = promptsets.choose(_set(slug), payload.n, payload.seed)
    made = promptsets.keep(choice, payload.name) if payload.name else None
    if made is not None:
        audit(request, "prompts.choose", made, of=slug, n=len(choice.prompts), seed=payload.seed)
    return {**choice.__dict__, "prompt_set": made.slug if made else None}


@router.post("/candidates/{candidate_id}", response={200: CandidateOut, 422: Misfits})
def decide(request: HttpRequest, candidate_id: Id, payload: Decision) -> PromptCandidate:
    """Take a prompt that was left out into its set after all, or leave one out. Twice is as once."""
    require(request.user, "campaigns.manage")
    assert isinstance(request.user, User)
    candidate = collecting.decide(candidate_id, payload.kept, request.user)
    audit(request, "prompts.take" if payload.kept else "prompts.leave_out", candidate)
    return candidate


def _set(slug: str) -> PromptSet:
    return get_object_or_404(PromptSet, slug=slug)
