"""Quota, age, and objects that more than one row needs."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from workbench.models import Artifact, Run, RunState, User
from workbench.runs import artifacts, control, launch, retention, supervise

Launched = Callable[..., Run]


@pytest.fixture
def finished(launched: Launched) -> Run:
    run = launched(steps=12)
    supervise.execute(run.pk)
    return Run.objects.get(pk=run.pk)


def kept(run: Run) -> set[str]:
    return set(run.artifacts.filter(pruned_at=None).values_list("name", flat=True))


def test_equal_files_count_and_lie_once(launched: Launched, finished: Run) -> None:
    before = retention.used_bytes()
    again = launched(steps=12)
    supervise.execute(again.pk)
    assert Artifact.objects.filter(run=again).count() == Artifact.objects.filter(run=finished).count()
    assert retention.used_bytes() == before


def test_over_quota_old_checkpoints_go_first_and_final_ones_stay(
    finished: Run, engineer: User, settings: Settings
) -> None:
    settings.RUN_DISK_QUOTA = retention.used_bytes()  # full to the brim
    launch.launch(engineer, "script", {})
    assert "step-000005/model.safetensors" not in kept(finished)
    assert {"step-000012/model.safetensors", "step-000012/state.pt", "samples/12.txt"} <= kept(finished)
    for row in finished.artifacts.all():
        assert default_storage.exists(row.storage_name) == (row.pruned_at is None)


def test_over_quota_with_nothing_to_prune_a_launch_is_refused(
    finished: Run, engineer: User, settings: Settings
) -> None:
    settings.RUN_DISK_QUOTA = 10
    with pytest.raises(retention.QuotaExceededError, match="RUN_DISK_QUOTA_GB"):
        launch.launch(engineer, "script", {})
    assert Run.objects.count() == 1
    assert {"step-000012/model.safetensors", "step-000012/state.pt"} <= kept(finished)
    Run.objects.filter(pk=finished.pk).update(state=RunState.FAILED)
    with pytest.raises(retention.QuotaExceededError):
        control.resume(engineer, finished.pk)


def test_after_days_only_the_final_checkpoint_is_left(finished: Run, settings: Settings) -> None:
    assert retention.prune_old() == 0
    Run.objects.filter(pk=finished.pk).update(
        ended_at=timezone.now() - timedelta(days=settings.RUN_KEEP_DAYS, hours=1)
    )
    assert retention.prune_old() > 0
    assert kept(finished) == {"step-000012/model.safetensors", "step-000012/state.pt"}


def test_an_object_that_another_row_needs_stays(launched: Launched, finished: Run) -> None:
    again = launched(steps=12)
    supervise.execute(again.pk)
    mine = finished.artifacts.get(name="step-000005/model.safetensors")
    theirs = again.artifacts.get(name="step-000005/model.safetensors")
    assert mine.sha256 == theirs.sha256
    with transaction.atomic():
        artifacts.forget(mine)
    assert artifacts.verify(theirs)
    with transaction.atomic():
        artifacts.forget(theirs)
    assert not default_storage.exists(theirs.storage_name)


def test_a_running_run_is_not_pruned_for_the_quota(finished: Run, settings: Settings) -> None:
    settings.RUN_DISK_QUOTA = 10
    Run.objects.filter(pk=finished.pk).update(state=RunState.RUNNING)
    with pytest.raises(retention.QuotaExceededError):
        retention.make_room()
    assert "step-000005/model.safetensors" in kept(finished)


def test_what_is_stored_is_checked_when_it_is_read(finished: Run, tmp_path: Path) -> None:
    artifact = finished.artifacts.get(final=True, name__endswith="state.pt")
    artifacts.fetch(artifact, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == '{"step": 12}'
    Path(default_storage.path(artifact.storage_name)).write_text('{"step": 13}')
    assert not artifacts.verify(artifact)
    with pytest.raises(artifacts.ObjectMissingError, match="is damaged"):
        artifacts.fetch(artifact, tmp_path / "copy")
    default_storage.delete(artifact.storage_name)
    with pytest.raises(artifacts.ObjectMissingError, match="not in storage"):
        artifacts.fetch(artifact, tmp_path / "copy")


def test_a_half_written_object_is_not_taken_for_a_whole_one(transactional_db: None, tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_bytes(b"w" * 1000)
    stored = artifacts.put(source)
    path = Path(default_storage.path(artifacts.storage_name(stored.sha256)))
    path.write_bytes(b"w" * 10)  # a crash of another writer
    artifacts.put(source)
    assert path.read_bytes() == source.read_bytes()
    assert [entry.name for entry in path.parent.iterdir()] == [stored.sha256]
