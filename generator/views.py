"""Pages of rounds: the list with the form that starts one, and a round with its steps and its outcome."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.models import PromptSet
from generator import progress, rounds
from generator.forms import RoundForm
from generator.models import Checkpoint, Round
from generator.reports import Report
from generator.round_presets import PRESETS
from workbench import charts
from workbench.access import SignedInRequest, may, needs
from workbench.home import Section
from workbench.models import Run, User
from workbench.refusals import Refusal
from workbench.runs.kinds import ConfigRefusedError

_PAIRS = 12


@require_http_methods(["GET", "POST"])
@needs("runs")
def round_list(request: SignedInRequest) -> HttpResponse:
    form = RoundForm(request.POST if request.method == "POST" else None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            round_ = rounds.start(request.user, form.plan(), request)
        except Refusal as refusal:
            form.add_error(None, refusal.message)
        else:
            return redirect("generator:round", round_.pk)
    rows = Round.objects.select_related("base", "trained", "created_by", "campaign")
    page = Paginator(rows, 25).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rounds": [(row, Report.of(row.report) if row.report else None) for row in page],
        "lacking": _lacking(),
        "presets": PRESETS,
    }
    return render(request, "generator/round_list.html", context, status=422 if form.errors else 200)


@require_GET
@needs("runs")
def round_page(request: SignedInRequest, round_id: int) -> HttpResponse:
    round_ = _round(round_id)
    context = {
        **_steps(round_),
        **_outcome(round_),
        "may_control": rounds.may_control(request.user, round_),
        "chart_words": charts.words(),
    }
    return render(request, "generator/round.html", context)


@require_GET
@needs("runs")
def round_steps(request: SignedInRequest, round_id: int) -> HttpResponse:
    """The part of a round's page that tells how far it is, for the page to put in place."""
    return render(request, "generator/round_steps.html", _steps(_round(round_id)))


@require_GET
@needs("runs")
def round_outcome(request: SignedInRequest, round_id: int) -> HttpResponse:
    """The part with the comparison and the clips."""
    return render(request, "generator/round_outcome.html", _outcome(_round(round_id)))


@require_POST
@needs("runs.launch")
def round_retry(request: SignedInRequest, round_id: int) -> HttpResponse:
    return _do(request, round_id, rounds.retry, _("The round goes on from the step that failed."))


@require_POST
@needs("runs.launch")
def round_cancel(request: SignedInRequest, round_id: int) -> HttpResponse:
    return _do(request, round_id, rounds.cancel, _("The round is cancelled. What it made so far stays."))


@require_POST
@needs("runs.launch")
def round_simulate(request: SignedInRequest, round_id: int) -> HttpResponse:
    text = _("Simulated annotators are at work. Their judgements are marked as simulated for good.")
    return _do(request, round_id, rounds.simulate, text)


def home_section(request: SignedInRequest) -> Section | None:
    """On the home page: the latest rounds, and those that wait for judgements."""
    if not may(request.user, "runs"):
        return None
    rows = list(Round.objects.select_related("base", "campaign")[:3])
    shown = [(row, progress.label_address(row)) for row in rows]
    return Section(
        "generator/home_section.html",
        {"rounds": shown, "ready": not _lacking(), "may_launch": may(request.user, "runs.launch")},
    )


def _round(round_id: int) -> Round:
    rows = Round.objects.select_related("base", "trained", "created_by", "campaign")
    return get_object_or_404(rows, pk=round_id)


def _do(
    request: SignedInRequest, round_id: int, deed: Callable[[User, int, Any], Round | Run], said: str
) -> HttpResponse:
    _round(round_id)
    try:
        deed(request.user, round_id, request)
        messages.success(request, said)
    except (Refusal, ConfigRefusedError) as refused:
        messages.error(request, str(refused))
    return redirect("generator:round", round_id)


def _steps(round_: Round) -> dict[str, Any]:
    return {
        "round": round_,
        "steps": progress.steps_of(round_),
        "situation": progress.situation(round_),
        "label_address": progress.label_address(round_),
        "feedback": progress.feedback_run(round_),
    }


def _outcome(round_: Round) -> dict[str, Any]:
    report = Report.of(round_.report) if round_.report else None
    sides = [
        {
            (clip.prompt_id, clip.seed): clip
            for clip in rounds.held_out_clips(round_, step).select_related("prompt")
        }
        for step in (Round.Step.SAMPLE, Round.Step.RESAMPLE)
    ]
    pairs = [(clip, sides[1].get(key)) for key, clip in sides[0].items()]
    # One seed of each prompt before the second of any: the first few show the most.
    seeds = sorted({clip.seed or 0 for clip, _after in pairs})
    pairs.sort(key=lambda pair: (seeds.index(pair[0].seed or 0), pair[0].prompt_id or 0))
    return {
        "round": round_,
        "report": report,
        "reward_models": round_.reward_models.order_by("kind"),
        "pairs": pairs[:_PAIRS],
        "more": max(0, len(pairs) - _PAIRS),
    }


def _lacking() -> str:
    """What has to be there before a round can start, in words; "" where nothing lacks."""
    if not Checkpoint.objects.exists():
        return _(
            "There is no checkpoint of the generator yet. Bring one in: manage.py import_checkpoint FILE"
        )
    if not PromptSet.objects.filter(prompts__isnull=False).exists():
        return _("There is no prompt set yet. Import clips with prompts, or load the demo's data.")
    return ""
