"""Stage `pretraining`: text model and DiT learn the flow (§4.1), by the recipe in numbered steps.

1. Scenes are drawn, never of held-out combinations, and their clips encoded once: the bank.
2. A batch takes latents from the bank, each with one of its texts: short prompt or dense caption, English or
   Chinese; some texts are left empty, for guidance.
3. Some clips are given their first frame (image-to-video); some batches are first frames alone (image).
4. Noise of a logit-normal level, shifted by the number of latents; the loss is |v - (eps - x0)|^2.
5. An exponential moving average of the weights is what is evaluated and kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from generator.data import judge, world
from generator.flow import levels
from generator.infer.pipeline import Networks, Pipeline, Request, Sampling
from generator.nets import weights
from generator.nets.text import make_tokenizer
from generator.nets.vae import VAE
from generator.train.autoencoder import contact_sheet, to_video
from generator.train.average import Averaged
from generator.train.config import PretrainingConfig
from generator.train.text import texts_of, texts_of_the_world
from workbench.trainer.config import ConfigError
from workbench.trainer.distributed import World, seed_everything
from workbench.trainer.events import EventWriter, Figure
from workbench.trainer.loop import Evaluation, Sample, Schedule
from workbench.trainer.schedule import warm_cosine

_SAMPLING = Sampling()


@dataclass(frozen=True, slots=True)
class Batch:
    """Latents (B, C, T, H, W), their texts, noise, levels (B,), and whether the first frame is given (B,)."""

    clean: Tensor
    texts: list[str]
    noise: Tensor
    level: Tensor
    given: Tensor


class PretrainingTraining:
    """What `workbench.trainer.loop` trains; see there for the methods."""

    def __init__(self, config: PretrainingConfig, run_dir: Path, world_: World, events: EventWriter) -> None:
        self._config, self._run_dir, self._world = config, run_dir, world_
        if config.start is None:
            raise ConfigError(
                "config.start is missing: pretraining needs the weights that hold an autoencoder"
            )
        self._weights = weights.load(run_dir / "inputs" / config.start)
        self._vae = VAE(self._weights.config.vae)
        self._weights.fill("vae", self._vae)
        self._vae.to(world_.device).requires_grad_(False).eval()
        seed_everything(config.seed, world_)
        if self._weights.tokenizer is None:
            text = make_tokenizer(texts_of_the_world(), self._weights.config.text.vocabulary)
            self._weights = replace(self._weights, tokenizer=text)
        networks = Networks(self._weights)
        for part, network in (("text", networks.text), ("dit", networks.dit)):
            if self._weights.holds(part):
                self._weights.fill(part, network)
        self.model = Averaged(networks).to(world_.device)
        self.optimizer = torch.optim.AdamW(
            networks.parameters(),
            lr=config.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=config.weight_decay,
        )
        count = sum(p.numel() for p in networks.parameters())
        events.log("info", f"{count:,} parameters; encoding {config.bank} clips")
        self._bank, self._scenes = self._encode(config.bank // config.processes)
        self._drawn = 0
        self._own = config.batch_size // config.processes

    @property
    def schedule(self) -> Schedule:
        c = self._config
        return Schedule(c.steps, c.log_every, c.eval_every, c.checkpoint_every)

    def next_batch(self) -> Batch:
        c = self._config
        rng = np.random.default_rng([c.seed, 2, self._world.rank, self._drawn])
        self._drawn += 1
        noise_source = torch.Generator().manual_seed(int(rng.integers(2**62)))
        chosen = rng.integers(len(self._bank), size=self._own)
        clean = self._bank[torch.from_numpy(chosen)].float()
        if rng.random() < c.image_share:
            clean = clean[:, :, :1]
        texts = [
            "" if rng.random() < c.caption_dropout else one_text(self._scenes[i], rng)
            for i in chosen.tolist()
        ]
        given = rng.random(self._own) < (c.first_frame_share if clean.shape[2] > 1 else 0)
        shift = levels.shift_of(clean.shape[2] * clean.shape[3] * clean.shape[4])
        device = self._world.device
        return Batch(
            clean.to(device),
            texts,
            torch.randn(clean.shape, generator=noise_source).to(device),
            levels.draw(self._own, shift, noise_source).to(device),
            torch.from_numpy(given).to(device),
        )

    def step(self, batch: Batch) -> Mapping[str, float]:
        c = self._config
        rate = warm_cosine(self._drawn, c.steps, c.learning_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast(self._world.device.type, torch.bfloat16, enabled=c.autocast):
            loss = flow_loss(self.model.live, batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._world.average_gradients(self.model.live)
        norm = torch.nn.utils.clip_grad_norm_(self.model.live.parameters(), 1.0)
        self.optimizer.step()
        self.model.follow(min(c.average, self._drawn / (10 + self._drawn)))
        return {"train/loss": loss.item(), "train/gradient": float(norm), "train/learning_rate": rate}

    def data_position(self) -> dict[str, Any]:
        return {"drawn": self._drawn}

    def seek(self, position: Mapping[str, Any]) -> None:
        self._drawn = position["drawn"]

    def evaluate(self, step: int) -> Evaluation:
        figures, clips = self._follow_prompts(32)
        path = f"samples/step-{step:06d}.png"
        (self._run_dir / path).parent.mkdir(exist_ok=True)
        contact_sheet(clips[:10]).save(self._run_dir / path)
        return Evaluation(figures, [Sample(path, "Clips of held-out prompts")])

    def result(self) -> Mapping[str, Figure]:
        """How held-out prompts are followed; leaves `DIR/checkpoint.safetensors`."""
        figures, _ = self._follow_prompts(96)
        made = self._made().with_stage("pretraining", asdict(self._config), figures)
        weights.save(made, self._run_dir / "checkpoint.safetensors")
        return figures

    def _made(self) -> weights.Weights:
        average = self.model.average
        return self._weights.with_part("text", average.text).with_part("dit", average.dit)

    def _follow_prompts(self, count: int) -> tuple[dict[str, float], Tensor]:
        """By the judge, on held-out combinations; and the clips (B, T, 3, H, W)."""
        rng = np.random.default_rng([self._config.seed, 3])
        scenes = [world.draw_scene(rng, of="held-out") for _ in range(count)]
        prompts = [world.prompt(scene, "zh" if i % 2 else "en") for i, scene in enumerate(scenes)]
        pipeline = Pipeline(self._made(), self._world.device)
        requests = [Request(prompt=text, seed=i) for i, text in enumerate(prompts)]
        parts = [pipeline.generate(requests[i : i + 16], _SAMPLING) for i in range(0, count, 16)]
        clips = torch.cat(parts)
        return prompt_figures(clips.numpy(), prompts), clips.permute(0, 1, 4, 2, 3).float() / 127.5 - 1

    @torch.no_grad()
    def _encode(self, count: int) -> tuple[Tensor, list[world.Scene]]:
        """This rank's bank: latents (N, C, T, H, W) in bfloat16, and the scenes."""
        rng = np.random.default_rng([self._config.seed, 1, self._world.rank])
        scenes = [world.draw_scene(rng, of="training") for _ in range(count)]
        parts = []
        for first in range(0, count, 16):
            clips = to_video(scenes[first : first + 16]).to(self._world.device)
            with torch.autocast(self._world.device.type, torch.bfloat16, enabled=self._config.autocast):
                parts.append(self._vae.encode(clips).to("cpu", torch.bfloat16))
        return torch.cat(parts), scenes


