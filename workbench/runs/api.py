"""API: launch runs, watch them, control them, fetch what they made."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Header, Query, Router, Schema, Status
from pydantic import Field, StringConstraints

from workbench import media
from workbench.access import require
from workbench.answers import Problem
from workbench.models import Artifact, Metric, Run, RunEvent, RunState, User
from workbench.refusals import Conflict, Invalid
from workbench.runs import artifacts, control, launch, listing
from workbench.runs.kinds import ConfigRefusedError, RunKind, all_kinds
from workbench.runs.progress import progress_of

router = Router(tags=["runs"])

MAX_ID = 2**63 - 1
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120, pattern=r"^[^\x00]*$")]
Key = Annotated[str, Header(alias="Idempotency-Key", max_length=80, pattern=r"^[\x21-\x7e]*$")]
After = Annotated[int, Field(ge=0, le=MAX_ID, description="Only what was saved after this id")]
Limit = Annotated[int, Field(ge=1, le=10_000)]


class KindOut(Schema):
    key: str
    title: str
    about: str
    queue: Literal["gpu", "default"]
    config_schema: dict[str, Any] = Field(description="JSON schema of the config")


class RunIn(Schema):
    kind: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00]*$")]
    name: Line = ""
    config: dict[str, Any] = Field(
        default_factory=dict, description="What the kind's `config_schema` describes"
    )


class RunOut(Schema):
    id: uuid.UUID
    kind: str
    name: str
    state: RunState
    config: dict[str, Any]
    created_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    heartbeat_at: datetime | None
    attempt: int
    parent: uuid.UUID | None
    children: list[uuid.UUID]
    cancel_requested: bool
    step: int
    total_steps: int | None
    seconds_left: float | None = Field(description="At the pace so far; null where nothing can be said")
    result: dict[str, Any]
    error: str


class RunRow(Schema):
    id: uuid.UUID
    kind: str
    name: str
    state: RunState
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    step: int
    total_steps: int | None


class RunPage(Schema):
    runs: list[RunRow]
    next: uuid.UUID | None = Field(
        description="Pass it as `before` for the page that follows; null at the end"
    )


class MetricOut(Schema):
    id: int
    step: int
    name: str
    value: float
    at: datetime


class EventOut(Schema):
    id: int
    attempt: int
    at: datetime
    kind: str
    level: str
    text: str
    data: dict[str, Any]


class ArtifactOut(Schema):
    id: int
    kind: Artifact.Kind
    name: str
    step: int | None
    final: bool
    sha256: str
    size: int
    created_at: datetime
    pruned_at: datetime | None = Field(
        description="When retention removed the bytes; null while they are there"
    )


class Listing(Schema):
    kind: Annotated[str, StringConstraints(max_length=40, pattern=r"^[^\x00]*$")] = ""
    state: RunState | None = None
    person: Annotated[str, StringConstraints(max_length=150, pattern=r"^[^\x00]*$")] = ""
    text: Line = ""
    before: uuid.UUID | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


@router.get("/kinds", response=list[KindOut])
def run_kinds(request: HttpRequest) -> list[KindOut]:
    """The kinds of runs, each with the schema of its config."""
    require(request.user, "runs")
    return [_kind_out(kind) for kind in all_kinds()]


@router.get("", response=RunPage)
def list_runs(request: HttpRequest, filters: Query[Listing]) -> RunPage:
    """Runs, newest first, a page at a time."""
    require(request.user, "runs")
    state = filters.state.value if filters.state else ""
    rows = listing.runs(
        listing.Filters(kind=filters.kind, state=state, person=filters.person, text=filters.text)
    )
    if filters.before is not None:
        last = Run.objects.filter(pk=filters.before).first()
        if last is None:
            message = _("There is no run %(id)s.") % {"id": filters.before}
            raise Invalid("no_such_run", message, where="query.before")
        rows = listing.after(rows, last)
    found = list(rows[: filters.limit + 1])
    more = len(found) > filters.limit
    shown = found[: filters.limit]
    return RunPage(runs=[_row_out(run) for run in shown], next=shown[-1].pk if more else None)


@router.post("", response={201: RunOut, 409: Problem})
def launch_run(
    request: HttpRequest,
    payload: RunIn,
    idempotency_key: Key = "",
) -> Status[RunOut]:
    """Launch a run. Sent again with the same `Idempotency-Key`, it answers with the run of the first time.

    409: that key was used for another launch, or the disk quota is full.
    """
    user = _user(request)
    require(user, "runs.launch")
    try:
        run = launch.launch(
            user,
            payload.kind,
            payload.config,
            name=payload.name,
            idempotency_key=idempotency_key,
            request=request,
        )
    except ConfigRefusedError as refused:
        raise _refusal(refused) from refused
    return Status(201, _run_out(run))


@router.get("/{run_id}", response=RunOut)
def get_run(request: HttpRequest, run_id: uuid.UUID) -> RunOut:
    """One run."""
    return _run_out(_viewable(request, run_id))


@router.get("/{run_id}/metrics", response=list[MetricOut])
def run_metrics(
    request: HttpRequest,
    run_id: uuid.UUID,
    after: After = 0,
    limit: Limit = 5000,
    name: Annotated[str, StringConstraints(max_length=80, pattern=r"^[^\x00]*$")] = "",
) -> list[Metric]:
    """Values of curves in the order they were saved. A run that resumed may have lost values beyond the
    checkpoint it went on from; the same steps then come again with greater ids."""
    rows = _viewable(request, run_id).metrics.filter(pk__gt=after).order_by("pk")
    return list((rows.filter(name=name) if name else rows)[:limit])


@router.get("/{run_id}/events", response=list[EventOut])
def run_events(
    request: HttpRequest, run_id: uuid.UUID, after: After = 0, limit: Limit = 1000
) -> list[RunEvent]:
    """Log lines, samples, checkpoints and state changes, in order."""
    return list(_viewable(request, run_id).events.filter(pk__gt=after).order_by("pk")[:limit])


@router.get("/{run_id}/artifacts", response=list[ArtifactOut])
def run_artifacts(request: HttpRequest, run_id: uuid.UUID) -> list[Artifact]:
    """Files that the run made, with their hashes."""
    return list(_viewable(request, run_id).artifacts.order_by("-step", "name"))


@router.get(
    "/{run_id}/artifacts/{artifact_id}",
    response={200: None, 409: Problem},
    openapi_extra={
        "responses": {
            200: {"content": {kind: {} for kind in ("application/octet-stream", *artifacts.SHOWN.values())}}
        }
    },
)
def download_artifact(
    request: HttpRequest, run_id: uuid.UUID, artifact_id: Annotated[int, Field(ge=1, le=MAX_ID)]
) -> HttpResponseBase:
    """The bytes of a file. 409: retention has removed them."""
    artifact = get_object_or_404(Artifact, pk=artifact_id, run=_viewable(request, run_id))
    if artifact.pruned_at is not None or not default_storage.exists(artifact.storage_name):
        raise Conflict("pruned", _("The file's bytes are no longer kept; its record is."))
    name = artifact.name.replace("/", "-")
    return media.serve_stored(
        request, default_storage, artifact.storage_name, artifacts.content_type(name), download_name=name
    )


@router.post("/{run_id}/cancel", response={200: RunOut, 409: Problem})
def cancel_run(request: HttpRequest, run_id: uuid.UUID) -> RunOut:
    """Cancel a run of one's own (managers: any). A running one writes a checkpoint first."""
    _viewable(request, run_id)
    return _run_out(control.cancel(_user(request), run_id, request))


