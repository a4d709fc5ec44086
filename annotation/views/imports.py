"""The page that brings in judgements made elsewhere: first a report, then the import."""

from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from annotation.exchange import judgementimport
from annotation.exchange.judgementfile import MAX_BYTES, JudgementFileError
from annotation.exchange.judgementimport import Format, Report
from annotation.models import JudgementImport
from workbench.access import SignedInRequest, audit, needs
from workbench.refusals import Refusal

SHOWN_PROBLEMS = 500


class JudgementImportForm(forms.Form):
    format = forms.ChoiceField(label=gettext_lazy("Format"), choices=Format.choices)
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("UTF-8, up to 64 MB. The clips that it names have to be here already."),
    )
    partly = forms.BooleanField(
        label=gettext_lazy("Leave out what does not fit"),
        required=False,
        help_text=gettext_lazy("For good: the same file can't be imported a second time."),
    )


@require_http_methods(["GET", "POST"])
@needs("campaigns.manage")
def judgement_import(request: SignedInRequest) -> HttpResponse:
    """`store` imports; without it the report says what would happen. The script keeps the file chosen."""
    sent = request.method == "POST"
    form = JudgementImportForm(
        request.POST if sent else None, request.FILES if sent else None, label_suffix=""
    )
    report: Report | None = None
    if form.is_valid():
        given = form.cleaned_data
        content, name = given["file"].read(MAX_BYTES + 1), given["file"].name or ""
        try:
            if "store" in request.POST:
                report = judgementimport.bring_in(
                    given["format"], content, name, request.user, partly=given["partly"]
                )
            else:
                report = judgementimport.preview(given["format"], content, name)
        except JudgementFileError as error:
            form.add_error("file", str(error))
        except Refusal as refusal:
            form.add_error(None, refusal.message)
            if refusal.code == "problems":  # say which
                report = judgementimport.preview(given["format"], content, name)
    if report is not None and report.stored:
        counts = {key: value for key, value in report.to_json().items() if isinstance(value, int | str)}
        audit(request, "campaign.import", None, **counts)
        text = ngettext("%(n)d judgement is imported.", "%(n)d judgements are imported.", report.judgements)
        messages.success(request, text % {"n": report.judgements})
        return redirect("campaign", report.campaign)
    context = {
        "form": form,
        "report": report,
        "problems": report.problems[:SHOWN_PROBLEMS] if report else [],
        "not_shown": max(0, len(report.problems) - SHOWN_PROBLEMS) if report else 0,
        "imports": JudgementImport.objects.select_related("campaign").order_by("-created_at")[:20],
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "annotation/judgement_import.html", context, status=status)
