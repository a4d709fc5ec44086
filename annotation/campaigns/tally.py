"""What has to be counted of a campaign, counted behind the pages: by category, by video model, over time.

A page reads one row, however large the campaign is. A periodic task counts campaigns anew in which something
has happened since; one that took long waits twenty times as long before it is counted again, so that counting
takes at most a twentieth of one core.
"""

import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

from django.db import connection
from django.db.models import F, Max, Q
from django.utils import timezone

from annotation.models import Campaign, CampaignTally, Category, VideoModel

REST = 20
"""Times what the counting took, before it is done again."""
LEAST_REST = timedelta(seconds=8)
BIN = 600
"""Seconds of a bin of the recent series."""
BINS = 144
"""Bins of it: a day."""
POINTS = 500
"""Points of the whole series: by hour, or by day where there would be more."""


class Share(TypedDict):
    """Of a category or a video model, by its id; None: items without one."""

    id: int | None
    items: int
    judged: int


class Figures(TypedDict):
    """Judgements that fill a slot: gold and surplus ones are in `people_last_hour` only.

    `times` are ISO 8601 in UTC, the beginnings of hours or days; `recent` are bins of BIN seconds up to
    `counted_at`, the oldest first, from the first judgement on if that is less than a day ago.
    """

    categories: list[Share]
    video_models: list[Share]
    step: str
    times: list[str]
    counts: list[int]
    recent: list[int]
    last_hour: int
    last_day: int
    people_last_hour: dict[str, int]


def count(campaign_id: uuid.UUID) -> CampaignTally:
    """Count a campaign now and keep the figures. Takes time with the campaign."""
    campaign = Campaign.objects.get(pk=campaign_id)
    now = timezone.now()
    began = time.perf_counter()
    values = {"campaign": campaign.pk, "now": now, "bin": BIN, "since": now - timedelta(seconds=BIN * BINS)}
    hours = [(at, int(n)) for at, n in _rows(_BY_HOUR, values)]
    recent = Counter({int(age): int(n) for age, n in _rows(_RECENT, values)})
    step, series = _series(hours)
    figures = Figures(
        categories=[_share(row) for row in _rows(_BY_CATEGORY, values)],
        video_models=[_share(row) for row in _rows(_BY_MODEL, values)],
        step=step,
        times=[at.astimezone(UTC).isoformat() for at, _n in series],
        counts=[n for _at, n in series],
        recent=[recent[age] for age in range(max(recent, default=-1), -1, -1)],
        last_hour=sum(n for age, n in recent.items() if age * BIN < 3600),
        last_day=sum(recent.values()),
        people_last_hour={str(person): int(n) for person, n in _rows(_BY_PERSON, values)},
    )
    row, _made = CampaignTally.objects.update_or_create(
        campaign=campaign,
        defaults={
            "counted_at": now,
            "took": time.perf_counter() - began,
            "version": campaign.version,
            "figures": figures,
        },
    )
    return row


def count_changed(seconds: float = 20) -> int:
    """Count the campaigns in which something has happened since; gives how many. Stops after `seconds`."""
    until = time.monotonic() + seconds
    counted = 0
    for campaign_id in _due():
        count(campaign_id)
        counted += 1
        if time.monotonic() > until:
            break
    return counted


def names(figures: Figures, language: str) -> tuple[dict[int, str], dict[int, str]]:
    """Names of the categories and of the video models in figures, by id."""
    chinese = language.startswith("zh")
    categories = Category.objects.filter(pk__in=[row["id"] for row in figures["categories"] if row["id"]])
    models = VideoModel.objects.filter(pk__in=[row["id"] for row in figures["video_models"] if row["id"]])
    return (
        {row.pk: row.name_zh if chinese else row.name_en for row in categories},
        {row.pk: row.name for row in models},
    )


