"""Scores clips by reward models and writes them down: the work of `python -m rewardmodels.judge`.

`DIR/scores.jsonl` gets one line a score, in the order of models and clips:

    {"clip": ID, "reward_model": FILE, "dimension": KEY, "value": standardised score}

A text-to-video clip has no first frame to preserve: of such a clip there is no score in that dimension.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

from rewardmodels.judge import score, weights
from rewardmodels.judge.clips import read_clip, read_image, to_float
from rewardmodels.judge.config import ScoreConfig, ScoredClip
from rewardmodels.nets.build import PRESERVED
from workbench.trainer.config import ConfigError
from workbench.trainer.distributed import World
from workbench.trainer.events import EventWriter, State
from workbench.trainer.signals import StopFlag

SCORES_FILE = "scores.jsonl"


def score_clips(
    config: ScoreConfig, run_dir: Path, world: World, events: EventWriter, stop: StopFlag
) -> State:
    """Runs to the last clip or to SIGTERM; a run that was stopped starts from the first clip again."""
    inputs = run_dir / "inputs"
    total = len(config.models) * len(config.clips)
    events.start(total_steps=total, resumed_from=None)
    done = 0
    values: defaultdict[str, list[float]] = defaultdict(list)
    with (run_dir / SCORES_FILE).open("w", encoding="utf-8") as file:
        for name in config.models:
            try:
                scorer = score.load(inputs / name).to(world.device)
            except weights.WeightsError as error:
                raise ConfigError(str(error)) from error
            for batch in _batches(config):
                for clip, found in zip(batch, _scores(scorer, batch, inputs, world), strict=True):
                    for dimension, value in found.items():
                        line = {"clip": clip.id, "reward_model": name, "dimension": dimension, "value": value}
                        file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
                        values[dimension].append(value)
                done += len(batch)
                events.progress(done, total)
                if stop and done < total:
                    events.end("stopped")
                    return "stopped"
    means = {f"mean/{dimension}": sum(found) / len(found) for dimension, found in values.items()}
    events.result({**means, "clips": len(config.clips), "scores": sum(map(len, values.values()))})
    events.end("succeeded")
    return "succeeded"


def _batches(config: ScoreConfig) -> Iterator[list[ScoredClip]]:
    """Clips in order, those of one task together."""
    for task in ("t2v", "i2v"):
        of_task = [clip for clip in config.clips if clip.task == task]
        for first in range(0, len(of_task), config.batch_size):
            yield of_task[first : first + config.batch_size]


@torch.no_grad()
def _scores(
    scorer: score.Scorer, batch: list[ScoredClip], inputs: Path, world: World
) -> list[Mapping[str, float]]:
    """The scores of clips of one task, by dimension."""
    clips = [read_clip(inputs / clip.file, scorer.frames, scorer.size) for clip in batch]
    found: list[Mapping[str, float]] = [{}] * len(batch)
    groups: defaultdict[tuple[int, float], list[int]] = defaultdict(list)
    for place, small in enumerate(clips):
        groups[len(small.frames), small.fps].append(place)
    for (_, fps), places in groups.items():
        video = torch.stack([to_float(clips[place].frames) for place in places]).to(world.device)
        images = [read_image(inputs / file, scorer.size) for p in places if (file := batch[p].first_frame)]
        rows = scorer.score(
            video,
            [batch[place].prompt for place in places],
            to_float(torch.stack(images)).to(world.device) if images else None,
            fps,
        ).tolist()
        for place, row in zip(places, rows, strict=True):
            found[place] = {
                dimension: value
                for dimension, value in zip(scorer.dimensions, row, strict=True)
                if batch[place].task == "i2v" or dimension != PRESERVED
            }
    return found
