"""The audit trail as a page: who did what, newest first. Entries are written by `access.audit`."""

from datetime import datetime, time, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import Truncator
from django.views.decorators.http import require_GET

from workbench.access import SignedInRequest, needs
from workbench.models import AuditEntry
from workbench.people.forms import AuditFilter

PAGE_SIZE = 50
DETAIL_LENGTH = 300  # characters shown of each detail


@needs("audit")
@require_GET
def audit_trail(request: SignedInRequest) -> HttpResponse:
    form = AuditFilter(request.GET)
    rows = _filtered(form) if form.is_valid() else AuditEntry.objects.none()
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    entries = [(entry, _told(entry.detail)) for entry in page.object_list]
    return render(request, "workbench/people/audit.html", {"form": form, "page": page, "entries": entries})


def _filtered(form: AuditFilter) -> QuerySet[AuditEntry]:
    wanted = form.cleaned_data
    rows = AuditEntry.objects.select_related("actor")
    if wanted["action"]:
        rows = rows.filter(action=wanted["action"])
    if wanted["actor"]:
        rows = rows.filter(actor__username__iexact=wanted["actor"])
    if wanted["subject"]:
        rows = rows.filter(subject_id=wanted["subject"])
    zone = timezone.get_current_timezone()
    if wanted["since"]:
        rows = rows.filter(at__gte=datetime.combine(wanted["since"], time.min, zone))
    if wanted["until"]:
        rows = rows.filter(at__lt=datetime.combine(wanted["until"], time.min, zone) + timedelta(days=1))
    return rows


def _told(detail: dict[str, Any]) -> list[tuple[str, str]]:
    told = []
    for name, value in detail.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        told.append((name, Truncator(text).chars(DETAIL_LENGTH)))
    return told
