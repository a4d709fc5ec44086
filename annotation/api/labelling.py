"""API for labelling: the next item, drafts, checks, submissions. All the labelling page does goes here."""

import uuid
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from annotation.api.campaigns import CampaignProtocol
from annotation.campaigns import lifecycle
from annotation.labelling import judging, page, queue
from annotation.models import Assignment, Campaign
from workbench.access import require
from workbench.answers import Misfits, Problem
from workbench.models import User

router = Router(tags=["labelling"])


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")
]


class OpenCampaign(Schema):
    id: uuid.UUID
    name: str
    protocol: CampaignProtocol
    guidelines: str
    clips_per_item: int
    judged: int = Field(alias="progress.judged")
    wanted: int


class CampaignIn(Schema):
    campaign: uuid.UUID


class ShownClip(Schema):
    """A clip, blind: `id` is its address in this item and says nothing else."""

    id: uuid.UUID
    src: str
    width: int
    height: int
    duration: float
    frame_times: list[float]


class ShownCampaign(Schema):
    id: uuid.UUID
    name: str
    protocol: CampaignProtocol
    lease_seconds: int
    min_play_seconds: float
    judged: int
    wanted: int


class ShownCategory(Schema):
    slug: str
    name_en: str
    name_zh: str


class ShownPrompt(Schema):
    text_en: str
    text_zh: str
    task: str
    first_frame: str | None = Field(description="Where the picture is that the clips start from")
    categories: list[ShownCategory] = Field(description="Of the taxonomy, by slug")


class ShownAspect(Schema):
    key: str
    name: str
    definition: str


class ShownDimension(Schema):
    key: str
    name: str
    definition: str
    required: bool
    aspects: list[ShownAspect] = Field(description="Of expert scoring: what a mark can be made in")
    anchors: list[str] = Field(description="Of expert scoring: what the scores 1 to 5 mean")


class Shown(Schema):
    assignment: uuid.UUID
    state: str
    expires_at: datetime
    draft: dict[str, Any]
    draft_version: int
    supersedes: uuid.UUID | None = Field(description="The judgement that a submission now corrects")
    campaign: ShownCampaign
    prompt: ShownPrompt
    clips: list[ShownClip] = Field(description="In this person's own order")
    dimensions: list[ShownDimension]


class NextOut(Schema):
    item: Shown | None
    nothing: str | None = Field(
        description="Why there is none: see `queue.why_nothing`; none_judged where nothing can be corrected"
    )
    person: str = Field(description="The caller's pseudonym")


class HeldOut(Schema):
    media: list[str] = Field(description="Addresses to fetch ahead; empty if no further item is left")


class Answers(Schema):
    answers: dict[str, Any] = Field(
        description='Best/worst: {"picks": {dimension: {"best": [clip], "worst": [clip]} | {"tie": true} | '
        '{"cant_judge": true}}, "comparisons": [{"dimension", "b", "w", "answer": "yes"|"no"|"cant_tell"}]}. '
        'Likert: {"scores": {dimension: {clip: 1..5}}, "marks": [{"clip", "dimension", "aspect", '
        '"kind": "defect"|"strength", "from": seconds|null, "to": seconds|null, "note"}]}. '
        'Good/same/bad: {"verdicts": {dimension: "left"|"same"|"right"}}'
    )


class DraftIn(Answers):
    draft_version: int = Field(ge=0, le=2**31 - 1)


class DraftOut(Schema):
    draft_version: int
    expires_at: datetime


class SubmitIn(Answers):
    idempotency_key: uuid.UUID
    supersedes: uuid.UUID | None = None
    seconds: float | None = Field(None, ge=0, le=86400)
    played: float | None = Field(None, ge=0, le=86400)


class GoldTold(Schema):
    """What may be told after a gold item: see `gold.Told`."""

    right: dict[str, bool] = Field(description="By dimension that the gold answer speaks of")
    known: dict[str, Any] = Field(
        description='The gold answer, in the form of `picks`, {"expected": {clip: score}, "tolerance"}, or '
        '{"side": "left" | "same" | "right"}'
    )
    explanation: str
    trial: bool = Field(description="The item belonged to the qualification round")
    judged: int = Field(description="Items of the qualification round so far")
    of: int
    qualification: str = Field(description='"passed", "failed", "let_in", or "" while the round goes on')


class SubmitOut(Schema):
    judgement: uuid.UUID
    created_at: datetime
    supersedes: uuid.UUID | None
    pairs: int
    broken_pairs: int
    gold: GoldTold | None = Field(
        description="null where the item was not gold, or nothing may be told of it"
    )


class SkipIn(Schema):
    reason: Line


