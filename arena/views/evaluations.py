"""Pages of benchmark evaluations: the list, the form, an evaluation's progress, and its report."""

import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.models import PromptSet, VideoModel
from arena.evaluations import cliptable, lifecycle, reportfigures, reportfile, reports
from arena.forms.evaluations import EvaluationForm, VersionForm
from arena.models import Evaluation
from workbench import charts, chromium
from workbench.access import SignedInRequest, may, needs
from workbench.home import Section
from workbench.refusals import Conflict, Refusal

_LACKING_SHOWN = 200


@require_GET
@needs("campaigns.view")
def evaluation_list(request: SignedInRequest) -> HttpResponse:
    rows = Evaluation.objects.select_related("prompt_set", "created_by", "likert_campaign", "gsb_campaign")
    page = Paginator(rows, 25).get_page(request.GET.get("page"))
    return render(request, "arena/evaluation_list.html", {"page": page, "lacking": _lacking()})


@require_http_methods(["GET", "POST"])
@needs("evaluate")
def evaluation_new(request: SignedInRequest) -> HttpResponse:
    form = EvaluationForm(request.POST if request.method == "POST" else None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            made = lifecycle.create(request.user, form.plan(), request)
        except Refusal as refusal:
            form.add_error(None, refusal.message)
        else:
            return redirect("evaluation", made.pk)
    context = {"form": form, "lacking": _lacking(), "texts": _form_texts()}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "arena/evaluation_new.html", context, status=status)


@require_GET
@needs("campaigns.view")
def evaluation_page(request: SignedInRequest, evaluation_id: uuid.UUID) -> HttpResponse:
    return _page(request, _evaluation(evaluation_id))


@require_GET
@needs("campaigns.view")
def evaluation_progress(request: SignedInRequest, evaluation_id: uuid.UUID) -> HttpResponse:
    """The part of its page that changes, for the page to put in place."""
    return render(request, "arena/evaluation_progress.html", _standing(request, _evaluation(evaluation_id)))


@require_POST
@needs("evaluate")
def evaluation_begin(request: SignedInRequest, evaluation_id: uuid.UUID) -> HttpResponse:
    said = _("Scoring has begun, over the clips that are there.")
    return _do(request, evaluation_id, lifecycle.begin_with_what_is_there, said)


@require_POST
@needs("evaluate")
def evaluation_finish(request: SignedInRequest, evaluation_id: uuid.UUID) -> HttpResponse:
    said = _("The evaluation has ended. What was judged stays in its report.")
    return _do(request, evaluation_id, lifecycle.finish, said)


@require_GET
@needs("campaigns.view", token=True)
def evaluation_missing(request: SignedInRequest, evaluation_id: uuid.UUID) -> HttpResponse:
    """A manifest of the clips that are missing, to fill in with paths and import."""
    row = _evaluation(evaluation_id)
    text = cliptable.manifest_of_missing(row, cliptable.of_evaluation(row))
    return _download(text, "text/csv; charset=utf-8", f"missing-{row.pk}.csv")


@require_GET
@needs("campaigns.view")
def evaluation_report(request: SignedInRequest, evaluation_id: uuid.UUID) -> HttpResponse:
    row = _evaluation(evaluation_id)
    report = reports.of(row)
    figures = reportfigures.figures(report) if report else []
    ranked = list(dict.fromkeys(one["model"] for one in report.prompts)) if report else []
    asked = request.GET.get("model", "")
    focus = asked if asked in ranked else reportfile.focus(report) if report else ""
    ends = reports.watched(row, report, focus) if report else {}
    titles = {"strongest": _("Strongest prompts"), "weakest": _("Weakest prompts")}
    context = {
        "ranked": ranked,
        "focus": focus,
        "watched": [(end, titles[end], rows) for end, rows in ends.items()],
        "evaluation": row,
        "report": report,
        "figures": figures,
        "drawn": [reportfigures.drawn(figure, reportfigures.DARK) for figure in figures],
        "chart_words": charts.words(),
        "chromium": chromium.find() is not None,
    }
    return render(request, "arena/evaluation_report.html", context)


