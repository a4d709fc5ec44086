"""From a trainer's events to rows, in order, each exactly once.

Events are saved in blocks, each in one fenced transaction together with the offset up to which the stream is
saved: a block whose commit was answered by a broken connection is not saved again. A checkpoint ends a block:
what came before it is committed first, then its files go to storage, then its rows are committed. So whatever
dies, every metric up to a recorded checkpoint is recorded.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from django.db import IntegrityError
from django.db.models.functions import Now

from workbench.models import Artifact, Metric, Run, RunEvent
from workbench.runs import artifacts, events, hints, retention
from workbench.runs.artifacts import Stored
from workbench.runs.checkpoints import Staged
from workbench.runs.claim import lease_end
from workbench.runs.lease import Lease, through_outages
from workbench.runs.mirror import Mirror


@dataclass(slots=True)
class Ending:
    """What the stream told of the end so far."""

    end: events.End | None = None
    error: events.Error | None = None
    final_recorded: bool = False


@dataclass(slots=True)
class _File:
    stored: Stored
    kind: str
    name: str
    step: int
    final: bool = False


@dataclass(slots=True)
class _Block:
    """Events that are committed together."""

    offset: int = 0
    start: events.Start | None = None
    step: int | None = None
    total: int | None = None
    result: dict[str, events.Figure] | None = None
    metrics: list[events.Metrics] = field(default_factory=list)
    rows: list[RunEvent] = field(default_factory=list)
    files: list[_File] = field(default_factory=list)
    checkpoint: int | None = None


class Saver:
    """Saves the events of one attempt. Raises LeaseLostError and events.ProtocolError."""

    def __init__(self, lease: Lease, folder: Path, resumed: Staged, mirror: Mirror) -> None:
        self.ending = Ending(final_recorded=resumed.final)
        self._lease = lease
        self._folder = folder
        self._resumed_from = resumed.step
        self._started = False
        self._mirror = mirror

    def save(self, lines: Iterable[events.Line]) -> None:
        block = _Block()
        for line in lines:
            event = line.event
            self._check_order(event)
            if isinstance(event, events.Checkpoint):
                self._commit(block)
                block = _Block(offset=line.end)
                self._add_checkpoint(block, event)
                self._commit(block)
                shutil.rmtree(self._folder / event.path, ignore_errors=True)
                block = _Block()
                continue
            self._add(block, event)
            block.offset = line.end
        self._commit(block)

    def _check_order(self, event: events.Event) -> None:
        if self.ending.end or self.ending.error:
            raise events.ProtocolError(f"The trainer wrote {event.event!r} after its last event.")
        if isinstance(event, events.Start):
            if self._started:
                raise events.ProtocolError("The trainer wrote 'start' twice.")
            if event.resumed_from != self._resumed_from:
                raise events.ProtocolError(
                    f"The trainer says it resumed from step {event.resumed_from}; "
                    f"it was given the checkpoint of step {self._resumed_from}."
                )
            self._started = True
        elif not self._started and not isinstance(event, events.Log | events.Error):
            raise events.ProtocolError(f"The trainer wrote {event.event!r} before 'start'.")

    def _add(self, block: _Block, event: events.Event) -> None:
        match event:
            case events.Start():
                block.start, block.total = event, event.total_steps
                block.step = event.resumed_from or 0
                self._row(block, "state", "training", data={"step": block.step, "total": event.total_steps})
            case events.Progress():
                block.step, block.total = event.step, event.total or None
            case events.Metrics():
                block.metrics.append(event)
            case events.Sample():
                self._add_file(block, event.path, Artifact.Kind.SAMPLE, event.path, event.step)
                about = {"step": event.step, "name": event.path}
                self._row(block, "sample", event.caption, data=about)
            case events.Log():
                self._row(block, "log", event.text, level=event.level)
            case events.Result():
                block.result = event.values
            case events.Error():
                self.ending.error = event
                self._row(block, "log", f"{event.text}\n{event.traceback}".strip(), level="error")
            case events.End():
                self.ending.end = event

    def _add_checkpoint(self, block: _Block, event: events.Checkpoint) -> None:
        folder = self._folder / event.path
        files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
        for path in files:
            name = f"{folder.name}/{path.name}"
            self._add_file(
                block, f"{event.path}/{path.name}", Artifact.Kind.CHECKPOINT, name, event.step, event.final
            )
        if not {path.name for path in files} >= {"model.safetensors", "state.pt"}:
            raise events.ProtocolError(f"The checkpoint {event.path!r} lacks model.safetensors or state.pt.")
        block.checkpoint = event.step
        block.step = event.step
        data = {"step": event.step, "final": event.final}
        self._row(block, "checkpoint", folder.name, data=data)
        self.ending.final_recorded = event.final

    def _add_file(
        self, block: _Block, path: str, kind: str, name: str, step: int, final: bool = False
    ) -> None:
        source = self._folder / path
        if source.is_symlink() or not source.is_file():
            raise events.ProtocolError(f"The trainer names {path!r}, which is not a file of its folder.")
        block.files.append(_File(artifacts.put(source), kind, name, step, final))

    def _row(self, block: _Block, kind: str, text: str, *, level: str = "info", data: object = None) -> None:
        row = RunEvent(
            run_id=self._lease.run_id, attempt=self._lease.attempt, kind=kind, level=level, text=text
        )
        row.data = data or {}
        block.rows.append(row)

    def _commit(self, block: _Block) -> None:
        if not block.offset:
            return
        try:
            fresh = through_outages(lambda: self._write(block))
        except IntegrityError as error:
            raise events.ProtocolError(f"The trainer wrote a metric twice for one step: {error}") from error
        if fresh:
            self._mirror.save(block.start, block.metrics)
        changed = {"state"}
        if block.metrics:
            changed.add("metrics")
        if block.rows:
            changed.add("events")
        if block.files:
            changed.add("artifacts")
        hints.push(self._lease.run_id, *sorted(changed))

    def _write(self, block: _Block) -> bool:
        """One transaction; False if it turns out that it was committed before."""
        with self._lease.fenced() as run:
            if run.events_offset >= block.offset:
                return False
            if block.start is not None:
                _drop_after(run, block.start.resumed_from)
            Metric.objects.bulk_create(
                [
                    Metric(run=run, step=event.step, name=name, value=value)
                    for event in block.metrics
                    for name, value in event.values.items()
                ]
            )
            artifacts.hold(file.stored for file in block.files)
            for file in block.files:
                artifacts.record(
                    run, file.stored, kind=file.kind, name=file.name, step=file.step, final=file.final
                )
            for row in block.rows:
                row.pk = None  # from a transaction that was rolled back
            RunEvent.objects.bulk_create(block.rows)
            _update(run, block)
            if block.checkpoint is not None:
                retention.keep_last(run)
        return True


def _drop_after(run: Run, step: int | None) -> None:
    """Forget what an earlier attempt recorded beyond the checkpoint that this one starts from."""
    beyond = -1 if step is None else step
    run.metrics.filter(step__gt=beyond).delete()
    for artifact in run.artifacts.filter(step__gt=beyond):
        artifacts.forget(artifact)
        artifact.delete()


def _update(run: Run, block: _Block) -> None:
    changes: dict[str, object] = {
        "events_offset": block.offset,
        "heartbeat_at": Now(),
        "lease_expires_at": lease_end(),
    }
    if block.step is not None:
        changes["step"] = block.step
    if block.total is not None:
        changes["total_steps"] = block.total
    if block.result is not None:
        changes["result"] = block.result
    if block.checkpoint is not None:
        changes["fruitless_attempts"] = 0
    Run.objects.filter(pk=run.pk).update(**changes)
