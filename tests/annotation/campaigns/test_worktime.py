"""Working time for pay: by person and day, corrections and skips too, never of programs."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from annotation.campaigns import worktime
from annotation.labelling import queue
from annotation.models import Assignment, Judgement
from tests.annotation import rows
from workbench.models import AuditEntry, Role, User
from workbench.refusals import Invalid

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


def at(judgement: Judgement, when: datetime) -> None:
    Judgement.objects.filter(pk=judgement.pk).update(created_at=when)


def test_hours_items_corrections_and_skips_by_person_and_day(manager: User, client: Client) -> None:
    campaign = rows.campaign(manager, items=6, overlap=3)
    other = rows.campaign(manager, items=2)
    anna, ben, robot = rows.person("=anna"), rows.person("ben"), rows.person("robot")
    User.objects.filter(pk=robot.pk).update(simulated=True)
    first = rows.judge(campaign, anna, seconds=1800.0)
    at(first, MONDAY)
    at(rows.judge(campaign, anna, seconds=900.0), MONDAY + timedelta(hours=2))
    corrected = rows.submit(first.assignment, supersedes=first.pk, seconds=900.0)
    at(corrected, MONDAY + timedelta(hours=3))
    at(rows.judge(campaign, anna, seconds=360.0), MONDAY + timedelta(days=1))
    at(rows.judge(other, ben, seconds=720.0), MONDAY)
    at(rows.judge(campaign, User.objects.get(pk=robot.pk), seconds=9000.0), MONDAY)
    for minutes in (2, 60):
        skipped = rows.taken(campaign, ben)
        queue.skip(skipped.pk, ben, "broken")
        Assignment.objects.filter(pk=skipped.pk).update(
            leased_at=MONDAY, ended_at=MONDAY + timedelta(minutes=minutes)
        )

    monday = date(2026, 3, 2)
    found = worktime.days(monday, monday + timedelta(days=1), names=True)
    told = [(r.day.day, r.name, round(r.hours, 3), r.items, r.corrections, r.skips) for r in found]
    assert told == [(2, "=anna", 1.0, 2, 1, 0), (2, "ben", 0.2, 1, 0, 2), (3, "=anna", 0.1, 1, 0, 0)]
    assert found[1].skip_hours == pytest.approx((120 + 300) / 3600), "five minutes a skip at most"
    assert (found[0].first, found[0].last) == (MONDAY, MONDAY + timedelta(hours=3))
    (only,) = worktime.days(monday, monday, other.pk)
    assert (only.annotator, only.name, only.skips) == (ben.pseudonym, "", 0)
    with pytest.raises(Invalid):
        worktime.days(monday, monday - timedelta(days=1))
    with pytest.raises(Invalid):
        worktime.days(monday, monday + timedelta(days=366))

    client.force_login(manager, backend="django.contrib.auth.backends.ModelBackend")
    query = f"since=2026-03-02&until=2026-03-03&campaign={campaign.pk}"
    page = client.get(f"/people/work-time/?{query}")
    assert "1.00" in page.text
    answer = client.get(f"/people/work-time/?{query}&csv=1")
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(line["day"], line["name"], line["hours"], line["items"]) for line in lines] == [
        ("2026-03-02", "'=anna", "1.000", "2"),
        ("2026-03-02", "ben", "0.000", "0"),
        ("2026-03-03", "'=anna", "0.100", "1"),
    ]
    engineer = rows.person("engineer", Role.ENGINEER)
    client.force_login(engineer, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get(f"/api/work-time?{query}")
    assert {row["name"] for row in answer.json()} == {""}, "pseudonyms only"
    assert client.get(f"/api/work-time?{query}&names=true").status_code == 403
    assert client.get(f"/api/work-time.csv?{query}").status_code == 200
    assert AuditEntry.objects.filter(action="worktime.export").count() == 3


def test_time_is_by_day_of_the_installation(manager: User, settings: object) -> None:
    """In Shanghai, Monday's 17:00 UTC is Tuesday."""
    campaign = rows.campaign(manager, items=1)
    at(rows.judge(campaign, rows.person("anna"), seconds=60.0), MONDAY.replace(hour=17))
    settings.TIME_ZONE = "Asia/Shanghai"  # type: ignore[attr-defined]
    (row,) = worktime.days(date(2026, 3, 3), date(2026, 3, 3))
    assert row.day == date(2026, 3, 3)
    assert worktime.days(date(2026, 3, 2), date(2026, 3, 2)) == []
