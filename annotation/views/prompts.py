"""Pages of prompts: sets, import with a preview, what was left out, a balanced choice."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.forms.prompts import CandidateFilterForm, ChoiceForm, DecisionForm, PromptImportForm
from annotation.models import PromptSet, Task
from annotation.prompts import collecting, promptfile, promptsets
from annotation.prompts.ambiguity import RULES
from annotation.prompts.candidates import candidates_of, left_out_by_reason, sets_with_counts
from workbench.access import SignedInRequest, audit, needs
from workbench.refusals import Refusal

PAGE = 50
SHOWN_LINES = 500


@require_GET
@needs("campaigns.view")
def prompt_sets(request: SignedInRequest) -> HttpResponse:
    return render(request, "annotation/prompt_sets.html", {"sets": sets_with_counts()})


@require_http_methods(["GET", "POST"])
@needs("campaigns.manage")
def prompt_import(request: SignedInRequest) -> HttpResponse:
    """A file or its text: first what it would do, line by line; the text comes back with the second press."""
    sent = request.method == "POST"
    form = PromptImportForm(request.POST if sent else None, request.FILES if sent else None, label_suffix="")
    report = None
    if form.is_valid():
        given = form.cleaned_data
        try:
            if "store" in request.POST:
                report = collecting.collect(given["text"], given["prompt_set"], source=given["source"])
                audit(request, "prompts.import", source=given["source"], **report.counts)
            else:
                report = collecting.preview(given["text"], given["prompt_set"])
        except promptfile.PromptFileError as error:
            form.add_error(None, str(error))
    if report is None:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
        context = {"form": form, "sets": sets_with_counts(), "rules": RULES}
        return render(request, "annotation/prompt_import.html", context, status=status)
    # What needs a look comes first; in each, the file's order.
    order = ("refused", "left_out", "there", "new")
    lines = sorted(report.lines, key=lambda line: (order.index(line.outcome), line.line))
    slugs = {promptsets.slug_of(line.prompt_set) for line in lines if line.prompt_set}
    context = {
        "report": report,
        "lines": lines[:SHOWN_LINES],
        "not_shown": max(0, len(lines) - SHOWN_LINES),
        "given": form.cleaned_data,
        "touched": PromptSet.objects.filter(slug__in=slugs).order_by("name"),
    }
    return render(request, "annotation/prompt_import_report.html", context)


@require_GET
@needs("campaigns.view")
def prompt_set(request: SignedInRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(PromptSet, slug=slug)
    form = CandidateFilterForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    which = wanted.get("which") or "left_out"
    rows, next_after = candidates_of(found, which, after=wanted.get("after") or 0, limit=PAGE)
    context = {
        "prompt_set": found,
        "which": which,
        "views": CandidateFilterForm.WHICH,
        "candidates": rows,
        "next_after": next_after,
        "paged": bool(wanted.get("after")),
        "shares": promptsets.shares(found),
        "size": found.prompts.count(),
        "without_first_frame": found.prompts.filter(task=Task.I2V, first_frame="").count(),
        "reasons": left_out_by_reason(found),
        "choice_form": ChoiceForm(label_suffix=""),
    }
    return render(request, "annotation/prompt_set.html", context)


@require_http_methods(["GET", "POST"])
@needs("campaigns.manage")
def prompt_choice(request: SignedInRequest, slug: str) -> HttpResponse:
    """With GET what a balanced choice would be; with POST it is kept as a new set."""
    found = get_object_or_404(PromptSet, slug=slug)
    form = ChoiceForm(request.POST if request.method == "POST" else request.GET or None, label_suffix="")
    choice = None
    if form.is_valid():
        n, seed, name = (form.cleaned_data[key] for key in ("n", "seed", "name"))
        choice = promptsets.choose(found, n, seed or 0)
        if request.method == "POST" and not name:
            form.add_error("name", _("Give the new set a name."))
        elif request.method == "POST":
            try:
                made = promptsets.keep(choice, name)
            except Refusal as refusal:
                form.add_error("name", refusal.message)
            else:
                audit(request, "prompts.choose", made, of=slug, n=len(choice.prompts), seed=seed or 0)
                messages.success(request, _("The new set is made."))
                return redirect("prompt_set", made.slug)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound and form.errors else HTTPStatus.OK
    context = {"prompt_set": found, "form": form, "choice": choice}
    return render(request, "annotation/prompt_choice.html", context, status=status)


@require_POST
@needs("campaigns.manage")
def prompt_decide(request: SignedInRequest, candidate_id: int) -> HttpResponse:
    """Take a prompt back, or leave it out: one press, and the same press the other way undoes it."""
    form = DecisionForm(request.POST)
    kept = form.is_valid() and form.cleaned_data["kept"]
    try:
        candidate = collecting.decide(candidate_id, kept, request.user)
    except Refusal as refusal:
        return HttpResponse(refusal.message, status=refusal.status, content_type="text/plain; charset=utf-8")
    audit(request, "prompts.take" if kept else "prompts.leave_out", candidate)
    said = _("Taken into the set: %(text)s") if kept else _("Left out of the set: %(text)s")
    messages.success(request, said % {"text": candidate.text(request.LANGUAGE_CODE)[:80]})
    back = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return redirect(back)
    return redirect("prompt_set", candidate.prompt_set.slug)
