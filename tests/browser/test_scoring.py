"""Expert scoring in a real browser: Likert and good/same/bad, from the keyboard alone."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.planning import Selection
from annotation.models import Campaign, ItemClip, Judgement, Task, VideoModel
from annotation.quality import gold_items
from annotation.results.scores import gsb_rows, likert_rows
from tests.annotation import rows
from tests.browser.conftest import PHONE
from tests.browser.labelled_clips import MadeBefore, laid_out, open_item, saved
from tests.browser.until import until
from workbench.models import Role, User

pytestmark = [pytest.mark.browser, pytest.mark.clips]

FILES = ("asl_bird.mkv", "asl_book.mkv")
LookAt = Callable[[Page, str], None]
LogIn = Callable[[str], User]
Protocol = Campaign.Protocol


@pytest.fixture
def manager(transactional_db: None) -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def eve(transactional_db: None) -> User:
    return rows.person("eve", Role.EXPERT)


@pytest.fixture(scope="module")
def made_before() -> MadeBefore:
    return {}


@pytest.fixture
def likert(real_clips: Path, manager: User, media_folder: Path, made_before: MadeBefore) -> Campaign:
    """Two items of one real clip each."""
    return laid_out(
        [real_clips / FILES[0]],
        manager,
        made_before,
        items=2,
        protocol=Protocol.LIKERT,
        dimensions=default_dimensions(Task.T2V, Protocol.LIKERT),
    )


@pytest.fixture
def beside(real_clips: Path, manager: User, media_folder: Path, made_before: MadeBefore) -> Campaign:
    """An item of two clips side by side."""
    return laid_out(
        [real_clips / name for name in FILES],
        manager,
        made_before,
        items=1,
        protocol=Protocol.LIKERT,
        dimensions=default_dimensions(Task.T2V, Protocol.LIKERT),
    )


@pytest.fixture
def gsb(real_clips: Path, manager: User, media_folder: Path, made_before: MadeBefore) -> Campaign:
    """Three items: the model under test beside the other one."""
    laid_out([real_clips / name for name in FILES], manager, made_before)
    from annotation.campaigns import lifecycle

    spec = lifecycle.CampaignSpec(
        name="Good, same or bad",
        protocol=Protocol.GSB,
        model_under_test=VideoModel.objects.get(name="Pretended model 0").pk,
        dimensions=default_dimensions(Task.T2V, Protocol.GSB),
        selection=Selection(clips_per_item=2),
    )
    made = lifecycle.create(spec, manager)
    return lifecycle.set_state(made.pk, Campaign.State.OPEN, made.version)


def active(page: Page) -> str:
    return page.locator(".dimension.active").get_attribute("data-key") or ""


def finish(page: Page) -> None:
    before = page.locator(".clip").first.get_attribute("data-clip")
    page.keyboard.press("Enter")
    gone = f"document.querySelector('.clip')?.dataset.clip !== '{before}'"
    until(page, f"{gone} || !document.getElementById('nothing').hidden")


def test_an_expert_scores_every_item_from_the_keyboard_alone(
    page: Page, likert: Campaign, eve: User, log_in: LogIn, look: LookAt
) -> None:
    log_in("eve")
    open_item(page, likert, 1)
    keyboard = page.keyboard
    keys = [dimension.key for dimension in likert.dimensions.all()]
    assert active(page) == keys[0]
    expect(page.locator(".dimension.active .rubric button")).to_have_count(5)
    look(page, "likert-fresh")

    # A defect where it is seen, made a stretch, with a note.
    keyboard.press("Space")
    keyboard.press("Home")
    for _n in range(3):
        keyboard.press(".")
    keyboard.press("x")
    expect(page.locator(".dimension.active .ask")).to_be_visible()
    look(page, "likert-choosing")
    keyboard.press("1")
    expect(page.locator("#timeline .stretch.defect")).to_have_count(1)
    for _n in range(4):
        keyboard.press(".")
    keyboard.press("Shift+O")
    keyboard.press("n")
    keyboard.type("六根手指 six fingers")
    keyboard.press("Enter")
    keyboard.press("2")
    expect(page.locator(f".dimension[data-key={keys[0]}] .answer")).to_have_text("2")
    assert active(page) == keys[1]

    # A score and its undoing; the draft is there again after a reload.
    keyboard.press("5")
    assert active(page) == keys[2]
    keyboard.press("u")
    assert active(page) == keys[1]
    expect(page.locator(f".dimension[data-key={keys[1]}] .answer")).to_have_text("–")
    keyboard.press("4")
    saved(page)
    page.reload()
    expect(page.locator(f".dimension[data-key={keys[1]}] .answer")).to_have_text("4")
    assert active(page) == keys[2]
    expect(page.locator("#timeline .stretch")).to_have_count(1)

    # What is missing is pointed out; a strength of the whole clip; a doubt about a perfect score.
    keyboard.press("Enter")
    expect(page.locator("#feedback")).to_contain_text("Still open: Aesthetic quality")
    keyboard.press("Shift+V")
    keyboard.press("4")
    keyboard.press("5")
    keyboard.press("ArrowUp")
    keyboard.press("ArrowUp")
    assert active(page) == keys[0]
    expect(page.locator(".dimension.active .mark-list input")).to_have_value("六根手指 six fingers")
    keyboard.press("5")
    expect(page.locator("#feedback .note.warning")).to_contain_text("best score and a defect")
    look(page, "likert-doubt")
    keyboard.press("u")
    expect(page.locator("#feedback .note")).to_have_count(0)
    finish(page)

    expect(page.locator(".dimension.complete")).to_have_count(0)
    for _n in range(3):
        keyboard.press("3")
    finish(page)
    expect(page.locator("#nothing")).to_be_visible()

    first, _second = Judgement.objects.order_by("created_at")
    [clip] = first.assignment.clip_order
    assert first.answers["scores"] == {keys[0]: {clip: 2}, keys[1]: {clip: 4}, keys[2]: {clip: 5}}
    defect, strength = first.answers["marks"]
    assert (defect["kind"], defect["aspect"], defect["note"]) == (
        "defect",
        "structural_accuracy",
        "六根手指 six fingers",
    )
    assert 0 < defect["from"] < defect["to"]
    assert (strength["kind"], strength["aspect"]) == ("strength", "artistic_expression")
    assert (strength["from"], strength["to"]) == (None, None)
    assert len(list(likert_rows(likert))) == 6

    # The item before is corrected: its answers are there.
    keyboard.press("u")
    expect(page.locator("#work")).to_be_visible()
    expect(page.locator(".dimension.complete")).to_have_count(3)
    keyboard.press("Enter")
    until(page, lambda: Judgement.objects.count() == 3)


def test_clips_side_by_side_are_scored_in_turn(
    page: Page, beside: Campaign, eve: User, log_in: LogIn, look: LookAt
) -> None:
    log_in("eve")
    open_item(page, beside, 2)
    keyboard = page.keyboard
    chosen = page.locator(".clip.chosen")
    expect(chosen).to_have_attribute("data-number", "1")
    keyboard.press("2")
    expect(chosen).to_have_attribute("data-number", "2")
    keyboard.press("4")
    expect(page.locator(".dimension.complete")).to_have_count(1)
    expect(chosen).to_have_attribute("data-number", "1")
    keyboard.press("ArrowRight")
    expect(chosen).to_have_attribute("data-number", "2")
    keyboard.press("x")
    keyboard.press("2")
    look(page, "likert-beside")
    page.locator(".clip[data-number='1'] [data-score='3']").click()
    expect(chosen).to_have_attribute("data-number", "2")
    keyboard.press("s")  # alone: the clip that is seen is the active one
    expect(chosen).to_have_attribute("data-number", "1")
    keyboard.press("ArrowRight")
    expect(chosen).to_have_attribute("data-number", "2")
    keyboard.press("1")
    keyboard.press("g")
    keyboard.press("5")
    keyboard.press("5")
    finish(page)
    said = Judgement.objects.get().answers
    order = Judgement.objects.get().assignment.clip_order
    assert [said["scores"][key][order[1]] for key in ("motion_quality", "prompt_following")] == [4, 1]
    assert [mark["clip"] for mark in said["marks"]] == [order[1]]


def test_a_pair_is_judged_by_three_keys(
    page: Page, gsb: Campaign, eve: User, log_in: LogIn, look: LookAt
) -> None:
    log_in("eve")
    open_item(page, gsb, 2)
    keyboard = page.keyboard
    expect(page.locator(".clip .number")).to_have_text(["Left", "Right"])
    assert "Pretended" not in page.content()
    keyboard.press("1")
    keyboard.press("2")
    saved(page)
    page.reload()
    expect(page.locator(".dimension.complete")).to_have_count(2)
    keyboard.press("3")
    keyboard.press("u")
    keyboard.press("Enter")
    expect(page.locator("#feedback")).to_contain_text("Still open: Aesthetic quality")
    keyboard.press("1")
    keyboard.press("3")  # of the whole: the other way round than any dimension
    expect(page.locator("#feedback .note.warning")).to_be_visible()
    look(page, "gsb")
    keyboard.press("u")
    keyboard.press("1")
    expect(page.locator("#feedback .note")).to_have_count(0)
    finish(page)
    for side in ("2", "3"):
        expect(page.locator(".dimension.complete")).to_have_count(0)
        for _n in range(4):
            keyboard.press(side)
        finish(page)
    expect(page.locator("#nothing")).to_be_visible()
    for judgement, side in zip(
        Judgement.objects.order_by("created_at"), ("left", "same", "right"), strict=True
    ):
        left = ItemClip.objects.get(pk=judgement.assignment.clip_order[0]).clip.video_model_id
        better = "G" if (side == "left") == (left == gsb.model_under_test_id) else "B"
        assert judgement.answers["verdicts"]["motion_quality"] == ("S" if side == "same" else better)
    assert len(list(gsb_rows(gsb))) == 12


def test_scores_are_given_by_touch_on_a_phone(page: Page, likert: Campaign, eve: User, log_in: LogIn) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    log_in("eve")
    open_item(page, likert, 1)
    for _n in range(3):
        page.locator(".dimension.active [data-anchor='4']").click()
    page.locator(".dimension.active .aspects [data-kind='defect']").first.click()
    expect(page.locator(".dimension.active .mark-list li")).to_have_count(1)
    page.locator(".dimension.active [data-end='from']").click()
    expect(page.locator("#timeline .stretch")).to_have_count(1)
    page.locator("#submit").click()
    until(page, lambda: Judgement.objects.count() == 1)
    [mark] = Judgement.objects.get().answers["marks"]
    assert mark["from"] is not None


@pytest.mark.parametrize("protocol", ["likert", "gsb"])
def test_the_pages_speak_chinese(
    page: Page, request: pytest.FixtureRequest, eve: User, log_in: LogIn, look: LookAt, protocol: str
) -> None:
    campaign = request.getfixturevalue(protocol)
    eve.language = "zh-hans"
    eve.save()
    log_in("eve")
    open_item(page, campaign, 2 if protocol == "gsb" else 1)
    expect(page.locator(".dimension.active .choose")).to_contain_text("运动质量")
    look(page, f"{protocol}-chinese")
    page.keyboard.press("?")
    expect(page.locator("#help-dialog")).to_be_visible()
    page.evaluate("document.querySelectorAll('#help-dialog kbd').forEach((key) => key.remove())")
    assert not re.findall(r"[A-Za-z]{4,}", page.locator("#help-dialog").inner_text())


def test_a_manager_makes_campaigns_of_each_protocol(
    page: Page, gsb: Campaign, log_in: LogIn, look: LookAt
) -> None:
    log_in("manager")
    page.goto("/campaigns/new/")
    page.get_by_role("link", name="Scores from 1 to 5").click()
    expect(page.locator("[data-show=items]")).to_have_text("6")
    page.locator("[name=clips_per_item]").fill("2")
    expect(page.locator("[data-show=items]")).to_have_text("3")
    look(page, "builder-likert")
    page.get_by_role("link", name="Good, same or bad").click()
    expect(page.locator("[name=clips_per_item]")).to_have_count(0)
    expect(page.locator("[data-show=items]")).to_have_text("0")
    page.locator("[name=name]").fill("Against the others")
    page.locator("[name=model_under_test]").select_option(label="Pretended model 1")
    expect(page.locator("[data-show=items]")).to_have_text("3")
    look(page, "builder-gsb")
    page.get_by_role("button", name="Make the campaign").click()
    expect(page.locator("#protocol")).to_have_text("Good, same or bad")
    made = Campaign.objects.get(name="Against the others")
    assert (made.items_total, made.model_under_test and made.model_under_test.name) == (
        3,
        "Pretended model 1",
    )
    look(page, "campaign-gsb")


def test_a_calibration_item_tells_what_was_expected(
    page: Page, likert: Campaign, eve: User, log_in: LogIn, look: LookAt
) -> None:
    log_in("manager")
    page.goto(f"/campaigns/{likert.pk}/gold/")
    page.get_by_label("Number of the item").fill("1")
    page.get_by_label("Motion quality").fill("2")
    page.get_by_label("Explanation in English").fill("The left hand melts into the sleeve.")
    look(page, "gold-likert")
    page.get_by_role("button", name="Make it gold").click()
    expect(page.locator("table")).to_contain_text("melts into the sleeve")
    Campaign.objects.update(qualification_items=1)
    log_in("eve")
    open_item(page, likert, 1)
    for _n in range(3):
        page.keyboard.press("4")
    page.keyboard.press("Enter")
    told = page.locator("dialog.gold")
    expect(told).to_contain_text("clip 1: 2 (give or take 1)")
    expect(told).to_contain_text("melts into the sleeve")
    look(page, "gold-told")


def test_a_pair_with_a_degraded_copy_tells_which_side_is_better(
    page: Page, gsb: Campaign, eve: User, log_in: LogIn, look: LookAt
) -> None:
    [gold] = gold_items.make_many(gsb.pk, 1, ["blur"], 0.9, 4)
    Campaign.objects.update(qualification_items=2)
    log_in("manager")
    page.goto(f"/campaigns/{gsb.pk}/gold/")
    expect(page.locator("tbody tr")).to_contain_text("blur")
    expect(page.locator("#make")).to_contain_text("the model is good in that dimension")
    look(page, "gold-gsb")
    log_in("eve")
    open_item(page, gsb, 2)
    places = {str(one.pk): one.clip for one in gold.item_clips.select_related("clip")}
    left = places[page.locator(".clip").first.get_attribute("data-clip") or ""]
    better, worse = ("left", "3") if left.degraded_from is None else ("right", "1")
    for _n in range(4):
        page.keyboard.press(worse)
    page.keyboard.press("Enter")
    told = page.locator("dialog.gold")
    expect(told.locator("li.wrong")).to_have_count(2)
    expect(told).to_contain_text(f"Aesthetic quality: {better} is better")
    expect(told).to_contain_text("out of focus")
    look(page, "gold-told-gsb")