@require_GET
@needs("campaigns.view", token=True)
def evaluation_report_html(request: SignedInRequest, evaluation_id: uuid.UUID) -> HttpResponse:
    """The report as one file that needs nothing else."""
    row = _reported(evaluation_id)
    return _download(reportfile.html(row), "text/html; charset=utf-8", f"evaluation-{row.pk}.html")


@require_GET
@needs("campaigns.view", token=True)
def evaluation_report_pdf(request: SignedInRequest, evaluation_id: uuid.UUID) -> HttpResponse:
    """The report as PDF, printed by the Chromium that is installed here."""
    row = _reported(evaluation_id)
    try:
        made = reportfile.pdf(row)
    except chromium.NotPrintedError as error:
        messages.error(request, str(error))
        return redirect("evaluation_report", row.pk)
    return _download(made, "application/pdf", f"evaluation-{row.pk}.pdf")


def home_section(request: SignedInRequest) -> Section | None:
    """On the home page: evaluations at work."""
    if not may(request.user, "campaigns.view"):
        return None
    rows = Evaluation.objects.filter(state__in=[Evaluation.State.AWAITING, Evaluation.State.SCORING])[:5]
    return Section("arena/evaluation_home.html", {"evaluations": rows}) if rows else None


def _page(request: SignedInRequest, row: Evaluation, status: int = HTTPStatus.OK) -> HttpResponse:
    return render(request, "arena/evaluation.html", _standing(request, row), status=status)


def _standing(request: HttpRequest, row: Evaluation) -> dict[str, Any]:
    found = cliptable.of_evaluation(row)
    lacking = [(model, prompt, seed) for model, prompt, seed in found.lacking()]
    by_model = [(model, found.of_model(model)) for model in found.video_models]
    runs = {one.video_model_id: one.run for one in row.runs.select_related("run").order_by("pk")}
    return {
        "evaluation": row,
        "clips": found,
        "by_model": [(model, part, runs.get(model.pk)) for model, part in by_model],
        "lacking": lacking[:_LACKING_SHOWN],
        "lacking_more": max(0, len(lacking) - _LACKING_SHOWN),
        "without_frame": cliptable.without_frame(row.prompt_set, row.task),
        "may_evaluate": may(request.user, "evaluate"),
        "awaiting": row.state == Evaluation.State.AWAITING,
    }


def _do(
    request: SignedInRequest, evaluation_id: uuid.UUID, deed: Callable[..., Evaluation], said: str
) -> HttpResponse:
    row = _evaluation(evaluation_id)
    form = VersionForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("This form can't be understood; reload the page."))
        return _page(request, row, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        deed(request.user, evaluation_id, form.cleaned_data["version"], request)
    except Conflict as conflict:
        messages.error(request, conflict.message)
        row.refresh_from_db()
        return _page(request, row, HTTPStatus.CONFLICT)
    messages.success(request, said)
    return redirect("evaluation", evaluation_id)


def _evaluation(evaluation_id: uuid.UUID) -> Evaluation:
    rows = Evaluation.objects.select_related(
        "prompt_set", "created_by", "under_test", "likert_campaign", "gsb_campaign"
    )
    return get_object_or_404(rows, pk=evaluation_id)


def _reported(evaluation_id: uuid.UUID) -> Evaluation:
    row = _evaluation(evaluation_id)
    if reports.of(row) is None:
        raise Http404
    return row


def _download(content: str | bytes, content_type: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _lacking() -> str:
    """What has to be there before an evaluation can be made, in words; "" where nothing lacks."""
    if not PromptSet.objects.filter(prompts__isnull=False).exists():
        return _("There is no prompt set yet. Import a benchmark: manage.py import_benchmark worldbench")
    if not VideoModel.objects.exists():
        return _("There is no video model yet. Import clips that name theirs, or a checkpoint.")
    return ""


def _form_texts() -> dict[str, str]:
    """What the form's script says; it has no words of its own."""
    return {
        "made": _("made here"),
        "missing": _("{n} missing"),
        "complete": _("all there"),
        "found": _("{n} of {of} clips"),
        "points": _("{n} points"),
        "share": _("{n} % of pairs"),
    }