class Feedback(Schema):
    problems: list[dict[str, Any]]
    broken: list[dict[str, Any]] = Field(description="Pairs whose best clip is inferior in another dimension")
    questions: list[dict[str, Any]]
    comparisons: list[dict[str, Any]] = Field(description="The replies that still count")
    unanswered: list[str]
    doubts: list[dict[str, Any]] = Field(description="Contradictions that are taken all the same")


@router.get("/campaigns", response=list[OpenCampaign])
def open_campaigns(request: HttpRequest) -> list[Campaign]:
    """The campaigns in which the caller may label now."""
    return list(lifecycle.open_to(_labeller(request)))


@router.post("/next", response={200: NextOut, 422: Misfits})
def next_item(request: HttpRequest, payload: CampaignIn) -> HttpResponse:
    """Lease the caller's next item; the one already leased to them comes back, with its order and draft."""
    person = _labeller(request)
    found = queue.next_item(payload.campaign, person)
    if found is None:
        nothing = queue.why_nothing(get_object_or_404(Campaign, pk=payload.campaign), person)
        return JsonResponse({"item": None, "nothing": nothing, "person": person.pseudonym})
    # As JSON at once: what our own statement gives needs no check against the schema (a test compares them).
    return JsonResponse({"item": page.shown(found), "nothing": None, "person": person.pseudonym})


@router.post("/hold", response={200: HeldOut, 422: Misfits})
def hold(request: HttpRequest, payload: CampaignIn) -> dict[str, Any]:
    """Hold the item after the one in work so that its clips can be fetched. It does not count as seen."""
    person = _labeller(request)
    held = queue.hold_next(payload.campaign, person)
    if held is None:
        get_object_or_404(Campaign, pk=payload.campaign)
    return {"media": page.media_addresses(held) if held else []}


@router.post("/last", response={200: NextOut, 422: Misfits})
def last(request: HttpRequest, payload: CampaignIn) -> dict[str, Any]:
    """Open the caller's latest judgement in the campaign again; submitting then corrects it."""
    person = _labeller(request)
    judgement = judging.correctable(payload.campaign, person)
    if judgement is None:
        return {"item": None, "nothing": "none_judged", "person": person.pseudonym}
    shown = page.shown(judgement.assignment_id, correcting=judgement)
    return {"item": shown, "nothing": None, "person": person.pseudonym}


@router.post("/{uuid:assignment_id}/heartbeat", response={200: DraftOut, 409: Problem})
def heartbeat(request: HttpRequest, assignment_id: uuid.UUID) -> Assignment:
    """Prolong the lease; call it every few minutes while the page is in use."""
    return queue.heartbeat(assignment_id, _labeller(request))


@router.put("/{uuid:assignment_id}/draft", response={200: DraftOut, 409: Problem, 422: Misfits})
def draft(request: HttpRequest, assignment_id: uuid.UUID, payload: DraftIn) -> Assignment:
    """Keep what is marked so far. `draft_version` is the one last read; a stale one is a conflict."""
    judging.parsed(payload.answers)
    return queue.save_draft(assignment_id, _labeller(request), payload.answers, payload.draft_version)


@router.post("/{uuid:assignment_id}/check", response={200: Feedback, 422: Misfits})
def check(request: HttpRequest, assignment_id: uuid.UUID, payload: Answers) -> Any:
    """What the rules of the campaign's protocol say of answers so far. Stores nothing."""
    return judging.check(assignment_id, _labeller(request), payload.answers)


@router.post("/{uuid:assignment_id}/submit", response={200: SubmitOut, 409: Problem, 422: Misfits})
def submit(request: HttpRequest, assignment_id: uuid.UUID, payload: SubmitIn) -> Any:
    """Store a judgement. Sent again with the same key it gives the first answer and stores nothing."""
    submission = judging.Submission(**payload.dict())
    accepted = judging.submit(assignment_id, _labeller(request), submission)
    told = {
        "judgement": accepted.judgement.pk,
        "created_at": accepted.judgement.created_at,
        "supersedes": accepted.judgement.supersedes_id,
        "pairs": accepted.pairs,
        "broken_pairs": accepted.broken_pairs,
        "gold": asdict(accepted.told) if accepted.told else None,
    }
    return JsonResponse(told)


@router.post("/{uuid:assignment_id}/skip", response={200: None, 409: Problem, 422: Misfits})
def skip(request: HttpRequest, assignment_id: uuid.UUID, payload: SkipIn) -> None:
    """Give the item back, with a reason; the caller does not get it again."""
    queue.skip(assignment_id, _labeller(request), payload.reason)


def _labeller(request: HttpRequest) -> User:
    require(request.user, "label")
    assert isinstance(request.user, User)
    return request.user
