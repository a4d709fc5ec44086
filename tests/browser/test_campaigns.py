"""A manager's day in a real browser: clips in, a campaign made, judgements out."""

import hashlib
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Campaign, Clip
from tests.annotation import rows
from tests.browser.conftest import Site
from tests.browser.until import until
from workbench.models import Role, User

pytestmark = [pytest.mark.browser, pytest.mark.clips]

FILES = ("asl_bird.mkv", "asl_book.mkv", "asl_sister.mkv", "asl_walk.mkv")


@pytest.fixture
def manager(transactional_db: None) -> User:
    return rows.person("manager", Role.MANAGER)


def test_a_manager_uploads_clips_makes_a_campaign_and_exports(
    page: Page,
    workers: Site,
    real_clips: Path,
    manager: User,
    log_in: Callable[[str], User],
    look: Callable[[Page, str], None],
    expected_errors: list[str],
    tmp_path: Path,
) -> None:
    log_in("manager")
    expected_errors.append("422")  # the refused file's answer
    page.goto("/clips/upload/")
    page.get_by_label("Prompt in English").fill("A person signs a sentence")
    page.get_by_label("Prompt in Chinese").fill("一个人打手语")
    page.get_by_label("Video model").fill("Camera")
    broken = tmp_path / "not really a video.mp4"
    broken.write_bytes(b"no video at all, just words " * 50)
    page.locator("#files").set_input_files([*(str(real_clips / name) for name in FILES), str(broken)])
    rows_ = page.locator("#rows tr")
    expect(rows_).to_have_count(5)
    expect(page.locator("#rows tr[data-result=taken]")).to_have_count(4, timeout=60_000)
    expect(page.locator("#rows tr[data-result=refused]")).to_have_count(1, timeout=60_000)
    expect(page.locator("#rows tr[data-result=refused]")).to_contain_text("not a video")
    look(page, "clip-upload")

    page.goto("/clips/")
    expect(page.locator(".posters li")).to_have_count(4)
    until(page, lambda: Clip.objects.filter(state=Clip.State.READY).count() == 4, 90)
    page.reload()
    look(page, "clips")
    page.locator(".posters a").first.click()
    until(page, "document.getElementById('video').readyState >= 2")
    page.locator("#on").click()
    expect(page.locator("#clock")).to_contain_text("frame 2 of")
    look(page, "clip")

    page.goto("/campaigns/")
    page.get_by_role("link", name="New campaign").first.click()
    page.get_by_label("Name", exact=True).fill("From the browser")
    expect(page.locator("[data-show=items]")).to_have_text("1")
    page.get_by_label("Clips per item").fill("2")
    expect(page.locator("#two-clips")).to_be_visible()
    expect(page.locator("[data-show=items]")).to_have_text("2")
    page.get_by_label("Clips per item").fill("4")
    page.get_by_label("Judgements per item").fill("2")
    expect(page.locator("[data-show=judgements]")).to_have_text("2")
    look(page, "campaign-new")
    page.get_by_role("button", name="Make the campaign").click()
    expect(page.locator("#state")).to_have_text("Draft")
    page.get_by_role("button", name="Open").click()
    expect(page.locator("#state")).to_have_text("Open")

    campaign = Campaign.objects.get()
    rows.judge(campaign, manager)
    page.reload()
    expect(page.locator(".figure")).to_have_text("50 %")
    look(page, "campaign")
    with page.expect_download() as download:
        page.locator("#export-pairs").click()
    told = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert len(told) == 4
    assert {line["best"]["video_model"] for line in told} == {"camera"}
    assert re.fullmatch(r"[0-9a-f-]{36}-pairs\.jsonl", download.value.suggested_filename)
    page.get_by_label("Preference pairs").select_option("zip")
    page.get_by_label("Broken pairs too").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export pairs").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        clips = [name for name in archive.namelist() if name.startswith("clips/")]
        assert {hashlib.sha256(archive.read(name)).hexdigest() for name in clips} == {
            Path(name).stem for name in clips
        }
        assert len(archive.read("metadata.jsonl").splitlines()) == len(clips) > 1
    with page.expect_download() as download:
        page.locator("#export-items").click()
    assert len(download.value.path().read_text().splitlines()) == 1


def test_a_manifest_is_imported_with_its_files_and_reports_by_line(
    page: Page,
    site: Site,
    real_clips: Path,
    manager: User,
    log_in: Callable[[str], User],
    look: Callable[[Page, str], None],
    tmp_path: Path,
) -> None:
    log_in("manager")
    manifest = tmp_path / "clips.csv"
    manifest.write_text("path,prompt,model\nasl_bird.mkv,A person signs,Camera\nmissing.mp4,Nothing,Camera\n")
    page.goto("/clips/manifest/")
    page.get_by_label("Manifest (CSV)").set_input_files(str(manifest))
    page.get_by_label("Files", exact=True).set_input_files([str(real_clips / "asl_bird.mkv")])
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("#manifest-summary")).to_have_text("1 taken in, 0 there already, 1 problems")
    expect(page.locator("tbody tr")).to_contain_text(["3"])
    look(page, "clip-manifest")
    assert Clip.objects.get().original_name == "asl_bird.mkv"
