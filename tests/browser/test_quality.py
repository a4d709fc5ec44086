"""Gold, the qualification round, exclusion and adjudication in a real browser, on real clips."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.campaigns import lifecycle
from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.lifecycle import CampaignSpec
from annotation.campaigns.planning import Selection
from annotation.clips import intake
from annotation.models import Campaign, Clip, GoldAnswer, Judgement, Participation, PreferencePair
from annotation.prompts.identity import find_or_create
from annotation.quality import disputes, gold_items
from tests.annotation import rows
from tests.browser.until import until
from workbench.models import AuditEntry, Role, User

pytestmark = [pytest.mark.browser, pytest.mark.clips]
FILES = ("asl_bird.mkv", "asl_book.mkv", "friday_bw.mp4")
LookAt = Callable[[Page, str], None]
LogIn = Callable[[str], User]


@pytest.fixture
def campaign(real_clips: Path, transactional_db: None, media_folder: Path) -> Campaign:
    """One item of three real clips, and two gold ones in which the second clip is frozen."""
    manager = rows.person("manager", Role.MANAGER)
    for n, name in enumerate(FILES):
        facts = intake.Facts(
            prompt=find_or_create("Somebody signs a sentence", "有人用手语说一句话"),
            video_model=intake.video_model_named(f"Model {n}"),
        )
        with (real_clips / name).open("rb") as file:
            intake.ingest(file, name, facts, uploaded_by=manager, render_now=True)
    spec = CampaignSpec(
        name="Signs", dimensions=default_dimensions(), selection=Selection(clips_per_item=3), overlap=4
    )
    made = lifecycle.create(spec, manager)
    for seed in (1, 2):
        (item,) = gold_items.make_many(made.pk, 1, ["freeze"], 0.9, seed)
        assert item.gold
    Campaign.objects.update(qualification_items=2, qualification_pass=0.75)
    return lifecycle.set_state(made.pk, Campaign.State.OPEN, made.version)


def answer(page: Page, worst: str) -> None:
    """In every dimension the clip with this address is worst, and another one best; then submit."""
    expect(page.locator(".clip")).to_have_count(3)
    expect(page.locator(".dimension.complete")).to_have_count(0)
    order = [clip.get_attribute("data-clip") for clip in page.locator(".clip").all()]
    place = order.index(worst)
    for _dimension in range(4):
        page.keyboard.press(f"Digit{1 + (place + 1) % 3}")
        page.keyboard.press(f"Shift+Digit{1 + place}")
    expect(page.locator(".dimension.complete")).to_have_count(4)
    page.keyboard.press("Enter")


def frozen(page: Page, right: bool = True) -> str:
    """The address of a clip of the item in work: the one known to be worst in motion, or another."""
    order = [clip.get_attribute("data-clip") or "" for clip in page.locator(".clip").all()]
    known = {key for gold in GoldAnswer.objects.all() for key in gold.answers["motion_quality"]["worst"]}
    return next(key for key in order if (key in known) is right)


def test_gold_comes_first_managers_see_it_and_experts_decide_disputes(
    page: Page, campaign: Campaign, log_in: LogIn, look: LookAt, expected_errors: list[str]
) -> None:
    """One test, since its clips take long to make."""
    a_round_of_gold_decides_who_works(page, campaign, log_in, look)
    expected_errors.append("422")  # a dimension is forgotten
    an_expert_decides_a_dispute(page, log_in, look)


def a_round_of_gold_decides_who_works(page: Page, campaign: Campaign, log_in: LogIn, look: LookAt) -> None:
    rows.person("ann")
    rows.person("bob")
    for name, answers in (("ann", (True, True)), ("bob", (True, False))):
        page.goto("about:blank")  # a check still on its way would come from somebody else
        person = log_in(name)
        page.goto(f"/label/{campaign.pk}/")
        for n, right in enumerate(answers, start=1):
            expect(page.locator(".clip")).to_have_count(3)
            worst = frozen(page, right)
            answer(page, worst)
            dialog = page.locator("dialog.gold")
            expect(dialog).to_be_visible()
            expect(dialog.locator("li.right" if right else "li.wrong")).to_have_count(1)
            expect(dialog).to_contain_text("stands still")
            expect(dialog).to_contain_text(f"item {n} of 2")
            if not right:
                look(page, "gold-wrong")
            page.keyboard.press("Enter")
            expect(dialog).to_have_count(0)
            if n < len(answers):
                expect(page.locator(f'[data-clip="{worst}"]')).to_have_count(0)
        part = Participation.objects.get(annotator=person)
        assert part.qualification == ("passed" if name == "ann" else "failed")
        if name == "ann":
            expect(page.locator("#work")).to_be_visible()
            expect(page.locator(".dimension.complete")).to_have_count(0)
        else:
            expect(page.locator("#nothing-text")).to_contain_text("not passed the qualification round")
            look(page, "not-qualified")
    assert not PreferencePair.objects.exists()
    page.goto("/label/me/")
    expect(page.locator("main")).to_contain_text("50 %")
    look(page, "own-figures")

    # The manager sees it, lets bob in, and excludes ann.
    log_in("manager")
    page.goto(f"/campaigns/{campaign.pk}/quality/")
    bob = page.locator("tr", has_text="bob")
    expect(bob).to_contain_text("Not passed")
    look(page, "quality")
    bob.get_by_role("button", name="Let in").click()
    expect(page.locator("tr", has_text="bob")).to_contain_text("Let in")
    ann = page.locator("tr", has_text="ann")
    ann.locator("summary").click()
    ann.get_by_label("Why").fill("clicked through")
    ann.get_by_role("button", name="Exclude this work").click()
    expect(page.locator("tr", has_text="ann")).to_contain_text("clicked through")
    assert AuditEntry.objects.filter(action="campaign.exclude", detail__why="clicked through").exists()
    page.goto(f"/campaigns/{campaign.pk}/gold/")
    expect(page.locator("tbody tr")).to_have_count(2)
    look(page, "gold-items")
    log_in("bob")
    page.goto(f"/label/{campaign.pk}/")
    expect(page.locator("#work")).to_be_visible()


def an_expert_decides_a_dispute(page: Page, log_in: LogIn, look: LookAt) -> None:
    Campaign.objects.update(qualification_items=0)
    campaign = Campaign.objects.get()
    for name, best, worst in (("cai", 0, 2), ("dan", 2, 0)):
        lease = rows.taken(campaign, rows.person(name))
        rows.submit(lease, answers=rows.picks(lease, best, worst))
    disputes.find()
    rows.person("eva", Role.EXPERT)
    page.goto("about:blank")
    log_in("eva")
    page.goto("/label/")
    page.get_by_role("link", name="Disputes").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    look(page, "disputes")
    page.get_by_role("link", name="Decide").click()
    until(page, "[...document.querySelectorAll('#shown video')].every((v) => v.readyState >= 2)")
    expect(page.locator("main")).to_contain_text("Judge A")
    secrets = [*Clip.objects.values_list("video_model__name", flat=True), *FILES, "cai", "dan"]
    shown = page.content()
    assert not [secret for secret in secrets if secret and re.search(rf"\b{re.escape(secret)}\b", shown)]
    look(page, "dispute")
    for decision in page.locator(".decision").all()[:-1]:
        decision.get_by_label("Best").nth(1).check()
        decision.get_by_label("Worst").nth(2).check()
        decision.get_by_label("Best").nth(2).check()  # takes the worst back
        decision.get_by_label("Best").nth(2).uncheck()
        decision.get_by_label("Worst").nth(2).check()
    page.get_by_role("button", name="Decide").click()
    expect(page.locator(".messages .error")).to_be_visible()
    expect(page.locator(".decision input:checked")).to_have_count(6)
    page.locator(".decision").last.get_by_label("Tie").check()
    page.get_by_role("button", name="Decide").click()
    expect(page.locator(".empty")).to_be_visible()
    page.locator("#decided a").click()
    expect(page.locator(".decision input:checked")).to_have_count(7)
    assert Judgement.objects.get(adjudicates=True).annotator.username == "eva"
    assert set(PreferencePair.objects.values_list("judgement__annotator__username", "overruled")) == {
        ("cai", True),
        ("dan", True),
        ("eva", False),
    }
