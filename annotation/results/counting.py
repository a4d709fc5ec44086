"""Which judgements count: everything derived from judgements asks here.

Those of people who are excluded from a campaign don't; those of gold items measure people and say nothing of
clips; where an item was adjudicated, the adjudication is what is said of it. An adjudicator saw the others'
answers: what measures agreement leaves adjudications out and keeps what they overrule.
"""

import uuid
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotation.models import Campaign, Judgement, Participation


def excluded(campaign_id: uuid.UUID) -> list[int]:
    """The annotators whose work in a campaign does not count."""
    rows = Participation.objects.filter(campaign=campaign_id, excluded_at__isnull=False)
    return list(rows.order_by("annotator").values_list("annotator_id", flat=True))


def by_excluded(judgement: str = "", until: datetime | None = None) -> Exists:
    """A condition: the judgement is by somebody who is excluded (with `until`: was by then).

    For rows that refer to a judgement, `judgement` is the way there with `__` at its end.
    """
    parts = Participation.objects.filter(
        campaign=OuterRef(f"{judgement}item__campaign"), annotator=OuterRef(f"{judgement}annotator")
    )
    if until is not None:
        parts = parts.filter(excluded_at__lte=until)
    return Exists(parts.filter(excluded_at__isnull=False))


def counted(rows: QuerySet[Judgement], until: datetime | None = None) -> QuerySet[Judgement]:
    """Judgements of ordinary items by people who are not excluded (with `until`: were not by then)."""
    return rows.filter(~by_excluded(until=until), item__gold=False)


def best_worst(rows: QuerySet[Judgement]) -> QuerySet[Judgement]:
    """Those of best/worst campaigns: preference pairs and disputes come of no other protocol."""
    return rows.filter(item__campaign__protocol=Campaign.Protocol.BEST_WORST)


def independent(rows: QuerySet[Judgement]) -> QuerySet[Judgement]:
    """Of `counted`, those given without sight of the others': what agreement is measured from."""
    return counted(rows).filter(adjudicates=False)


def deciding(rows: QuerySet[Judgement], until: datetime | None = None) -> QuerySet[Judgement]:
    """Of `counted`, those that decide: an item's adjudication where there is one, else all of them."""
    later = Judgement.objects.filter(supersedes=OuterRef("pk"))
    adjudications = Judgement.objects.filter(item=OuterRef("item"), adjudicates=True)
    if until is not None:
        later, adjudications = (
            later.filter(created_at__lte=until),
            adjudications.filter(created_at__lte=until),
        )
    instead = counted(adjudications.filter(~Exists(later)), until)
    return counted(rows, until).filter(Q(adjudicates=True) | ~Exists(instead))
