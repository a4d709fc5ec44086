"""Launching: a validated row in the database, and a message that wakes a worker up after the commit."""

import uuid
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from workbench.access import audit, require
from workbench.models import Run, RunEvent, User
from workbench.refusals import Conflict
from workbench.runs import retention
from workbench.runs.kinds import Config, kind_of, validated

log = structlog.get_logger(__name__)


class KeyReusedError(Conflict):
    """The idempotency key was used before, for another launch."""

    def __init__(self, message: str) -> None:
        super().__init__("key_reused", message)


def launch(
    user: User,
    kind_key: str,
    config: object,
    *,
    name: str = "",
    parent: Run | None = None,
    idempotency_key: str = "",
    request: HttpRequest | None = None,
) -> Run:
    """Validate, make the run and send its message.

    The same idempotency key gives the same run again. Raises PermissionDenied, ConfigRefusedError,
    KeyReusedError and retention.QuotaExceededError.
    """
    require(user, "runs.launch")
    kind = kind_of(kind_key)
    stored = validated(kind, config)
    if idempotency_key and (earlier := _earlier(user, idempotency_key)):
        return _same(earlier, kind_key, stored)
    retention.make_room()
    try:
        with transaction.atomic():
            run = Run.objects.create(
                kind=kind.key,
                name=name.strip(),
                config=stored,
                created_by=user,
                parent=parent,
                idempotency_key=idempotency_key,
            )
            RunEvent.objects.create(run=run, attempt=0, kind="state", text="queued")
            audit(request, "run.launch", run, kind=kind.key, user=user.pk)
            wake_after_commit(run.pk, kind.queue)
    except IntegrityError:
        earlier = _earlier(user, idempotency_key) if idempotency_key else None
        if earlier is None:
            raise
        return _same(earlier, kind_key, stored)
    return run


def wake_after_commit(run_id: uuid.UUID, queue: str) -> None:
    transaction.on_commit(lambda: wake(run_id, queue))


def wake(run_id: uuid.UUID, queue: str) -> None:
    """Send the message that wakes a worker up. If the broker is away, the reaper sends it later."""
    from workbench.runs.tasks import execute

    try:
        execute.apply_async(args=[str(run_id)], queue=queue, retry=False)
    except Exception as error:  # noqa: BLE001 - whichever way a broker fails: the row is the truth
        log.warning("run_message_not_sent", run=str(run_id), error=str(error))
        return
    Run.objects.filter(pk=run_id).update(woken_at=timezone.now())


def _earlier(user: User, key: str) -> Run | None:
    return Run.objects.filter(created_by=user, idempotency_key=key).first()


def _same(earlier: Run, kind_key: str, stored: Config | Any) -> Run:
    if earlier.kind != kind_key or earlier.config != stored:
        raise KeyReusedError(
            f"The idempotency key was used for the run {earlier.pk}, which has another kind or config; "
            "use a new key for a new run."
        )
    return earlier
