"""How an attempt ends, written through the fence: succeeded, failed, cancelled, or queued again."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now
from django.utils.translation import gettext as _

from workbench.models import Run, RunEvent, RunState
from workbench.runs import hints, notice
from workbench.runs.kinds import ConfigRefusedError, kind_of
from workbench.runs.launch import wake_after_commit
from workbench.runs.lease import Lease, through_outages


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`state` is QUEUED for a run that shall be tried again."""

    state: RunState
    text: str = ""
    counts: bool = True
    """Whether an attempt without a new checkpoint counts towards giving the run up."""
    wake: bool = True
    """Whether to send the message at once; else the reaper does it after a while."""


def conclude(lease: Lease, outcome: Outcome) -> None:
    """Write the end of an attempt. Raises LeaseLostError."""

    def write() -> None:
        with lease.fenced() as run:
            settle(run, outcome)

    through_outages(write)
    hints.push(lease.run_id, "state", "events")


def settle(run: Run, outcome: Outcome) -> None:
    """Within a transaction that holds the run's row: end this attempt. A wanted cancellation comes first."""
    state, text = outcome.state, outcome.text
    if state == RunState.QUEUED and run.cancel_requested_at is not None:
        state = RunState.CANCELLED
    elif state == RunState.QUEUED and outcome.counts and run.fruitless_attempts >= settings.RUN_MAX_ATTEMPTS:
        state = RunState.FAILED
        text = _("Given up after %(count)s attempts without a new checkpoint. The last one: %(text)s") % {
            "count": run.fruitless_attempts,
            "text": text,
        }
    run.state, run.error = state, text if state == RunState.FAILED else ""
    run.lease_token = run.lease_expires_at = None
    fields = ["state", "error", "lease_token", "lease_expires_at"]
    if state != RunState.QUEUED:
        run.ended_at = Now()
        fields.append("ended_at")
    elif not outcome.counts:
        run.fruitless_attempts = Greatest(F("fruitless_attempts") - 1, 0)
        fields.append("fruitless_attempts")
    run.save(update_fields=fields)
    level = "error" if state == RunState.FAILED else "info"
    RunEvent.objects.create(
        run=run, attempt=run.attempt, kind="state", level=level, text=state, data={"why": text}
    )
    if state == RunState.FAILED:
        notice.run_failed(run)
    elif state == RunState.QUEUED and outcome.wake:
        _wake(run)


def _wake(run: Run) -> None:
    try:
        wake_after_commit(run.pk, kind_of(run.kind).queue)
    except ConfigRefusedError:  # a kind that this version no longer has: the reaper will say so
        transaction.on_commit(lambda: None)
