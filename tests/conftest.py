"""Fixtures that all tests share; the servers they run on are in `servers.py`."""

import os
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings


@pytest.fixture
def real_clips() -> Path:
    """The folder of real clips; skipped where there is none, an error in CI."""
    folder = Path(os.environ.get("REAL_CLIPS_DIR", "/nonexistent"))
    if not (folder / "provenance.json").exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI needs the real clips, but REAL_CLIPS_DIR={folder} has none")
        pytest.skip("needs the real clips: set REAL_CLIPS_DIR")
    return folder


@pytest.fixture(autouse=True)
def media_folder(tmp_path: Path, settings: Settings) -> Path:
    """Files that a test stores go to a folder of that test."""
    folder = tmp_path / "media"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(folder)},
        },
    }
    return folder
