"""Pages of the playground and of checkpoints."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from annotation.prompts import sharing
from annotation.prompts.firstframes import NotAPictureError
from generator import playground
from generator.forms import GenerateForm
from generator.models import Checkpoint
from workbench.access import SignedInRequest, needs
from workbench.models import Run
from workbench.refusals import Refusal
from workbench.runs.kinds import ConfigRefusedError
from workbench.runs.progress import progress_of

_LATEST = 8


@require_http_methods(["GET", "POST"])
@needs("runs.launch")
def generate(request: SignedInRequest) -> HttpResponse:
    sent = request.method == "POST"
    form = GenerateForm(request.POST if sent else None, request.FILES if sent else None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            run = playground.generate(request.user, form.wanted(), request)
        except NotAPictureError as error:
            form.add_error("first_frame", str(error))
        except (Refusal, ConfigRefusedError) as refused:
            form.add_error(None, str(refused))
        else:
            if form.cleaned_data["share"]:
                _share(request, form.wanted())
            return redirect("generator:generated", run.pk)
    runs = Run.objects.filter(kind="generate").select_related("created_by")[:_LATEST]
    context = {
        "form": form,
        "runs": [(run, playground.clips_of(run)[:4]) for run in runs],
        "any": Checkpoint.objects.exists(),
    }
    return render(request, "generator/generate.html", context, status=422 if form.errors else 200)


def _share(request: SignedInRequest, wanted: playground.Wanted) -> None:
    """The run is launched; that its prompts can't be shared is no reason to refuse it."""
    if wanted.first_frame is not None:
        messages.info(request, _("Prompts that start from a picture are not shared."))
        return
    try:
        sharing.share(wanted.texts, sharing.Place.PLAYGROUND, request.user)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Thank you for sharing. Somebody looks at the prompts first."))


@require_GET
@needs("runs")
def generated(request: SignedInRequest, run_id: uuid.UUID) -> HttpResponse:
    return render(request, "generator/generated.html", _generated(run_id))


@require_GET
@needs("runs")
def generated_clips(request: SignedInRequest, run_id: uuid.UUID) -> HttpResponse:
    """The part of the page with the clips, for the page to put in place."""
    return render(request, "generator/generated_clips.html", _generated(run_id))


@require_GET
@needs("runs")
def checkpoint_list(request: SignedInRequest) -> HttpResponse:
    rows = Checkpoint.objects.select_related("parent", "run", "video_model")
    page = Paginator(rows, 50).get_page(request.GET.get("page"))
    return render(request, "generator/checkpoint_list.html", {"page": page})


@require_GET
@needs("runs")
def checkpoint_page(request: SignedInRequest, checkpoint_id: uuid.UUID) -> HttpResponse:
    rows = Checkpoint.objects.select_related("parent", "run", "video_model")
    row = get_object_or_404(rows, pk=checkpoint_id)
    context = {
        "checkpoint": row,
        "line": _line(row),
        "children": row.children.order_by("created_at"),
        "rounds": {*row.rounds_from.all(), *row.rounds_to.all()},
        "clips": row.video_model.clips.select_related("prompt").order_by("-created_at")[:8],
        "stages": row.settings.get("history") or [],
    }
    return render(request, "generator/checkpoint.html", context)


def _generated(run_id: uuid.UUID) -> dict[str, Any]:
    run = get_object_or_404(Run.objects.select_related("created_by"), pk=run_id, kind="generate")
    clips = playground.clips_of(run)
    wanted = Checkpoint.objects.filter(pk=run.config["checkpoint"]).first()
    complete = run.ended and not any(clip.state == clip.State.PENDING for clip in clips)
    return {
        "run": run,
        "progress": progress_of(run),
        "clips": clips,
        "checkpoint": wanted,
        "complete": complete,
    }


def _line(row: Checkpoint) -> list[Checkpoint]:
    """Its ancestors, the oldest first."""
    line: list[Checkpoint] = []
    while row.parent is not None:
        row = row.parent
        line.insert(0, row)
    return line
