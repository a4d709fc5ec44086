"""Every test of the arena begins with nothing counted and no board kept, and reads boards as of now."""

import math

import pytest
from django.core.cache import cache

from arena.boards import leaderboard


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine: a board that took long to compute may else be a little old."""
    cache.clear()
    monkeypatch.setattr(leaderboard, "_LONG", math.inf)
