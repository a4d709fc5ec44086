"""Fixtures that all tests share; the servers they run on are in `servers.py`."""

import os
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from django.utils import translation
from pytest_django.fixtures import Settings

from tests import emptying, s3
from workbench import storage

emptying.install()


@pytest.fixture
def real_clips() -> Path:
    """The folder of real clips; skipped where there is none, an error in CI."""
    folder = Path(os.environ.get("REAL_CLIPS_DIR", "/nonexistent"))
    if not (folder / "provenance.json").exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI needs the real clips, but REAL_CLIPS_DIR={folder} has none")
        pytest.skip("needs the real clips: set REAL_CLIPS_DIR")
    return folder


@pytest.fixture
def place_for_media(tmp_path: Path) -> Path:
    return tmp_path / "media"


@pytest.fixture(autouse=True)
def media_folder(place_for_media: Path, settings: Settings) -> Path:
    """Files that a test stores go to a folder of that test."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(place_for_media)},
        },
    }
    return place_for_media


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["tests.passwords.QuickHasher"]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Every test begins in English, whatever a page before it was rendered in."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    with s3.server() as endpoint:
        yield endpoint


@pytest.fixture
def s3_environment(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The variables of a host whose storage is S3, with an empty bucket; gives STORAGE_URL."""
    for name, value in s3.environment(s3_server).items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    bucket = f"clips-{uuid.uuid4().hex}"
    s3.bucket(s3_server, bucket)
    return f"s3://{bucket}/in/here"


@pytest.fixture
def s3_storage(s3_environment: str, media_folder: Path, settings: Settings) -> Path:
    """Files that a test stores go to S3; gives the folder where there must be none then."""
    settings.STORAGES = {**settings.STORAGES, "default": storage.configured(s3_environment)}
    return media_folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test is a failed one: every part has to be there. `may_skip_in_ci` marks exceptions."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and not item.get_closest_marker("may_skip_in_ci"):
        _fail_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that is skipped as a whole."""
    report = yield
    if report.skipped:
        _fail_in_ci(report)
    return report


def _fail_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"In CI nothing may be skipped. {reason}"
