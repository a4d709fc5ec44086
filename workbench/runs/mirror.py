"""Metrics also to TensorBoard or MLflow, by METRICS_MIRROR. The database stays the truth: trouble here is
logged only.

`tensorboard:/folder` writes event files under /folder/<run>; `mlflow:URI` (http://host:port, file:/folder)
makes an MLflow run in the experiment of the run's kind. Both packages are optional and neither brings torch
here.
"""

import importlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from workbench.models import Run
from workbench.runs import events

log = structlog.get_logger(__name__)
_RUN_TAG = "workbench.run"


class Target(Protocol):
    def save(self, start: events.Start | None, metrics: Sequence[events.Metrics]) -> None: ...

    def close(self) -> None: ...


class Mirror:
    """Hands saved metrics on. A target that fails once is left alone for the rest of the attempt."""

    def __init__(self, target: Target | None) -> None:
        self._target = target

    def save(self, start: events.Start | None, metrics: Sequence[events.Metrics]) -> None:
        if self._target is None or (start is None and not metrics):
            return
        try:
            self._target.save(start, metrics)
        except Exception as error:  # noqa: BLE001 - a foreign system's trouble must not end a run
            log.warning("metrics_mirror_failed", mirror=settings.METRICS_MIRROR, error=str(error))
            self._target = None

    def close(self) -> None:
        if self._target is not None:
            try:
                self._target.close()
            except Exception as error:  # noqa: BLE001 - as above
                log.warning("metrics_mirror_failed", mirror=settings.METRICS_MIRROR, error=str(error))


@contextmanager
def open_mirror(run: Run) -> Iterator[Mirror]:
    """The mirror of one attempt at a run."""
    target = None
    try:
        target = _target(run)
    except ImproperlyConfigured:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        log.warning("metrics_mirror_failed", mirror=settings.METRICS_MIRROR, error=str(error))
    mirror = Mirror(target)
    try:
        yield mirror
    finally:
        mirror.close()


def _target(run: Run) -> Target | None:
    scheme, _, place = settings.METRICS_MIRROR.partition(":")
    if not scheme:
        return None
    if scheme == "tensorboard" and place.startswith("/"):
        return _TensorBoard(run, Path(place))
    if scheme == "mlflow" and place:
        return _MLflow(run, place)
    raise ImproperlyConfigured(
        f"METRICS_MIRROR is {settings.METRICS_MIRROR!r}; expected tensorboard:/folder or mlflow:http://host:port."
    )


class _TensorBoard:
    def __init__(self, run: Run, folder: Path) -> None:
        self._writers = importlib.import_module("tensorboardX")
        self._folder = folder / f"{run.kind}-{run.pk}"
        self._writer: Any = None

    def save(self, start: events.Start | None, metrics: Sequence[events.Metrics]) -> None:
        if start is not None:
            purge = None if start.resumed_from is None else start.resumed_from + 1
            self._writer = self._writers.SummaryWriter(str(self._folder), purge_step=purge)
        for event in metrics:
            for name, value in event.values.items():
                self._writer.add_scalar(name, value, event.step)
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class _MLflow:
    """MLflow keeps every value of a step, so what an interrupted attempt wrote beyond its checkpoint is in
    there twice; the value that counts is the one with the later time stamp, which is the one MLflow's pages
    show.
    """

    def __init__(self, run: Run, uri: str) -> None:
        self._entities = importlib.import_module("mlflow.entities")
        self._client = importlib.import_module("mlflow").MlflowClient(tracking_uri=uri)
        experiment = self._client.get_experiment_by_name(f"workbench-{run.kind}")
        number = (
            experiment.experiment_id
            if experiment
            else self._client.create_experiment(f"workbench-{run.kind}")
        )
        found = self._client.search_runs([number], f"tags.`{_RUN_TAG}` = '{run.pk}'", max_results=1)
        made = (
            found[0]
            if found
            else self._client.create_run(
                number, tags={_RUN_TAG: str(run.pk)}, run_name=run.name or str(run.pk)
            )
        )
        self._run_id = made.info.run_id
        if not found:
            for name, value in run.config.items():
                self._client.log_param(self._run_id, name, str(value)[:500])

    def save(self, start: events.Start | None, metrics: Sequence[events.Metrics]) -> None:
        now = int(time.time() * 1000)
        rows = [
            self._entities.Metric(name, value, now, event.step)
            for event in metrics
            for name, value in event.values.items()
        ]
        for at in range(0, len(rows), 1000):
            self._client.log_batch(self._run_id, metrics=rows[at : at + 1000])

    def close(self) -> None:
        self._client.set_terminated(self._run_id)
