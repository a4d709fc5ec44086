"""How a campaign goes: done, in work, pace, when it will be done, and each person's part.

Totals and people come from their parts (a row a person), leases from the index of what is in work, all else
from the tally: nothing here takes longer in a larger campaign.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum
from django.utils import timezone

from annotation.campaigns.tally import BIN, Figures
from annotation.models import Assignment, Campaign, CampaignTally, Participation, Progress, Shortfall
from workbench.models import User

NORMAL_95 = 1.96
LEAST_BINS = 3
"""Bins of ten minutes with work in them, before anything is said of the end."""


@dataclass(frozen=True)
class Forecast:
    """When the wanted judgements are there, if it goes on as in the last `hours`.

    The interval holds 95 of 100 ends if the coming hours vary as the last ones did; `latest` is None where
    they vary so much that no end is certain.
    """

    hours: float
    pace: float
    """Judgements an hour by the clock, nights and breaks included."""
    expected: datetime
    earliest: datetime
    latest: datetime | None


@dataclass(frozen=True)
class Part:
    """A person's part."""

    annotator: User
    judged: int
    surplus: int
    skipped: int
    hours: float
    """On task, as the pages measured it."""
    per_hour: float | None
    """Judgements an hour on task; None before any time was measured."""
    last_hour: int
    """Submissions in the hour before the tally."""
    skip_share: float
    """Of the items this person decided on, the skipped ones."""
    gold_judged: int
    gold_share: float | None
    """Of gold, how much was right; None without gold."""
    last_at: datetime
    in_work: bool
    excluded: bool
    shortfalls: tuple[str, ...]
    """Kinds of those that go on."""


@dataclass(frozen=True)
class Standing:
    """A campaign, as far as it is."""

    totals: Progress
    in_work: int
    held: int
    forecast: Forecast | None
    hours_left: float | None
    """Of work, at the seconds a judgement took here; None before any time was measured."""
    people: list[Part]
    figures: Figures | None
    counted_at: datetime | None


def of_campaign(campaign: Campaign) -> Standing:
    """The state of a campaign now; its tally as it was counted last."""
    tally = CampaignTally.objects.filter(campaign=campaign).first()
    figures: Figures | None = tally.figures if tally else None
    leases: dict[int, set[str]] = defaultdict(set)
    states = (Assignment.State.LEASED, Assignment.State.HELD)
    now = timezone.now()
    working = campaign.assignments.filter(state__in=states, expires_at__gt=now)
    for annotator, state in working.values_list("annotator_id", "state"):
        leases[annotator].add(state)
    people = _people(campaign, figures, leases)
    totals = campaign.progress
    done = sum(part.judged + part.surplus + part.gold_judged for part in people)
    return Standing(
        totals=totals,
        in_work=sum(Assignment.State.LEASED in states for states in leases.values()),
        held=sum(Assignment.State.HELD in states for states in leases.values()),
        forecast=forecast(figures["recent"], totals.left, now) if figures else None,
        hours_left=totals.left * totals.seconds / done / 3600 if done and totals.seconds else None,
        people=people,
        figures=figures,
        counted_at=tally.counted_at if tally else None,
    )


def simulated_judgements(campaign: Campaign) -> int:
    """How many of the campaign's judgements no person made: summed over parts, gold left out."""
    parts = Participation.objects.filter(campaign=campaign, annotator__simulated=True)
    found = parts.aggregate(judged=Sum("judged", default=0), surplus=Sum("surplus", default=0))
    return int(found["judged"] + found["surplus"])


def forecast(recent: list[int], left: int, now: datetime) -> Forecast | None:
    """When `left` judgements more are there, from counts in bins of ten minutes, the oldest first.

    The pace is the mean of the bins. Its uncertainty is that of a mean of bins, or of hours where there are
    six or more: neighbouring bins are alike, hours less so. None without judgements left, or with too few
    bins that have any.
    """
    if left <= 0 or sum(n > 0 for n in recent) < LEAST_BINS:
        return None
    width = 6 if len(recent) >= 36 else 1
    cut = recent[len(recent) % width :]
    blocks = [sum(cut[start : start + width]) for start in range(0, len(cut), width)]
    mean = sum(blocks) / len(blocks)
    if not mean:
        return None
    variance = sum((n - mean) ** 2 for n in blocks) / (len(blocks) - 1)
    spread = NORMAL_95 * math.sqrt(max(variance, mean) / len(blocks))  # at least that of a Poisson count
    per_hour = 3600 / (BIN * width)

    def end(pace: float) -> datetime | None:
        hours = left / (pace * per_hour) if pace > 0 else math.inf
        return now + timedelta(hours=hours) if hours < 24 * 3650 else None

    expected = end(mean)
    earliest = end(mean + spread)
    if expected is None or earliest is None:
        return None
    return Forecast(
        hours=len(cut) * BIN / 3600,
        pace=mean * per_hour,
        expected=expected,
        earliest=earliest,
        latest=end(mean - spread),
    )


def _people(campaign: Campaign, figures: Figures | None, leases: dict[int, set[str]]) -> list[Part]:
    """Everybody with a part, those seen last first."""
    falls: dict[int, list[str]] = defaultdict(list)
    for annotator, kind in Shortfall.objects.filter(campaign=campaign, ended_at=None).values_list(
        "annotator_id", "kind"
    ):
        falls[annotator].append(kind)
    last_hour = figures["people_last_hour"] if figures else {}
    rows = campaign.participations.select_related("annotator").order_by("-last_at")
    return [
        _part(row, last_hour.get(str(row.annotator_id), 0), leases, tuple(falls[row.annotator_id]))
        for row in rows
    ]


def _part(row: Participation, last_hour: int, leases: dict[int, set[str]], falls: tuple[str, ...]) -> Part:
    done = row.judged + row.surplus + row.gold_judged
    return Part(
        annotator=row.annotator,
        judged=row.judged,
        surplus=row.surplus,
        skipped=row.skipped,
        hours=row.seconds / 3600,
        per_hour=3600 * done / row.seconds if row.seconds else None,
        last_hour=last_hour,
        skip_share=row.skipped / (done + row.skipped) if done + row.skipped else 0.0,
        gold_judged=row.gold_judged,
        gold_share=row.gold_right / row.gold_judged if row.gold_judged else None,
        last_at=row.last_at,
        in_work=Assignment.State.LEASED in leases.get(row.annotator_id, ()),
        excluded=row.excluded_at is not None,
        shortfalls=falls,
    )
