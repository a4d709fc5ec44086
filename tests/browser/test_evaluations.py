"""An engineer makes an evaluation over imported clips; the report is read, exported and printed."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import translation
from playwright.sync_api import Page, expect

from annotation.clips import intake
from annotation.clips.intake import Facts
from annotation.models import Clip, VideoModel
from annotation.prompts.identity import find_or_create
from annotation.prompts.promptsets import named
from annotation.prompts.taxonomy import rows as categories
from arena.evaluations import lifecycle, reportfile, reports
from arena.models import Evaluation
from tests.arena.evaluations_made import score_all
from tests.browser.conftest import Site
from tests.browser.until import until
from tests.runs.videos import make_clips
from workbench import chromium
from workbench.models import Role, User

pytestmark = pytest.mark.browser
Look = Callable[[Page, str], None]
LogIn = Callable[[str], User]
NAMES = ("Falcon 2", "Heron XL", "Kestrel")
TEXTS = (
    ("A square crosses a textured wall, the camera stays still", "方块掠过有纹理的墙面,镜头固定", "static"),
    ("A square moves to the right while the camera pans", "镜头横摇,方块向右移动", "pan"),
    ("A square comes closer in two shots", "两个镜头里,方块越来越近", "cut-in"),
)


@pytest.fixture
def people(transactional_db: None) -> None:
    User.objects.create_user("eva", "eva@example.org", role=Role.ENGINEER)
    User.objects.create_user("mei", "mei@example.org", role=Role.MANAGER, language="zh-hans")
    for name in ("ann", "ben"):
        User.objects.create_user(name, f"{name}@example.org", role=Role.EXPERT)


@pytest.fixture
def bench(site: Site, tmp_path: Path, people: None) -> None:
    """Three prompts with a clip of three video models each, but for one that has not come yet."""
    prompts = []
    for en, zh, label in TEXTS:
        prompt = find_or_create(en, zh)
        prompt.categories.add(*categories(["direction", label]).values())
        prompts.append(prompt)
    named("Bench").prompts.set(prompts)
    models = [intake.video_model_named(name) for name in NAMES]
    for number, path in enumerate(sorted(make_clips(tmp_path / "clips", 9).iterdir())):
        facts = Facts(prompt=prompts[number // 3], video_model=models[number % 3])
        with path.open("rb") as file:
            intake.ingest(file, path.name, facts, render_now=True)


def worth(clip: Clip, person: User) -> int:
    assert clip.video_model is not None
    base = {"Falcon 2": 5, "Heron XL": 4, "Kestrel": 2}[clip.video_model.name]
    return base - (1 if person.username == "ben" else 0) - (1 if "two shots" in clip.prompt.text_en else 0)  # type: ignore[union-attr]


def test_from_the_form_to_the_report(
    page: Page, bench: None, log_in: LogIn, look: Look, tmp_path: Path, expected_errors: list[str]
) -> None:
    expected_errors.append("422")  # clips of one seed side by side
    late = Clip.objects.filter(video_model__name="Kestrel").order_by("pk")[0]
    Clip.objects.filter(pk=late.pk).update(video_model=None)
    log_in("eva")
    page.goto("/evaluations/")
    expect(page.get_by_text("No evaluations yet")).to_be_visible()
    page.get_by_role("link", name="New evaluation").first.click()
    page.get_by_label("Name").fill("Autumn models")
    page.get_by_label("Prompt set").select_option(label="Bench")
    for name in NAMES:
        page.get_by_role("checkbox", name=name).check()
    page.get_by_label("Seeds", exact=True).fill("1, 2")
    page.get_by_label("side by side").check()
    expect(page.locator("[data-show=items]")).to_have_text("9")
    page.get_by_label("Seeds", exact=True).fill("1")
    page.get_by_role("button", name="Make the evaluation").click()
    expect(page.get_by_text("Clips of 2 to 8 seeds are scored side by side; this has 1.")).to_be_visible()
    page.get_by_label("side by side").uncheck()
    page.get_by_label("Comparison in pairs (GSB)").check()
    page.get_by_label("Model under test").select_option(label="Falcon 2")
    expect(page.locator("[data-show=judgements]")).to_have_text("30")
    expect(page.locator("#models")).to_contain_text("2 of 3 clips")
    look(page, "evaluation-new")
    page.get_by_role("button", name="Make the evaluation").click()
    expect(page.get_by_role("heading", name="Autumn models")).to_be_visible()
    expect(page.locator("#clips tr[data-model=kestrel]")).to_contain_text("2 / 3")
    page.get_by_text("Which are missing").click()
    look(page, "evaluation-awaiting")
    with page.expect_download() as download:
        page.get_by_role("link", name="Manifest of what is missing").click()
    [line] = csv.DictReader(Path(download.value.path()).read_text().splitlines())
    assert (line["model"], line["seed"]) == ("Kestrel", "1")

    Clip.objects.filter(pk=late.pk).update(video_model=VideoModel.objects.get(slug="kestrel"))
    made = Evaluation.objects.get()
    lifecycle.advance(made.pk)
    page.reload()
    expect(page.locator(".way [aria-current]")).to_contain_text("Scoring")
    made.refresh_from_db()
    for campaign in made.campaigns:
        for name in ("ann", "ben"):
            score_all(campaign, User.objects.get(username=name), worth)
    lifecycle.advance(made.pk)
    reports.refresh_all()
    page.reload()
    expect(page.locator(".way [aria-current]")).to_contain_text("Report")
    look(page, "evaluation-done")

    page.get_by_role("link", name="Report", exact=True).first.click()
    for key in ("scores", "pairs", "adjusted", "categories"):
        page.wait_for_selector(f"[data-plot={key}] .main-svg", timeout=60_000)
    best = page.locator("#means tr[data-model=falcon-2][data-dimension=overall]")
    expect(best).to_contain_text("4.17")
    expect(page.locator("#watch [data-end=strongest] article").first).to_contain_text("A square")
    page.locator("#watch article button").first.click()
    until(page, "document.querySelector('#watch article video').currentTime > 0")
    look(page, "evaluation-report")
    kinds = {"png": b"\x89PNG", "svg": b"<svg", "csv": b"model,dimension"}
    for kind, begins in kinds.items():
        with page.expect_download() as download:
            page.locator(f"[data-export={kind}][data-figure=scores]").click()
        assert Path(download.value.path()).read_bytes().startswith(begins)

    with page.expect_download() as download:
        page.get_by_role("link", name="One HTML file").click()
    file = tmp_path / "report.html"
    file.write_bytes(Path(download.value.path()).read_bytes())
    page.context.set_offline(True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_selector("[data-plot=scores] .main-svg")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    with page.expect_download() as download:
        page.locator("[data-export=svg][data-figure=pairs]").click()
    look(page, "evaluation-file")
    page.context.set_offline(False)

    log_in("mei")
    for address in ("/evaluations/", f"/evaluations/{made.pk}/", f"/evaluations/{made.pk}/report/"):
        page.goto(address)
        if address.endswith("report/"):
            page.wait_for_selector("[data-plot=scores] .main-svg")
        look(page, f"evaluation-zh-{address.strip('/').split('/')[-1][:6]}")
    page.goto("/evaluations/new/")
    look(page, "evaluation-zh-new")

    assert chromium.find() is not None
    with translation.override("en"):
        made.refresh_from_db()
        pdf = reportfile.pdf(made)
    assert pdf.startswith(b"%PDF")
    (tmp_path / "report.pdf").write_bytes(pdf)
    assert len(pdf) > 50_000
