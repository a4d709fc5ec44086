"""Trains the aesthetic reward's encoder on pairs of a keyframe and a degraded copy (§4.4.2).

This is the encoder's first lesson, before any judgement of a person: it knows afterwards that sharp, clean
and neutral looks better, on clips that it has not seen. Bradley–Terry loss on the two scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from annotation.clips.degrade import IMAGE_KINDS
from rewardmodels.nets.aesthetic import AestheticReward
from rewardmodels.train import data, pairwise
from rewardmodels.train.config import AestheticConfig
from workbench.trainer.config import ConfigError
from workbench.trainer.distributed import World, seed_everything
from workbench.trainer.events import EventWriter, Figure
from workbench.trainer.loop import Evaluation, Sample, Schedule
from workbench.trainer.schedule import warm_cosine


class AestheticTraining:
    """What `workbench.trainer.loop` trains; see there for the methods."""

    def __init__(self, config: AestheticConfig, run_dir: Path, world: World, events: EventWriter) -> None:
        if world.size != config.processes:
            raise ConfigError(
                f"config.processes is {config.processes} and {world.size} were started; "
                f"start with torchrun --nproc-per-node {config.processes}"
            )
        self._config, self._run_dir, self._world = config, run_dir, world
        training, held_out = data.split(config)
        inputs = run_dir / "inputs"
        events.log(
            "info",
            f"Reading the keyframes of {len(training)} clips to train on and {len(held_out)} held out: "
            f"{', '.join(sorted(clip.path for clip in held_out))}",
        )
        own = training[world.rank :: world.size]
        self._pairs = data.TrainingPairs(data.load_keyframes(own, inputs, config), config, world.rank)
        self._held_out: data.Pairs | None = None
        if world.writes:
            self._held_out = data.evaluation_pairs(data.load_keyframes(held_out, inputs, config), config)
        seed_everything(config.seed, world)
        self.model = AestheticReward(config.width).to(world.device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self._last_accuracy: dict[str, float] | None = None

    @property
    def schedule(self) -> Schedule:
        c = self._config
        return Schedule(c.steps, c.log_every, c.eval_every, c.checkpoint_every)

    def next_batch(self) -> data.Pairs:
        return self._pairs.next()

    def step(self, batch: data.Pairs) -> Mapping[str, float]:
        rate = warm_cosine(self._pairs.batches_drawn, self._config.steps, self._config.learning_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        sharp, degraded = self._scores(batch)
        loss = pairwise.anchored_loss(sharp, degraded)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._world.average_gradients(self.model)
        self.optimizer.step()
        return {
            "train/loss": loss.item(),
            "train/accuracy": pairwise.pair_credits(sharp, degraded).mean().item(),
            "train/learning_rate": rate,
        }

    def data_position(self) -> dict[str, Any]:
        return {"batches_drawn": self._pairs.batches_drawn}

    def seek(self, position: Mapping[str, Any]) -> None:
        self._pairs.batches_drawn = position["batches_drawn"]

    def evaluate(self, step: int) -> Evaluation:
        pairs = self._evaluation_pairs()
        sharp, degraded = self._held_out_scores(pairs)
        found = pairwise.accuracy(pairwise.pair_credits(sharp, degraded).tolist(), pairs.clips)
        path = f"samples/step-{step:06d}.png"
        (self._run_dir / path).parent.mkdir(exist_ok=True)
        draw_pairs(pairs, sharp, degraded).save(self._run_dir / path)
        caption = f"Held-out pairs: sharp, degraded, scores; accuracy {found.value:.3f} (chance 0.5)"
        metrics = {
            "eval/loss": pairwise.anchored_loss(sharp, degraded).item(),
            "eval/accuracy": found.value,
            "eval/accuracy_across": _across(sharp, degraded),
        }
        return Evaluation(metrics, [Sample(path, caption)])

    def result(self) -> Mapping[str, Figure]:
        """Held-out accuracy with its 95 % interval over clips, beside chance, and by kind of degradation."""
        pairs = self._evaluation_pairs()
        sharp, degraded = self._held_out_scores(pairs)
        credits_ = pairwise.pair_credits(sharp, degraded).tolist()
        found = pairwise.accuracy(credits_, pairs.clips)
        values: dict[str, Figure] = {
            "eval/accuracy": found.value,
            "eval/accuracy_low": found.low,
            "eval/accuracy_high": found.high,
            "eval/chance": pairwise.CHANCE,
            "eval/accuracy_across": _across(sharp, degraded),
            "eval/pairs": found.pairs,
            "eval/clips": found.clusters,
        }
        for kind in IMAGE_KINDS:
            of_kind = [credit for credit, k in zip(credits_, pairs.kinds, strict=True) if k == kind]
            values[f"eval/accuracy/{kind}"] = float(np.mean(of_kind))
        values["parameters"] = sum(p.numel() for p in self.model.parameters())
        return values

    def _scores(self, pairs: data.Pairs) -> tuple[Tensor, Tensor]:
        images = torch.cat([pairs.sharp, pairs.degraded]).to(self._world.device)
        sharp, degraded = self.model(images).chunk(2)
        return sharp, degraded

    def _evaluation_pairs(self) -> data.Pairs:
        if self._held_out is None:
            raise RuntimeError("only rank 0 holds the held-out pairs")
        return self._held_out

    @torch.no_grad()
    def _held_out_scores(self, pairs: data.Pairs) -> tuple[Tensor, Tensor]:
        """Scores of the sharp and the degraded images, (N,) each, on the CPU; 64 images at a time."""

        def score(images: Tensor) -> Tensor:
            return torch.cat(
                [self.model(part.to(self._world.device)).cpu() for part in torch.split(images, 64)]
            )

        return score(pairs.sharp), score(pairs.degraded)


def _across(sharp: Tensor, degraded: Tensor) -> float:
    """The share of a sharp image above a degraded one over all pictures, whatever they show."""
    return float(pairwise.pair_credits(sharp[:, None], degraded[None, :]).mean())


def draw_pairs(pairs: data.Pairs, sharp: Tensor, degraded: Tensor, *, rows: int = 6) -> Image.Image:
    """A grid of pairs from all over the set, two pairs a row, each image with its score under it."""
    count = min(2 * rows, len(pairs.kinds))
    size, text, gap = pairs.sharp.shape[-1], 14, 4
    # A step coprime to the kinds' period shows every kind.
    chosen = [(i * len(pairs.kinds)) // count + i % 8 for i in range(count)]
    cell_width, cell_height = 2 * size + 3 * gap, size + text + gap
    grid = Image.new("RGB", (2 * cell_width, math.ceil(count / 2) * cell_height), (24, 24, 24))
    draw = ImageDraw.Draw(grid)
    for place, index in enumerate(min(i, len(pairs.kinds) - 1) for i in chosen):
        left, top = (place % 2) * cell_width + gap, (place // 2) * cell_height + gap
        right_wins = bool(sharp[index] > degraded[index])
        for column, (images, scores) in enumerate(((pairs.sharp, sharp), (pairs.degraded, degraded))):
            pixels = ((images[index].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).byte().numpy()
            x = left + column * (size + gap)
            grid.paste(Image.fromarray(pixels), (x, top))
            colour = (140, 220, 140) if right_wins else (240, 130, 120)
            draw.text((x, top + size), f"{scores[index].item():+.2f}", fill=colour)
    return grid
