"""A campaign's preference pairs to look at: filtered, a page at a time, with how far others say the same.

A page is read dimension by dimension, each along an index that ends with the pair's id, and merged: it costs
by its own length, not by the campaign's. What is rare (broken, unchecked, overruled pairs) has indexes of its
own.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import models
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import Campaign, Dimension, PreferencePair
from workbench.refusals import Invalid


class Verdict(models.TextChoices):
    """What becomes of a pair: exports have the kept ones. Unchecked pairs are kept ones (bestworst.py)."""

    KEPT = "kept", gettext_lazy("Kept")
    UNCHECKED = "unchecked", gettext_lazy("Kept, not fully checked")
    BROKEN = "broken", gettext_lazy("Broken")
    OVERRULED = "overruled", gettext_lazy("Overruled by an adjudication")


@dataclass(frozen=True, kw_only=True)
class PairFilter:
    """Empty means: any."""

    dimension: str = ""  # key
    verdict: str = ""  # a Verdict
    broken_by: str = ""  # key of the dimension that breaks it


@dataclass(frozen=True)
class ShownPair:
    """A pair, and how many judgements say of its two clips, in its dimension, the same or the opposite."""

    pair: PreferencePair
    same: int
    """Itself among them."""
    opposite: int

    @property
    def verdict(self) -> Verdict:
        if self.pair.overruled:
            return Verdict.OVERRULED
        if self.pair.broken_by:
            return Verdict.BROKEN
        return Verdict.UNCHECKED if self.pair.unchecked else Verdict.KEPT


def pairs_of(
    campaign: Campaign, wanted: PairFilter, after: int = 0, limit: int = 20
) -> tuple[list[ShownPair], int | None]:
    """A page of pairs, the newest first, from behind the one with id `after`; and the next page's `after`.

    Raises Invalid `no_such_dimension` for a key that the campaign does not have.
    """
    dimensions = {row.key: row for row in Dimension.objects.filter(campaign=campaign).order_by("position")}
    for name in ("dimension", "broken_by"):
        key = getattr(wanted, name)
        if key and key not in dimensions:
            message = _("This campaign has no dimension “%(key)s”; it has %(known)s.")
            values = {"key": key, "known": ", ".join(dimensions)}
            raise Invalid("no_such_dimension", message % values, where=f"query.{name}")
    chosen = [dimensions[wanted.dimension]] if wanted.dimension else list(dimensions.values())
    ids: list[int] = []
    for dimension in chosen:
        rows = _of_verdict(PreferencePair.objects.filter(dimension=dimension), wanted)
        if after:
            rows = rows.filter(pk__lt=after)
        ids += rows.order_by("-pk").values_list("pk", flat=True)[: limit + 1]
    ids.sort(reverse=True)
    found = _rows(ids[:limit])
    return _with_agreement(found), ids[limit - 1] if len(ids) > limit else None


def _of_verdict(rows: QuerySet[PreferencePair], wanted: PairFilter) -> QuerySet[PreferencePair]:
    if wanted.broken_by:
        rows = rows.exclude(broken_by=[]).filter(broken_by__contains=[wanted.broken_by])
    match wanted.verdict:
        case Verdict.KEPT:
            return rows.filter(broken_by=[], overruled=False)
        case Verdict.UNCHECKED:
            return rows.filter(broken_by=[], overruled=False).exclude(unchecked=[])
        case Verdict.BROKEN:
            return rows.filter(overruled=False).exclude(broken_by=[])
        case Verdict.OVERRULED:
            return rows.filter(overruled=True)
    return rows


def _rows(ids: Sequence[int]) -> list[PreferencePair]:
    rows = PreferencePair.objects.filter(pk__in=ids).select_related(
        "judgement__annotator",
        "judgement__item__prompt",
        "dimension",
        "best__video_model",
        "worst__video_model",
    )
    return list(rows.order_by("-pk"))


def _with_agreement(pairs: Sequence[PreferencePair]) -> list[ShownPair]:
    clips = {clip for pair in pairs for clip in (pair.best_id, pair.worst_id)}
    stated: Counter[tuple[int, uuid.UUID, uuid.UUID]] = Counter()
    rows = PreferencePair.objects.filter(
        dimension__in={pair.dimension_id for pair in pairs}, best__in=clips, worst__in=clips
    )
    for dimension, best, worst, n in rows.values_list("dimension", "best", "worst").annotate(n=Count("pk")):
        stated[dimension, best, worst] = n
    return [
        ShownPair(
            pair,
            same=stated[pair.dimension_id, pair.best_id, pair.worst_id],
            opposite=stated[pair.dimension_id, pair.worst_id, pair.best_id],
        )
        for pair in pairs
    ]
