"""Campaigns over real clips for a browser to label: rendered once, laid out as often as needed."""

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from annotation.campaigns import lifecycle
from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.lifecycle import CampaignSpec
from annotation.campaigns.planning import Selection
from annotation.clips import intake
from annotation.models import Campaign, Clip, Rendition
from annotation.prompts.identity import find_or_create
from tests.browser.until import until
from workbench.models import User

TEXTS = (
    ("A person signs a sentence in front of a plain wall", "一个人在素色墙前打手语"),
    ("A woman speaks with her hands", "一位女士用手语说话"),
    ("Somebody walks and then explains something", "某人走路然后解释"),
)
MadeBefore = dict[Path, tuple[Clip, Rendition]]
"""By file: the rows of a clip that came in for real. Keep it as long as the files that storage holds."""


def laid_out(
    paths: Sequence[Path], manager: User, made_before: MadeBefore, items: int = 3, **changes: Any
) -> Campaign:
    """An open campaign of so many items, each over all these clips; prompts and models are pretended."""
    taken = [_taken(path, manager, made_before) for path in paths]
    made = [_again(clip, number) for number in range(1, items) for clip in taken]
    for number, clip in enumerate([*taken, *made]):
        turn = number // len(taken)
        text_en, text_zh = TEXTS[turn % len(TEXTS)]
        again = f" ({turn + 1})" if turn >= len(TEXTS) else ""
        clip.prompt = find_or_create(text_en + again, text_zh + again)
        clip.video_model = intake.video_model_named(f"Pretended model {number % len(taken)}")
        clip.save()
    spec: dict[str, Any] = {
        "name": "Real clips",
        "dimensions": default_dimensions(),
        "selection": Selection(clips_per_item=len(taken)),
    }
    campaign = lifecycle.create(CampaignSpec(**(spec | changes)), manager)
    return lifecycle.set_state(campaign.pk, Campaign.State.OPEN, campaign.version)


def open_item(page: Page, campaign: Campaign, count: int = 4) -> None:
    """Open the labelling page and wait until every clip can be seen."""
    page.goto(f"/label/{campaign.pk}/")
    expect(page.locator(".clip")).to_have_count(count)
    until(page, "[...document.querySelectorAll('.clip video')].every((v) => v.readyState >= 2)")


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")


def _taken(path: Path, manager: User, made_before: MadeBefore) -> Clip:
    """A clip that came in for real; for later tests its files are still there, and the rows come back."""
    if path not in made_before:
        with path.open("rb") as file:
            clip = intake.ingest(file, path.name, uploaded_by=manager, render_now=True).clip
        made_before[path] = copy(clip), clip.renditions.get()
        return clip
    before, rendition = made_before[path]
    clip = copy(before)
    clip.uploaded_by = manager
    clip.save(force_insert=True)
    rendition.save(force_insert=True)
    return clip


def _again(clip: Clip, number: int) -> Clip:
    """Another row over the same real files, so that more items need no more transcodes."""
    rendition = clip.renditions.get()
    again = Clip.objects.get(pk=clip.pk)
    again.pk = None
    again.id = Clip._meta.pk.get_default()
    again.sha256 = f"copy-{number}-{clip.sha256[len(str(number)) + 6 :]}"
    again.save(force_insert=True)
    rendition.pk = None
    rendition.id = type(rendition)._meta.pk.get_default()
    rendition.clip = again
    rendition.save(force_insert=True)
    return again
