"""Claiming a queued run: one conditional UPDATE with a fresh token, so of many messages one starts it."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from workbench.models import Run, RunEvent, RunState


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that this process may now work on, until its lease is lost."""

    run_id: uuid.UUID
    token: uuid.UUID
    attempt: int


def claim(run_id: uuid.UUID, worker: str) -> Claim | None:
    """Take a queued run; None if it is not queued (another worker has it, it ended, it was cancelled).

    The attempt counts as fruitless until it records a checkpoint.
    """
    token = uuid.uuid4()
    taken = Run.objects.filter(pk=run_id, state=RunState.QUEUED).update(
        state=RunState.RUNNING,
        lease_token=token,
        lease_expires_at=lease_end(),
        heartbeat_at=Now(),
        started_at=Coalesce("started_at", Now()),
        ended_at=None,
        attempt=F("attempt") + 1,
        fruitless_attempts=F("fruitless_attempts") + 1,
        events_offset=0,
        worker=worker[:120],
    )
    if taken != 1:
        return None
    run = Run.objects.get(pk=run_id)
    if run.lease_token != token:  # so slow a claim that the lease ran out in between
        return None
    RunEvent.objects.create(
        run=run, attempt=run.attempt, kind="state", text="running", data={"worker": run.worker}
    )
    return Claim(run.pk, token, run.attempt)


def lease_end() -> Now:
    """When a lease taken or renewed now runs out, by the database's clock: hosts' clocks differ."""
    return Now() + timedelta(seconds=settings.RUN_LEASE_SECONDS)  # type: ignore[return-value]
