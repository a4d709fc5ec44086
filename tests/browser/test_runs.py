"""An engineer launches a run, sees its curves move without reloading, and controls it from its page."""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from playwright.sync_api import Page, expect

from annotation.models import Clip
from tests.browser.conftest import Site
from tests.runs.videos import make_clips
from tests.runs.waiting import until
from workbench.models import Run, User

pytestmark = pytest.mark.browser
Look = Callable[[Page, str], None]
LogIn = Callable[[str], User]
CONFIG = {"batch_size": 4, "width": 4, "image_size": 32, "keyframes_per_clip": 2}
POINTS = "document.querySelector('[data-chart=loss]').data.reduce((n, trace) => n + trace.x.length, 0)"


@pytest.fixture
def engineer(site: Site, tmp_path: Path) -> User:
    for path in sorted(make_clips(tmp_path / "clips").iterdir()):
        data = path.read_bytes()
        facts = {"codec": "h264", "width": 96, "height": 96, "frames": 24, "fps": 24, "duration": 1.0}
        clip = Clip(sha256=hashlib.sha256(data).hexdigest(), size=len(data), state=Clip.State.READY, **facts)
        clip.original.save(path.name, ContentFile(data), save=True)
    return User.objects.create_user("erin", "erin@example.org", role="engineer")


def test_launch_and_watch_curves_move(
    page: Page,
    workers: Site,
    engineer: User,
    log_in: LogIn,
    look: Look,
    expected_errors: list[str],
) -> None:
    expected_errors.append("status of 422")  # the refused launch below
    log_in("erin")
    page.goto("/runs/")
    look(page, "runs-empty")
    page.get_by_role("link", name="Launch the first one").click()
    typed = json.dumps(CONFIG | {"steps": 0})
    page.get_by_label("Config (JSON)").fill(typed)
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_text("steps: Input should be greater than or equal to 1")).to_be_visible()
    expect(page.get_by_label("Config (JSON)")).to_have_value(typed)
    look(page, "run-refused")
    config = CONFIG | {"steps": 400, "log_every": 5, "eval_every": 50, "checkpoint_every": 50}
    page.get_by_label("Name").fill("First lesson")
    page.get_by_label("Config (JSON)").fill(json.dumps(config))
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_role("heading", name="First lesson")).to_be_visible()
    page.evaluate("window.neverReloaded = true")
    expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=30_000)
    page.wait_for_selector("[data-chart=loss] .main-svg", timeout=90_000)
    before = page.evaluate(POINTS)
    until(lambda: page.evaluate(POINTS) > before + 3, "a curve that moves")
    look(page, "run-running")
    expect(page.locator("#status .badge.succeeded")).to_be_visible(timeout=120_000)
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    until(lambda: page.evaluate(POINTS) == 80 + 8, "every point of the curves")
    expect(page.locator("#files img").first).to_be_visible()
    expect(page.locator("#log")).to_contain_text("Checkpoint of step 400")
    assert page.evaluate("window.neverReloaded")
    look(page, "run-succeeded")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert [int(row["step"]) for row in rows if row["name"] == "train/loss"] == list(range(5, 401, 5))
    with page.expect_download() as download:
        page.locator("[data-chart=loss]").hover()
        page.locator("[data-chart=loss] .modebar-btn").first.click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as download:
        page.get_by_role("link", name="step-000400/model.safetensors").click()
    weights = Run.objects.get().artifacts.get(final=True, name__endswith="model.safetensors")
    assert hashlib.sha256(Path(download.value.path()).read_bytes()).hexdigest() == weights.sha256
    page.goto("/runs/")
    look(page, "runs")


def test_cancel_resume_and_clone_from_the_page(
    page: Page, workers: Site, engineer: User, log_in: LogIn, look: Look
) -> None:
    log_in("erin")
    page.goto("/runs/new/")
    page.get_by_label("Config (JSON)").fill(json.dumps(CONFIG | {"steps": 1500, "log_every": 5}))
    page.get_by_role("button", name="Launch").click()
    page.wait_for_selector("[data-chart=loss] .main-svg", timeout=90_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#status .badge.cancelled")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#log")).to_contain_text("Training from step", timeout=60_000)
    expect(page.locator("#status")).to_contain_text("attempt 2", timeout=60_000)
    page.get_by_role("button", name="Clone").click()
    expect(page.get_by_text("from", exact=False).first).to_be_visible()
    expect(page.locator("#status .badge.queued")).to_be_visible()
    assert Run.objects.filter(parent__isnull=False).count() == 1
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#status .badge.cancelled")).to_be_visible()
