"""What a kind takes over from its trainer is there once the run has succeeded, once, whatever died before."""

import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tests.runs.rig import Rig
from tests.runs.test_supervise import attempt, steps_of
from tests.runs.waiting import until
from workbench.models import Artifact, Run, User
from workbench.runs import artifacts, control, launch, reap
from workbench.runs.claim import claim

Supervisor = Callable[[Run], threading.Thread]
BOTH = ["first.jsonl", "second.jsonl"]


def kept(run: Run) -> list[str]:
    rows = run.artifacts.filter(kind=Artifact.Kind.FILE).order_by("name")
    assert all(row.final and artifacts.verify(row) for row in rows)
    return [row.name for row in rows]


@pytest.fixture
def hold(scratch_folder: Path) -> Path:
    """Delivery stops in its middle as long as this file is there."""
    scratch_folder.mkdir()
    path = scratch_folder / "hold"
    path.touch()
    return path


@pytest.fixture
def held(engineer: User, supervisor: Supervisor, hold: Path) -> tuple[Run, threading.Thread]:
    """A run in the middle of its delivery, and its supervisor."""
    run = launch.launch(engineer, "delivering", {"hold": hold.name})
    thread = supervisor(run)
    until(lambda: kept(run) == BOTH[:1], "the first half")
    return run, thread


def test_delivered_before_it_counts_as_succeeded(engineer: User) -> None:
    run = attempt(launch.launch(engineer, "delivering", {}))
    assert (run.state, kept(run)) == ("succeeded", BOTH)
    states = run.events.filter(kind="state").order_by("pk").values_list("text", flat=True)
    assert list(states) == ["queued", "running", "training", "delivering", "succeeded"]


def test_what_can_not_be_delivered_fails_the_run(engineer: User) -> None:
    run = attempt(launch.launch(engineer, "delivering", {"undeliverable": "clip 7 is gone"}))
    assert (run.state, run.error, kept(run)) == ("failed", "clip 7 is gone", BOTH[:1])


def test_a_kind_that_trains_nothing_needs_no_checkpoint(engineer: User) -> None:
    run = attempt(launch.launch(engineer, "untrained", {"checkpoint_every": 0}))
    assert (run.state, kept(run)) == ("succeeded", BOTH)
    run = attempt(launch.launch(engineer, "delivering", {"checkpoint_every": 0}))
    assert (run.state, kept(run)) == ("failed", [])
    assert "without a final checkpoint" in run.error


def test_cancelled_in_the_middle_and_resumed(
    held: tuple[Run, threading.Thread], hold: Path, engineer: User
) -> None:
    run, thread = held
    control.cancel(engineer, run.pk)
    hold.unlink()
    thread.join(30)
    run.refresh_from_db()
    assert (run.state, kept(run)) == ("cancelled", BOTH[:1])
    control.resume(engineer, run.pk)
    run = attempt(run)
    assert (run.state, run.attempt, kept(run)) == ("succeeded", 2, BOTH)
    assert run.events.filter(text="training").last().data["step"] == run.total_steps  # type: ignore[union-attr]
    assert steps_of(run) == list(range(1, 13))


def test_who_lost_the_lease_delivers_nothing_more(held: tuple[Run, threading.Thread], hold: Path) -> None:
    run, thread = held

    def run_out() -> bool:  # the living supervisor may renew it in between
        Run.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        return reap.requeue_expired() == 1

    until(run_out, "the lease to run out")
    other = claim(run.pk, "the other worker")
    assert other is not None
    hold.unlink()
    thread.join(30)
    run.refresh_from_db()
    assert (run.state, run.lease_token, kept(run)) == ("running", other.token, BOTH[:1])


@pytest.mark.slow
def test_worker_killed_in_the_middle(rig: Rig) -> None:
    """kill -9: the next attempt begins at the final checkpoint, trains nothing and delivers again."""
    hold = rig.folder / "runs" / "hold"
    hold.parent.mkdir(exist_ok=True)
    hold.touch()
    run = rig.launch("delivering", {"hold": hold.name})
    files = "SELECT name FROM workbench_artifact WHERE run_id = %s AND kind = 'file' ORDER BY name"
    rig.until(lambda: rig.rows(files, run) == [("first.jsonl",)], "the first half")
    supervisor = rig.supervisor_pid(run)
    rig.kill("default")
    os.kill(supervisor, signal.SIGKILL)
    hold.unlink()
    rig.start_worker("default")
    assert rig.wait_for_end(run) == "succeeded", (rig.run_row(run, "error"), rig.last_words())
    assert rig.rows(files, run) == [("first.jsonl",), ("second.jsonl",)]
    assert rig.run_row(run, "attempt", "step") == (2, 12)
    assert rig.metrics(run) == [(step, "train/loss") for step in range(1, 13)]