def flow_loss(networks: Networks, batch: Batch) -> Tensor:
    """Mean squared error of the velocity, a scalar."""
    noisy = levels.noised(batch.clean, batch.noise, batch.level)
    mask = torch.zeros_like(batch.clean[:, :1])
    mask[:, :, 0] = batch.given.view(-1, 1, 1, 1).to(mask.dtype)
    text, real = networks.text(batch.texts)
    v: Tensor = networks.dit(noisy, batch.clean * mask, mask, batch.level, text, real)
    return (v.float() - (batch.noise - batch.clean)).square().mean()


def one_text(scene: world.Scene, rng: np.random.Generator) -> str:
    """A random text of a scene: prompt or caption, English or Chinese."""
    texts = texts_of(scene)
    return texts[rng.integers(len(texts))]


def prompt_figures(clips: np.ndarray[Any, np.dtype[np.uint8]], prompts: Sequence[str]) -> dict[str, float]:
    """The share of clips (B, T, H, W, 3) in which the judge sees what the prompt says, and its mean marks."""
    found = [
        (world.parse(text), judge.measure(clip, world.parse(text), None))
        for clip, text in zip(clips, prompts, strict=True)
    ]
    facts = {
        name: float(np.mean([getattr(m, name) == getattr(wanted, name) for wanted, m in found]))
        for name in ("shape", "colour", "direction", "camera")
    }
    marks = {
        name: float(np.mean([getattr(m, name) for _, m in found]))
        for name in ("prompt_following", "structural_stability", "motion_quality", "aesthetic_quality")
    }
    whole = {"one_subject": float(np.mean([m.subjects == 1 for _, m in found]))}
    return {f"eval/{name}": value for name, value in (facts | whole | marks).items()}
