"""Pages of runs: the list, the launch form, and a run with its curves."""

import json
import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from workbench import charts
from workbench.access import SignedInRequest, may, needs
from workbench.home import Section
from workbench.models import Artifact, Run, RunEvent, RunState, User
from workbench.runs import artifacts, control, launch, listing, retention
from workbench.runs.kinds import ConfigRefusedError, RunKind, all_kinds
from workbench.runs.progress import progress_of

_LOG_LINES = 500
_FIRST_SAMPLES = 12


class FilterForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False)
    state = forms.ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[("", gettext_lazy("Any")), *RunState.choices],
    )
    person = forms.ChoiceField(label=gettext_lazy("Person"), required=False)
    text = forms.CharField(label=gettext_lazy("Name, error or id"), required=False, max_length=120)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        anything = ("", _("Any"))
        people = User.objects.filter(runs__isnull=False).distinct().values_list("username", flat=True)
        self.fields["kind"].choices = [anything, *((kind.key, str(kind.title)) for kind in all_kinds())]  # type: ignore[attr-defined]
        self.fields["person"].choices = [anything, *((name, name) for name in people)]  # type: ignore[attr-defined]


class LaunchForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=120,
        help_text=gettext_lazy("What the list shows; may stay empty."),
    )
    config = forms.CharField(
        label=gettext_lazy("Config (JSON)"),
        widget=forms.Textarea(attrs={"class": "code", "spellcheck": "false", "rows": 22}),
        help_text=gettext_lazy("Fields that you leave out keep their defaults."),
    )

    def clean_config(self) -> dict[str, Any]:
        try:
            config = json.loads(self.cleaned_data["config"])
        except ValueError as error:
            raise forms.ValidationError(_("This is not JSON: %(why)s") % {"why": error}) from error
        if not isinstance(config, dict):
            raise forms.ValidationError(_("A config is a JSON object: { … }."))
        return config

    def refuse(self, refused: ConfigRefusedError) -> None:
        """Show what is wrong with the config beside it."""
        for place, text in refused.problems:
            where = ".".join(map(str, place))
            self.add_error("config", f"{where}: {text}" if where else text)


@require_GET
@needs("runs")
def run_list(request: SignedInRequest) -> HttpResponse:
    form = FilterForm(request.GET)
    found = form.cleaned_data if form.is_valid() else {}
    rows = listing.runs(
        listing.Filters(**{name: found.get(name, "") for name in ("kind", "state", "person", "text")})
    )
    page = Paginator(rows, 25).get_page(request.GET.get("page"))
    runs = [(run, progress_of(run)) for run in page]
    filtered = any(found.values())
    context = {"form": form, "page": page, "runs": runs, "filtered": filtered, "titles": _titles()}
    return render(request, "workbench/runs/list.html", context)


@require_http_methods(["GET", "POST"])
@needs("runs.launch")
def run_new(request: SignedInRequest) -> HttpResponse:
    """The launch form of a kind; `?parent=RUN` begins with that run's config and makes it the parent,
    `?config=JSON` with these fields (see `launch_address`).
    """
    parent = _parent(request)
    kinds = all_kinds()
    wanted = parent.kind if parent else request.GET.get("kind", "")
    kind = next((kind for kind in kinds if kind.key == wanted), kinds[0])
    form = LaunchForm(request.POST or None, initial=_initial(kind, parent, request))
    if request.method == "POST" and form.is_valid():
        try:
            run = launch.launch(
                request.user,
                kind.key,
                form.cleaned_data["config"],
                name=form.cleaned_data["name"],
                parent=parent,
                request=request,
            )
            return redirect("runs:run", run.pk)
        except ConfigRefusedError as refused:
            form.refuse(refused)
        except retention.QuotaExceededError as refused:
            form.add_error(None, str(refused))
    schema = kind.config.model_json_schema()
    context = {"form": form, "kind": kind, "kinds": kinds, "parent": parent, "fields": _described(schema)}
    return render(request, "workbench/runs/new.html", context, status=422 if form.errors else 200)


@require_GET
@needs("runs")
def run_page(request: SignedInRequest, run_id: uuid.UUID) -> HttpResponse:
    run = _run(run_id)
    context = (
        _status(run)
        | _files(run)
        | {
            "log": _log(run, 0),
            "config": json.dumps(run.config, ensure_ascii=False, indent=2),
            "children": run.children.order_by("created_at"),
            "may_control": control.may_control(request.user, run),
            "titles": _titles(),
            "chart_words": charts.words(),
        }
    )
    return render(request, "workbench/runs/run.html", context)


@require_GET
@needs("runs")
def run_status(request: SignedInRequest, run_id: uuid.UUID) -> HttpResponse:
    """The part of the run's page that tells how it is, for the page to put in place."""
    return render(request, "workbench/runs/status.html", _status(_run(run_id)))


@require_GET
@needs("runs")
def run_files(request: SignedInRequest, run_id: uuid.UUID) -> HttpResponse:
    """The part with samples and files."""
    return render(request, "workbench/runs/files.html", _files(_run(run_id)))