@router.post("/{run_id}/resume", response={200: RunOut, 409: Problem})
def resume_run(request: HttpRequest, run_id: uuid.UUID) -> RunOut:
    """Go on with a failed or cancelled run from its last checkpoint."""
    _viewable(request, run_id)
    try:
        return _run_out(control.resume(_user(request), run_id, request))
    except ConfigRefusedError as refused:
        raise Conflict("config_refused", str(refused)) from refused


@router.post("/{run_id}/clone", response={201: RunOut, 409: Problem})
def clone_run(request: HttpRequest, run_id: uuid.UUID) -> Status[RunOut]:
    """A new run with the same config, and this one as its parent. 409: it can't be launched any more."""
    _viewable(request, run_id)
    try:
        return Status(201, _run_out(control.clone(_user(request), run_id, request)))
    except ConfigRefusedError as refused:
        raise Conflict("config_refused", str(refused)) from refused


def _viewable(request: HttpRequest, run_id: uuid.UUID) -> Run:
    require(request.user, "runs")
    return get_object_or_404(Run.objects.select_related("created_by"), pk=run_id)


def _user(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)
    return user


def _refusal(refused: ConfigRefusedError) -> Invalid:
    place, _text = refused.problems[0]
    where = "body.kind" if place == ("kind",) else ".".join(["body.config", *map(str, place)])
    return Invalid("config_refused", str(refused), where=where)


def _kind_out(kind: RunKind) -> KindOut:
    return KindOut(
        key=kind.key,
        title=str(kind.title),
        about=str(kind.about),
        queue=kind.queue,
        config_schema=kind.config.model_json_schema(),
    )


def _row_out(run: Run) -> RunRow:
    return RunRow(
        id=run.pk,
        kind=run.kind,
        name=run.name,
        state=RunState(run.state),
        created_by=run.created_by.username,
        created_at=run.created_at,
        ended_at=run.ended_at,
        step=run.step,
        total_steps=run.total_steps,
    )


def _run_out(run: Run) -> RunOut:
    return RunOut(
        **_row_out(run).model_dump(),
        config=run.config,
        started_at=run.started_at,
        heartbeat_at=run.heartbeat_at,
        attempt=run.attempt,
        parent=run.parent_id,
        children=list(run.children.order_by("created_at").values_list("pk", flat=True)),
        cancel_requested=run.cancel_requested_at is not None and not run.ended,
        seconds_left=progress_of(run).seconds_left,
        result=run.result,
        error=run.error,
    )
