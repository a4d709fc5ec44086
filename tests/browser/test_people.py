"""Logging in, the language switch, people, tokens and the API's page, as a manager meets them."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from workbench.models import User

pytestmark = pytest.mark.browser
PASSWORD = "a long enough secret"
Look = Callable[[Page, str], None]


@pytest.fixture
def boss(site: Site) -> User:
    for number in range(3):
        User.objects.create_user(f"annotator{number}", f"annotator{number}@example.org")
    User.objects.create_user("eva", "eva@example.org", role="engineer", language="zh-hans")
    return User.objects.create_user("boss", "boss@example.org", PASSWORD, role="manager")


def test_a_manager_logs_in_and_switches_the_language(page: Page, boss: User, look: Look) -> None:
    page.goto("/people/")
    expect(page).to_have_title("Log in · Video Workbench")
    look(page, "login")
    page.get_by_label("Username").fill("boss")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_title("People · Video Workbench")
    page.get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name="Hello, boss")).to_be_visible()
    look(page, "home-manager")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    boss.refresh_from_db()
    assert boss.language == "zh-hans"
    look(page, "home-manager-zh")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_title("Log in · Video Workbench")


def test_a_manager_invites_imports_and_deactivates(
    page: Page, boss: User, log_in: Callable[[str], User], look: Look
) -> None:
    log_in("boss")
    page.goto("/people/")
    look(page, "people")
    page.get_by_role("link", name="Invite a person").click()
    page.get_by_label("E-mail").fill("mei@example.org")
    page.get_by_label("Role").select_option("expert")
    look(page, "invite")
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_role("heading", name="1 person invited")).to_be_visible()
    look(page, "invited")
    page.goto("/people/import/")
    look(page, "import")
    page.get_by_label("or its text").fill("username,email\ntom,tom@example.org\nbad name,b@example.org\n")
    page.get_by_role("button", name="Look at the file").click()
    expect(page.get_by_role("heading", name="What the file says")).to_be_visible()
    look(page, "import-preview")
    page.get_by_role("button", name="Make 1 account").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert "tom,tom@example.org,annotator,en,http://" in download.value.path().read_text("utf-8-sig")
    page.get_by_role("link", name="Back to people").click()
    page.get_by_role("row", name="annotator1").get_by_role("button", name="Deactivate").click()
    expect(page.get_by_role("status")).to_contain_text("annotator1 can no longer log in")
    look(page, "people-later")
    page.get_by_role("link", name="Audit trail").click()
    expect(page.get_by_role("row", name="person.deactivate")).to_be_visible()
    look(page, "audit")


def test_tokens_notices_and_the_page_of_the_api(
    page: Page, boss: User, log_in: Callable[[str], User], look: Look, expected_errors: list[str]
) -> None:
    boss.notices.create(text="The run “sharpness” failed at step 40: the disk is full.", url="/account/")
    boss.notices.create(text="The export of “May” is ready.")
    log_in("boss")
    page.goto("/notices/")
    look(page, "notices")
    page.goto("/account/")
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Make a token").click()
    secret = page.get_by_label("The new token").input_value()
    assert secret.startswith("wb_")
    look(page, "account")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_contain_text("no longer works")
    page.get_by_role("link", name="API", exact=True).click()
    page.locator("summary", has_text="/api/tokens").last.click()
    look(page, "api")
    expected_errors.append("404")
    page.goto("/nothing/here/")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    look(page, "not-found")
