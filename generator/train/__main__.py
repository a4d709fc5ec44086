"""`python -m generator.train STAGE --run-dir DIR`, alone or under torchrun."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from workbench.trainer import main
from workbench.trainer.events import EventWriter
from workbench.trainer.signals import StopFlag

if TYPE_CHECKING:
    from workbench.trainer.distributed import World
    from workbench.trainer.loop import Schedule, Trainable

    class Training(Trainable, Protocol):
        """A stage's training knows its schedule."""

        @property
        def schedule(self) -> Schedule: ...


STAGES = ("autoencoder", "text", "pretraining", "refl")


def train(stage: str, run_dir: Path, events: EventWriter, stop: StopFlag) -> str:
    """Runs a stage by `DIR/config.json` to the end or to SIGTERM; returns "succeeded" or "stopped"."""
    from workbench.trainer import distributed, loop

    world = distributed.start()
    training = _training(stage, run_dir, world, events)
    state = loop.train(training, training.schedule, run_dir, world, events, stop)
    distributed.finish()
    return state


def _training(stage: str, run_dir: Path, world: World, events: EventWriter) -> Training:
    from workbench.trainer import config

    if stage == "autoencoder":
        from generator.train.autoencoder import AutoencoderTraining
        from generator.train.config import AutoencoderConfig

        return AutoencoderTraining(config.read(run_dir, AutoencoderConfig), run_dir, world, events)
    if stage == "text":
        from generator.train.config import TextStageConfig
        from generator.train.text import TextTraining

        return TextTraining(config.read(run_dir, TextStageConfig), run_dir, world, events)
    if stage == "refl":
        from generator.feedback.refl import ReflTraining
        from generator.train.config import ReflConfig

        return ReflTraining(config.read(run_dir, ReflConfig), run_dir, world, events)
    from generator.train.config import PretrainingConfig
    from generator.train.pretraining import PretrainingTraining

    return PretrainingTraining(config.read(run_dir, PretrainingConfig), run_dir, world, events)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m generator.train", description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--run-dir", type=Path, required=True, help="folder with config.json and inputs/")
    arguments = parser.parse_args()
    sys.exit(main.run(arguments.run_dir, partial(train, arguments.stage)))
