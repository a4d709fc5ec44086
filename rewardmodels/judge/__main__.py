"""`python -m rewardmodels.judge --run-dir DIR`: scores clips by reward models into `DIR/scores.jsonl`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workbench.trainer import main
from workbench.trainer.events import EventWriter
from workbench.trainer.signals import StopFlag


def score(run_dir: Path, events: EventWriter, stop: StopFlag) -> str:
    """Scores by `DIR/config.json` to the end or to SIGTERM; returns "succeeded" or "stopped"."""
    from rewardmodels.judge import scoring
    from rewardmodels.judge.config import ScoreConfig
    from workbench.trainer import config, distributed

    settings = config.read(run_dir, ScoreConfig)
    world = distributed.start()
    state = scoring.score_clips(settings, run_dir, world, events, stop)
    distributed.finish()
    return state


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m rewardmodels.judge", description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True, help="folder with config.json and inputs/")
    arguments = parser.parse_args()
    sys.exit(main.run(arguments.run_dir, score))
