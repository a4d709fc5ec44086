"""Runs whose worker is gone go back to the queue, and queued runs whose message may be lost get another.

Both are safe to do too often: a lease is taken away under the row's lock, and a message too many claims
nothing.
"""

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from workbench.celery import app
from workbench.models import Run, RunState
from workbench.runs import hints, kinds
from workbench.runs.launch import wake
from workbench.runs.outcome import Outcome, settle

log = structlog.get_logger(__name__)
_MESSAGE_LOST = timedelta(seconds=10)
_MESSAGE_STUCK = timedelta(hours=1)


def reap() -> None:
    requeue_expired()
    wake_forgotten()


def requeue_expired() -> int:
    """End the attempts whose lease ran out; returns how many."""
    count = 0
    expired = Q(state=RunState.RUNNING, lease_expires_at__lt=Now())
    for run_id in Run.objects.filter(expired).values_list("pk", flat=True):
        with transaction.atomic():
            run = Run.objects.select_for_update(skip_locked=True).filter(expired, pk=run_id).first()
            if run is None:  # renewed or ended meanwhile
                continue
            text = _("The worker %(worker)s has not been heard of.") % {"worker": run.worker}
            settle(run, Outcome(state=RunState.QUEUED, text=text))
            log.warning("run_lease_expired", run=str(run_id), attempt=run.attempt, worker=run.worker)
            count += 1
        hints.push(run_id, "state", "events")
    return count


def wake_forgotten() -> int:
    """Send the message again for runs that wait although their queue is empty; returns how many."""
    count = 0
    waiting = Run.objects.filter(state=RunState.QUEUED)
    lost = waiting.filter(Q(woken_at=None) | Q(woken_at__lt=Now() - _MESSAGE_LOST))
    for run in lost.order_by("created_at"):
        try:
            queue = kinds.kind_of(run.kind).queue
        except kinds.ConfigRefusedError as error:
            _refuse(run, str(error))
            continue
        stuck = (
            run.woken_at is not None
            and waiting.filter(pk=run.pk, woken_at__lt=Now() - _MESSAGE_STUCK).exists()
        )
        if run.woken_at is None or stuck or _length(queue) == 0:
            wake(run.pk, queue)
            count += 1
    return count


def _length(queue: str) -> int:
    """Messages that wait in a queue; 1 if that can't be known."""
    try:
        with app.connection_for_write() as connection:
            try:
                return int(connection.default_channel.queue_declare(queue, passive=True).message_count)
            except connection.channel_errors:  # no such queue: in Valkey an empty one is not there
                return 0
    except Exception as error:  # noqa: BLE001 - whichever way a broker fails, the next look will tell
        log.warning("queue_length_unknown", queue=queue, error=str(error))
        return 1


def _refuse(waiting: Run, text: str) -> None:
    with transaction.atomic():
        run = Run.objects.select_for_update().filter(pk=waiting.pk, state=RunState.QUEUED).first()
        if run is not None:
            settle(run, Outcome(state=RunState.FAILED, text=text))
