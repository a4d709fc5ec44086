"""`python -m rewardmodels.train reward|aesthetic --run-dir DIR`, alone or under torchrun."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workbench.trainer import main
from workbench.trainer.events import EventWriter
from workbench.trainer.signals import StopFlag


def train_aesthetic(run_dir: Path, events: EventWriter, stop: StopFlag) -> str:
    """Trains by `DIR/config.json` to the end or to SIGTERM; returns "succeeded" or "stopped"."""
    from rewardmodels.train.aesthetic import AestheticTraining
    from rewardmodels.train.config import AestheticConfig
    from workbench.trainer import config, distributed, loop

    settings = config.read(run_dir, AestheticConfig)
    world = distributed.start()
    training = AestheticTraining(settings, run_dir, world, events)
    state = loop.train(training, training.schedule, run_dir, world, events, stop)
    distributed.finish()
    return state


def train_reward(run_dir: Path, events: EventWriter, stop: StopFlag) -> str:
    """Trains by `DIR/config.json` to the end or to SIGTERM; returns "succeeded" or "stopped"."""
    from rewardmodels.train.config import RewardConfig
    from rewardmodels.train.reward import RewardTraining
    from workbench.trainer import config, distributed, loop

    settings = config.read(run_dir, RewardConfig)
    world = distributed.start()
    training = RewardTraining(settings, run_dir, world, events)
    state = loop.train(training, training.schedule, run_dir, world, events, stop)
    distributed.finish()
    return state


KINDS = {"aesthetic": train_aesthetic, "reward": train_reward}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m rewardmodels.train", description=__doc__)
    parser.add_argument(
        "kind", choices=sorted(KINDS), help="reward: from judgements; aesthetic: the first lesson"
    )
    parser.add_argument("--run-dir", type=Path, required=True, help="folder with config.json and inputs/")
    arguments = parser.parse_args()
    sys.exit(main.run(arguments.run_dir, KINDS[arguments.kind]))
