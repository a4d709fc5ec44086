"""Labelling in a real browser: real clips, the keyboard alone. How clips are seen: test_viewing.py."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.campaigns import lifecycle
from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.lifecycle import CampaignSpec
from annotation.campaigns.planning import Selection
from annotation.models import Assignment, Campaign, Clip, Judgement, PreferencePair
from annotation.prompts.identity import find_or_create
from tests.annotation import rows
from tests.browser.conftest import Site
from tests.browser.labelled_clips import MadeBefore, laid_out, open_item, saved
from tests.browser.until import until
from workbench.models import Role, User

pytestmark = [pytest.mark.browser, pytest.mark.clips]

# Small ones, of differing lengths.
FILES = ("asl_bird.mkv", "asl_book.mkv", "asl_sister.mkv", "asl_walk.mkv")
LookAt = Callable[[Page, str], None]


@pytest.fixture
def manager(transactional_db: None) -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def ann(transactional_db: None) -> User:
    return rows.person("ann")


@pytest.fixture(scope="module")
def made_before() -> MadeBefore:
    return {}


@pytest.fixture
def campaign(real_clips: Path, manager: User, media_folder: Path, made_before: MadeBefore) -> Campaign:
    """Three items of four real clips; the prompts are pretended."""
    return laid_out([real_clips / name for name in FILES], manager, made_before)


def active(page: Page) -> str:
    return page.locator(".dimension.active").get_attribute("data-key") or ""


def test_an_annotator_labels_three_items_from_the_keyboard_alone(
    page: Page, site: Site, campaign: Campaign, ann: User, look: LookAt
) -> None:
    ann.set_password(rows.PASSWORD)
    ann.save()
    page.goto("/")
    page.get_by_label(re.compile("user", re.IGNORECASE)).focus()
    page.keyboard.type(ann.username)
    page.keyboard.press("Tab")
    page.keyboard.type(rows.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}/")
    look(page, "home-annotator")
    open_item(page, campaign)
    keyboard = page.keyboard

    # The first item: picks in one dimension, then the page is reloaded in the middle.
    keys = [dimension.key for dimension in campaign.dimensions.all()]
    assert active(page) == keys[0]
    keyboard.press("2")
    keyboard.press("Shift+3")
    expect(page.locator(".dimension.active")).to_have_attribute("data-key", keys[1])
    keyboard.press("2")
    keyboard.press("1")  # jointly best
    saved(page)
    order = [c.get_attribute("data-clip") for c in page.locator(".clip").all()]
    page.reload()
    expect(page.locator(".clip")).to_have_count(4)
    assert [c.get_attribute("data-clip") for c in page.locator(".clip").all()] == order
    assert page.locator(f".dimension[data-key={keys[0]}] .answer").inner_text().split() == [
        "▲",
        "2",
        "▼",
        "3",
    ]
    assert active(page) == keys[1]
    assert page.locator(".dimension.active .answer").inner_text().split() == ["▲", "1", "2", "▼", "–"]
    keyboard.press("1")  # again: taken back
    keyboard.press("Shift+4")
    keyboard.press("t")
    expect(page.locator(f".dimension[data-key={keys[2]}] .chip.tie")).to_be_visible()
    keyboard.press("c")
    expect(page.locator(f".dimension[data-key={keys[3]}] .chip.cant")).to_be_visible()
    keyboard.press("Space")
    expect(page.locator("#play")).not_to_have_class(re.compile("playing"))
    look(page, "labelling")
    finish(page)
    expect(page.locator("#progress")).to_contain_text("1")

    # The second: a contradiction is shown at once, and undone.
    expect(page.locator(".dimension.complete")).to_have_count(0)
    for _n in range(3):
        keyboard.press("Digit1")
        keyboard.press("Shift+Digit4")
    keyboard.press("Digit4")
    keyboard.press("Shift+Digit1")
    expect(page.locator("#feedback .note.warning li")).not_to_have_count(0)
    expect(page.locator(".dimension.broken")).not_to_have_count(0)
    look(page, "labelling-clash")
    keyboard.press("u")
    keyboard.press("u")
    expect(page.locator("#feedback .note.warning")).to_have_count(0)
    keyboard.press("Digit1")
    keyboard.press("Shift+Digit4")
    finish(page)

    # The third: a question is asked and answered.
    expect(page.locator(".dimension.complete")).to_have_count(0)
    for _n in range(3):
        keyboard.press("Digit1")
        keyboard.press("Shift+Digit4")
    keyboard.press("Digit2")
    keyboard.press("Shift+Digit3")
    expect(page.locator(".question")).to_be_visible()
    look(page, "labelling-question")
    for _n in range(3):
        count = page.locator(".question").count()
        if count:
            said = page.locator(".question p").inner_text()
            keyboard.press("x")
            expect(page.locator(".question p").filter(has_text=said)).to_have_count(0)
    finish(page)
    expect(page.locator("#nothing")).to_be_visible()
    look(page, "labelling-done")

    assert Judgement.objects.count() == 3
    first = Judgement.objects.order_by("created_at")[0]
    assert first.answers["picks"][keys[0]] == {"best": [order[1]], "worst": [order[2]]}
    assert first.answers["picks"][keys[2]] == {"tie": True}
    assert first.answers["picks"][keys[3]] == {"cant_judge": True}
    assert first.seconds is not None
    assert PreferencePair.objects.filter(judgement=first).count() == 2
    assert not Assignment.objects.filter(state="leased").exists()


def finish(page: Page) -> None:
    """Enter, again where a question is left open, until another item or the end is there."""
    before = page.locator(".clip").first.get_attribute("data-clip")
    page.keyboard.press("Enter")
    changed = (
        f"document.querySelector('.clip')?.dataset.clip !== '{before}'"
        " || !document.getElementById('nothing').hidden"
    )
    until(page, f"{changed} || document.querySelector('.question') || document.querySelector('.note.error')")
    if not page.evaluate(changed):
        page.keyboard.press("Enter")
    until(page, changed)


def test_what_was_judged_offline_is_sent_once_the_server_is_back(
    page: Page, campaign: Campaign, ann: User, log_in: Callable[[str], User], expected_errors: list[str]
) -> None:
    expected_errors.append("ERR_INTERNET_DISCONNECTED")
    log_in("ann")
    open_item(page, campaign)
    page.context.set_offline(True)
    for _n in range(4):
        page.keyboard.press("1")
        page.keyboard.press("Shift+2")
    page.keyboard.press("Enter")
    expect(page.locator("#nothing")).to_be_visible()
    assert not Judgement.objects.exists()
    page.context.set_offline(False)
    until(page, lambda: Judgement.objects.count() == 1, 30)
    expect(page.locator("#work")).to_be_visible()
    expect(page.locator(".dimension.complete")).to_have_count(0)
    assert page.evaluate("Object.values(localStorage).join()") == "[]"


def test_what_was_judged_waits_while_somebody_else_is_logged_in(
    page: Page, campaign: Campaign, ann: User, log_in: Callable[[str], User], expected_errors: list[str]
) -> None:
    expected_errors += ["401", "404"]
    bob = rows.person("bob")
    log_in("ann")
    open_item(page, campaign)
    for _n in range(4):
        page.keyboard.press("t")
    page.context.clear_cookies(name="sessionid")  # logged out by another window
    page.keyboard.press("Enter")
    expect(page.locator("#nothing-text")).to_contain_text("logged out")
    log_in("bob")
    with page.expect_response(lambda answer: answer.url.endswith("/submit")) as tried:
        pass
    assert tried.value.status == 404
    with page.expect_navigation():
        page.locator("#again").click()
    assert page.evaluate(f"localStorage['unsent-judgements-{ann.pseudonym}'].length > 2")
    assert page.evaluate("JSON.parse(document.getElementById('label-settings').textContent).person") == (
        bob.pseudonym
    )
    assert not Judgement.objects.exists()
    log_in("ann")
    open_item(page, campaign)
    until(page, lambda: Judgement.objects.count() == 1, 30)
    assert Judgement.objects.get().annotator == ann


def test_why_a_submission_is_refused_stays_in_view_until_something_changes(
    page: Page, campaign: Campaign, ann: User, log_in: Callable[[str], User], expected_errors: list[str]
) -> None:
    expected_errors.append("422")
    Campaign.objects.update(min_play_seconds=60)
    log_in("ann")
    open_item(page, campaign)
    for _n in range(4):
        page.keyboard.press("t")
    page.keyboard.press("Enter")
    said = page.locator("#feedback .note.error")
    expect(said).to_contain_text("at least 60 seconds")
    page.keyboard.press("ArrowDown")  # draws all anew, as what the rules say does when it arrives late
    expect(page.locator(".dimension.active")).to_have_attribute("data-key", campaign.dimensions.all()[0].key)
    expect(said).to_contain_text("at least 60 seconds")
    page.keyboard.press("c")
    expect(said).to_have_count(0)


def test_a_correction_that_comes_after_the_end_is_refused_in_words(
    page: Page, campaign: Campaign, ann: User, log_in: Callable[[str], User], expected_errors: list[str]
) -> None:
    expected_errors.append("409")
    log_in("ann")
    open_item(page, campaign)
    for _n in range(4):
        page.keyboard.press("t")
    finish(page)
    page.keyboard.press("u")
    expect(page.locator(".dimension.complete")).to_have_count(4)
    Campaign.objects.update(state=Campaign.State.CLOSED)
    page.keyboard.press("Enter")
    # The item that was in work is there again; it may still be judged.
    expect(page.locator("#feedback .note.error")).to_contain_text("can no longer be corrected")
    expect(page.locator(".dimension.complete")).to_have_count(0)
    assert Judgement.objects.count() == 1


def test_nothing_to_undo_leaves_the_item_where_it_is(
    page: Page, campaign: Campaign, ann: User, log_in: Callable[[str], User]
) -> None:
    log_in("ann")
    open_item(page, campaign)
    page.keyboard.press("u")
    expect(page.locator("#feedback")).to_contain_text("nothing to undo")
    expect(page.locator("#work")).to_be_visible()
    expect(page.locator("#loading")).to_be_hidden()
    page.keyboard.press("1")
    expect(page.locator(".dimension.active .chip.best")).to_contain_text("1")


def test_the_item_before_is_corrected_and_another_is_skipped(
    page: Page, campaign: Campaign, ann: User, log_in: Callable[[str], User], look: LookAt
) -> None:
    log_in("ann")
    open_item(page, campaign)
    first_clip = page.locator(".clip").first.get_attribute("data-clip")
    for _n in range(4):
        page.keyboard.press("1")
        page.keyboard.press("Shift+2")
    finish(page)
    page.keyboard.press("?")
    expect(page.locator("#help-dialog")).to_be_visible()
    look(page, "labelling-help")
    page.keyboard.press("Escape")

    # U with nothing to undo opens the judgement before.
    page.keyboard.press("u")
    expect(page.locator(".clip").first).to_have_attribute("data-clip", str(first_clip))
    expect(page.locator(".dimension.complete")).to_have_count(4)
    page.keyboard.press("t")
    finish(page)
    until(page, lambda: Judgement.objects.count() == 2)
    corrected = Judgement.objects.get(superseded_by=None)
    assert {"tie": True} in corrected.answers["picks"].values()

    page.keyboard.press("k")
    expect(page.locator("#skip-dialog")).to_be_visible()
    page.keyboard.press("2")
    look(page, "labelling-skip")
    before = page.locator(".clip").first.get_attribute("data-clip")
    page.keyboard.press("Enter")
    expect(page.locator(".clip").first).not_to_have_attribute("data-clip", str(before))
    skipped = Assignment.objects.get(state="skipped")
    assert skipped.skip_reason == "I don't understand the prompt"


def test_another_machine_shows_the_draft_and_a_second_window_takes_over(
    page: Page, campaign: Campaign, ann: User, log_in: Callable[[str], User], expected_errors: list[str]
) -> None:
    expected_errors.append("409")
    log_in("ann")
    open_item(page, campaign)
    page.keyboard.press("1")
    saved(page)
    other = page.context.new_page()
    open_item(other, campaign)
    expect(other.locator(".dimension.active .chip.best")).to_contain_text("1")
    other.keyboard.press("Shift+3")
    saved(other)
    page.bring_to_front()
    page.keyboard.press("Shift+4")
    expect(page.locator("#feedback .note.error")).to_contain_text("another window")
    expect(page.locator(".dimension.complete .chip.worst")).to_contain_text("3")


def test_eight_clips_fit_and_the_page_speaks_chinese(
    page: Page, campaign: Campaign, manager: User, ann: User, log_in: Callable[[str], User], look: LookAt
) -> None:
    User.objects.filter(pk=ann.pk).update(language="zh-hans")
    prompt = find_or_create(
        "A long prompt, to see what it does. " * 12, "一个很长的提示，看看它会怎样。" * 20
    )
    Clip.objects.update(prompt=prompt)
    spec = CampaignSpec(
        name="八个", dimensions=default_dimensions("i2v"), selection=Selection(clips_per_item=8)
    )
    eight = lifecycle.create(spec, manager)
    lifecycle.set_state(eight.pk, Campaign.State.OPEN, eight.version)
    log_in("ann")
    page.goto(f"/label/{eight.pk}/")
    expect(page.locator(".clip")).to_have_count(8)
    until(page, "[...document.querySelectorAll('.clip video')].every((v) => v.readyState >= 2)")
    expect(page.locator("#prompt-first")).to_contain_text("一个很长的提示")
    expect(page.locator(".dimension .name").first).to_have_text("提示遵循")
    page.keyboard.press("8")
    page.keyboard.press("Shift+7")
    expect(page.locator(".dimension.complete .chip.best")).to_contain_text("8")
    look(page, "labelling-eight")
    size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [1280, 800], "the page scrolls"
