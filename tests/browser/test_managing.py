"""A manager's first day with many people: group, builder with a dry run, changes midway, progress, pay."""

import csv
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.campaigns import tally
from annotation.labelling import judging
from annotation.labelling.judging import Submission
from annotation.models import Campaign, Category, Clip, Prompt
from tests.annotation import rows
from tests.browser.conftest import Site
from tests.browser.labelled_clips import laid_out
from tests.browser.until import until
from workbench.models import Role, User

pytestmark = [pytest.mark.browser, pytest.mark.clips]


def judge(campaign: Campaign, person: User, times: int = 1) -> None:
    for _time in range(times):
        assignment = rows.taken(campaign, person)
        answers = rows.picks(assignment)
        submission = Submission(answers=answers, idempotency_key=uuid.uuid4(), seconds=30.0)
        judging.submit(assignment.pk, person, submission)


def test_a_campaign_from_its_making_to_its_pay(
    page: Page,
    site: Site,
    real_clips: Path,
    log_in: Callable[[str], User],
    look: Callable[[Page, str], None],
) -> None:
    manager = rows.person("manager", Role.MANAGER)
    people = [rows.person(f"annotator-{n:02}") for n in range(6)]
    before = laid_out([real_clips / f"asl_{name}.mkv" for name in ("bird", "book")], manager, {}, items=3)
    judge(before, people[0], 2)
    animals = Category.objects.create(slug="animal", name_en="Animals", name_zh="动物")
    for prompt in Prompt.objects.order_by("pk")[:2]:
        prompt.categories.add(animals)
    log_in("manager")

    page.goto("/people/groups/new/")
    page.get_by_label("Name", exact=True).fill("Day shift")
    page.get_by_label("Usernames to add").fill("annotator-00, annotator-01\nannotator-02")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("table")).to_contain_text("Day shift")
    look(page, "groups")

    page.goto("/campaigns/new/")
    page.get_by_label("Name", exact=True).fill("From the builder")
    page.get_by_label("Clips per item").fill("2")
    expect(page.locator("[data-show=items]")).to_have_text("3")
    page.get_by_text("Categories", exact=False).first.click()
    page.get_by_label("Animals").check()
    expect(page.locator("[data-show=items]")).to_have_text("2")
    page.get_by_label("Judgements per item").fill("3")
    page.get_by_label("Gold items, in percent").fill("25")
    expect(page.locator("[data-show=gold]")).to_have_text("2")
    expect(page.locator("[data-show=judgements]")).to_have_text("6")
    expect(page.locator("#pace")).to_contain_text("30 s, as measured over 2 judgements")
    page.get_by_label("Seconds a judgement").fill("450")
    expect(page.locator("[data-show=hours]")).to_have_text("1")
    videos = page.locator(".first-item").first.locator("video")
    expect(videos).to_have_count(2)
    page.get_by_role("button", name="Play: 1").click()
    until(
        page,
        "[...document.querySelectorAll('.first-item video')].slice(0, 2).every((v) => v.currentTime > 0)",
    )
    assert "Pretended" not in page.locator("#first").inner_text()
    page.get_by_label("Words in the prompt").fill("woman")
    expect(page.locator("[data-show=items]")).to_have_text("1")
    page.get_by_label("Words in the prompt").fill("")
    page.get_by_text("Single prompts").click()
    expect(page.locator("#prompt-list label")).to_have_count(2)
    page.locator("#prompt-list input").first.check()
    expect(page.locator("[data-show=items]")).to_have_text("1")
    page.get_by_label("Day shift").check()
    page.get_by_label("Most items a person a day").fill("40")
    look(page, "builder")
    page.get_by_role("button", name="Make the campaign").click()
    expect(page.locator("#state")).to_have_text("Draft")
    page.get_by_role("button", name="Open").click()
    expect(page.locator("#state")).to_have_text("Open")
    campaign = Campaign.objects.get(name="From the builder")
    assert (campaign.items_total, campaign.overlap, campaign.gold_share) == (1, 3, 0.25)
    assert set(campaign.annotators.all()) == set(people[:3])

    page.get_by_role("link", name="Change", exact=True).click()
    page.get_by_label("Of which prompts and video models").select_option("other")
    page.get_by_role("button", name="See what this adds").click()
    expect(page.locator("#extension")).to_contain_text("This adds 2 items")
    look(page, "campaign-edit")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".messages")).to_contain_text("2 items are added")
    Campaign.objects.filter(pk=campaign.pk).update(gold_share=0)  # no gold item is made here
    for person in people[:2]:
        judge(campaign, person, 2)
    page.get_by_role("link", name="Change", exact=True).click()
    page.locator("#overlap-form input[name=overlap]").fill("1")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.locator(".messages")).to_contain_text("3 judgements are wanted now")
    rows.slots_add_up(Campaign.objects.get(pk=campaign.pk))

    page.get_by_role("link", name="Progress").click()
    expect(page.locator("#done")).to_be_visible()
    expect(page.locator("#people tbody tr")).to_have_count(2)
    tally.count(campaign.pk)
    expect(page.locator("#chart .modebar")).to_be_attached()  # it comes by itself
    expect(page.get_by_text("By category")).to_be_visible()
    judge(campaign, people[2])
    expect(page.locator("#people tbody tr")).to_have_count(3)
    look(page, "progress")

    page.goto("/people/work-time/")
    expect(page.locator("#work-time tbody tr")).to_have_count(3)
    look(page, "work-time")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    with download.value.path().open(encoding="utf-8-sig") as file:
        assert sum(int(line["items"]) for line in csv.DictReader(file)) == 7

    page.goto("/people/")
    page.get_by_role("row", name="annotator-05").get_by_role("link", name="Erase").click()
    page.get_by_label("Type the username").fill("annotator-05")
    look(page, "erase")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.locator(".messages")).to_contain_text("The person is erased")

    User.objects.filter(pk=manager.pk).update(language="zh-hans")
    log_in("manager")
    chinese = {
        "builder": "/campaigns/new/",
        "edit": f"/campaigns/{campaign.pk}/edit/",
        "progress": f"/campaigns/{campaign.pk}/progress/",
        "work-time": "/people/work-time/",
    }
    for name, address in chinese.items():
        page.goto(address)
        expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
        look(page, f"zh-{name}")
    assert Clip.objects.filter(state=Clip.State.READY).count() == 6
