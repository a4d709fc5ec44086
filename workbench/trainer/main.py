"""The outermost frame of a training process: what is done first, and how every ending is reported."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from workbench.trainer import signals
from workbench.trainer.config import ConfigError
from workbench.trainer.events import EventWriter

SUCCEEDED, FAILED, BAD_CONFIG, STOPPED = 0, 1, 2, signals.STOPPED_EXIT_CODE


def run(run_dir: Path, body: Callable[[Path, EventWriter, signals.StopFlag], str]) -> int:
    """Runs `body`, which trains and returns "succeeded" or "stopped"; returns the process's exit code.

    Import torch inside `body`: SIGTERM is handled from the first moment only if nothing slow came before.
    An exception becomes an `error` event and exit code 1, a ConfigError exit code 2.
    """
    signals.die_with_parent()
    stop = signals.StopFlag()
    stop.install()
    rank = int(os.environ.get("RANK", "0"))
    if not run_dir.is_dir():
        print(f"--run-dir {run_dir} is not a folder; make it and put config.json there", file=sys.stderr)
        return BAD_CONFIG
    try:
        events = EventWriter(run_dir, enabled=rank == 0)
    except OSError as error:
        print(error, file=sys.stderr)
        return FAILED
    try:
        return STOPPED if body(run_dir, events, stop) == "stopped" else SUCCEEDED
    except Exception as error:  # noqa: BLE001 - whatever it is, the run's page must show it
        text, trace = f"{type(error).__name__}: {error}", traceback.format_exc()
        if isinstance(error, ConfigError):
            text = str(error)
        print(trace, file=sys.stderr)
        if rank == 0:
            events.error(*_first_cause(run_dir, text, trace))
        else:
            _failure_file(run_dir, rank).write_text(f"{text}\n{trace}", encoding="utf-8")
        return BAD_CONFIG if isinstance(error, ConfigError) else FAILED


def _first_cause(run_dir: Path, text: str, trace: str) -> tuple[str, str]:
    """Rank 0 sees only a lost connection when another rank fails; that one left its reason in a file."""
    for path in sorted(run_dir.glob("failed-rank-*.txt")):
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        return f"{first} ({path.stem.removeprefix('failed-')})", f"{rest}\nThen on rank 0:\n{trace}"
    return text, trace


def _failure_file(run_dir: Path, rank: int) -> Path:
    return run_dir / f"failed-rank-{rank}.txt"
