"""How long files of runs are kept, and how much disk they may take.

A running run keeps its last RUN_KEEP_CHECKPOINTS checkpoints and the final one. RUN_KEEP_DAYS after a run
ended, all but its final checkpoint and the files it delivered goes. Over RUN_DISK_QUOTA the oldest
checkpoints that are not final go first, those of ended runs only; if that is not enough, launches are
refused. Rows stay, marked pruned.
"""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from workbench.models import Artifact, Run, RunState
from workbench.refusals import Conflict
from workbench.runs import artifacts

log = structlog.get_logger(__name__)
ENDED = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)


class QuotaExceededError(Conflict):
    """Files of runs fill the disk quota and nothing more can be pruned."""

    def __init__(self, message: str) -> None:
        super().__init__("quota_exceeded", message)


def used_bytes() -> int:
    """Bytes that artifacts take in storage; equal files count once."""
    objects = Artifact.objects.filter(pruned_at=None).order_by("sha256").distinct("sha256")
    total = Artifact.objects.filter(pk__in=objects.values("pk")).aggregate(total=Sum("size"))["total"]
    return int(total or 0)


def keep_last(run: Run) -> None:
    """Within a transaction that holds the run's row: prune all but its last checkpoints and the final one."""
    rows = run.artifacts.filter(kind=Artifact.Kind.CHECKPOINT, pruned_at=None)
    steps = sorted(set(rows.values_list("step", flat=True)), key=lambda step: step or 0)
    for row in rows.filter(step__in=steps[: -settings.RUN_KEEP_CHECKPOINTS], final=False):
        artifacts.forget(row)


def prune_old() -> int:
    """Prune what ended runs no longer need; returns how many files."""
    before = timezone.now() - timedelta(days=settings.RUN_KEEP_DAYS)
    old = Artifact.objects.filter(run__state__in=ENDED, run__ended_at__lt=before, pruned_at=None, final=False)
    return _prune(old.order_by("id"), until=None)


def make_room() -> int:
    """Prune until the quota is kept; returns how many files. Raises QuotaExceededError if it can't be."""
    pruned = 0
    if used_bytes() >= settings.RUN_DISK_QUOTA:
        prunable = Artifact.objects.filter(
            run__state__in=ENDED, kind=Artifact.Kind.CHECKPOINT, pruned_at=None, final=False
        )
        pruned = _prune(prunable.order_by("created_at", "id"), until=settings.RUN_DISK_QUOTA)
    if (used := used_bytes()) >= settings.RUN_DISK_QUOTA:
        raise QuotaExceededError(
            _(
                "Files of runs take %(used).1f GiB and the quota is %(quota).1f GiB. Delete runs that are no "
                "longer needed, or raise RUN_DISK_QUOTA_GB."
            )
            % {"used": used / 1024**3, "quota": settings.RUN_DISK_QUOTA / 1024**3}
        )
    return pruned


def _prune(rows: QuerySet[Artifact], *, until: int | None) -> int:
    pruned = 0
    for row in rows.iterator():
        if until is not None and used_bytes() < until:
            break
        with transaction.atomic():
            run = Run.objects.select_for_update().get(pk=row.run_id)
            if run.state not in ENDED:  # somebody just resumed it
                continue
            artifacts.forget(row)
        pruned += 1
        log.info("artifact_pruned", run=str(row.run_id), name=row.name, size=row.size)
    return pruned
