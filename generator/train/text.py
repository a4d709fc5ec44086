"""Stage `text`: the text model learns what the world's texts say, before a clip is seen.

The paper's text model is a language model that comes trained (§2.2); one that starts at random is too faint
for the DiT to hear its rarer words: the flow's loss is as low without them for thousands of steps. Here two
texts of one scene (prompt or caption, English or Chinese) are to be nearest to each other among those of all
the batch's scenes, both ways (InfoNCE, van den Oord et al. 2018). Only what both tell can decide, so
colours, shapes, directions and cameras come out, in either language and wherever in a text they stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from generator.data import world
from generator.nets import weights
from generator.nets.presets import preset
from generator.nets.text import TextModel, make_tokenizer, mean_of_real
from generator.train.config import TextStageConfig
from workbench.trainer.distributed import World, seed_everything
from workbench.trainer.events import EventWriter, Figure
from workbench.trainer.loop import Evaluation, Schedule
from workbench.trainer.schedule import warm_cosine

_HELD_OUT = 192


class TextTraining:
    """What `workbench.trainer.loop` trains; see there for the methods."""

    def __init__(self, config: TextStageConfig, run_dir: Path, world_: World, events: EventWriter) -> None:
        self._config, self._run_dir, self._world = config, run_dir, world_
        seed_everything(config.seed, world_)
        if config.start is None:
            self._weights = weights.Weights(config=preset(config.preset), tensors={})
        else:
            self._weights = weights.load(run_dir / "inputs" / config.start)
        sizes = self._weights.config.text
        tokenizer = self._weights.tokenizer or make_tokenizer(texts_of_the_world(), sizes.vocabulary)
        self._weights = replace(self._weights, tokenizer=tokenizer)
        self.model = TextModel(sizes, tokenizer)
        if self._weights.holds("text"):
            self._weights.fill("text", self.model)
        self.model.to(world_.device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self._drawn = 0
        self._own = config.batch_size // config.processes
        events.log("info", f"{sum(p.numel() for p in self.model.parameters()):,} parameters")

    @property
    def schedule(self) -> Schedule:
        c = self._config
        return Schedule(c.steps, c.log_every, c.eval_every, c.checkpoint_every)

    def next_batch(self) -> list[tuple[str, str]]:
        """Two different texts of each scene."""
        rng = np.random.default_rng([self._config.seed, 2, self._world.rank, self._drawn])
        self._drawn += 1
        pairs = []
        for _ in range(self._own):
            texts = texts_of(world.draw_scene(rng, of="training"))
            one, other = rng.permutation(len(texts))[:2]
            pairs.append((texts[one], texts[other]))
        return pairs

    def step(self, batch: list[tuple[str, str]]) -> Mapping[str, float]:
        rate = warm_cosine(self._drawn, self._config.steps, self._config.learning_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        one, other = (self._directions([pair[side] for pair in batch]) for side in (0, 1))
        alike = one @ other.T / self._config.temperature
        own = torch.arange(len(batch), device=alike.device)
        loss = (functional.cross_entropy(alike, own) + functional.cross_entropy(alike.T, own)) / 2
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._world.average_gradients(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        found = float((alike.argmax(dim=1) == own).float().mean())
        return {"train/loss": loss.item(), "train/found": found}

    def data_position(self) -> dict[str, Any]:
        return {"drawn": self._drawn}

    def seek(self, position: Mapping[str, Any]) -> None:
        self._drawn = position["drawn"]

    @torch.no_grad()
    def evaluate(self, step: int) -> Evaluation:
        """Of held-out scenes: how often the Chinese prompt nearest to an English one tells the same."""
        rng = np.random.default_rng([self._config.seed, 1])
        scenes = [world.draw_scene(rng, of="held-out") for _ in range(_HELD_OUT)]
        english, chinese = (self._directions([world.prompt(s, x) for s in scenes]) for x in ("en", "zh"))
        nearest = (english @ chinese.T).argmax(dim=1).tolist()
        pairs = [(scene, scenes[i]) for scene, i in zip(scenes, nearest, strict=True)]
        figures = {
            f"eval/{fact}": float(np.mean([getattr(a, fact) == getattr(b, fact) for a, b in pairs]))
            for fact in ("shape", "colour", "direction", "camera")
        }
        return Evaluation(figures)

    def result(self) -> Mapping[str, Figure]:
        """The last evaluation's figures; leaves `DIR/checkpoint.safetensors`."""
        figures = dict(self.evaluate(self._config.steps).metrics)
        made = self._weights.with_part("text", self.model).with_stage("text", asdict(self._config), figures)
        weights.save(made, self._run_dir / "checkpoint.safetensors")
        return figures

    def _directions(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors (B, width)."""
        return functional.normalize(mean_of_real(*self.model(texts)), dim=-1)


def texts_of(scene: world.Scene) -> list[str]:
    """A scene's texts: prompt and caption, English and Chinese."""
    languages: tuple[world.Language, ...] = ("en", "zh")
    return [tell(scene, language) for language in languages for tell in (world.prompt, world.caption)]


def texts_of_the_world() -> list[str]:
    """Enough texts to make a tokenizer that knows every word."""
    rng = np.random.default_rng(0)
    return [text for _ in range(2000) for text in texts_of(world.draw_scene(rng))]
