"""Around a judgement, in a real browser: nothing is lost, broken clips are flagged, guidelines at hand."""

import re
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from annotation.campaigns import examples
from annotation.campaigns.dimensions import default_dimensions
from annotation.models import Assignment, Campaign, Clip, ClipFlag, Judgement
from tests.annotation import rows
from tests.annotation.video_files import write_video
from tests.browser.conftest import DESKTOP, Site
from tests.browser.labelled_clips import MadeBefore, laid_out, open_item, saved
from tests.browser.test_labelling import finish
from tests.browser.until import until
from workbench.models import Role, User

pytestmark = pytest.mark.browser

COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40))
LogIn = Callable[[str], User]
LookAt = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def made_before() -> MadeBefore:
    return {}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four small videos, of a colour each that grows lighter: half a second, 24 frames a second."""
    folder = tmp_path_factory.mktemp("videos")
    return [
        write_video(
            folder / f"{n}.mp4",
            size=(160, 90),
            colours=[(r + 2 * k, g + 2 * k, b + 2 * k) for k in range(12)],
            tick=Fraction(1, 24),
        )
        for n, (r, g, b) in enumerate(COLOURS)
    ]


@pytest.fixture
def manager(transactional_db: None) -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def ann(transactional_db: None) -> User:
    return rows.person("ann")


@pytest.fixture
def campaign(files: list[Path], manager: User, media_folder: Path, made_before: MadeBefore) -> Campaign:
    return laid_out(
        files,
        manager,
        made_before,
        dimensions=default_dimensions()[:3],
        guidelines="Look at each dimension by itself.\n\nWatch <b>every</b> clip to its end.",
    )


def tie_all(page: Page) -> None:
    for _n in range(3):
        page.keyboard.press("t")
    expect(page.locator(".dimension.complete")).to_have_count(3)


def test_a_draft_goes_on_in_another_browser(
    page: Page, browser: Browser, site: Site, campaign: Campaign, ann: User, log_in: LogIn
) -> None:
    log_in("ann")
    open_item(page, campaign)
    page.keyboard.press("2")
    page.keyboard.press("Shift+3")
    saved(page)
    order = page.locator(".clip").evaluate_all("(all) => all.map((one) => one.dataset.clip)")
    elsewhere = browser.new_context(base_url=site.url, viewport=DESKTOP)  # type: ignore[arg-type]
    client = Client()
    client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
    session = {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.session.session_key or "",
        "url": site.url,
    }
    elsewhere.add_cookies([session])  # type: ignore[list-item]
    other = elsewhere.new_page()
    open_item(other, campaign)
    assert other.locator(".clip").evaluate_all("(all) => all.map((one) => one.dataset.clip)") == order
    expect(other.locator(".dimension.complete .chip")).to_have_text(["▲ 2", "▼ 3"])
    elsewhere.close()


def test_what_was_marked_without_a_connection_outlives_the_window(
    page: Page, campaign: Campaign, ann: User, log_in: LogIn, expected_errors: list[str]
) -> None:
    expected_errors.append("ERR_INTERNET_DISCONNECTED")
    log_in("ann")
    open_item(page, campaign)
    page.context.set_offline(True)
    page.keyboard.press("2")
    page.keyboard.press("Shift+3")
    expect(page.locator("#saved")).to_have_attribute("data-state", "offline")
    other = page.context.new_page()
    page.close()
    other.context.set_offline(False)
    open_item(other, campaign)
    expect(other.locator(".dimension.complete .chip")).to_have_text(["▲ 2", "▼ 3"])
    saved(other)
    assert Assignment.objects.get(state="leased").draft["picks"]


def test_two_clicks_and_two_windows_submit_once(
    page: Page, campaign: Campaign, ann: User, log_in: LogIn, expected_errors: list[str]
) -> None:
    expected_errors.append("409")
    log_in("ann")
    open_item(page, campaign)
    tie_all(page)
    saved(page)
    other = page.context.new_page()
    open_item(other, campaign)
    expect(other.locator(".dimension.complete")).to_have_count(3)
    first = page.locator(".clip").first.get_attribute("data-clip")
    page.locator("#submit").dblclick()
    expect(page.locator(".clip").first).not_to_have_attribute("data-clip", str(first))
    assert Judgement.objects.count() == 1
    # The other window still shows the item that is done: it is told so, and goes on with the same next one.
    other.keyboard.press("Enter")
    expect(other.locator("#feedback .note.error")).to_contain_text("already submitted")
    now = page.locator(".clip").first.get_attribute("data-clip")
    expect(other.locator(".clip").first).to_have_attribute("data-clip", str(now))
    assert Judgement.objects.count() == 1


def test_back_and_forward_show_what_is_in_work_now(
    page: Page, campaign: Campaign, ann: User, log_in: LogIn
) -> None:
    log_in("ann")
    page.goto("/label/")
    open_item(page, campaign)
    tie_all(page)
    finish(page)
    now = page.locator(".clip").first.get_attribute("data-clip")
    page.keyboard.press("2")
    saved(page)
    page.go_back()
    expect(page.get_by_role("heading", name="Labelling")).to_be_visible()
    page.go_forward()
    expect(page.locator(".clip").first).to_have_attribute("data-clip", str(now))
    expect(page.locator(".dimension.active .chip.best")).to_have_text("▲ 2")
    assert Judgement.objects.count() == 1


def test_after_its_lease_an_item_is_taken_up_again_or_kept_as_surplus(
    page: Page, campaign: Campaign, ann: User, log_in: LogIn
) -> None:
    from annotation.labelling import queue

    log_in("ann")
    open_item(page, campaign)
    tie_all(page)
    saved(page)
    Assignment.objects.filter(state="leased").update(expires_at=timezone.now() - timedelta(minutes=1))
    assert queue.release_expired() >= 1
    bob = rows.person("bob")
    late = Assignment.objects.get(state="expired")
    theirs = rows.taken(campaign, bob)
    while theirs.item_id != late.item_id:  # until the slot is in other hands
        queue.skip(theirs.pk, bob, "not mine")
        theirs = rows.taken(campaign, bob)
    finish(page)
    judgement = Judgement.objects.get()
    assert (judgement.assignment_id, judgement.assignment.surplus) == (late.pk, True)
    assert Assignment.objects.get(pk=theirs.pk).state == "leased"


def test_a_campaign_closed_meanwhile_takes_what_was_in_work_and_says_that_it_is_closed(
    page: Page, campaign: Campaign, ann: User, log_in: LogIn
) -> None:
    log_in("ann")
    open_item(page, campaign)
    tie_all(page)
    Campaign.objects.update(state=Campaign.State.CLOSED)
    finish(page)
    expect(page.locator("#nothing-text")).to_contain_text("closed")
    assert Judgement.objects.count() == 1


def test_the_least_play_is_counted_down_before_a_judgement_is_sent(
    page: Page, campaign: Campaign, ann: User, log_in: LogIn
) -> None:
    Campaign.objects.update(min_play_seconds=1.5)
    log_in("ann")
    open_item(page, campaign)
    expect(page.locator("#least")).to_contain_text("more before you submit")
    tie_all(page)
    expect(page.locator("#least")).to_be_hidden()
    finish(page)
    assert Judgement.objects.count() == 1


def test_a_broken_clip_is_flagged_by_keyboard_and_managers_see_it(
    page: Page, campaign: Campaign, ann: User, manager: User, log_in: LogIn, look: LookAt
) -> None:
    log_in("ann")
    open_item(page, campaign)
    page.keyboard.press("b")
    expect(page.locator("#flag-dialog")).to_be_visible()
    page.keyboard.press("3")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    look(page, "labelling-flag")
    page.keyboard.press("Enter")
    tile = page.locator(".clip[data-number='3']")
    expect(tile.locator(".flagged")).to_be_visible()
    [flag] = ClipFlag.objects.all()
    assert str(flag.item_clip_id) == tile.get_attribute("data-clip")
    assert (flag.annotator, flag.reason) == (ann, "The picture is black or frozen")
    page.keyboard.press("k")
    page.keyboard.press("Escape")
    expect(page.locator("#skip-dialog")).to_be_hidden()
    assert not Assignment.objects.filter(state="skipped").exists()

    log_in("manager")
    page.goto(f"/campaigns/{campaign.pk}/")
    expect(page.locator("#flagged")).to_contain_text("The picture is black or frozen")
    look(page, "campaign-flagged")
    page.locator("#flagged a").click()
    page.wait_for_url(f"**/clips/{flag.item_clip.clip_id}/")


def test_guidelines_with_examples_stand_beside_the_work(
    page: Page, campaign: Campaign, ann: User, manager: User, log_in: LogIn, look: LookAt
) -> None:
    clips = list(Clip.objects.order_by("created_at")[:2])
    log_in("manager")
    page.goto(f"/campaigns/{campaign.pk}/")
    page.get_by_role("link", name="Examples of the guidelines").click()
    page.get_by_label("Clip", exact=True).fill(f"/clips/{clips[0].pk}/")
    page.get_by_label("Caption in English").fill("The hand keeps its five fingers")
    page.get_by_label("Caption in Chinese").fill("手始终有五根手指")
    page.get_by_label("Dimension").select_option("structural_stability")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#examples li")).to_have_count(1)
    examples.add(campaign, clips[1].pk, kind="bad", caption_en="Cut off")
    page.reload()
    look(page, "campaign-examples")

    log_in("ann")
    open_item(page, campaign)
    expect(page.locator(".guide-text")).to_be_hidden()
    page.keyboard.press("i")
    paragraphs = page.locator(".guide-text > p")
    expect(paragraphs).to_have_text(
        ["Look at each dimension by itself.", "Watch <b>every</b> clip to its end."]
    )
    expect(page.locator(".example figcaption")).to_have_text(
        [re.compile("Bad Cut off"), re.compile("Good The hand keeps its five fingers")]
    )
    until(page, "document.querySelector('.example video').currentTime > 0")
    look(page, "labelling-guide")
    page.keyboard.press("2")  # keys go on working
    expect(page.locator(".dimension.active .chip.best")).to_have_text("▲ 2")
    page.reload()
    expect(page.locator(".guide-text")).to_be_visible()
    page.keyboard.press("i")
    expect(page.locator(".guide-text")).to_be_hidden()
    User.objects.filter(pk=ann.pk).update(language="zh-hans")
    log_in("ann")
    open_item(page, campaign)
    page.keyboard.press("i")
    expect(page.locator(".example.good figcaption")).to_contain_text("手始终有五根手指")
    look(page, "labelling-guide-chinese")


def test_no_barrier_that_axe_can_find(page: Page, campaign: Campaign, ann: User, log_in: LogIn) -> None:
    """WCAG 2 A and AA on the page in its states, with everything reached in the order that it is read."""

    def barriers() -> list[Any]:
        rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
        found = Axe().run(page, options=rules).response
        assert "color-contrast" in {one["id"] for one in found["passes"]}, "nothing was looked at"
        return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found["violations"]]

    examples.add(campaign, Clip.objects.all()[0].pk, kind="good", caption_en="Good hands")
    log_in("ann")
    page.goto("/label/")
    assert barriers() == []
    open_item(page, campaign)
    page.keyboard.press("Space")
    assert barriers() == []
    page.keyboard.press("1")
    page.keyboard.press("Shift+2")
    page.keyboard.press("i")
    for mode in "sfwe":
        page.keyboard.press(mode)
        assert barriers() == [], mode
    page.keyboard.press("Escape")
    for key in "?bk":
        page.keyboard.press(key)
        expect(page.locator("dialog[open]")).to_be_visible()
        assert barriers() == [], key
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)

    # By Tab: how the clips are shown, the clips, playback, then the judgement and what ends it.
    page.locator("#viewing button").first.focus()
    met = ["viewing"]
    while met[-1] != "actions":
        page.keyboard.press("Tab")
        place = page.evaluate(
            "document.activeElement.closest('.viewing, .clip, .transport, .guide, .dimension, .actions')"
            "?.classList[0]"
        )
        assert place, "Tab leaves the work"
        if place != met[-1]:
            met.append(place)
    assert met == ["viewing", "clip", "transport", "guide", "dimension", "actions"]
