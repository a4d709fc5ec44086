"""Files of runs in S3: sent whole or not at all, checked when read, resumed from, pruned."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from pytest_django.fixtures import Settings

from tests import s3
from tests.runs.test_supervise import attempt, final_weights, steps_of, weights
from workbench import storage
from workbench.models import Artifact, Run, User
from workbench.runs import artifacts, checkpoints, launch, retention

pytestmark = pytest.mark.usefixtures("s3_storage")
Launched = Callable[..., Run]


@pytest.fixture(autouse=True)
def one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """The S3 client waits between tries; these tests need not."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


def a_file(folder: Path, size: int) -> Path:
    path = folder / "weights"
    path.write_bytes(os.urandom(size))
    return path


def objects() -> list[str]:
    return [f"artifacts/{folder}/{name}" for folder in folders() for name in names(folder)]


def folders() -> list[str]:
    return default_storage.listdir("artifacts")[0]


def names(folder: str) -> list[str]:
    return default_storage.listdir(f"artifacts/{folder}")[1]


@pytest.mark.parametrize("size", [0, 1000, 9 * 2**20, 40 * 2**20])
def test_put_and_stage(tmp_path: Path, media_folder: Path, size: int) -> None:
    path = a_file(tmp_path, size)
    stored = artifacts.put(path)
    assert stored.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    artifacts.put(path)
    assert objects() == [artifacts.storage_name(stored.sha256)]
    artifacts.stage(artifacts.storage_name(stored.sha256), stored.sha256, tmp_path / "in" / "copy")
    assert (tmp_path / "in" / "copy").read_bytes() == path.read_bytes()
    assert not media_folder.exists()


@pytest.mark.parametrize(("size", "sent"), [(4 * 2**20, 2**20), (80 * 2**20, 50 * 2**20)])
def test_a_put_that_is_cut_off_leaves_nothing(
    tmp_path: Path, s3_server: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, size: int, sent: int
) -> None:
    """In one request, and in parts of which some had arrived."""
    path = a_file(tmp_path, size)
    whole = settings.STORAGES
    bucket = whole["default"]["OPTIONS"]["bucket_name"]
    with s3.cut_after(s3_server, sent) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        settings.STORAGES = {**whole, "default": storage.configured(f"s3://{bucket}/in/here")}
        with pytest.raises(Exception, match=r"[Cc]onnect"):
            artifacts.put(path)
    settings.STORAGES = whole
    assert objects() == []
    stored = artifacts.put(path)
    assert default_storage.size(artifacts.storage_name(stored.sha256)) == size


def test_an_object_of_another_size_is_replaced(tmp_path: Path) -> None:
    path = a_file(tmp_path, 1000)
    stored = artifacts.put(path)
    name = artifacts.storage_name(stored.sha256)
    default_storage.save(name, ContentFile(b"w" * 10))
    assert default_storage.size(name) == 10
    artifacts.put(path)
    artifacts.stage(name, stored.sha256, tmp_path / "copy")
    assert objects() == [name]


@pytest.mark.parametrize("size", [1000, 40 * 2**20])
@pytest.mark.parametrize("change", ["other", "shorter", "longer"])
def test_a_file_that_changes_while_it_is_sent_gets_no_name(
    db: None, tmp_path: Path, size: int, change: str
) -> None:
    path = a_file(tmp_path, size)
    stored = artifacts.put(path)
    default_storage.delete(artifacts.storage_name(stored.sha256))
    with path.open("r+b") as file:
        file.seek({"other": size - 1, "shorter": 0, "longer": size}[change])
        file.write(b"" if change == "shorter" else bytes([path.read_bytes()[-1] ^ 1]))
        if change == "shorter":
            file.truncate(size - 1)
    with pytest.raises(OSError, match="changed while"), transaction.atomic():
        artifacts.hold([stored])
    assert objects() == []


def test_an_object_is_brought_back_when_its_row_is_written(transactional_db: None, tmp_path: Path) -> None:
    stored = artifacts.put(a_file(tmp_path, 1000))
    default_storage.delete(artifacts.storage_name(stored.sha256))
    with transaction.atomic():
        artifacts.hold([stored])
    assert objects() == [artifacts.storage_name(stored.sha256)]


def test_a_run_goes_on_from_a_checkpoint_in_s3(
    launched: Launched, tmp_path: Path, media_folder: Path
) -> None:
    run = attempt(launched(steps=12, kill_at=8))
    assert run.state == "queued"
    assert checkpoints.stage_last(run, tmp_path / "attempt") == checkpoints.Staged(5, False, [])
    for row in checkpoints.recorded(run)[5]:
        copy = tmp_path / "attempt" / "resume" / Path(row.name).name
        assert hashlib.sha256(copy.read_bytes()).hexdigest() == row.sha256
    run = attempt(run)
    assert run.state == "succeeded"
    assert run.events.filter(text="training").last().data["step"] == 5  # type: ignore[union-attr]
    assert final_weights(run) == weights(12)
    assert steps_of(run) == list(range(1, 13))
    assert all(artifacts.verify(row) for row in run.artifacts.filter(pruned_at=None))
    assert not media_folder.exists()


def test_a_damaged_or_lost_checkpoint_is_passed_over(launched: Launched, tmp_path: Path) -> None:
    run = attempt(launched(steps=18, kill_at=17))
    newest, older = run.artifacts.filter(name__in=["step-000015/state.pt", "step-000010/state.pt"]).order_by(
        "-step"
    )
    default_storage.save(newest.storage_name, ContentFile(b"flipped"))
    default_storage.delete(older.storage_name)
    assert not artifacts.verify(newest)
    assert not artifacts.verify(older)
    staged = checkpoints.stage_last(run, tmp_path / "attempt")
    assert (staged.step, staged.final) == (5, False)
    assert "is damaged" in staged.problems[0]
    assert "not in storage" in staged.problems[1]


def test_retention_removes_objects_and_only_those_nobody_needs(
    launched: Launched, engineer: User, settings: Settings
) -> None:
    run, again = attempt(launched(steps=12)), attempt(launched(steps=12))
    settings.RUN_DISK_QUOTA = retention.used_bytes()
    launch.launch(engineer, "script", {})
    pruned = Artifact.objects.exclude(pruned_at=None)
    needed = set(Artifact.objects.filter(pruned_at=None).values_list("sha256", flat=True))
    assert pruned.exists()
    assert {Path(name).name for name in objects()} == needed
    for row in (*run.artifacts.all(), *again.artifacts.all()):
        assert default_storage.exists(row.storage_name) == (row.sha256 in needed)


def test_storage_away_is_tried_again_later(
    launched: Launched, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = launched(steps=6)
    good = settings.STORAGES
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    settings.STORAGES = {**good, "default": storage.configured("s3://bucket")}
    run = attempt(run)
    assert run.state == "queued"
    assert "EndpointConnectionError" in run.events.get(kind="log", level="error").text
    settings.STORAGES = good
    assert attempt(run).state == "succeeded"
