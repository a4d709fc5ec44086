"""Boards in a browser follow votes live, are narrowed, lead to models; a manager decides what counts."""

import random
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotation.clips import intake
from annotation.clips.intake import Facts
from annotation.models import Prompt, Task, VideoModel
from annotation.prompts import taxonomy
from annotation.prompts.identity import find_or_create
from arena.battles import tracks, voting
from arena.models import Answer, Track, Vote, Voter
from tests.annotation.rows import person
from tests.browser.conftest import Site
from tests.browser.until import until
from tests.runs.videos import make_clips
from workbench.models import Role, User

pytestmark = pytest.mark.browser
Look = Callable[[Page, str], None]
NAMES = ("Falcon 2", "Heron Pro", "Kestrel", "Osprey I2V")


@pytest.fixture
def board(site: Site, tmp_path: Path) -> None:
    """Four models with their cards, three prompts, sixty votes; one model is deprecated."""
    paths = sorted(make_clips(tmp_path / "clips", 12).iterdir())
    models = [intake.video_model_named(name) for name in NAMES]
    for number, path in enumerate(paths):
        prompt = find_or_create(f"A square crosses wall {number // 4}", f"方块掠过墙面{number // 4}")
        with path.open("rb") as file:
            facts = Facts(prompt=prompt, video_model=models[number % 4])
            intake.ingest(file, path.name, facts, render_now=True)
    for number, model in enumerate(models):
        VideoModel.objects.filter(pk=model.pk).update(
            organisation=f"Birds {number}",
            price_per_second=0.02 * (1 + number),
            seconds_per_second=3 + 4 * number,
        )
    [animal] = taxonomy.rows(["animal"]).values()
    animal.prompts.set(Prompt.objects.order_by("pk")[:2])
    for n in range(20):
        voter = Voter.objects.create()
        for _k in range(3):
            vote(voter, random.Random(f"{n} {_k}"))


def vote(voter: Voter, drawn: random.Random) -> None:
    """As a visitor who looked for ten seconds, and likes models of a low number."""
    battle = voting.next_battle(voter, tracks.standard(Task.T2V))
    assert battle is not None
    battle.shown_at = timezone.now() - timedelta(seconds=10)
    battle.save()
    better = Answer.LEFT if battle.left_model.slug < battle.right_model.slug else Answer.RIGHT
    answer = better if drawn.random() < 0.6 else drawn.choice(list(Answer))
    voting.vote(battle.pk, voter, voting.Ballot(answer, uuid.uuid4()))


def test_a_board_follows_votes_is_narrowed_and_leads_to_models(page: Page, board: None, look: Look) -> None:
    page.goto("/arena/t2v/leaderboard/")
    expect(page.locator("#board tbody tr")).to_have_count(4)
    expect(page.locator("#from")).to_contain_text("Computed from 60 votes")
    for figure in ("chart", "speed", "wins", "battles", "history"):
        page.wait_for_selector(f"#{figure} .main-svg", state="attached")
    look(page, "board")
    vote(Voter.objects.create(), random.Random(1))  # somewhere else; the page is told
    expect(page.locator("#from")).to_contain_text("Computed from 61 votes")
    page.get_by_text("Prompts and models").click()
    page.get_by_label("Subject", exact=True).select_option("animal")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("columnheader", name="To the overall board")).to_be_visible()
    expect(page.get_by_label("Subject", exact=True)).to_have_value("animal")
    few = Vote.objects.filter(battle__prompt__categories__slug="animal").count()
    expect(page.locator("#from")).to_contain_text(f"Computed from {few} votes")
    look(page, "board-narrowed")
    page.get_by_label("brightness").check()
    page.get_by_label("length").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#sways tbody tr")).to_have_count(2)
    expect(page.locator("#sways [data-look=length]")).to_contain_text("too alike within each model")
    expect(page.get_by_label("brightness")).to_be_checked()
    look(page, "board-style-control")
    page.get_by_role("link", name="Falcon 2").first.click()
    expect(page.get_by_role("heading", name="Falcon 2")).to_be_visible()
    expect(page.locator("#opponents tbody tr")).to_have_count(3)
    expect(page.get_by_text("Best battles")).to_be_visible()
    until(page, "[...document.querySelectorAll('video')].every((v) => v.readyState >= 1)")
    look(page, "model")


def test_a_manager_sees_what_is_left_out_and_decides(
    page: Page, board: None, log_in: Callable[[str], User], look: Look
) -> None:
    person("max", Role.MANAGER)
    log_in("max")
    track = Track.objects.get(slug="t2v")
    odd = Vote.objects.order_by("created_at")[0].battle.voter
    track.rulings.create(voter=odd, kind="outlier", votes=5, p_value=0.00012)
    page.goto("/arena/t2v/leaderboard/")
    page.get_by_role("link", name="Votes left out").click()
    expect(page.locator('#summary [data-reason="outlier"]')).to_have_text("3")
    look(page, "filters")
    page.get_by_placeholder("why").fill("a colleague who sees colours differently")
    page.get_by_role("button", name="Let count").click()
    expect(page.locator('#summary [data-reason="outlier"]')).to_have_text("0")
    expect(page.locator("#voters")).to_contain_text("Counts, by a manager's word")
    page.get_by_label("Votes on a prompt that count").fill("5")
    page.get_by_role("button", name="Save").click()
    expect(page.locator('#summary [data-reason="prompt_cap"]')).to_have_text("45")
    page.get_by_role("link", name="Leaderboard").click()
    expect(page.locator("#from")).to_contain_text("Computed from 15 votes")
    page.get_by_role("link", name="Tracks").click()
    look(page, "tracks")
    page.get_by_role("row", name="Text to video").get_by_role("link", name="Settings").click()
    look(page, "track")
    page.get_by_label("Name in English").fill("Films")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The track “Films” is saved.")).to_be_visible()
    page.goto("/arena/models/falcon-2/card/?track=t2v")
    page.get_by_label("Licence").fill("Apache 2.0")
    look(page, "model-card")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Apache 2.0")).to_be_visible()


def test_boards_speak_chinese(page: Page, board: None, log_in: Callable[[str], User], look: Look) -> None:
    manager = person("mei", Role.MANAGER)
    manager.language = "zh-hans"
    manager.save()
    log_in("mei")
    addresses = {
        "board-zh": "/arena/t2v/leaderboard/",
        "model-zh": "/arena/t2v/models/falcon-2/",
        "filters-zh": "/arena/t2v/filters/",
        "track-zh": "/arena/t2v/edit/",
    }
    for name, address in addresses.items():
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        if name == "board-zh":
            page.wait_for_selector("#history .main-svg", state="attached")
        look(page, name)
    page.goto("/arena/t2v/embed/")
    expect(page.locator("#board")).to_be_visible()
    look(page, "embed")