def _due() -> list[uuid.UUID]:
    """Campaigns to count, those that were not counted for the longest time first."""
    now = timezone.now()
    rows = Campaign.objects.annotate(last=Max("participations__last_at")).filter(
        Q(tally=None)
        | ~Q(tally__version=F("version"))
        | Q(last__gte=F("tally__counted_at"))
        # Figures of the last hour and day fall though nobody works.
        | Q(last__gte=now - timedelta(days=1), tally__counted_at__lt=now - timedelta(minutes=2))
    )
    found = rows.order_by(F("tally__counted_at").asc(nulls_first=True))
    due = []
    for pk, version, counted_at, counted_version, took in found.values_list(
        "pk", "version", "tally__counted_at", "tally__version", "tally__took"
    ):
        rested = counted_at is None or now - counted_at > max(LEAST_REST, timedelta(seconds=REST * took))
        if rested or (version != counted_version and took < 1):
            due.append(pk)
    return due


def _series(hours: list[tuple[datetime, int]]) -> tuple[str, list[tuple[datetime, int]]]:
    """By hour with the empty hours between, or by day where that is more than POINTS."""
    if not hours:
        return "hour", []
    span = int((hours[-1][0] - hours[0][0]) / timedelta(hours=1)) + 1
    step = timedelta(hours=1) if span <= POINTS else timedelta(days=1)
    first = hours[0][0].astimezone(UTC)
    if span > POINTS:
        first = first.replace(hour=0)
    sums = Counter[int]()
    for at, n in hours:
        sums[int((at - first) / step)] += n
    name = "hour" if span <= POINTS else "day"
    return name, [(first + place * step, sums[place]) for place in range(max(sums) + 1)]


def _share(row: tuple[Any, ...]) -> Share:
    pk, items, judged = row
    return Share(id=pk, items=int(items), judged=int(judged))


def _rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


_JUDGED = """
    SELECT a.item_id, count(*) AS n FROM annotation_assignment a
    WHERE a.campaign_id = %(campaign)s AND a.state = 'submitted' AND NOT a.surplus GROUP BY a.item_id"""

# By prompt first: campaigns have fewer of those than items.
_BY_CATEGORY = f"""
WITH judged AS ({_JUDGED}),
prompts AS (
    SELECT i.prompt_id, count(*) AS items, COALESCE(sum(j.n), 0) AS n
    FROM annotation_item i LEFT JOIN judged j ON j.item_id = i.id
    WHERE i.campaign_id = %(campaign)s AND NOT i.gold GROUP BY i.prompt_id)
SELECT c.category_id, sum(p.items), sum(p.n)
FROM prompts p LEFT JOIN annotation_prompt_categories c ON c.prompt_id = p.prompt_id
GROUP BY c.category_id ORDER BY 2 DESC, 1
"""  # noqa: S608 (no value is pasted in: all go by parameter)

# An item counts once for a model, however many of its clips are that model's.
_BY_MODEL = f"""
WITH judged AS ({_JUDGED}),
shown AS (
    SELECT DISTINCT k.item_id, c.video_model_id
    FROM annotation_item i
    JOIN annotation_itemclip k ON k.item_id = i.id JOIN annotation_clip c ON c.id = k.clip_id
    WHERE i.campaign_id = %(campaign)s AND NOT i.gold)
SELECT s.video_model_id, count(*), COALESCE(sum(j.n), 0)
FROM shown s LEFT JOIN judged j ON j.item_id = s.item_id GROUP BY s.video_model_id ORDER BY 2 DESC, 1
"""  # noqa: S608

# Of those that fill a slot.
_COUNTED = """
    campaign_id = %(campaign)s AND state = 'submitted' AND NOT surplus AND ended_at <= %(now)s
    AND item_id NOT IN (SELECT item_id FROM annotation_goldanswer WHERE campaign_id = %(campaign)s)"""

_BY_HOUR = f"""
SELECT date_trunc('hour', ended_at, 'UTC'), count(*) FROM annotation_assignment
WHERE {_COUNTED} GROUP BY 1 ORDER BY 1
"""  # noqa: S608

_RECENT = f"""
SELECT floor(extract(epoch FROM %(now)s::timestamptz - ended_at) / %(bin)s::int), count(*)
FROM annotation_assignment WHERE {_COUNTED} AND ended_at > %(since)s
GROUP BY 1
"""  # noqa: S608

# Of all that a person submitted: gold and surplus are work too.
_BY_PERSON = """
SELECT annotator_id, count(*) FROM annotation_assignment
WHERE campaign_id = %(campaign)s AND state = 'submitted' AND ended_at <= %(now)s
  AND ended_at > %(now)s::timestamptz - interval '1 hour'
GROUP BY annotator_id
"""
