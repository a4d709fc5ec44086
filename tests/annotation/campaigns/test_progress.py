"""How a campaign goes: tallies, forecast, the page's cost, and managers told of shortfalls once."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.campaigns import dryrun, progress, shortfalls, tally
from annotation.campaigns.planning import Selection
from annotation.models import (
    Assignment,
    Campaign,
    CampaignTally,
    Category,
    Clip,
    Item,
    ItemClip,
    Participation,
    Shortfall,
)
from tests.annotation import rows
from workbench.models import Notice, Role, User


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


def test_figures_by_category_model_person_and_hour(manager: User) -> None:
    campaign = rows.campaign(manager, items=4, overlap=2)
    animals = Category.objects.create(slug="animal", name_en="Animals", name_zh="动物")
    for item in campaign.items.filter(position__lt=2):
        item.prompt.categories.add(animals)
    anna, ben = rows.person("anna"), rows.person("ben")
    for _n in range(3):
        rows.judge(campaign, anna, seconds=30.0)
    rows.judge(campaign, ben, seconds=60.0)
    early = Assignment.objects.filter(annotator=anna, item__position=0)
    early.update(ended_at=timezone.now() - timedelta(hours=3))
    assert tally.count_changed() == 1
    figures = progress.of_campaign(campaign).figures
    assert figures is not None
    assert figures["categories"] == [
        {"id": animals.pk, "items": 2, "judged": 3},
        {"id": None, "items": 2, "judged": 1},
    ]
    assert [row["judged"] for row in figures["video_models"]] == [4, 4, 4, 4]
    assert (figures["last_hour"], figures["last_day"], sum(figures["counts"])) == (3, 4, 4)
    assert len(figures["counts"]) == len(figures["times"]) == 4, "the empty hours between are there"
    assert figures["people_last_hour"] == {str(anna.pk): 2, str(ben.pk): 1}

    standing = progress.of_campaign(campaign)
    by_name = {part.annotator.username: part for part in standing.people}
    assert by_name["anna"].per_hour == pytest.approx(120)
    assert (by_name["anna"].judged, by_name["anna"].last_hour, by_name["ben"].judged) == (3, 2, 1)
    assert standing.hours_left == pytest.approx(4 * 150 / 4 / 3600)
    assert tally.count_changed() == 0, "nothing has happened since"
    rows.judge(campaign, ben)
    CampaignTally.objects.update(counted_at=timezone.now() - timedelta(seconds=30))
    assert tally.count_changed() == 1


def test_a_forecast_ends_where_the_work_does_and_says_how_sure() -> None:
    now = timezone.now()
    even = progress.forecast([10] * 36, left=60, now=now)
    assert even is not None
    assert even.pace == pytest.approx(60)
    assert even.expected - now == timedelta(hours=1)
    assert even.latest is not None
    assert even.earliest < even.expected < even.latest
    uneven = progress.forecast([60, 0, 0, 0, 0, 0] * 6, left=60, now=now)
    shifts = progress.forecast([60] * 6 + [0] * 30, left=360, now=now)
    assert uneven is not None
    assert shifts is not None
    assert uneven.pace == shifts.pace == pytest.approx(60)
    assert shifts.latest is None, "one hour of six had work: no end is certain"
    assert progress.forecast([0, 0, 5, 5], left=9, now=now) is None, "two bins say nothing yet"
    assert progress.forecast([5] * 9, left=0, now=now) is None


def test_the_page_costs_the_same_however_large_the_campaign(manager: User, client: Client) -> None:
    """The same statements, and none that reads items, assignments that are done, or judgements."""
    campaign = rows.campaign(manager, items=3, overlap=2)
    rows.judge(campaign, rows.person("anna"))
    rows.taken(campaign, rows.person("ben"))
    tally.count(campaign.pk)
    client.force_login(manager, backend="django.contrib.auth.backends.ModelBackend")
    asked: list[list[str]] = []
    for _turn in range(2):
        with CaptureQueriesContext(connection) as statements:
            answer = client.get(f"/campaigns/{campaign.pk}/progress/?part")
        assert answer.status_code == 200
        asked.append([statement["sql"] for statement in statements])
        _more_items(campaign, 200)
    assert len(asked[0]) == len(asked[1])
    for sql in asked[1]:
        assert not re.search(r'FROM "annotation_(item|itemclip|judgement|clip)"', sql)
        if "annotation_assignment" in sql:
            assert "held" in sql, "only what is in work: that has an index of its own"


def _more_items(campaign: Campaign, n: int) -> None:
    first = campaign.items.count()
    prompt = campaign.items.order_by("position")[0].prompt
    items = Item.objects.bulk_create(
        Item(campaign=campaign, prompt=prompt, position=first + place, open_slots=2) for place in range(n)
    )
    clip = Clip.objects.first()
    assert clip is not None
    ItemClip.objects.bulk_create(ItemClip(item=item, clip=clip, position=0) for item in items)
    Campaign.objects.filter(pk=campaign.pk).update(items_total=first + n)


def test_hours_of_a_dry_run_are_measured_or_say_that_they_are_assumed(manager: User) -> None:
    rows.clips(6)
    assumed = dryrun.dry_run(Selection(), overlap=2, gold_share=0.25, n_dimensions=4)
    assert not assumed.pace.measured
    assert (assumed.items, assumed.judgements, assumed.gold) == (6, 12, 4)
    assert assumed.hours == pytest.approx(16 * assumed.pace.seconds / 3600)
    campaign = rows.campaign(manager)
    anna, robot = rows.person("anna"), rows.person("robot")
    User.objects.filter(pk=robot.pk).update(simulated=True)
    rows.judge(campaign, anna, seconds=20.0)
    rows.judge(campaign, anna, seconds=40.0)
    rows.judge(campaign, User.objects.get(pk=robot.pk), seconds=1.0)
    measured = dryrun.dry_run(Selection(), n_dimensions=4)
    assert (measured.pace.seconds, measured.pace.judgements, measured.pace.campaigns) == (30, 2, 1)
    assert not dryrun.dry_run(Selection(), n_dimensions=5).pace.measured
    assert dryrun.dry_run(Selection(), n_dimensions=4, seconds=3600).hours == 6
    assert len(measured.first) == 3
    assert all("secret" not in str(item) for item in measured.first), "blind"


def test_a_shortfall_is_told_once_until_it_is_over(manager: User) -> None:
    chinese = rows.person("mei", Role.MANAGER)
    User.objects.filter(pk=chinese.pk).update(language="zh-hans")
    campaign = rows.campaign(manager, items=25, least_pace=100.0, least_gold_accuracy=0.8)
    anna = rows.person("anna")
    for _n in range(shortfalls.LATEST - 1):
        rows.judge(campaign, anna, seconds=60.0)
    assert shortfalls.watch() == 0, "too few to say"
    rows.judge(campaign, anna, seconds=60.0)
    part = Participation.objects.get(annotator=anna)
    assert shortfalls.pace(part) == pytest.approx(60)
    assert (shortfalls.watch(), shortfalls.watch()) == (1, 0)
    assert Notice.objects.filter(user=manager).count() == Notice.objects.filter(user=chinese).count() == 1
    assert "anna judges 60 items an hour" in Notice.objects.get(user=manager).text
    assert progress.of_campaign(campaign).people[0].shortfalls == ("pace",)

    Participation.objects.filter(pk=part.pk).update(gold_judged=10, gold_right=7.5)
    assert (shortfalls.watch(), shortfalls.watch()) == (1, 0), "the other figure is another shortfall"
    Campaign.objects.filter(pk=campaign.pk).update(least_pace=58)
    assert shortfalls.watch() == 0
    assert Shortfall.objects.filter(kind="pace", ended_at=None).exists(), "just above is not over yet"
    Campaign.objects.filter(pk=campaign.pk).update(least_pace=50)
    Participation.objects.filter(pk=part.pk).update(gold_right=9)
    assert shortfalls.watch() == 0
    assert not Shortfall.objects.filter(ended_at=None).exists()
    Campaign.objects.filter(pk=campaign.pk).update(least_pace=100)
    assert shortfalls.watch() == 1, "a later fall is told again"


@pytest.mark.django_db(transaction=True)
def test_a_shortfall_is_mailed_to_managers_in_their_language() -> None:
    manager = rows.person("manager", Role.MANAGER)
    campaign = rows.campaign(manager, items=2, least_gold_accuracy=0.9)
    rows.judge(campaign, rows.person("anna"))
    Participation.objects.update(gold_judged=10, gold_right=5)
    assert shortfalls.watch() == 1
    (sent,) = mail.outbox
    assert sent.to == ["manager@example.org"]
    assert "anna is right on 50 % of the gold" in sent.body
    assert f"/campaigns/{campaign.pk}/progress/" in sent.body
