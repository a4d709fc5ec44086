"""A visitor without an account votes on a phone and with arrow keys, and sees the leaderboard change."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.clips import intake
from annotation.clips.intake import Facts
from annotation.prompts.identity import find_or_create
from arena.models import Vote
from tests.browser.conftest import PHONE, Site
from tests.browser.until import until
from tests.runs.videos import make_clips

pytestmark = pytest.mark.browser
Look = Callable[[Page, str], None]
PLAYING = "[...document.querySelectorAll('video')].every((v) => !v.paused && v.muted && v.currentTime > 0)"


@pytest.fixture
def two_prompts(site: Site, tmp_path: Path) -> None:
    """Two prompts with a clip of two video models each."""
    texts = [
        ("A square crosses a textured wall", "方块掠过墙面"),
        ("A square moves to the right", "方块右移"),
    ]
    models = [intake.video_model_named(name) for name in ("Hidden Falcon", "Hidden Heron")]
    for number, path in enumerate(sorted(make_clips(tmp_path / "clips", 4).iterdir())):
        facts = Facts(prompt=find_or_create(*texts[number // 2]), video_model=models[number % 2])
        with path.open("rb") as file:
            intake.ingest(file, path.name, facts, render_now=True)


def test_a_visitor_votes_on_a_phone_and_the_leaderboard_changes(
    page: Page, two_prompts: None, look: Look, tmp_path: Path
) -> None:
    page.goto("/arena/t2v/leaderboard/")
    expect(page.get_by_text("Nobody has voted on this board yet")).to_be_visible()
    look(page, "leaderboard-empty")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.get_by_role("link", name="Vote").click()
    until(page, PLAYING)
    better = page.get_by_role("button", name="A is better")
    expect(better).to_be_enabled()
    for name in ("A is better", "B is better", "Tie", "Both bad"):  # in reach without scrolling, large enough
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= PHONE["height"]
        assert box["height"] >= 44
    assert "Hidden" not in page.content()
    look(page, "battle")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    better.click()
    expect(page.get_by_text("You found A better.")).to_be_visible()
    expect(page.get_by_text("Hidden Falcon")).to_be_visible()
    expect(page.get_by_text("Hidden Heron")).to_be_visible()
    look(page, "battle-voted")
    page.get_by_role("button", name="Next pair").press("Enter")
    until(page, PLAYING)
    expect(better).to_be_enabled()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("You found both bad.")).to_be_visible()
    first, second = Vote.objects.order_by("created_at")
    assert (first.answer, second.answer, first.too_fast, second.too_fast) == (
        "left",
        "both_bad",
        False,
        False,
    )
    assert first.battle.prompt != second.battle.prompt
    page.get_by_role("link", name="Leaderboard").click()
    leader = first.battle.left_model
    expect(page.locator("#board tbody tr")).to_have_count(2)
    expect(page.locator("#board tbody tr").first).to_contain_text(leader.name)
    expect(page.locator("#from")).to_contain_text("Computed from 2 votes")
    page.wait_for_selector("#chart .main-svg")
    look(page, "leaderboard")
    with page.expect_download() as download:
        page.locator("#csv").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert rows[0]["model"] == leader.slug
    with page.expect_download() as download:
        page.locator("#chart").hover()
        page.locator("#chart .modebar-btn").first.click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