@require_GET
@needs("runs")
def run_log(request: SignedInRequest, run_id: uuid.UUID) -> HttpResponse:
    """The log lines after the event `?after=ID`."""
    after = request.GET.get("after", "")
    run = _run(run_id)
    log = _log(run, int(after) if after.isdecimal() and after.isascii() and len(after) < 19 else 0)
    return render(request, "workbench/runs/log.html", {"run": run, "log": log})


@require_POST
@needs("runs.launch")
def run_cancel(request: SignedInRequest, run_id: uuid.UUID) -> HttpResponse:
    _run(run_id)
    try:
        run = control.cancel(request.user, run_id, request)
        if run.ended:
            messages.success(request, _("The run is cancelled."))
        else:
            messages.info(request, _("The trainer is asked to write a checkpoint and stop."))
    except control.NotNowError as refused:
        messages.error(request, str(refused))
    return redirect("runs:run", run_id)


@require_POST
@needs("runs.launch")
def run_resume(request: SignedInRequest, run_id: uuid.UUID) -> HttpResponse:
    _run(run_id)
    try:
        control.resume(request.user, run_id, request)
        messages.success(request, _("The run is queued and goes on from its last checkpoint."))
    except (control.NotNowError, retention.QuotaExceededError, ConfigRefusedError) as refused:
        messages.error(request, str(refused))
    return redirect("runs:run", run_id)


@require_POST
@needs("runs.launch")
def run_clone(request: SignedInRequest, run_id: uuid.UUID) -> HttpResponse:
    _run(run_id)
    try:
        return redirect("runs:run", control.clone(request.user, run_id, request).pk)
    except (retention.QuotaExceededError, ConfigRefusedError) as refused:
        messages.error(request, str(refused))
    return redirect("runs:run", run_id)


def launch_address(kind: str, **config: Any) -> str:
    """Where the launch form of a kind begins with these fields of its config."""
    return f"{reverse('runs:new')}?{urlencode({'kind': kind, 'config': json.dumps(config)})}"


def home_section(request: SignedInRequest) -> Section | None:
    """On the home page: runs at work and the latest ones."""
    if not may(request.user, "runs"):
        return None
    latest = [(run, progress_of(run)) for run in Run.objects.select_related("created_by")[:5]]
    may_launch = may(request.user, "runs.launch")
    context = {"latest": latest, "titles": _titles(), "may_launch": may_launch}
    return Section("workbench/runs/home_section.html", context)


def _run(run_id: uuid.UUID) -> Run:
    return get_object_or_404(Run.objects.select_related("created_by", "parent"), pk=run_id)


def _parent(request: HttpRequest) -> Run | None:
    wanted = request.GET.get("parent")
    if not wanted:
        return None
    try:
        return get_object_or_404(Run, pk=uuid.UUID(wanted))
    except ValueError:
        return None


def _initial(kind: RunKind, parent: Run | None, request: HttpRequest) -> dict[str, str]:
    if parent is not None:
        return {"name": parent.name, "config": json.dumps(parent.config, ensure_ascii=False, indent=2)}
    properties = kind.config.model_json_schema().get("properties", {})
    defaults = {
        name: field.get("default", field.get("enum", [None])[0]) for name, field in properties.items()
    }
    given = {name: value for name, value in defaults.items() if value is not None}
    try:
        given |= json.loads(request.GET.get("config", "{}"))
    except (ValueError, TypeError):
        messages.warning(request, _("The fields in this address can't be read; these are the defaults."))
    return {"config": json.dumps(given, ensure_ascii=False, indent=2)}


def _described(schema: dict[str, Any]) -> list[dict[str, str]]:
    """The fields of a config for the table beside the form."""
    return [
        {
            "name": name,
            "type": _type(field),
            "default": json.dumps(field.get("default"), ensure_ascii=False),
            "description": _(field["description"]) if field.get("description") else "",
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " | ".join(_type(part) for part in field["anyOf"])
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    limits = (
        f" {'' if low is None else low}…{'' if high is None else high}" if (low, high) != (None, None) else ""
    )
    return f"{field.get('format', field.get('type', ''))}{limits}"


def _status(run: Run) -> dict[str, Any]:
    starts = run.events.filter(kind="state").order_by("pk")
    made = next((kind.made for kind in all_kinds() if kind.key == run.kind), None)
    links = made(run) if made is not None and run.state == RunState.SUCCEEDED else []
    return {"run": run, "progress": progress_of(run), "history": starts, "made": links}


def _files(run: Run) -> dict[str, Any]:
    rows = list(run.artifacts.order_by("-step", "name"))
    captions = {
        event.data.get("name"): event.text for event in run.events.filter(kind="sample").order_by("pk")
    }
    samples = [
        {
            "artifact": row,
            "caption": captions.get(row.name, row.name),
            "shown": artifacts.content_type(row.name).partition("/")[0],
        }
        for row in rows
        if row.kind == Artifact.Kind.SAMPLE and row.pruned_at is None
    ]
    return {"run": run, "artifacts": rows, "samples": samples[:_FIRST_SAMPLES]}


def _log(run: Run, after: int) -> list[RunEvent]:
    """The lines after an id, at most the last few hundred, in order."""
    rows = run.events.filter(pk__gt=after).order_by("-pk")[:_LOG_LINES]
    return list(reversed(rows))


def _titles() -> dict[str, str]:
    return {kind.key: str(kind.title) for kind in all_kinds()}
