"""Kinds of runs whose trainer is a script: one as it comes, one that delivers, one that trains nothing."""

import time
from pathlib import Path
from typing import Annotated, Any

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field

from workbench.models import Run
from workbench.runs import artifacts, delivery, kinds
from workbench.runs.kinds import Config, RunKind


class ScriptConfig(BaseModel):
    """See `script_trainer.py`."""

    model_config = ConfigDict(extra="forbid")

    steps: Annotated[int, Field(ge=1)] = 12
    checkpoint_every: int = 5
    delay: float = 0
    kill_at: int | None = None
    raise_at: int | None = None
    exit_at: int | None = None
    exit_code: int = 0
    refuse: str = ""
    raw: str = ""
    deaf: bool = False
    needs: str = ""
    hold: str = ""
    """Delivery waits as long as this file is in RUN_SCRATCH, its first half done."""
    undeliverable: str = ""


def prepare(config: Config, folder: Path) -> Config:
    if config["needs"]:
        raise kinds.InputsMissingError(f"{config['needs']} is gone.")
    return config


def deliver(run: Run, folder: Path) -> None:
    """Keeps the event stream as two files, in two blocks."""
    stored = artifacts.put(folder / "events.jsonl")
    with delivery.fenced(run):
        artifacts.keep_file(run, stored, "first.jsonl")
    while run.config["hold"] and (Path(settings.RUN_SCRATCH) / run.config["hold"]).exists():
        time.sleep(0.02)
    if run.config["undeliverable"]:
        raise delivery.DeliveryError(run.config["undeliverable"])
    with delivery.fenced(run):
        artifacts.keep_file(run, stored, "second.jsonl")


def _kind(key: str, **more: Any) -> RunKind:
    return RunKind(
        key=key,
        title=key.capitalize(),
        about="",
        config=ScriptConfig,
        command=("tests.runs.script_trainer",),
        queue="default",
        pin=lambda wanted: dict(wanted.model_dump(mode="json")),
        prepare=prepare,
        processes=lambda config: 1,
        **more,
    )


ALL = (
    _kind("script"),
    _kind("delivering", deliver=deliver),
    _kind("untrained", deliver=deliver, final_checkpoint=False),
)
