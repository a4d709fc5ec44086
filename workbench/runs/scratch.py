"""The folders of attempts on this host: RUN_SCRATCH/<run>/<attempt>, removed when they are of no more use."""

import shutil
import uuid
from pathlib import Path

from django.conf import settings

from workbench.models import Run, RunState
from workbench.runs.claim import Claim


def make(claim: Claim) -> Path:
    """A fresh folder for an attempt."""
    folder = Path(settings.RUN_SCRATCH) / str(claim.run_id) / str(claim.attempt)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def remove(folder: Path) -> None:
    """Remove an attempt's folder, and the run's where it was the last."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.parent.rmdir()
    except OSError:
        return


def sweep() -> list[Path]:
    """Remove what killed supervisors of this host left: folders of attempts that are not at work."""
    root = Path(settings.RUN_SCRATCH)
    if not root.is_dir():
        return []
    attempts: dict[str, int] = {
        str(run_id): attempt
        for run_id, attempt in Run.objects.filter(state=RunState.RUNNING).values_list("id", "attempt")
    }
    removed = []
    for folder in root.glob("*/*"):
        if _is_of_a_run(folder) and attempts.get(folder.parent.name) != int(folder.name):
            remove(folder)
            removed.append(folder)
    return removed


def _is_of_a_run(folder: Path) -> bool:
    try:
        uuid.UUID(folder.parent.name)
    except ValueError:
        return False
    return folder.name.isdigit()
