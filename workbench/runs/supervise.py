"""One attempt at a run, from the claim to its end, in a Celery worker's pool process.

1. Claim the run; a message too many ends here.
2. Make the attempt's folder: config, inputs out of storage, the last recorded checkpoint.
3. Start the trainer, tail its events, save them (`saving.py`); a thread renews the lease (`lease.py`).
4. On cancellation or shutdown ask the trainer to stop; past the grace time kill it.
5. If it succeeded, the kind takes over what it left (`delivery.py`).
6. Write how it ended (`outcome.py`). With the lease lost: kill the trainer, write nothing.
"""

import json
import os
import socket
import time
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path

import structlog
from django.conf import settings
from django.utils.translation import gettext as _

from workbench.models import Run, RunEvent, RunState
from workbench.runs import checkpoints, events, scratch
from workbench.runs.claim import Claim, claim
from workbench.runs.delivery import DeliveryCancelledError, DeliveryError
from workbench.runs.kinds import ConfigRefusedError, InputsMissingError, RunKind, kind_of
from workbench.runs.lease import Lease, LeaseLostError, through_outages
from workbench.runs.mirror import open_mirror
from workbench.runs.outcome import Outcome, conclude
from workbench.runs.process import Trainer
from workbench.runs.saving import Ending, Saver
from workbench.runs.shutdown import ShutdownWatch

log = structlog.get_logger(__name__)
_LOOK_SECONDS = 0.1


def execute(run_id: uuid.UUID) -> None:
    """Do one attempt at a run if it is queued; returns when that is over."""
    scratch.sweep()
    claimed = claim(run_id, f"{socket.gethostname()}:{os.getpid()}")
    if claimed is None:
        return
    with structlog.contextvars.bound_contextvars(run=str(run_id), attempt=claimed.attempt):
        folder = scratch.make(claimed)
        try:
            with ShutdownWatch() as shutdown, Lease(claimed) as lease:
                _supervise(claimed, lease, folder, shutdown)
        finally:
            scratch.remove(folder)


def _supervise(claimed: Claim, lease: Lease, folder: Path, shutdown: ShutdownWatch) -> None:
    try:
        conclude(lease, _attempt(claimed, lease, folder, shutdown))
    except LeaseLostError:
        log.warning("run_lease_lost")
    except Exception as error:
        log.exception("run_attempt_broke")
        _try_later(lease, f"{type(error).__name__}: {error}", traceback.format_exc())


def _try_later(lease: Lease, text: str, trace: str) -> None:
    try:
        _note(lease, "error", f"{text}\n{trace}")
        conclude(lease, Outcome(state=RunState.QUEUED, text=text, wake=False))
    except LeaseLostError:
        log.warning("run_lease_lost")


def _attempt(claimed: Claim, lease: Lease, folder: Path, shutdown: ShutdownWatch) -> Outcome:
    run = through_outages(lambda: Run.objects.filter(pk=claimed.run_id, lease_token=claimed.token).first())
    if run is None:
        raise LeaseLostError
    try:
        kind = kind_of(run.kind)
        config = kind.prepare(run.config, folder)
    except (ConfigRefusedError, InputsMissingError) as error:
        return Outcome(state=RunState.FAILED, text=str(error))
    resumed = checkpoints.stage_last(run, folder)
    for problem in resumed.problems:
        _note(lease, "warning", problem)
    (folder / "config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8")
    with open_mirror(run) as mirror:
        saver = Saver(lease, folder, resumed, mirror)
        outcome = _follow(kind, run, lease, folder, saver, shutdown)
    if outcome.state == RunState.SUCCEEDED and kind.deliver is not None:
        return _deliver(kind.deliver, run, lease, folder)
    return outcome


def _follow(
    kind: RunKind, run: Run, lease: Lease, folder: Path, saver: Saver, shutdown: ShutdownWatch
) -> Outcome:
    trainer = Trainer(kind, folder, kind.processes(run.config))
    log.info("run_trainer_started", pid=trainer.pid)
    tail = events.Tail(folder / "events.jsonl")
    kill_at: float | None = None
    overdue = False
    try:
        while True:
            over = trainer.poll() is not None  # looked at first: what it wrote before its end is read after
            lines = tail.read()
            saver.save(lines)
            if lease.lost:
                raise LeaseLostError
            if over and not lines:
                break
            if kill_at is None and (lease.cancel_requested or shutdown):
                trainer.ask_to_stop()
                kill_at = time.monotonic() + settings.RUN_GRACE_SECONDS
            elif kill_at is not None and time.monotonic() > kill_at and not over:
                overdue = True
                trainer.kill()
            if not lines:
                time.sleep(_LOOK_SECONDS)
    except events.ProtocolError as error:
        return Outcome(state=RunState.FAILED, text=str(error))
    finally:
        trainer.kill()
    return _outcome(kind, trainer, saver.ending, asked=kill_at is not None, overdue=overdue)


def _outcome(kind: RunKind, trainer: Trainer, ending: Ending, *, asked: bool, overdue: bool) -> Outcome:
    """What the stream and the exit code say together; a cancellation is looked at where it is written."""
    if ending.end is not None and ending.end.state == "succeeded":
        if kind.final_checkpoint and not ending.final_recorded:
            return Outcome(state=RunState.FAILED, text=_("The trainer ended without a final checkpoint."))
        return Outcome(state=RunState.SUCCEEDED)
    if ending.end is not None:
        return Outcome(state=RunState.QUEUED, text=_("The trainer was asked to stop."), counts=False)
    killed_by = trainer.killed_by()
    if overdue:
        text = _(
            "The trainer did not stop within %(seconds)s s and was killed; "
            "steps since the last checkpoint are lost."
        )
        return Outcome(
            state=RunState.QUEUED, text=text % {"seconds": settings.RUN_GRACE_SECONDS}, counts=False
        )
    if asked and ending.error is None:
        text = _("The trainer was asked to stop and wrote no checkpoint; steps since the last one are lost.")
        return Outcome(state=RunState.QUEUED, text=text, counts=False)
    if killed_by:
        return Outcome(
            state=RunState.QUEUED, text=_("The trainer was killed by %(signal)s.") % {"signal": killed_by}
        )
    if ending.error is not None:
        return Outcome(state=RunState.FAILED, text=ending.error.text)
    code = trainer.poll()
    text = _("The trainer exited with code %(code)s and said nothing more. It printed:") % {"code": code}
    return Outcome(state=RunState.FAILED, text=f"{text}\n{trainer.last_words()}")


def _deliver(deliver: Callable[[Run, Path], None], run: Run, lease: Lease, folder: Path) -> Outcome:
    cancelled = Outcome(state=RunState.QUEUED, text=_("Cancelled before its results were taken over."))
    if lease.cancel_requested:
        return cancelled
    _event(lease, "state", "info", "delivering")
    try:
        through_outages(lambda: deliver(run, folder))
    except DeliveryError as error:
        return Outcome(state=RunState.FAILED, text=str(error))
    except DeliveryCancelledError:
        return cancelled
    return Outcome(state=RunState.SUCCEEDED)


def _note(lease: Lease, level: str, text: str) -> None:
    """A line for the run's log, written by the supervisor."""
    _event(lease, "log", level, text)


def _event(lease: Lease, kind: str, level: str, text: str) -> None:
    def write() -> None:
        with lease.fenced() as run:
            RunEvent.objects.create(
                run=run, attempt=run.attempt, kind=kind, level=level, text=text.replace("\x00", "")
            )

    through_outages(write)
