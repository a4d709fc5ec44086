"""`python -m generator.infer --run-dir DIR`: makes the clips that `DIR/config.json` asks for.

Writes `DIR/clips/NAME.mp4` for each. The clips are sampled in the order and the batches given, so the same
config makes the same clips.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from workbench.trainer import main
from workbench.trainer.config import ConfigError, read, require
from workbench.trainer.events import EventWriter
from workbench.trainer.signals import StopFlag

_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRequest:
    """One clip to make."""

    name: str
    """Of the file, without its ending."""
    prompt: str
    seed: int
    first_frame: str | None = None
    """A picture under `inputs/`, for image-to-video."""
    stamp: str = ""
    """Written into the file: says which recipe made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferConfig:
    """What to make, with which weights and how."""

    checkpoint: str
    """The generator's weights, a file under `inputs/`."""
    clips: tuple[ClipRequest, ...]
    steps: int = 20
    guidance: float = 3.0
    batch_size: int = 16
    fps: int = 8

    def __post_init__(self) -> None:
        require(len(self.clips) > 0, "config.clips is empty: name the clips to make")
        names = [clip.name for clip in self.clips]
        require(len(set(names)) == len(names), "config.clips names a clip twice")
        require(all(n.replace("-", "").isalnum() for n in names), "a clip's name is letters, digits and '-'")
        require(all(0 <= clip.seed < 2**63 for clip in self.clips), "a seed is not in 0 .. 2**63 - 1")
        require(1 <= self.batch_size <= 256, f"batch_size is {self.batch_size}, expected 1 to 256")
        require(1 <= self.fps <= 120, f"fps is {self.fps}, expected 1 to 120")


def make_clips(run_dir: Path, events: EventWriter, stop: StopFlag) -> str:
    """Makes all clips, or stops after a batch at SIGTERM; returns "succeeded" or "stopped"."""
    from generator.data.world import SIDE
    from generator.infer.files import read_picture, write_clip
    from generator.infer.pipeline import Pipeline, Request, Sampling
    from workbench.trainer import distributed

    config = read(run_dir, InferConfig)
    world = distributed.start()
    try:
        sampling = Sampling(steps=config.steps, guidance=config.guidance)
        requests = [
            Request(
                prompt=clip.prompt,
                seed=clip.seed,
                first_frame=read_picture(run_dir / "inputs" / clip.first_frame, SIDE)
                if clip.first_frame
                else None,
            )
            for clip in config.clips
        ]
    except ValueError as error:
        raise ConfigError(str(error)) from error
    pipeline = Pipeline.load(run_dir / "inputs" / config.checkpoint, world.device)
    folder = run_dir / "clips"
    folder.mkdir(exist_ok=True)
    count = len(requests)
    events.start(total_steps=count, resumed_from=None)
    events.progress(0, count)
    began, made = time.monotonic(), 0
    while made < count:
        if stop:
            events.end("stopped")
            return "stopped"
        batch = requests[made : made + config.batch_size]
        clips = pipeline.generate(batch, sampling).numpy()
        for pixels, clip in zip(clips, config.clips[made:], strict=False):
            path = folder / f"{clip.name}.mp4"
            write_clip(pixels, path, config.fps, clip.stamp)
            made += 1
            if made <= _SHOWN:
                events.sample(made, f"clips/{path.name}", f"{clip.prompt} · {clip.seed}")
        events.progress(made, count)
    events.result({"clips": count, "seconds_per_clip": round((time.monotonic() - began) / count, 4)})
    events.end("succeeded")
    return "succeeded"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m generator.infer", description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True, help="folder with config.json and inputs/")
    sys.exit(main.run(parser.parse_args().run_dir, make_clips))
