"""A person's own figures: how much, how fast, and how their gold items went. Of that person alone.

Totals come from their parts in campaigns (a row a campaign); what needs single judgements looks at the latest
LATEST of a campaign, so that a page costs the same after a year.
"""

import statistics
from collections import defaultdict
from dataclasses import dataclass

from django.db.models import F
from django.utils import timezone

from annotation.models import Assignment, Campaign, Dimension, GoldJudgement, Judgement, Participation
from workbench.models import User

CAMPAIGNS = 20
LATEST = 100


@dataclass(frozen=True)
class OwnDimension:
    """Gold answers of this person in a dimension, of the latest ones."""

    dimension: Dimension
    judged: int
    right: int

    @property
    def share(self) -> float:
        return self.right / self.judged


@dataclass(frozen=True)
class OwnPart:
    """This person's part in a campaign."""

    campaign: Campaign
    judged: int
    """Items, gold ones and surplus included."""
    today: int
    hours: float
    """On task, as the page measured it."""
    per_hour: float | None
    """Items an hour on task; None before any time was measured."""
    median_seconds: float | None
    """On task, of the latest LATEST items."""
    skipped: int
    gold_judged: int
    gold_share: float | None
    """Of gold items, how much was right, 0..1; None before the first."""
    dimensions: list[OwnDimension]
    qualification: str
    """"" where there is no qualification round, or it goes on."""
    excluded: bool


def of_person(person: User) -> list[OwnPart]:
    """This person's parts, the latest first; CAMPAIGNS at most."""
    rows = (
        Participation.objects.filter(annotator=person).select_related("campaign").order_by("-last_at", "pk")
    )
    return [_part(part) for part in rows[:CAMPAIGNS]]


def _part(part: Participation) -> OwnPart:
    judged = part.judged + part.surplus + part.gold_judged
    hours = part.seconds / 3600
    latest = (
        Assignment.objects.filter(campaign=part.campaign_id, annotator=part.annotator_id)
        .order_by("-leased_at")
        .values("pk")[:LATEST]
    )
    times = Judgement.objects.filter(assignment__in=latest, superseded_by=None, seconds__gt=0)
    seconds = [value for value in times.values_list("seconds", flat=True) if value]
    return OwnPart(
        campaign=part.campaign,
        judged=judged,
        today=part.day_judged if part.day == timezone.localdate() else 0,
        hours=hours,
        per_hour=judged / hours if hours else None,
        median_seconds=statistics.median(seconds) if seconds else None,
        skipped=part.skipped,
        gold_judged=part.gold_judged,
        gold_share=part.gold_right / part.gold_judged if part.gold_judged else None,
        dimensions=_dimensions(part),
        qualification=part.qualification,
        excluded=part.excluded_at is not None,
    )


def _dimensions(part: Participation) -> list[OwnDimension]:
    answers: dict[str, list[bool]] = defaultdict(list)
    rows = GoldJudgement.objects.filter(participation=part).order_by(F("judgement__created_at").desc())
    for right in rows.values_list("right", flat=True)[:LATEST]:
        for key, hit in right.items():
            answers[key].append(hit)
    return [
        OwnDimension(dimension, len(answers[dimension.key]), sum(answers[dimension.key]))
        for dimension in part.campaign.dimensions.order_by("position")
        if dimension.key in answers
    ]
