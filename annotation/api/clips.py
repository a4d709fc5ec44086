"""API of clips: list, look, upload."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import File, Form, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field, StringConstraints, WithJsonSchema

from annotation.clips import intake
from annotation.clips.listing import ClipFilter, find_clips
from annotation.media import Refused
from annotation.models import Clip, Task
from annotation.prompts.identity import TEXT_LENGTH, find_or_create
from workbench.access import audit, require
from workbench.answers import Misfits
from workbench.models import User
from workbench.refusals import Invalid

router = Router(tags=["clips"])

ClipState = Annotated[
    Clip.State, WithJsonSchema({"type": "string", "enum": Clip.State.values, "title": "Clip state"})
]
Optional = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f]*$")
]
PromptText = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=TEXT_LENGTH, pattern=r"^[^\x00]*$")
]


class ClipOut(Schema):
    id: uuid.UUID
    state: ClipState
    problem: str
    prompt_id: int | None
    video_model: str | None = Field(None, alias="video_model.slug")
    seed: int | None
    sha256: str
    size: int
    original_name: str
    codec: str
    width: int
    height: int
    frames: int
    fps: float
    duration: float
    has_audio: bool
    source: str
    recipe: dict[str, Any]
    created_at: datetime


class ClipPage(Schema):
    clips: list[ClipOut]
    next_after: uuid.UUID | None = Field(description="Pass as `after` for the next page; null at the end")


class Uploaded(Schema):
    clip: ClipOut
    created: bool = Field(description="false: the same bytes were there already")
    differs: list[str] = Field(
        description="Facts in which the clip that was there says something else; kept as it was"
    )


class FactsIn(Schema):
    """What is known about uploaded clips."""

    prompt: PromptText = ""
    prompt_zh: PromptText = ""
    task: Task = Task.T2V
    video_model: Annotated[Optional, StringConstraints(max_length=120)] = ""
    seed: Annotated[int | None, Field(ge=-(2**63), le=2**63 - 1)] = None
    source: Optional = ""

    def facts(self) -> intake.Facts:
        return intake.Facts(
            prompt=find_or_create(self.prompt, self.prompt_zh, self.task)
            if self.prompt or self.prompt_zh
            else None,
            video_model=intake.video_model_named(self.video_model) if self.video_model else None,
            seed=self.seed,
            source=self.source,
        )


@router.get("", response=ClipPage)
def list_clips(
    request: HttpRequest,
    state: ClipState | None = None,
    video_model: Optional = "",
    prompt_set: Optional = "",
    text: Optional = "",
    after: uuid.UUID | None = None,
    limit: Annotated[int, Field(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Clips, newest first, a page at a time."""
    require(request.user, "clips")
    wanted = ClipFilter(state=state or "", video_model=video_model, prompt_set=prompt_set, text=text)
    rows, next_after = find_clips(wanted, after=after, limit=limit)
    return {"clips": rows, "next_after": next_after}


@router.post("", response={201: Uploaded, 200: Uploaded, 422: Misfits})
def upload(request: HttpRequest, file: File[UploadedFile], facts: Form[FactsIn]) -> Status[Any]:
    """Take a video in. 201: new; 200: the same bytes were there; 422: not a video that is taken, and why."""
    require(request.user, "clips")
    assert isinstance(request.user, User)
    try:
        taken = intake.ingest_upload(file, facts.facts(), uploaded_by=request.user)
    except Refused as refused:
        raise Invalid(refused.code, intake.explain(refused)) from refused
    if taken.created:
        audit(request, "clip.upload", taken.clip, name=taken.clip.original_name)
    body = {"clip": taken.clip, "created": taken.created, "differs": taken.differs}
    return Status(201 if taken.created else 200, body)


@router.get("/{uuid:clip_id}", response=ClipOut)
def detail(request: HttpRequest, clip_id: uuid.UUID) -> Clip:
    require(request.user, "clips")
    return get_object_or_404(Clip.objects.select_related("video_model"), pk=clip_id)
