"""A real browser against a real web process (and, where a test asks, real workers) on this test's database.

Fixtures:
    site             a uvicorn process at `site.url`, the same for all tests of a module; rows that a test
                     makes are committed, so it sees them
    workers          the same site with Celery workers for the queues `default` and `gpu`, and beat, beside it
    page             a Playwright page at 1280x800, whose relative addresses are the site's. The test fails if
                     the page logs an error, throws, or breaks the content security policy.
    log_in(name)     log the page in as a person by the session cookie (the login form has a test of its own)
    look(page, "x")  save screenshots at 1280x800 and 390x844 into $SCREENSHOTS (default: the test's folder);
                     fails where the page is wider than the window
    expected_errors  a list: `.append("part of a console message")` for what a test means to provoke
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, expect, sync_playwright
from pytest_django import DjangoDbBlocker

from tests import browsers
from workbench.models import User

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
START_SECONDS = 60
PATIENCE_MS = 20_000
"""For an action and for what it should show: two test workers and their sites share two cores."""

PAINTED = """new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(() => done()));
  setTimeout(done, 1000);  // a page that is not in front may not be painted at all
})"""

# Playwright's event loop runs in this thread, and Django takes that for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@dataclass
class Site:
    """Processes on this test's database, and where the web one listens."""

    url: str
    port: int
    env: dict[str, str]
    folder: Path
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self, name: str, *module_and_arguments: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module_and_arguments],
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")


@pytest.fixture(scope="module")
def web(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The web process of a module's tests: its start takes seconds, and rows and files are all it keeps."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("site")
    (folder / "media").mkdir()
    with django_db_blocker.unblock():
        database = connection.settings_dict
    place = f"{database['USER']}:{quote(database['PASSWORD'], safe='')}@{quote(database['HOST'], safe='')}"
    env = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{place}:{database['PORT'] or 5432}/{database['NAME']}",
        "REDIS_URL": django_settings.REDIS_URL,
        "STORAGE_URL": f"file://{folder / 'media'}",
        "WORKBENCH_DATA": str(folder / "data"),
        "RUN_SCRATCH": str(folder / "scratch"),
        "SITE_URL": f"http://127.0.0.1:{port}",
        "SECRET_KEY": django_settings.SECRET_KEY,
        "DEMO": "True",
        "PYTHONUNBUFFERED": "1",
    }
    running = Site(f"http://127.0.0.1:{port}", port, env, folder)
    listen = ("--host", "127.0.0.1", "--port", str(port))
    try:
        started = running.start("web", "uvicorn", "workbench.asgi:application", *listen, "--lifespan", "off")
        _wait_for_answer(running, started)
        yield running
    finally:
        running.stop()


@pytest.fixture
def place_for_media(web: Site) -> Path:
    return web.folder / "media"


@pytest.fixture
def site(web: Site, transactional_db: None) -> Site:
    return web


@pytest.fixture
def workers(site: Site) -> Iterator[Site]:
    beside = Site(site.url, site.port, site.env, site.folder)
    celery = ("celery", "-A", "workbench.celery")
    worker = (*celery, "worker", "--loglevel=INFO", "--without-mingle", "--without-gossip")
    try:
        beside.start("default", *worker, "-n", "default@%h", "-Q", "default", "--concurrency=1")
        beside.start("gpu", *worker, "-n", "gpu@%h", "-Q", "gpu", "--concurrency=1")
        schedule = str(site.folder / "beat-schedule")
        beside.start("beat", *celery, "beat", "--loglevel=INFO", "--pidfile=", "-s", schedule)
        yield beside
    finally:
        beside.stop()


# By module, not by session: while Playwright's loop is there, other tests can't run asynchronous code.
@pytest.fixture(scope="module")
def playwright_() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright_: Playwright) -> Iterator[Browser]:
    program = browsers.find()
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs a browser: `python -m tests.browsers` installs one")
        pytest.skip("needs a Chromium: `python -m tests.browsers` installs one")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    running = playwright_.chromium.launch(
        executable_path=str(program), args=[*sandbox, "--autoplay-policy=no-user-gesture-required"]
    )
    yield running
    running.close()


@pytest.fixture
def expected_errors() -> list[str]:
    """Parts of console messages that this test expects; append to it."""
    return []


@pytest.fixture
def page(browser: Browser, site: Site, expected_errors: list[str]) -> Iterator[Page]:
    context = browser.new_context(base_url=site.url, viewport=DESKTOP, locale="en-GB", accept_downloads=True)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    opened = context.new_page()
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(f"{message.text} ({message.location.get('url', '')})")

    opened.on("console", note)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    unexpected = [error for error in errors if not any(part in error for part in expected_errors)]
    assert not unexpected, f"the browser's console says: {unexpected}"


@pytest.fixture
def log_in(page: Page, site: Site) -> Callable[[str], User]:
    def enter(username: str) -> User:
        user = User.objects.get(username=username)
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        page.context.add_cookies(
            [
                {
                    "name": django_settings.SESSION_COOKIE_NAME,
                    "value": client.session.session_key or "",
                    "url": site.url,
                },
                {"name": django_settings.LANGUAGE_COOKIE_NAME, "value": user.language, "url": site.url},
            ]
        )
        return user

    return enter


@pytest.fixture
def look(tmp_path: Path) -> Callable[[Page, str], None]:
    folder = Path(os.environ.get("SCREENSHOTS", str(tmp_path / "screenshots")))
    folder.mkdir(parents=True, exist_ok=True)

    def save(page: Page, name: str) -> None:
        page.wait_for_load_state("domcontentloaded")  # a click may have led here just now
        for form, size in (("desktop", DESKTOP), ("phone", PHONE)):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], f"{name}: {width} px wide in a window of {size['width']} px"
            page.screenshot(path=str(folder / f"{name}-{form}.png"), full_page=True)
        page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
        page.evaluate(PAINTED)  # a click on a page that is being laid out anew may be dropped

    return save


def _wait_for_answer(site: Site, web: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ask = http.client.HTTPConnection("127.0.0.1", site.port, timeout=5)
            ask.request("GET", "/login/")
            if ask.getresponse().status == 200:
                return
        except OSError:
            pass
        if web.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the web process does not answer; its log ends: {site.log('web')[-2000:]}")
        time.sleep(0.05)
