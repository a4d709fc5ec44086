"""Which runs a list shows: the same filters for the page and the API."""

import uuid
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from workbench.models import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Empty means: any. `person` is a username; `text` is looked for in names and errors, or begins an id."""

    kind: str = ""
    state: str = ""
    person: str = ""
    text: str = ""


def runs(filters: Filters) -> QuerySet[Run]:
    """The runs, newest first."""
    rows = Run.objects.select_related("created_by").order_by("-created_at", "-id")
    if filters.kind:
        rows = rows.filter(kind=filters.kind)
    if filters.state:
        rows = rows.filter(state=filters.state)
    if filters.person:
        rows = rows.filter(created_by__username=filters.person)
    if text := filters.text.replace("\x00", "").strip():
        wanted = Q(name__icontains=text) | Q(error__icontains=text)
        if (
            (prefix := text.replace("-", "").lower())
            and len(prefix) <= 32
            and set(prefix) <= set("0123456789abcdef")
        ):
            low, high = (uuid.UUID(prefix.ljust(32, end)) for end in "0f")
            wanted |= Q(pk__gte=low, pk__lte=high)
        rows = rows.filter(wanted)
    return rows


def after(rows: QuerySet[Run], last: Run) -> QuerySet[Run]:
    """The part of an ordered list that follows `last`."""
    return rows.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk))
