"""The training loop: steps, metrics, evaluations, checkpoints, an orderly stop, and exact resumption.

One step `s` (counted from 1) goes:

1. draw a batch, make the step, add its figures to the window;
2. agree with the other ranks whether SIGTERM has come;
3. write metrics (the window's means every `log_every` steps, an evaluation every `eval_every`) and samples;
4. write the checkpoint, if one is due or the run has to stop: so that a checkpoint's metrics precede it.

All that the next step depends on is in the checkpoint, the half-full window included: on the CPU a resumed
run writes the same weights and the same metrics as one that was never disturbed, bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from workbench.trainer import checkpoints
from workbench.trainer.distributed import World
from workbench.trainer.events import EventWriter, Figure, State
from workbench.trainer.signals import StopFlag


@dataclass(frozen=True, slots=True)
class Schedule:
    """How many steps, and what happens every how many; the last one is always logged, evaluated and saved."""

    total_steps: int
    log_every: int
    eval_every: int
    checkpoint_every: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture or clip for the run's page: `path` is relative to the run folder."""

    path: str
    caption: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation found."""

    metrics: dict[str, float]
    samples: list[Sample] = field(default_factory=list)


class Trainable(Protocol):
    """What the loop trains. `Batch` is the trainable's own business: the loop only hands it over."""

    @property
    def model(self) -> nn.Module: ...

    @property
    def optimizer(self) -> torch.optim.Optimizer: ...

    def next_batch(self) -> Any:
        """The next batch of this rank; moves the data position on."""

    def step(self, batch: Any) -> Mapping[str, float]:
        """One optimizer step, gradients averaged over the ranks; returns the same figures each time."""

    def data_position(self) -> dict[str, Any]:
        """Where the data stands, in plain values."""

    def seek(self, position: Mapping[str, Any]) -> None:
        """Goes back to a `data_position`."""

    def evaluate(self, step: int) -> Evaluation:
        """Called on rank 0 only, so without collectives; must leave model and data as they are."""

    def result(self) -> Mapping[str, Figure]:
        """The figures that the run ends with. Called on rank 0 only, after the last step."""


def train(
    trainable: Trainable,
    schedule: Schedule,
    run_dir: Path,
    world: World,
    events: EventWriter,
    stop: StopFlag,
) -> State:
    """Runs to the last step or to SIGTERM, from `DIR/resume` if that is there; returns how it ended."""
    window = _Window()
    done = 0
    resumed = (run_dir / "resume").is_dir()
    if resumed:
        position = checkpoints.load(run_dir / "resume", trainable.model, trainable.optimizer, world)
        done = position.step
        window = _Window(**position.window)
        trainable.seek(position.data)
    world.copy_from_first(trainable.model)
    total = schedule.total_steps
    if done > total:
        raise checkpoints.CheckpointError(
            f"the checkpoint is of step {done} and the run has {total} steps; resume with more steps"
        )
    events.start(total_steps=total, resumed_from=done if resumed else None)
    events.progress(done, total)

    logged_at, logged_step = time.monotonic(), done
    for step in range(done + 1, total + 1):
        window.add(trainable.step(trainable.next_batch()))
        stopping = world.any(bool(stop)) and step < total
        last = step == total

        metrics: dict[str, float] = {}
        samples: list[Sample] = []
        if last or step % schedule.log_every == 0:
            metrics |= window.take_means(world)
            now = time.monotonic()
            metrics["speed/steps_per_second"] = (step - logged_step) / max(now - logged_at, 1e-9)
            logged_at, logged_step = now, step
        if world.writes and (last or step % schedule.eval_every == 0):
            evaluation = trainable.evaluate(step)
            metrics |= evaluation.metrics
            samples = evaluation.samples
        if metrics:
            events.metrics(step, metrics)
        for sample in samples:
            events.sample(step, sample.path, sample.caption)
        if last or stopping or step % schedule.log_every == 0:
            events.progress(step, total)

        if last or stopping or step % schedule.checkpoint_every == 0:
            position = checkpoints.Position(step, trainable.data_position(), window.state())
            path = checkpoints.save(run_dir, position, trainable.model, trainable.optimizer, world)
            events.checkpoint(step, path, final=last)
        if stopping:
            return _end("stopped", events, world)

    if world.writes:
        events.result(trainable.result())
    return _end("succeeded", events, world)


class _Window:
    """Sums of the figures of the steps since metrics were last written."""

    def __init__(self, steps: int = 0, sums: dict[str, float] | None = None) -> None:
        self._steps = steps
        self._sums = dict(sums or {})

    def add(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)
        self._steps += 1

    def take_means(self, world: World) -> dict[str, float]:
        names = sorted(self._sums)
        means = world.average([self._sums[name] / self._steps for name in names])
        self._steps, self._sums = 0, {}
        return dict(zip(names, means, strict=True))

    def state(self) -> dict[str, Any]:
        return {"steps": self._steps, "sums": dict(self._sums)}


def _end(state: State, events: EventWriter, world: World) -> State:
    if world.writes:
        events.end(state)
    # torchrun ends all ranks as soon as one has exited with a code other than 0: leave together.
    world.wait()
    return state
