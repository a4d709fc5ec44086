"""Looking at pairs as videos in a browser: the two clips are on one clock, one pair plays at a time."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.clips import intake as clip_store
from annotation.clips.intake import Facts, video_model_named
from annotation.prompts import identity
from tests.annotation import rows
from tests.browser.conftest import Site
from tests.browser.until import until
from workbench.models import Role, User

pytestmark = [pytest.mark.browser, pytest.mark.clips]

FILES = ("asl_bird.mkv", "asl_walk.mkv")


def test_pairs_play_in_step(
    page: Page,
    site: Site,
    real_clips: Path,
    log_in: Callable[[str], User],
    look: Callable[[Page, str], None],
) -> None:
    manager = rows.person("manager", Role.MANAGER)
    prompt = identity.find_or_create("A person signs a sentence in front of a dark wall", "一个人打手语")
    for n, name in enumerate(FILES):
        with (real_clips / name).open("rb") as file:
            facts = Facts(prompt=prompt, video_model=video_model_named(f"Camera {n + 1}"))
            clip_store.ingest(file, name, facts, uploaded_by=manager, render_now=True)
    campaign = rows.campaign(manager, overlap=2, clips_per_item=2)
    rows.judge(campaign, rows.person("ann"))
    rows.judge(campaign, rows.person("bob"), spoil=True)

    log_in("manager")
    page.goto(f"/campaigns/{campaign.pk}/pairs/")
    cards = page.locator("#pairs > .pair")
    expect(cards).to_have_count(8)
    look(page, "pairs")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press(".")
    expect(cards.nth(1)).to_have_attribute("data-ready", "true")
    page.keyboard.press(".")
    times = "card => [...card.querySelectorAll('video')].map(video => video.currentTime)"
    until(
        page,
        "[...document.querySelectorAll('#pairs > .pair')[1].querySelectorAll('video')]"
        ".every(video => video.currentTime > 0.03 && !video.seeking)",
    )
    left, right = cards.nth(1).evaluate(times)
    assert abs(left - right) < 0.05  # half a frame of 30 a second, twice

    page.keyboard.press("Space")
    expect(cards.nth(1).locator("[data-do=play]")).to_have_text("❚❚")
    cards.nth(0).locator("[data-do=play]").click()
    expect(cards.nth(0).locator("[data-do=play]")).to_have_text("❚❚")
    expect(cards.nth(1).locator("[data-do=play]")).to_have_text("▶")
    assert cards.nth(2).locator("video").first.get_attribute("src") is None  # fetched only when asked for

    page.get_by_label("Verdict of the constraint").select_option("broken")
    page.get_by_label("Broken by").select_option("motion_quality")
    page.get_by_role("button", name="Show").click()
    expect(cards).to_have_count(3)
    expect(cards.first).to_contain_text("2 judgements say this")
