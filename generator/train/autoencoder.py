"""Stage `autoencoder`: the causal VAE learns to carry clips of the world (§2.1).

Loss: mean absolute and mean squared error of the pixels, the absolute one of neighbouring pixels'
differences in space and time (where a rim lies and how it moves), and a small KL divergence. The squared
error is what makes a small network draw the subject at all: with the absolute one alone the wide ground is
all it learns. The paper's perceptual and adversarial terms are left
out at this size: the world has no texture that they would save.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from generator.data import world
from generator.nets import weights
from generator.nets.presets import preset
from generator.nets.vae import VAE
from generator.train.config import AutoencoderConfig
from workbench.trainer.distributed import World, seed_everything
from workbench.trainer.events import EventWriter, Figure
from workbench.trainer.loop import Evaluation, Sample, Schedule
from workbench.trainer.schedule import warm_cosine

_HELD_OUT = 48


class AutoencoderTraining:
    """What `workbench.trainer.loop` trains; see there for the methods."""

    def __init__(self, config: AutoencoderConfig, run_dir: Path, world_: World, events: EventWriter) -> None:
        self._config, self._run_dir, self._world = config, run_dir, world_
        seed_everything(config.seed, world_)
        if config.start is None:
            self._weights = weights.Weights(config=preset(config.preset), tensors={})
        else:
            self._weights = weights.load(run_dir / "inputs" / config.start)
        self.model = VAE(self._weights.config.vae)
        if config.start is not None:
            self._weights.fill("vae", self.model)
        self.model.to(world_.device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self._drawn = 0
        self._own = config.batch_size // config.processes
        rng = np.random.default_rng([config.seed, 1])
        self._held_out = to_video([world.draw_scene(rng, of="held-out") for _ in range(_HELD_OUT)])
        events.log("info", f"{sum(p.numel() for p in self.model.parameters()):,} parameters")

    @property
    def schedule(self) -> Schedule:
        c = self._config
        return Schedule(c.steps, c.log_every, c.eval_every, c.checkpoint_every)

    def next_batch(self) -> Tensor:
        rng = np.random.default_rng([self._config.seed, 2, self._world.rank, self._drawn])
        self._drawn += 1
        return to_video([world.draw_scene(rng, of="training") for _ in range(self._own)]).to(
            self._world.device
        )

    def step(self, batch: Tensor) -> Mapping[str, float]:
        c = self._config
        for group in self.optimizer.param_groups:
            group["lr"] = warm_cosine(self._drawn, c.steps, c.learning_rate)
        with torch.autocast(self._world.device.type, torch.bfloat16, enabled=c.autocast):
            mean, log_variance = self.model.moments(batch)
            mean, log_variance = mean.float(), log_variance.float()
            noise = torch.randn_like(mean)
            drawn = self.model.draw(mean + noise * (0.5 * log_variance).exp())
        drawn = drawn.float()
        error = drawn - batch
        pixels, squared, edges = error.abs().mean(), error.square().mean(), edge_error(drawn, batch)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum() / len(batch)
        loss = pixels + c.square_weight * squared + c.edge_weight * edges + c.kl_weight * kl
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._world.average_gradients(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return {
            "train/loss": loss.item(),
            "train/pixels": pixels.item(),
            "train/squared": squared.item(),
            "train/edges": edges.item(),
            "train/kl": kl.item(),
        }

    def data_position(self) -> dict[str, Any]:
        return {"drawn": self._drawn}

    def seek(self, position: Mapping[str, Any]) -> None:
        self._drawn = position["drawn"]

    @torch.no_grad()
    def evaluate(self, step: int) -> Evaluation:
        again = self._again()
        path = f"samples/step-{step:06d}.png"
        (self._run_dir / path).parent.mkdir(exist_ok=True)
        contact_sheet(torch.stack([self._held_out[:8], again[:8]], dim=1).flatten(0, 1)).save(
            self._run_dir / path
        )
        metrics = {"eval/psnr": psnr(again, self._held_out)}
        return Evaluation(metrics, [Sample(path, "Held-out clips: the truth and its reconstruction below")])

    @torch.no_grad()
    def result(self) -> Mapping[str, Figure]:
        """Held-out PSNR; leaves `DIR/checkpoint.safetensors`, its latents normalised by training clips."""
        rng = np.random.default_rng([self._config.seed, 3])
        clips = to_video([world.draw_scene(rng, of="training") for _ in range(256)])
        parts = [self.model.moments(part.to(self._world.device))[0].cpu() for part in torch.split(clips, 16)]
        latents = torch.cat(parts).transpose(0, 1).flatten(1)  # (C, everything else)
        figures = {"eval/psnr": psnr(self._again(), self._held_out)}
        self.model.mean.copy_(latents.mean(dim=1))
        self.model.std.copy_(latents.std(dim=1).clamp_min(1e-4))
        made = self._weights.with_part("vae", self.model)
        weights.save(
            made.with_stage("autoencoder", asdict(self._config), figures),
            self._run_dir / "checkpoint.safetensors",
        )
        return figures | {"parameters": sum(p.numel() for p in self.model.parameters())}

    def _again(self) -> Tensor:
        with torch.autocast(self._world.device.type, torch.bfloat16, enabled=self._config.autocast):
            parts = []
            for part in torch.split(self._held_out, 16):
                mean, _ = self.model.moments(part.to(self._world.device))
                parts.append(self.model.draw(mean).float().cpu())
        return torch.cat(parts)


def to_video(scenes: list[world.Scene]) -> Tensor:
    """The scenes' clips as float (B, T, 3, H, W) in [-1, 1]."""
    clips = np.stack([world.render(scene) for scene in scenes])
    return torch.from_numpy(clips).permute(0, 1, 4, 2, 3).float() / 127.5 - 1


def edge_error(drawn: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error of the differences between neighbours along height, width and time."""
    error = drawn - truth  # (B, T, 3, H, W)
    parts = [error.diff(dim=axis).abs().mean() for axis in (3, 4) + ((1,) if error.shape[1] > 1 else ())]
    return torch.stack(parts).mean()


def psnr(drawn: Tensor, truth: Tensor) -> float:
    """Peak signal-to-noise ratio in dB, the mean over clips (B, T, 3, H, W) in [-1, 1]."""
    squared = (drawn.clamp(-1, 1) - truth).square().mean(dim=(1, 2, 3, 4))
    return float((10 * torch.log10(4 / squared.clamp_min(1e-10))).mean())


def contact_sheet(clips: Tensor, columns: tuple[int, ...] = (0, 2, 4, 6, 8)) -> Image.Image:
    """One clip (B, T, 3, H, W) in [-1, 1] a row, with some of its frames."""
    frames = clips[:, [c for c in columns if c < clips.shape[1]]]
    pixels = ((frames.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 3, 1, 4, 2)  # (B, H, T, W, 3)
    rows, height, shown, width, _ = pixels.shape
    return Image.fromarray(pixels.reshape(rows * height, shown * width, 3).numpy())
