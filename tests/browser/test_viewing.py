"""Looking at real clips of unequal frame rate and length in a real browser, to the frame and the pixel."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from annotation.campaigns.dimensions import default_dimensions
from annotation.models import Campaign, Judgement, Prompt
from annotation.prompts.identity import find_or_create
from annotation.prompts.taxonomy import rows as category_rows
from tests.annotation import rows
from tests.browser.labelled_clips import MadeBefore, laid_out, open_item
from tests.browser.test_labelling import finish
from tests.browser.together import TOGETHER, frames_apart
from tests.browser.until import until
from workbench.models import Role, User

pytestmark = [pytest.mark.browser, pytest.mark.clips]

# 24, 30, 29.98 and 60 frames a second; 2, 2.1, 3 and 2 seconds.
FILES = ("sintel_snow_2s.mp4", "asl_bird.mkv", "stream_water.mp4", "bbb_1080p60_2s.mp4")
VIDEOS = "[...document.querySelectorAll('.clip video')]"
# The browser is made to say that it drops no frame: clips play together on a busy machine too.
STEADY = (
    "HTMLVideoElement.prototype.getVideoPlaybackQuality ="
    " () => ({ totalVideoFrames: 0, droppedVideoFrames: 0 });"
)
LogIn = Callable[[str], User]
LookAt = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def made_before() -> MadeBefore:
    return {}


@pytest.fixture
def campaign(
    real_clips: Path, media_folder: Path, transactional_db: None, made_before: MadeBefore
) -> Campaign:
    rows.person("ann")
    manager = rows.person("manager", Role.MANAGER)
    paths = [real_clips / name for name in FILES]
    return laid_out(paths, manager, made_before, items=2, dimensions=default_dimensions()[:3])


@pytest.fixture
def shown(page: Page, campaign: Campaign, log_in: LogIn) -> list[dict[str, Any]]:
    """The clips that the page, opened by ann, shows: with the times of their frames."""
    page.add_init_script(STEADY)
    log_in("ann")
    with page.expect_response(re.compile("/api/label/next")) as answer:
        open_item(page, campaign)
    clips: list[dict[str, Any]] = answer.value.json()["item"]["clips"]
    return clips


def paused_at(page: Page, share: int) -> None:
    """Stop, at so many thousandths of the longest clip."""
    if "playing" in (page.locator("#play").get_attribute("class") or ""):
        page.keyboard.press("Space")
    page.locator("#seek").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }", share
    )
    settled(page)


def settled(page: Page) -> None:
    until(page, f"{VIDEOS}.every((v) => !v.seeking && v.paused && v.readyState >= 2)")
    page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
    page.wait_for_timeout(50)


def picture(page: Page, place: str = ".clip.first .screen") -> np.ndarray:
    """What is seen there, less the corner marks: (height, width, 3) in 0..255."""
    box = page.locator(place).bounding_box()
    assert box is not None
    clip = {"x": box["x"], "y": box["y"] + 40, "width": box["width"], "height": box["height"] - 80}
    shot = page.screenshot(clip=clip)  # type: ignore[arg-type]
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def test_two_clips_in_one_place_take_turns_are_cut_and_subtracted(
    page: Page, shown: list[dict[str, Any]], look: LookAt
) -> None:
    """The wipe is one clip left of its edge and the other right of it; the difference is |a - b|."""
    keyboard = page.keyboard
    paused_at(page, 300)
    keyboard.press("f")
    keyboard.press("f")  # by hand from here on
    expect(page.locator("#automatic")).to_have_attribute("aria-pressed", "false")
    second = picture(page)
    keyboard.press("f")
    first = picture(page)
    assert apart(first, second) > 5
    keyboard.press("w")
    cut = picture(page)
    middle = cut.shape[1] // 2
    assert apart(cut[:, : middle - 2], first[:, : middle - 2]) < 1
    assert apart(cut[:, middle + 2 :], second[:, middle + 2 :]) < 1
    for _n in range(8):
        keyboard.press("ArrowLeft")
    edge = int(cut.shape[1] * 0.1)
    assert apart(picture(page)[:, edge + 2 :], second[:, edge + 2 :]) < 1
    look(page, "viewing-wipe")
    keyboard.press("e")
    keyboard.press("e")
    keyboard.press("e")  # from four times to sixteen to once
    expect(page.locator("#gain")).to_have_text("×1")
    plain = picture(page)
    assert apart(plain, np.abs(first - second)) < 2
    keyboard.press("e")
    expect(page.locator("#gain")).to_have_text("×4")
    assert apart(picture(page), np.minimum(4 * plain, 255)) < 4
    look(page, "viewing-difference")

    # Other pairs, by arrow and by Q; a pick goes to the clip of its number wherever it is shown.
    keyboard.press("ArrowRight")
    assert page.locator("#first, #second").evaluate_all("(all) => all.map((one) => one.value)") == ["0", "2"]
    keyboard.press("Shift+Q")
    assert page.locator("#second").input_value() == "3"
    keyboard.press("q")
    assert page.locator("#first").input_value() == "1"
    keyboard.press("4")
    keyboard.press("Shift+2")
    chips = page.locator(".dimension.complete .chip")
    expect(chips).to_have_text(["▲ 4", "▼ 2"])
    keyboard.press("Space")
    until(page, f"{VIDEOS}.every((v) => !v.paused)")
    before = picture(page)
    until(page, lambda: apart(picture(page), before) > 0.5)  # the difference plays

    # Alone, the next one, and back to all; Escape too. Unseen clips can't be reached by Tab.
    keyboard.press("s")
    expect(page.locator(".clip.first")).to_have_attribute("data-number", "2")
    keyboard.press("s")
    expect(page.locator(".clip.first")).to_have_attribute("data-number", "3")
    assert [tile.is_visible() for tile in page.locator(".clip").all()] == [False, False, True, False]
    look(page, "viewing-solo")
    keyboard.press("Escape")
    assert all(tile.is_visible() for tile in page.locator(".clip").all())
    expect(page.locator("#viewing [data-mode=grid]")).to_have_attribute("aria-pressed", "true")


def test_zoom_and_pan_are_the_same_for_every_clip_and_end_with_the_item(
    page: Page, shown: list[dict[str, Any]], look: LookAt
) -> None:
    def transforms() -> list[str]:
        found: list[str] = page.evaluate(f"{VIDEOS}.map((v) => getComputedStyle(v).transform)")
        return found

    def scale() -> float:
        [matrix] = {re.sub(r"[^0-9.,-]", "", one).split(",")[0] for one in transforms()}
        return float(matrix)

    keyboard = page.keyboard
    paused_at(page, 200)
    keyboard.press("s")
    whole = picture(page)
    keyboard.press("+")
    keyboard.press("+")
    assert (scale(), page.locator("#zoom").inner_text()) == (2, "200 %")
    height, width = whole.shape[:2]
    # Twice as large around the middle of the screen: its middle half, enlarged.
    inner = Image.fromarray(whole.astype(np.uint8)).crop(
        (width // 4, height // 4, width - width // 4, height - height // 4)
    )
    assert apart(picture(page), np.asarray(inner.resize((width, height)), dtype=int)) < 12
    keyboard.press("Shift+ArrowRight")
    keyboard.press("Escape")
    places = np.array([[float(one) for one in matrix[7:-1].split(",")] for matrix in transforms()])
    assert np.ptp(places, axis=0).max() < 0.1
    assert places[0, 4] < -page.locator(".clip .screen").nth(0).bounding_box()["width"] * 0.55  # type: ignore[index]
    assert scale() == 2
    keyboard.press("0")
    assert scale() == 1

    # The wheel keeps the point under the pointer where it is; a drag moves all; a click still plays.
    box = page.locator(".clip .screen").nth(1).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 1, box["y"] + 1)
    page.mouse.wheel(0, -100)
    until(page, f"getComputedStyle({VIDEOS}[3]).transform.startsWith('matrix(1.41')")
    corner = [float(one) for one in transforms()[0][7:-1].split(",")[4:]]
    assert max(map(abs, corner)) < 2, "the corner stays a corner"
    page.mouse.down()
    page.mouse.move(box["x"] - 40, box["y"] - 30)
    page.mouse.up()
    moved = [float(one) for one in transforms()[2][7:-1].split(",")[4:]]
    assert moved == pytest.approx([corner[0] - 41, corner[1] - 31], abs=2)
    expect(page.locator("#play")).not_to_have_class(re.compile("playing"))
    look(page, "viewing-zoom")
    page.locator(".clip .screen").nth(1).dblclick()
    assert scale() == 1
    expect(page.locator("#play")).not_to_have_class(re.compile("playing"))
    page.locator(".clip .screen").nth(1).click()
    expect(page.locator("#play")).to_have_class(re.compile("playing"))

    keyboard.press("f")
    keyboard.press("+")
    for _n in range(3):
        keyboard.press("t")
    finish(page)
    expect(page.locator("#zoom")).to_have_text("100 %")
    expect(page.locator("#stage")).to_have_attribute("data-mode", "grid")


@pytest.mark.parametrize("speed", ["1", "0.25"])
def test_clips_of_unequal_rate_and_length_play_within_one_frame_of_each_other(
    page: Page, shown: list[dict[str, Any]], speed: str
) -> None:
    page.keyboard.press("Space")
    page.locator("#speed").select_option(speed)
    page.keyboard.press("Home")
    settled(page)
    page.keyboard.press("Space")
    until(page, f"{VIDEOS}.every((v) => v.currentTime > 0.15)")
    page.evaluate(TOGETHER)
    until(page, "window.together.length >= 60", 40)
    gaps = [frames_apart(shown, one["times"]) for one in page.evaluate("window.together")]
    # Where a busy machine stalls, one clip's frame comes late and is put right; else all would drift apart.
    # The share on a machine of one's own is a figure of `tests.bench.labelling_page`.
    assert np.median(gaps) <= 0, sorted(gaps)[-5:]


def test_a_pause_a_step_and_a_seek_land_on_the_same_moment_in_every_clip(
    page: Page, shown: list[dict[str, Any]]
) -> None:
    page.evaluate(TOGETHER.replace("window.together.push", "window.frames = [...last]; window.together.push"))
    until(page, f"{VIDEOS}[2].currentTime > 0.4")
    page.keyboard.press("Space")
    assert_frames(page, shown)
    for share in (111, 640, 903, 250):
        paused_at(page, share)
        assert_frames(page, shown)
    for key in (".", ".", ",", "End", ",", "Home", "."):
        page.keyboard.press(key)
        assert_frames(page, shown)
    speeds = page.locator("#speed option").evaluate_all("(all) => all.map((one) => Number(one.value))")
    assert speeds == [0.1, 0.25, 0.5, 1, 1.5, 2]
    for _n in range(5):
        page.keyboard.press("[")
    expect(page.locator("#speed")).to_have_value("0.1")


def assert_frames(page: Page, clips: list[dict[str, Any]]) -> None:
    """Every video stands in the middle of the frame that its times give for one common position."""
    settled(page)
    now = page.evaluate(f"{VIDEOS}.map((v) => v.currentTime)")
    position = float(page.locator("#clock").inner_text().split("/")[0])
    for clip, at in zip(clips, now, strict=True):
        times = [*clip["frame_times"], max(clip["duration"], clip["frame_times"][-1] + 0.002)]
        index = max(n for n, start in enumerate(clip["frame_times"]) if start <= at)
        assert at == pytest.approx((times[index] + times[index + 1]) / 2, abs=0.002)
        is_last = index + 2 == len(times)
        assert times[index] - 0.006 <= position
        assert is_last or position <= times[index + 1] + 0.006


def test_in_turn_rows_play_one_after_the_other_and_stand_together(
    page: Page, shown: list[dict[str, Any]], look: LookAt
) -> None:
    page.keyboard.press("o")
    expect(page.locator("#turns")).to_have_attribute("aria-pressed", "true")
    plays = f"{VIDEOS}.map((v) => !v.paused).join()"
    until(page, f"{plays} === 'true,true,false,false'")
    page.keyboard.press("End")
    until(page, f"{plays} === 'false,false,true,true'")
    page.keyboard.press("s")  # alone: the one that is seen plays
    until(page, f"{plays} === 'true,false,false,false'")
    page.keyboard.press("g")
    page.keyboard.press("Space")
    assert_frames(page, shown)
    paused_at(page, 350)
    assert_frames(page, shown)
    page.keyboard.press("o")
    page.keyboard.press("Space")
    until(page, f"{plays} === 'true,true,true,true'")


def test_a_browser_that_drops_frames_makes_the_page_play_in_turn_and_say_so(
    page: Page, campaign: Campaign, log_in: LogIn, look: LookAt
) -> None:
    """The browser is made to say that it drops every second frame."""
    page.add_init_script(
        "HTMLVideoElement.prototype.getVideoPlaybackQuality = () => {"
        " const n = performance.now() / 16; return { totalVideoFrames: n, droppedVideoFrames: n / 2 }; };"
    )
    log_in("ann")
    open_item(page, campaign)
    expect(page.locator("#turns-why")).to_contain_text("row by row")
    expect(page.locator("#turns")).to_have_attribute("aria-pressed", "true")
    look(page, "viewing-in-turn")
    page.locator("#turns").click()
    expect(page.locator("#turns-why")).to_be_hidden()


def test_the_first_frame_is_looked_at_in_place_of_the_clips_and_categories_are_named(
    page: Page, campaign: Campaign, log_in: LogIn, look: LookAt, media_folder: Path
) -> None:
    prompt = Prompt.objects.get(pk=campaign.items.get(position=0).prompt_id)
    prompt.task = "i2v"
    buffer = io.BytesIO()
    Image.new("RGB", (640, 480), (200, 30, 30)).save(buffer, "PNG")
    (media_folder / "first_frames").mkdir(exist_ok=True)
    (media_folder / "first_frames" / "red.png").write_bytes(buffer.getvalue())
    prompt.first_frame.name = "first_frames/red.png"
    prompt.save()
    prompt.categories.set(category_rows(["human", "camera-movement"]).values())
    find_or_create("Something else")
    log_in("ann")
    open_item(page, campaign)
    expect(page.locator("#categories li")).to_have_text(["Camera movement 运镜", "Humans 人物"])
    page.keyboard.press("Space")
    settled(page)
    before = picture(page, ".clip .screen >> nth=0")
    page.keyboard.press("p")
    until(page, "[...document.querySelectorAll('.peek')].every((one) => one.complete && one.naturalWidth)")
    seen = picture(page, ".clip .screen >> nth=0")
    assert apart(seen[:, seen.shape[1] // 2], np.full_like(seen[:, 0], (200, 30, 30))) < 3
    look(page, "viewing-first-frame")
    page.locator("#peek").click()
    assert apart(picture(page, ".clip .screen >> nth=0"), before) < 1


def test_a_trained_person_needs_two_keys_a_dimension_and_enter(page: Page, shown: list[Any]) -> None:
    """Three dimensions of four clips: seven keys, no mouse. Shift is held, not counted."""
    page.evaluate(
        "() => { window.keys = 0;"
        " addEventListener('keydown', (event) => { window.keys += event.key !== 'Shift'; }); }"
    )
    for _n in range(3):
        page.keyboard.press("1")
        page.keyboard.press("Shift+Digit4")
    finish(page)
    assert page.evaluate("window.keys") == 7
    assert len(Judgement.objects.get().answers["picks"]) == 3


def test_of_two_clips_one_key_says_best_and_worst(
    page: Page,
    real_clips: Path,
    media_folder: Path,
    made_before: MadeBefore,
    log_in: LogIn,
    look: LookAt,
    transactional_db: None,
) -> None:
    rows.person("ann")
    manager = rows.person("manager", Role.MANAGER)
    paths = [real_clips / name for name in FILES[:2]]
    pair = laid_out(paths, manager, made_before, items=1, dimensions=default_dimensions()[:3])
    log_in("ann")
    open_item(page, pair, 2)
    page.keyboard.press("1")
    page.keyboard.press("Shift+1")
    page.keyboard.press("t")
    look(page, "labelling-two")
    finish(page)
    first, second = Judgement.objects.get().assignment.clip_order
    said = Judgement.objects.get().answers["picks"]
    keys = [dimension.key for dimension in pair.dimensions.all()]
    assert [said[key] for key in keys] == [
        {"best": [first], "worst": [second]},
        {"best": [second], "worst": [first]},
        {"tie": True},
    ]
