"""A manager brings a file of prompts in, takes one back by keyboard, and makes a balanced set."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import FilePayload, Page, expect

from annotation.models import PromptSet
from tests.annotation import rows
from tests.annotation.prompts.test_benchmark import I2V, T2V, written
from workbench.models import Role, User

pytestmark = pytest.mark.browser

FILE = """text_en,text_zh,category
A cat jumps over a puddle in the yard behind an old house,一只猫跳过老房子后院里的水坑,animal|locomotion
A cat jumps over a puddle in the yard behind the old house,,animal
A dog chases a stick along a beach,,animal
Snow falls on a fir tree,雪落在冷杉上,phenomena
A ball rolls to the left and to the right,,direction
A fox sleeps,,nonsense
"""


def test_prompts_come_in_and_one_is_taken_back(
    page: Page,
    transactional_db: None,
    log_in: Callable[[str], User],
    look: Callable[[Page, str], None],
) -> None:
    rows.person("manager", Role.MANAGER)
    log_in("manager")
    page.goto("/prompts/")
    page.get_by_role("link", name="Import prompts").first.click()
    file: FilePayload = {"name": "mine.csv", "mimeType": "text/csv", "buffer": FILE.encode("utf-8-sig")}
    page.get_by_label("File (CSV").set_input_files(file)
    page.get_by_label("Prompt set").fill("Yard")
    look(page, "prompt-import")
    page.get_by_role("button", name="Look at the file").click()
    expect(page.locator("#prompt-summary")).to_have_text("3 new, 0 there already, 2 filtered out, 1 refused")
    assert not PromptSet.objects.exists()
    look(page, "prompt-preview")
    page.get_by_role("button", name="Import 3 prompts").click()
    expect(page.get_by_role("heading", name="Imported")).to_be_visible()
    page.get_by_role("link", name="Yard").click()
    look(page, "prompt-set")
    back = page.locator("tr", has_text="to the left and to the right").get_by_role("button", name="Take back")
    back.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("A ball rolls to the left")
    expect(page.locator("main")).to_contain_text("4 prompts")
    page.get_by_label("How many prompts").fill("2")
    page.get_by_role("button", name="Show the choice").click()
    expect(page.locator("main")).to_contain_text("2 of 4 prompts")
    page.get_by_label("Name of the new set").fill("Two")
    look(page, "prompt-choice")
    page.get_by_role("button", name="Make a set of these").click()
    expect(page.get_by_role("heading", name="Two")).to_be_visible()
    assert PromptSet.objects.get(slug="two").prompts.count() == 2


def test_a_benchmark_says_which_prompts_wait_and_what_its_categories_mean(
    page: Page,
    transactional_db: None,
    log_in: Callable[[str], User],
    look: Callable[[Page, str], None],
    tmp_path: Path,
) -> None:
    call_command("import_benchmark", str(written(tmp_path, T2V, I2V)), "--set", "Bench")
    rows.person("manager", Role.MANAGER)
    log_in("manager")
    page.goto("/prompts/sets/bench/?which=in_set")
    expect(page.locator(".head")).to_contain_text("1 image-to-video prompt has no picture to start from yet")
    row = page.locator("tr", has_text="A phone photo of a cook")
    expect(row.locator(".badge.warn")).to_have_text("First frame missing")
    look(page, "benchmark")
    meaning = page.get_by_text("The camera does not move at all")
    expect(meaning).to_be_hidden()
    page.locator("summary", has_text="Static").focus()
    page.keyboard.press("Enter")
    expect(meaning).to_be_visible()
