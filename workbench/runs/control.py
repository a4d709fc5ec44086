"""What people do to runs: cancel, resume, clone. Permission, deed and audit entry in one place.

Everybody who may view runs sees all of them. Cancelling and resuming is for the person who launched the run
and for managers; cloning is for everybody who may launch.
"""

import uuid
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from workbench.access import audit, may, require
from workbench.models import Role, Run, RunEvent, RunState, User
from workbench.refusals import Conflict
from workbench.runs import hints, launch, retention
from workbench.runs.kinds import kind_of


class NotNowError(Conflict):
    """The run's state does not allow this."""

    def __init__(self, message: str) -> None:
        super().__init__("not_now", message)


def may_control(user: Any, run: Run) -> bool:
    """True for those who may cancel and resume this run: its launcher, and managers."""
    if not may(user, "runs.launch"):
        return False
    return bool(user.is_superuser) or user.role == Role.MANAGER or run.created_by_id == user.pk


def cancel(user: User, run_id: uuid.UUID, request: HttpRequest | None = None) -> Run:
    """A queued run is cancelled at once; a running one when its trainer has written a checkpoint.

    Raises Run.DoesNotExist, PermissionDenied, NotNowError.
    """
    with transaction.atomic():
        run = _locked(user, run_id)
        if run.ended:
            raise NotNowError(
                _("The run has ended already (%(state)s).") % {"state": run.get_state_display()}
            )
        run.cancel_requested_at = run.cancel_requested_at or timezone.now()
        if run.state == RunState.QUEUED:
            run.state, run.ended_at = RunState.CANCELLED, timezone.now()
        run.save(update_fields=["state", "cancel_requested_at", "ended_at"])
        text = "cancelled" if run.ended else "cancelling"
        RunEvent.objects.create(
            run=run, attempt=run.attempt, kind="state", text=text, data={"by": user.username}
        )
        audit(request, "run.cancel", run)
    hints.push(run.pk, "state", "events")
    return run


def resume(user: User, run_id: uuid.UUID, request: HttpRequest | None = None) -> Run:
    """Queue a failed or cancelled run again; it goes on from its last recorded checkpoint.

    Raises Run.DoesNotExist, PermissionDenied, NotNowError, retention.QuotaExceededError.
    """
    retention.make_room()
    with transaction.atomic():
        run = _locked(user, run_id)
        if run.state not in {RunState.FAILED, RunState.CANCELLED}:
            raise NotNowError(
                _("Only failed and cancelled runs can be resumed; this one is %(state)s.")
                % {"state": run.get_state_display()}
            )
        kind = kind_of(run.kind)
        run.state, run.error, run.fruitless_attempts = RunState.QUEUED, "", 0
        run.cancel_requested_at = run.ended_at = run.woken_at = None
        run.save(
            update_fields=[
                "state",
                "error",
                "fruitless_attempts",
                "cancel_requested_at",
                "ended_at",
                "woken_at",
            ]
        )
        RunEvent.objects.create(
            run=run, attempt=run.attempt, kind="state", text="queued", data={"by": user.username}
        )
        audit(request, "run.resume", run)
        launch.wake_after_commit(run.pk, kind.queue)
    hints.push(run.pk, "state", "events")
    return run


def clone(user: User, run_id: uuid.UUID, request: HttpRequest | None = None) -> Run:
    """A new run with the same config, from step 0, and this one as its parent. Raises as `launch` does."""
    parent = Run.objects.get(pk=run_id)
    return launch.launch(user, parent.kind, parent.config, name=parent.name, parent=parent, request=request)


def _locked(user: User, run_id: uuid.UUID) -> Run:
    require(user, "runs.launch")
    run = Run.objects.select_for_update().get(pk=run_id)
    if not may_control(user, run):
        raise PermissionDenied(_("Only the person who launched this run and managers may do this."))
    return run
