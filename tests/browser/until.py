"""Waiting for what a page or a database says; Playwright's own `wait_for_function` needs `unsafe-eval`."""

import time
from collections.abc import Callable

from playwright.sync_api import Page


def until(page: Page, true: str | Callable[[], object], seconds: float = 20) -> None:
    """Wait until a JavaScript expression, or a function here, is true; fail after the seconds given."""
    deadline = time.monotonic() + seconds
    while not (page.evaluate(true) if isinstance(true, str) else true()):
        assert time.monotonic() < deadline, f"not true after {seconds} s: {true}"
        page.wait_for_timeout(50)
