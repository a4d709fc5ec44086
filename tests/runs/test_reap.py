"""Expired leases and lost messages."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone
from pytest_django.fixtures import Settings

from workbench.celery import app
from workbench.models import Run, User
from workbench.runs import control, reap, supervise
from workbench.runs.claim import claim

Launched = Callable[..., Run]


def waiting_messages(queue: str = "default") -> int:
    with app.connection_for_write() as connection:
        return int(connection.default_channel.queue_declare(queue, passive=True).message_count)


def clear(queue: str = "default") -> None:
    with app.connection_for_write() as connection:
        connection.default_channel.queue_purge(queue)


def expire(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def test_an_expired_lease_goes_back_and_wakes_a_worker(launched: Launched) -> None:
    run = launched()
    assert claim(run.pk, "gone")
    clear()
    assert reap.requeue_expired() == 0  # not yet
    expire(run)
    assert reap.requeue_expired() == 1
    assert reap.requeue_expired() == 0
    run.refresh_from_db()
    assert (run.state, run.lease_token, run.fruitless_attempts) == ("queued", None, 1)
    assert waiting_messages() == 1
    supervise.execute(run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("succeeded", 2)


def test_a_run_whose_workers_die_again_and_again_is_given_up(launched: Launched, settings: Settings) -> None:
    settings.RUN_MAX_ATTEMPTS = 2
    run = launched()
    for _ in range(2):
        assert claim(run.pk, "gone")
        expire(run)
        reap.requeue_expired()
    run.refresh_from_db()
    assert run.state == "failed"
    assert "gone has not been heard of" in run.error
    assert run.created_by.notices.count() == 1


def test_a_cancelled_run_whose_worker_died_is_cancelled(launched: Launched, engineer: User) -> None:
    run = launched()
    assert claim(run.pk, "gone")
    control.cancel(engineer, run.pk)
    expire(run)
    reap.requeue_expired()
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert run.ended_at is not None


def test_a_lost_message_is_sent_again_once_the_queue_is_empty(launched: Launched) -> None:
    clear()
    run = launched()
    assert waiting_messages() == 1
    Run.objects.filter(pk=run.pk).update(woken_at=timezone.now() - timedelta(minutes=1))
    assert reap.wake_forgotten() == 0  # its message may still be in the queue
    clear()
    assert reap.wake_forgotten() == 1
    assert waiting_messages() == 1
    assert reap.wake_forgotten() == 0  # it was just sent


def test_a_kind_that_is_gone_fails_its_runs(launched: Launched) -> None:
    run = launched()
    Run.objects.filter(pk=run.pk).update(kind="forgotten", woken_at=None)
    reap.wake_forgotten()
    run.refresh_from_db()
    assert run.state == "failed"
    assert "'forgotten' is not a kind of run" in run.error
