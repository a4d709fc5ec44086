"""What Celery runs: thin doors to the modules beside this one. Nothing here may import torch."""

import uuid

from celery.signals import worker_shutting_down

from workbench.celery import app
from workbench.runs import reap, retention, scratch, shutdown, supervise

worker_shutting_down.connect(shutdown.announce)


@app.task(name="workbench.runs.execute")  # type: ignore[untyped-decorator]
def execute(run_id: str) -> None:
    """One attempt at a run."""
    supervise.execute(uuid.UUID(run_id))


@app.task(name="workbench.runs.reap")  # type: ignore[untyped-decorator]
def reap_runs() -> None:
    reap.reap()


@app.task(name="workbench.runs.retention")  # type: ignore[untyped-decorator]
def keep_in_bounds() -> None:
    retention.prune_old()
    scratch.sweep()
    try:
        retention.make_room()
    except retention.QuotaExceededError as full:
        supervise.log.warning("run_quota_exceeded", error=str(full))
