"""What happens in a run, as lines of text while it happens; for the command line."""

import time
import uuid
from collections.abc import Iterator

from django.db import InterfaceError, OperationalError, connection

from workbench.models import Run
from workbench.runs.progress import progress_of

_LOOK_SECONDS = 0.5


def lines(run_id: uuid.UUID) -> Iterator[str]:
    """Log lines, state changes, metrics and progress, until the run ends; outlasts a database's restart."""
    last_event = last_metric = 0
    last_progress = ""
    while True:
        try:
            run = Run.objects.get(pk=run_id)
            events = list(run.events.filter(pk__gt=last_event).order_by("pk"))
            metrics = list(run.metrics.filter(pk__gt=last_metric).order_by("pk"))
        except (OperationalError, InterfaceError):
            connection.close()
            time.sleep(_LOOK_SECONDS)
            continue
        for event in events:
            last_event = event.pk
            yield f"{event.kind:<10} {event.text}"
        by_step: dict[int, list[str]] = {}
        for metric in metrics:
            last_metric = metric.pk
            by_step.setdefault(metric.step, []).append(f"{metric.name}={metric.value:.6g}")
        for step, values in by_step.items():
            yield f"{'step':<10} {step} {' '.join(values)}"
        found = progress_of(run)
        shown = f"{'progress':<10} {found.text()}"
        if found.total and shown != last_progress and not run.ended:
            last_progress = shown
            yield shown
        if run.ended and not events and not metrics:
            return
        time.sleep(_LOOK_SECONDS)
