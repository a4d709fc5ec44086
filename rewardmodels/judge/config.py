"""Config of a scoring run: what `DIR/config.json` of `python -m rewardmodels.judge` holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from workbench.trainer.config import require


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredClip:
    """A clip to score."""

    id: str
    """Its key in the scores."""
    file: str
    """A video, relative to `DIR/inputs`."""
    prompt: str
    """What it was made for."""
    task: str
    """t2v or i2v."""
    first_frame: str | None = None
    """The image it was made from, relative to `DIR/inputs`; given exactly where the task is i2v."""

    def __post_init__(self) -> None:
        require(
            self.task in {"t2v", "i2v"}, f"task of clip {self.id!r} is {self.task!r}, expected t2v or i2v"
        )
        require(
            (self.first_frame is not None) == (self.task == "i2v"),
            f"first_frame of clip {self.id!r} is {self.first_frame!r} and its task is {self.task}; "
            "an image is given exactly where the task is i2v",
        )
        for file in (self.file, self.first_frame):
            _inside(file, f"clip {self.id!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreConfig:
    """Reward models times clips."""

    models: tuple[str, ...]
    """Reward models' weights files, relative to `DIR/inputs`."""
    clips: tuple[ScoredClip, ...]
    """What is scored, by every model."""
    batch_size: int = 16
    """Clips at a time."""

    def __post_init__(self) -> None:
        require(self.models != (), "models is empty, expected a reward model's file or more")
        require(self.clips != (), "clips is empty, expected one clip or more")
        require(self.batch_size >= 1, f"batch_size is {self.batch_size}, expected 1 or more")
        for file in self.models:
            _inside(file, "models")
        ids = [clip.id for clip in self.clips]
        require(len(set(ids)) == len(ids), "clips names an id twice; a clip has one score of a model")


def _inside(file: str | None, whose: str) -> None:
    path = PurePosixPath(file or "-")
    require(
        file != "" and not path.is_absolute() and ".." not in path.parts,
        f"file {file!r} of {whose} must stay inside the run's inputs folder",
    )
