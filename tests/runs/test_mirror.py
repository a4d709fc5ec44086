"""Metrics also go to another system; its trouble is not the run's."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from workbench.models import Run
from workbench.runs import mirror, supervise

Launched = Callable[..., Run]


def test_mlflow_has_every_value(
    launched: Launched, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a real store that needs no server
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow-skinny, an optional extra")
    settings.METRICS_MIRROR = f"mlflow:file:{tmp_path}/mlflow"
    run = launched(steps=12, kill_at=8)
    for _ in range(2):
        supervise.execute(run.pk)
    client = mlflow.MlflowClient(tracking_uri=f"file:{tmp_path}/mlflow")
    experiment = client.get_experiment_by_name("workbench-script")
    (found,) = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(found.info.run_id, "train/loss")
    assert {point.step for point in history} == set(range(1, 13))
    assert found.data.params["steps"] == "12"


def test_a_mirror_that_is_away_ends_no_run(launched: Launched, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")
    settings.METRICS_MIRROR = f"tensorboard:{tmp_path}/blocked"
    run = launched(steps=12)
    supervise.execute(run.pk)
    run.refresh_from_db()
    assert run.state == "succeeded"


def test_a_setting_that_means_nothing_is_refused(launched: Launched, settings: Settings) -> None:
    settings.METRICS_MIRROR = "graphite:somewhere"
    run = launched(steps=12)
    with (
        pytest.raises(ImproperlyConfigured, match=r"expected tensorboard:/folder or mlflow"),
        mirror.open_mirror(run),
    ):
        pytest.fail("a mirror was opened")
