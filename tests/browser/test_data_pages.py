"""What goes out and comes in, in a browser: a report before an import, versions, webhooks, shared prompts."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.exchange import webhooks
from annotation.models import Campaign, Webhook, WebhookDelivery
from tests.annotation import rows
from tests.browser.conftest import Site
from workbench.models import Role, User

pytestmark = pytest.mark.browser


@pytest.fixture
def campaign(transactional_db: None) -> Campaign:
    manager = rows.person("manager", Role.MANAGER)
    made = rows.campaign(manager, items=2, clips_per_item=2)
    rows.judge(made, rows.person("ann"))
    return made


def test_judgements_come_in_after_a_look_at_the_report(
    page: Page,
    site: Site,
    campaign: Campaign,
    log_in: Callable[[str], User],
    look: Callable[[Page, str], None],
    expected_errors: list[str],
    tmp_path: Path,
) -> None:
    expected_errors += ["422", "ERR_FAILED"]
    log_in("manager")
    table = tmp_path / "pairs.csv"
    clip = "hidden-name-0-secret-model-{}.mp4"
    table.write_text(
        "path_A,path_B,prompt,VQ,MQ,TA\n"
        f"videos/{clip.format(0)},videos/{clip.format(1)},,A,B,same\n"
        "videos/elsewhere.mp4,videos/nowhere.mp4,A cat,A,A,A\n"
        f"videos/{clip.format(1)},videos/{clip.format(0)},,better,A,A\n"
    )
    page.goto("/campaigns/")
    page.get_by_role("link", name="Import judgements").click()
    page.get_by_label("Format").select_option("video_align")
    page.locator("input[type=file]").set_input_files(str(table))
    page.get_by_role("button", name="Look at the file").click()
    expect(page.locator("#problems tbody tr")).to_have_count(2)
    expect(page.locator("#problems")).to_contain_text("No clip here is called “videos/elsewhere.mp4”")
    look(page, "import-report")
    page.route("**/campaigns/import/", lambda route: route.abort())
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("press again")
    look(page, "import-unsent")
    page.unroute("**/campaigns/import/")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("#report")).to_contain_text("2 statements don't fit")
    expect(page.get_by_role("alert")).to_be_hidden()
    page.get_by_label("Leave out what does not fit").check()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("h1")).to_contain_text("Imported: pairs.csv")
    expect(page.locator("#imported")).to_contain_text("pairs.csv")
    look(page, "imported-campaign")


def test_versions_and_webhooks(
    page: Page,
    site: Site,
    campaign: Campaign,
    log_in: Callable[[str], User],
    look: Callable[[Page, str], None],
) -> None:
    log_in("manager")
    page.goto(f"/campaigns/{campaign.pk}/")
    page.get_by_role("link", name="Versions").click()
    page.get_by_label("Name").fill("Round 3, reviewed")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("h1")).to_have_text("Round 3, reviewed")
    look(page, "pair-version")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Export exactly these").click()
    assert len(Path(taken.value.path()).read_text().splitlines()) == 4
    page.goto(f"/campaigns/{campaign.pk}/versions/")
    look(page, "pair-versions")

    page.goto("/webhooks/")
    page.get_by_label("Address").fill("https://198.18.0.1/hook")
    page.get_by_label("A judgement was made").check()
    look(page, "webhooks")
    made = Webhook.objects.create(
        url="https://example.org/a/rather/long/address/for/hooks?key=value",
        secret="s",
        events=["judgement.created"],
    )
    first, second = webhooks.ping(made), webhooks.ping(made)
    WebhookDelivery.objects.filter(pk=first.pk).update(state="delivered", attempts=1, last_status=204)
    WebhookDelivery.objects.filter(pk=second.pk).update(
        attempts=2, last_error="ConnectionRefusedError: refused"
    )
    page.goto(f"/webhooks/{made.pk}/")
    expect(page.locator("#deliveries")).to_contain_text("HTTP status 204")
    look(page, "webhook")


def test_a_visitor_shares_a_prompt(
    page: Page, site: Site, transactional_db: None, look: Callable[[Page, str], None]
) -> None:
    page.goto("/arena/suggest/")
    page.get_by_label("Your prompt").fill("A red kite circles slowly above a harbour at dawn")
    assert not page.get_by_label("I agree to this").is_checked()
    look(page, "suggest-prompt")
    page.get_by_label("I agree to this").check()
    page.get_by_role("button", name="Share").click()
    expect(page.locator("#shared")).to_contain_text("harbour")
    look(page, "shared-prompts")
    page.locator("#shared").get_by_role("button", name="Withdraw").click()
    expect(page.locator(".empty")).to_be_visible()
