"""The event stream of a training process: one JSON object per line in `DIR/events.jsonl`.

The process that supervises the run tails this file, so every line is flushed as it is written, and the
order of the lines is a promise that `EventWriter` enforces:

- `start` comes first; only `log` and `error` may come before it;
- a (step, metric name) occurs once, and no metric of a step at or before the last `checkpoint` follows it;
- `result` occurs once; nothing follows `end` or `error`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

Level = Literal["info", "warning", "error"]
State = Literal["succeeded", "stopped"]
Figure = float | int | str | bool | None


class EventOrderError(RuntimeError):
    """An event would break the promised order of the stream: a mistake in the trainer, not in its input."""


class EventWriter:
    """Writes the events of one attempt. Ranks other than 0 pass `enabled=False`: checked, not written.

    Raises FileExistsError if `DIR/events.jsonl` already holds events: an attempt has a folder of its own.
    """

    def __init__(self, run_dir: Path, *, enabled: bool = True) -> None:
        self._file = None
        if enabled:
            path = run_dir / "events.jsonl"
            self._file = path.open("a", encoding="utf-8")
            if self._file.tell() > 0:
                self._file.close()
                raise FileExistsError(
                    f"{path} already holds events of an earlier process; "
                    "give every attempt a run folder of its own"
                )
        self._started = False
        self._closed = False
        self._has_result = False
        self._checkpoint_step = -1
        self._metrics_of_step: tuple[int, set[str]] = (-1, set())

    def start(self, *, total_steps: int, resumed_from: int | None) -> None:
        """`resumed_from` is the step of the checkpoint that was loaded, or None."""
        if self._started:
            raise EventOrderError("start was written twice")
        self._write(
            "start",
            resumed_from=resumed_from,
            total_steps=total_steps,
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        self._started = True
        if resumed_from is not None:
            self._checkpoint_step = resumed_from

    def progress(self, step: int, total: int) -> None:
        self._require_start("progress")
        self._write("progress", step=step, total=total)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Figures of one step. Raises FloatingPointError on a figure that is not finite."""
        self._require_start("metric")
        if step <= self._checkpoint_step:
            raise EventOrderError(f"metrics of step {step} after the checkpoint of {self._checkpoint_step}")
        last_step, names = self._metrics_of_step
        if step < last_step:
            raise EventOrderError(f"metrics of step {step} after those of step {last_step}")
        if step > last_step:
            names = set()
        if doubled := names & values.keys():
            raise EventOrderError(f"metric written twice at step {step}: {', '.join(sorted(doubled))}")
        for name, value in values.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"{name} is {value} at step {step}: the training diverged; "
                    "lower the learning rate, or look at the data of the last steps"
                )
        self._metrics_of_step = (step, names | values.keys())
        self._write("metric", step=step, values={name: float(value) for name, value in values.items()})

    def sample(self, step: int, path: str, caption: str) -> None:
        """`path` is relative to the run folder; the file is complete."""
        self._require_start("sample")
        self._write("sample", step=step, path=path, caption=caption)

    def checkpoint(self, step: int, path: str, *, final: bool) -> None:
        """`path` is the checkpoint's folder relative to the run folder; it is complete and synced."""
        self._require_start("checkpoint")
        if step <= self._checkpoint_step:
            raise EventOrderError(f"checkpoint of step {step} after that of {self._checkpoint_step}")
        self._checkpoint_step = step
        self._write("checkpoint", step=step, path=path, final=final)

    def log(self, level: Level, text: str) -> None:
        self._write("log", level=level, text=text)

    def result(self, values: Mapping[str, Figure]) -> None:
        self._require_start("result")
        if self._has_result:
            raise EventOrderError("result was written twice")
        self._has_result = True
        self._write("result", values=dict(values))

    def error(self, text: str, traceback: str) -> None:
        """The last line of a process that exits with an error; after `end` it is only ignored."""
        if self._closed:
            return
        self._write("error", text=text, traceback=traceback)
        self._close()

    def end(self, state: State) -> None:
        """The last line of an orderly exit."""
        self._require_start("end")
        if state == "succeeded" and not self._has_result:
            raise EventOrderError("a run that succeeded writes its result before the end")
        self._write("end", state=state)
        self._close()

    def _require_start(self, event: str) -> None:
        if not self._started:
            raise EventOrderError(f"{event} before start")

    def _write(self, event: str, **fields: Any) -> None:
        if self._closed:
            raise EventOrderError(f"{event} after the last event")
        if self._file is not None:
            line = json.dumps({"event": event, **fields}, ensure_ascii=False, allow_nan=False)
            self._file.write(line + "\n")
            self._file.flush()

    def _close(self) -> None:
        self._closed = True
        if self._file is not None:
            self._file.close()
