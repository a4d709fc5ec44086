"""Checkpoints as the database knows them: which there are; bringing the last one to an attempt's folder."""

from dataclasses import dataclass
from pathlib import Path

import structlog

from workbench.models import Artifact, Run
from workbench.runs import artifacts

log = structlog.get_logger(__name__)
FILES = frozenset({"model.safetensors", "state.pt"})


def recorded(run: Run) -> dict[int, list[Artifact]]:
    """The files of each complete checkpoint that is still in storage, by step, the newest first."""
    found: dict[int, list[Artifact]] = {}
    rows = run.artifacts.filter(kind=Artifact.Kind.CHECKPOINT, pruned_at=None, step__isnull=False)
    for row in rows.order_by("-step", "name"):
        found.setdefault(row.step or 0, []).append(row)
    return {step: files for step, files in found.items() if {Path(f.name).name for f in files} >= FILES}


@dataclass(frozen=True, slots=True)
class Staged:
    """The checkpoint that an attempt begins from."""

    step: int | None
    """None: there is none, the attempt begins at step 0."""
    final: bool
    """The trainer wrote it as its last one: nothing is left to train, only to end."""
    problems: list[str]
    """What was wrong with newer ones, which had to be passed over."""


def stage_last(run: Run, folder: Path) -> Staged:
    """Put the newest recorded checkpoint that is whole into `folder/resume`."""
    problems = []
    for step, files in recorded(run).items():
        try:
            for row in files:
                artifacts.fetch(row, folder / "resume" / Path(row.name).name)
        except artifacts.ObjectMissingError as error:
            problems.append(f"The checkpoint of step {step} can't be used: {error}")
            log.warning("run_checkpoint_unusable", run=str(run.pk), step=step, error=str(error))
            continue
        return Staged(step, all(row.final for row in files), problems)
    _clear(folder / "resume")
    return Staged(None, False, problems)


def _clear(folder: Path) -> None:
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
