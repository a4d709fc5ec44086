"""Working time by person and day, for pay: read from the judgements themselves, corrections and all.

Hours on task are what the labelling page measured with each submission. A skip is not measured by the page:
it counts from when the item was taken, five minutes at most. Simulated annotators are left out, and so is
what was imported. Reads the judgements of the days asked for, by their index; it costs what those days had.
"""

import csv
import io
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from workbench.models import User
from workbench.people.bulk import not_a_formula
from workbench.refusals import Invalid

MOST_DAYS = 366
MOST_SKIP = 300
"""Seconds that a skip counts at most."""
COLUMNS = (
    "day",
    "annotator",
    "name",
    "hours",
    "items",
    "corrections",
    "skips",
    "skip_hours",
    "first",
    "last",
)


@dataclass(frozen=True)
class WorkDay:
    """What a person did on a day of the installation's time zone."""

    day: date
    annotator: str
    """Pseudonym."""
    name: str
    """Username; "" where names were not asked for."""
    hours: float
    """On task, corrections included."""
    items: int
    corrections: int
    skips: int
    skip_hours: float
    first: datetime
    last: datetime


def days(
    since: date, until: date, campaign_id: uuid.UUID | None = None, names: bool = False
) -> list[WorkDay]:
    """By day, then by pseudonym; both days are included. Raises Invalid `range`."""
    sound = date(2000, 1, 1) <= since <= until < date(2100, 1, 1)
    if not sound or (until - since).days >= MOST_DAYS:
        text = _(
            "The days are %(since)s to %(until)s; expected a first and a last one, at most a year apart."
        )
        raise Invalid("range", text % {"since": since, "until": until}, where="query.since")
    zone = timezone.get_default_timezone()
    values = {
        "since": datetime.combine(since, time(), zone),
        "until": datetime.combine(until + timedelta(days=1), time(), zone),
        "campaign": campaign_id,
        "zone": settings.TIME_ZONE,
        "most": MOST_SKIP,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, values)
        rows = cursor.fetchall()
    people = User.objects.in_bulk({row[1] for row in rows})
    found = [
        WorkDay(
            day=day,
            annotator=people[person].pseudonym,
            name=people[person].username if names else "",
            hours=seconds / 3600,
            items=items,
            corrections=corrections,
            skips=skips,
            skip_hours=skip_seconds / 3600,
            first=first,
            last=last,
        )
        for day, person, seconds, items, corrections, skips, skip_seconds, first, last in rows
    ]
    return sorted(found, key=lambda row: (row.day, row.name, row.annotator))


def as_csv(rows: Iterable[WorkDay]) -> str:
    """One line a person and day, hours with three decimals; a byte-order mark, for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            [
                row.day.isoformat(),
                row.annotator,
                not_a_formula(row.name),
                f"{row.hours:.3f}",
                row.items,
                row.corrections,
                row.skips,
                f"{row.skip_hours:.3f}",
                row.first.isoformat(timespec="seconds"),
                row.last.isoformat(timespec="seconds"),
            ]
        )
    return "\ufeff" + out.getvalue()


_DAYS = """
WITH done AS (
    SELECT (j.created_at AT TIME ZONE %(zone)s::text)::date AS day, j.annotator_id AS person,
        COALESCE(j.seconds, 0) AS seconds, (j.supersedes_id IS NULL)::int AS items,
        (j.supersedes_id IS NOT NULL)::int AS corrections, 0 AS skips, 0 AS skip_seconds, j.created_at AS at
    FROM annotation_judgement j JOIN annotation_assignment a ON a.id = j.assignment_id
    WHERE j.created_at >= %(since)s AND j.created_at < %(until)s AND NOT j.simulated
      AND NOT EXISTS (SELECT 1 FROM annotation_judgementimport m WHERE m.campaign_id = a.campaign_id)
      AND (%(campaign)s::uuid IS NULL OR a.campaign_id = %(campaign)s::uuid)
    UNION ALL
    SELECT (a.ended_at AT TIME ZONE %(zone)s::text)::date, a.annotator_id, 0, 0, 0, 1,
        LEAST(extract(epoch FROM a.ended_at - a.leased_at), %(most)s::int), a.ended_at
    FROM annotation_assignment a JOIN workbench_user u ON u.id = a.annotator_id AND NOT u.simulated
    WHERE a.state = 'skipped' AND a.ended_at >= %(since)s AND a.ended_at < %(until)s
      AND (%(campaign)s::uuid IS NULL OR a.campaign_id = %(campaign)s::uuid))
SELECT day, person, sum(seconds)::float8, sum(items), sum(corrections), sum(skips), sum(skip_seconds)::float8,
    min(at), max(at)
FROM done GROUP BY day, person
"""
