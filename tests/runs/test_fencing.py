"""Of many messages one starts a trainer, and who lost the lease can write nothing."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.runs.waiting import until
from workbench.models import Run, RunEvent, RunState
from workbench.runs import reap, scratch, supervise
from workbench.runs.claim import Claim, claim
from workbench.runs.lease import Lease, LeaseLostError
from workbench.runs.outcome import Outcome, conclude

Launched = Callable[..., Run]
Supervisor = Callable[[Run], threading.Thread]


def test_many_claims_one_winner(launched: Launched) -> None:
    run = launched()
    together = threading.Barrier(8)

    def try_it(number: int) -> Claim | None:
        try:
            together.wait()
            return claim(run.pk, f"worker {number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        claims = [found for found in pool.map(try_it, range(8)) if found]
    assert len(claims) == 1
    run.refresh_from_db()
    assert (run.lease_token, run.attempt) == (claims[0].token, 1)


def test_duplicate_messages_start_one_trainer(launched: Launched, supervisor: Supervisor) -> None:
    run = launched(steps=10, delay=0.02)
    threads = [supervisor(run) for _ in range(3)]
    for thread in threads:
        thread.join(60)
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("succeeded", 1)
    assert RunEvent.objects.filter(run=run, text="training").count() == 1


def test_the_stale_supervisor_kills_its_trainer_and_writes_nothing(
    launched: Launched, supervisor: Supervisor
) -> None:
    run = launched(steps=3000, delay=0.02, checkpoint_every=5)
    thread = supervisor(run)
    until(lambda: Run.objects.get(pk=run.pk).step >= 7, "step 7")

    # What the reaper does when a lease has run out; then another worker claims. Each save renews the lease,
    # so one may come in between.
    def run_out() -> bool:
        Run.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        return reap.requeue_expired() == 1

    until(run_out, "the lease to run out")
    other = claim(run.pk, "the other worker")
    assert other is not None
    before = _everything(run)
    thread.join(30)
    assert not thread.is_alive()
    assert _everything(run) == before
    assert Run.objects.get(pk=run.pk).lease_token == other.token


def test_every_write_is_fenced(launched: Launched) -> None:
    run = launched()
    mine = claim(run.pk, "first")
    assert mine is not None
    stranger = Lease(Claim(run.pk, uuid.uuid4(), 1))
    with pytest.raises(LeaseLostError), stranger.fenced():
        pytest.fail("a stranger got through the fence")
    with pytest.raises(LeaseLostError):
        conclude(stranger, Outcome(state=RunState.SUCCEEDED))
    assert stranger.lost
    run.refresh_from_db()
    assert (run.state, run.lease_token) == ("running", mine.token)


def test_a_lease_is_renewed_while_it_is_held(launched: Launched, settings: Settings) -> None:
    settings.RUN_LEASE_SECONDS = 2
    run = launched()
    mine = claim(run.pk, "first")
    assert mine is not None
    end = Run.objects.get(pk=run.pk).lease_expires_at
    with Lease(mine) as lease:
        until(lambda: Run.objects.get(pk=run.pk).lease_expires_at > end, "a renewal", 20)  # type: ignore[operator]
        assert reap.requeue_expired() == 0
        assert not lease.lost


def test_the_sweep_spares_the_attempt_at_work(launched: Launched) -> None:
    run = launched()
    mine = claim(run.pk, "first")
    assert mine is not None
    at_work, left_over = scratch.make(mine), scratch.make(Claim(run.pk, mine.token, 0))
    stranger = scratch.make(Claim(uuid.uuid4(), mine.token, 1))
    assert set(scratch.sweep()) == {left_over, stranger}
    assert at_work.is_dir()


def test_a_broken_off_answer_saves_nothing_twice(launched: Launched, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks after a commit, before its answer: the save is repeated and finds itself done."""
    from django.db import OperationalError

    from workbench.runs.saving import Saver

    write = Saver._write
    broken: list[object] = []

    def write_then_lose_the_answer(self: Saver, block: object) -> bool:
        done = write(self, block)  # type: ignore[arg-type]
        if len(broken) < 3:
            broken.append(block)
            raise OperationalError("server closed the connection unexpectedly")
        return done

    monkeypatch.setattr(Saver, "_write", write_then_lose_the_answer)
    run = launched(steps=12)
    supervise.execute(run.pk)
    run.refresh_from_db()
    assert (run.state, len(broken)) == ("succeeded", 3)
    assert sorted(run.metrics.values_list("step", flat=True)) == list(range(1, 13))
    assert run.events.filter(kind="checkpoint").count() == 3


def _everything(run: Run) -> tuple[object, ...]:
    return (
        list(run.metrics.order_by("id").values_list("id", "step")),
        list(run.events.order_by("id").values_list("id", flat=True)),
        list(run.artifacts.order_by("id").values_list("id", flat=True)),
        Run.objects.values_list("state", "step", "attempt", "worker").get(pk=run.pk),
    )
