"""An engineer looks at reward models, finds the clips they like best, and starts scoring from the page."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image
from playwright.sync_api import Page, expect

from annotation.models import Clip
from generator.data import world
from tests.annotation import rows
from tests.browser.conftest import Site
from tests.rewardmodels import labelled
from tests.rewardmodels.made import write_video
from workbench.models import Role, User

pytestmark = pytest.mark.browser
Look = Callable[[Page, str], None]
LogIn = Callable[[str], User]
DIMENSIONS = {
    "foundational": ("prompt_following", "structural_stability", "first_frame_preservation"),
    "motion": ("motion_quality",),
    "aesthetic": ("aesthetic_quality",),
}


def pictured(clips: list[Clip], folder: Path) -> None:
    """A picture for each clip, and a rendition for the last."""
    rng = np.random.default_rng(0)
    for clip in clips:
        picture = io.BytesIO()
        Image.fromarray(world.render(world.draw_scene(rng))[0]).save(picture, "JPEG")
        clip.poster.name = default_storage.save(f"posters/{clip.pk}.jpg", ContentFile(picture.getvalue()))
        clip.save()
    write_video(folder / "a.mp4", world.render(world.draw_scene(rng)))
    name = clips[-1].renditions.get().file.name or ""
    default_storage.save(name, ContentFile((folder / "a.mp4").read_bytes()))


def test_from_the_home_page_to_scoring(
    page: Page, site: Site, log_in: LogIn, look: Look, tmp_path: Path
) -> None:
    engineer = rows.person("erin", Role.ENGINEER)
    clips = rows.clips(6)
    pictured(clips, tmp_path)
    made = {
        kind: labelled.reward_model(engineer, kind=kind, dimensions=dimensions, name=f"{kind}, round 1")
        for kind, dimensions in DIMENSIONS.items()
    }
    for model in made.values():
        labelled.scores(model, clips)
    log_in("erin")
    page.goto("/")
    page.get_by_role("link", name="All reward models").click()
    expect(page.get_by_role("img", name="accuracy 80.0 %").first).to_be_visible()
    look(page, "reward-models")
    page.get_by_role("link", name="foundational, round 1").click()
    page.get_by_role("link", name="Structural stability").click()
    expect(page.locator(".scored").first.get_by_text("+3.75")).to_be_visible()
    look(page, "reward-model")
    page.locator(".scored a").first.click()
    expect(page.get_by_role("heading", name="Scores")).to_be_visible()
    look(page, "clip-with-scores")
    page.go_back()
    page.get_by_role("link", name="Score clips").click()
    expect(page.get_by_label("Config (JSON)")).to_have_value(re.compile(str(made["foundational"].pk)))
    page.get_by_role("button", name="Launch").click()
    expect(page.locator("#status .badge.queued")).to_be_visible()
