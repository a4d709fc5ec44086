"""Training steps and scored clips a second of the three reward models, at `tiny`.

    python -m tests.bench.rewards [--quick] [--json FILE]

Clips of 64x64 pixels and nine frames; a step takes eight judgements of four clips. One thread, as trainers
have on the CPU. Both figures by the clock and by the time that the processor worked for us: a machine that is
shared shows in the difference.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from rewardmodels.judge import score
from rewardmodels.nets.build import KINDS, Kind
from rewardmodels.train.config import RewardConfig
from rewardmodels.train.reward import WEIGHTS_FILE, RewardTraining
from tests.rewardmodels import made
from workbench.trainer import distributed
from workbench.trainer.events import EventWriter

DIMENSIONS = {
    "foundational": ("prompt_following", "structural_stability"),
    "motion": ("motion_quality",),
    "aesthetic": ("aesthetic_quality",),
}
CLIPS = 32


def main() -> None:
    parser = argparse.ArgumentParser(description="Reward models at tiny: training and scoring")
    parser.add_argument("--quick", action="store_true", help="three steps and three batches")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    world = distributed.start()
    rounds = 3 if options.quick else 20
    rows = [measure(kind, rounds, world) for kind in KINDS]
    print("reward model    parameters   steps/s   CPU s/step   clips scored/s   CPU ms/clip")
    for row in rows:
        print(
            f"{row['reward']:12}  {row['parameters']:12,}   {row['steps_per_second']:7.2f}"
            f"   {row['cpu_seconds_per_step']:10.2f}   {row['clips_per_second']:14.1f}"
            f"   {row['cpu_ms_per_clip']:11.1f}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def measure(kind: Kind, rounds: int, world: distributed.World) -> dict[str, Any]:
    """A row of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made.write_items(folder / "inputs", 16, DIMENSIONS[kind])
        settings = RewardConfig(reward=kind, dimensions=DIMENSIONS[kind], preset="tiny")
        training = RewardTraining(settings, folder, world, EventWriter(folder))
        steps, step_cpu = rate(lambda: training.step(training.next_batch()), rounds)
        training.result()
        scorer = score.load(folder / WEIGHTS_FILE)
    video = torch.rand(CLIPS, 9, 3, 64, 64) * 2 - 1
    prompts = ["a red circle moves left, the camera stays still"] * CLIPS
    with torch.no_grad():
        batches, batch_cpu = rate(lambda: scorer.score(video, prompts, None, 8.0), rounds)
    return {
        "reward": kind,
        "parameters": sum(p.numel() for p in scorer.net.parameters()),
        "steps_per_second": steps,
        "cpu_seconds_per_step": step_cpu,
        "clips_per_second": CLIPS * batches,
        "cpu_ms_per_clip": 1000 * batch_cpu / CLIPS,
    }


def rate(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """(times a second by the clock, processor seconds each time), after one time that is not counted."""
    work()
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        work()
    return rounds / (time.perf_counter() - clock), (time.process_time() - processor) / rounds


if __name__ == "__main__":
    main()
