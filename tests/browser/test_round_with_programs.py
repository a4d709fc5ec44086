"""A round from its page: an engineer starts it, an annotator judges some of it, programs judge the rest."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Assignment, Judgement
from generator import checkpoints
from generator.models import Round
from generator.world_prompts import world_prompt_set
from tests.annotation import rows
from tests.browser.conftest import Site
from tests.browser.until import until
from tests.generator import micro_weights
from workbench.models import Role, User

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Look = Callable[[Page, str], None]
LogIn = Callable[[str], User]
LONG = 600_000


@pytest.fixture
def prepared(site: Site, tmp_path: Path) -> None:
    checkpoints.register(micro_weights.write(tmp_path / "micro.safetensors"), "Untrained")
    world_prompt_set()
    rows.person("erin", Role.ENGINEER)
    rows.person("ann")


def test_a_round_is_judged_by_a_person_and_by_programs_and_goes_on_by_itself(
    page: Page, workers: Site, prepared: None, log_in: LogIn, look: Look
) -> None:
    log_in("erin")
    page.goto("/rounds/")
    page.get_by_label("Size").select_option("micro")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="Round ")).to_be_visible()
    address = page.url
    page.evaluate("window.neverReloaded = true")
    label = page.get_by_role("link", name="Label now")
    expect(label).to_be_visible(timeout=LONG)
    assert page.evaluate("window.neverReloaded")
    look(page, "round-waits-for-judgements")
    labelling = label.get_attribute("href") or ""

    ann = log_in("ann")
    page.goto(labelling)
    expect(page.locator(".clip")).to_have_count(4)
    dimensions = page.locator(".dimension").count()
    for _dimension in range(dimensions):
        page.keyboard.press("Digit1")
        page.keyboard.press("Shift+Digit4")
    expect(page.locator(".dimension.complete")).to_have_count(dimensions)
    until(page, "[...document.querySelectorAll('.clip video')].every((v) => v.readyState >= 2)")
    look(page, "labelling-generated-clips")
    page.keyboard.press("Enter")
    until(page, lambda: Judgement.objects.filter(simulated=False).count() == 1)
    until(page, lambda: Assignment.objects.filter(annotator=ann, state__in=("leased", "held")).count() == 2)

    page.goto("about:blank")  # before the page of one person asks in the name of the other
    log_in("erin")  # the next item stays open and another one held: programs don't wait for those
    page.goto(address)
    page.get_by_role("button", name="Let simulated annotators do the rest").click()
    expect(page.get_by_text("Simulated annotators are at work")).to_be_visible()
    page.evaluate("window.neverReloaded = true")  # from here on it goes on by itself
    expect(page.locator("[data-step=rewards].working")).to_be_visible(timeout=LONG)
    assert Judgement.objects.filter(simulated=True).count() == 5
    assert Judgement.objects.filter(simulated=False).count() == 1
    look(page, "round-trains-rewards")
    expect(page.locator("#state")).to_have_text(re.compile("Promoted|Rejected"), timeout=LONG)
    look(page, "round-ended")
    assert page.evaluate("window.neverReloaded")
    assert Round.objects.get().trained is not None
