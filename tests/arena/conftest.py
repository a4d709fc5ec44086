"""Every test of the arena begins with nothing counted and no board kept."""

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    cache.clear()
