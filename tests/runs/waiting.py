"""Waiting for what another process or thread does, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(true: Callable[[], T], what: str, timeout: float = 60) -> T:
    """The first true answer. Fails with `what` past `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        if found := true():
            return found
        assert time.monotonic() < deadline, f"{what} did not come within {timeout:g} s"
        time.sleep(0.05)
