"""Stage `refl`: reward feedback learning (§4.4.3). The generator is pushed up differentiable rewards.

One step goes:

1. a step k of the sampling grid is drawn; clips are sampled without gradient up to its noise level;
2. one more velocity, with gradient, completes them at once: x0 = x - t v, decoded to pixels;
3. each reward model's score, standardised by the base model's own completions at that k, counts up to a
   bound: sum of w relu(tau - score) is minimised, so nothing is gained by going beyond;
4. the squared distance of the velocity to the frozen reference's keeps the generator near where it began.

Both the bound and the reference are needed: alone, neither keeps the generator from exploiting the rewards.
A rising reward proves nothing, so the held-out prompts are also measured by a judge that nothing here
optimises (`generator.data.judge`).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generator.data.world import FPS, SIDE
from generator.flow import levels, sampler
from generator.infer.files import read_picture
from generator.infer.pipeline import Pipeline, to_pixels
from generator.nets import weights
from generator.train.autoencoder import contact_sheet
from generator.train.average import Averaged
from generator.train.config import ReflConfig
from generator.train.pretraining import prompt_figures
from rewardmodels.judge import score
from workbench.trainer.config import ConfigError
from workbench.trainer.distributed import World, seed_everything
from workbench.trainer.events import EventWriter, Figure
from workbench.trainer.loop import Evaluation, Sample, Schedule
from workbench.trainer.schedule import warm_cosine

_EVALUATED = 24
_CALIBRATED = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Prompts by their place in the config, a seed for each clip's noise, and the sampling step k."""

    places: list[int]
    seeds: list[int]
    k: int


class ReflTraining:
    """What `workbench.trainer.loop` trains; see there for the methods."""

    def __init__(self, config: ReflConfig, run_dir: Path, world_: World, events: EventWriter) -> None:
        if world_.size != 1:
            raise ConfigError(f"{world_.size} processes were started; reward feedback learning runs in one")
        self._config, self._run_dir, self._device = config, run_dir, world_.device
        seed_everything(config.seed, world_)
        inputs = run_dir / "inputs"
        self._weights = weights.load(inputs / config.checkpoint)
        self._pipeline = Pipeline(self._weights, world_.device)
        self._rewards = CompositeReward(config, inputs, world_.device)
        self._first_frames = _pictures(config, inputs)
        self._reference = self._pipeline.networks.dit
        self.model = Averaged(copy.deepcopy(self._reference).requires_grad_(requires_grad=True))
        self.optimizer = torch.optim.AdamW(
            self.model.live.parameters(), lr=config.learning_rate, weight_decay=0.0
        )
        self._drawn = 0
        self._grid = levels.grid(
            config.sampling_steps, levels.shift_of(self._pipeline.noise([0])[0, 0].numel())
        ).to(world_.device)
        events.log(
            "info", f"Standardising {len(config.rewards)} rewards at {len(self._window)} sampling steps"
        )
        self._rewards.calibrate(self._base_completions())
        self._before: dict[str, float] | None = None

    @property
    def schedule(self) -> Schedule:
        c = self._config
        return Schedule(c.steps, c.log_every, c.eval_every, c.checkpoint_every)

    def next_batch(self) -> Batch:
        c = self._config
        rng = np.random.default_rng([c.seed, 1, self._drawn])
        self._drawn += 1
        places = rng.integers(len(c.prompts), size=c.batch_size).tolist()
        seeds = rng.integers(2**62, size=c.batch_size).tolist()
        return Batch(places, seeds, int(rng.choice(self._window)))

    def step(self, batch: Batch) -> Mapping[str, float]:
        c = self._config
        for group in self.optimizer.param_groups:
            group["lr"] = warm_cosine(self._drawn, c.steps, c.learning_rate)
        condition = self._condition(batch.places)
        x = self._rolled_out(self.model.live, batch.seeds, condition, batch.k)
        level = self._grid[batch.k].expand(len(x))
        velocity = sampler.velocity(self.model.live, x, level, condition, c.guidance)
        with torch.no_grad():
            reference = sampler.velocity(self._reference, x, level, condition, c.guidance)
        video = self._pipeline.vae.decode(levels.clean_of(x, velocity, level)).clamp(-1, 1)
        scores = self._rewards.scores(video, *self._asked(batch.places), at=batch.k)  # (B, M)
        weights_, tau = self._rewards.weights, self._rewards.tau
        short, distance = objective(scores, weights_, tau, velocity, reference)
        loss = c.reward_scale * short + c.beta * distance
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.live.parameters(), 1.0)
        self.optimizer.step()
        self.model.follow(min(c.average, self._drawn / (2 + self._drawn)))
        figures = {
            "train/loss": loss.item(),
            "train/shortfall": short.item(),
            "train/reference_distance": distance.item(),
            "train/gradient": float(norm),
        }
        means = scores.detach().mean(dim=0).tolist()
        return figures | {
            f"train/reward/{name}": mean for name, mean in zip(self._rewards.names, means, strict=True)
        }

    def data_position(self) -> dict[str, Any]:
        return {"drawn": self._drawn}

    def seek(self, position: Mapping[str, Any]) -> None:
        self._drawn = position["drawn"]

    def evaluate(self, step: int) -> Evaluation:
        figures, clips = self._measured(self.model.average)
        path = f"samples/step-{step:06d}.png"
        (self._run_dir / path).parent.mkdir(exist_ok=True)
        contact_sheet(clips[:8]).save(self._run_dir / path)
        return Evaluation(figures, [Sample(path, "Held-out prompts, the same noise each time")])

    def result(self) -> Mapping[str, Figure]:
        """Held-out figures before and after; leaves `DIR/checkpoint.safetensors`."""
        before, _ = self._measured(self._reference)
        after, _ = self._measured(self.model.average)
        settings = asdict(self._config) | {"prompts": len(self._config.prompts)}
        for name in ("first_frames", "eval_prompts"):
            settings.pop(name)
        made = self._weights.with_part("dit", self.model.average).with_stage("refl", settings, after)
        weights.save(made, self._run_dir / "checkpoint.safetensors")
        return {f"before/{name.removeprefix('eval/')}": value for name, value in before.items()} | {
            f"after/{name.removeprefix('eval/')}": value for name, value in after.items()
        }

    @property
    def _window(self) -> list[int]:
        first, last = self._config.window
        return list(range(first, last + 1))

    def _asked(self, places: Sequence[int]) -> tuple[list[str], Tensor | None]:
        """The prompts, and the first frames (B, 3, H, W) if every one of them has one."""
        pictures = [self._first_frames[place] for place in places]
        given = None
        if all(picture is not None for picture in pictures):
            given = torch.stack([_tensor(picture) for picture in pictures if picture is not None]).to(
                self._device
            )
        return [self._config.prompts[place] for place in places], given

    @torch.no_grad()
    def _condition(self, places: Sequence[int]) -> sampler.Condition:
        prompts = [self._config.prompts[place] for place in places]
        given, mask = self._pipeline.first_latents([self._first_frames[place] for place in places])
        return self._pipeline.networks.condition(prompts, given, mask)

    @torch.no_grad()
    def _rolled_out(self, dit: Any, seeds: Sequence[int], condition: sampler.Condition, k: int) -> Tensor:
        c = self._config
        noise = self._pipeline.noise(seeds)
        return sampler.sample(
            dit, noise, condition, steps=c.sampling_steps, guidance=c.guidance, stop_after=k
        )

    @torch.no_grad()
    def _base_completions(self) -> dict[int, tuple[Tensor, list[str], Tensor | None]]:
        """For each k of the window the base model's clips completed there: video, prompts, first frames."""
        c = self._config
        rng = np.random.default_rng([c.seed, 2])
        places = [int(i) for i in rng.permutation(len(c.prompts))[:_CALIBRATED]]
        places += [places[i % len(places)] for i in range(_CALIBRATED - len(places))]
        condition = self._condition(places)
        x = self._pipeline.noise(rng.integers(2**62, size=len(places)).tolist())
        completions = {}
        for k in range(self._window[-1] + 1):
            level = self._grid[k].expand(len(x))
            v = sampler.velocity(self._reference, x, level, condition, c.guidance)
            if k in self._window:
                video = self._pipeline.vae.decode(levels.clean_of(x, v, level)).clamp(-1, 1)
                completions[k] = (video, *self._asked(places))
            x = x + (self._grid[k + 1] - self._grid[k]) * v
        return completions

    @torch.no_grad()
    def _measured(self, dit: Any) -> tuple[dict[str, float], Tensor]:
        """Rewards and the judge's marks of clips of the held-out prompts; and the clips (B, T, 3, H, W)."""
        c = self._config
        prompts = list(c.eval_prompts or c.prompts)[:_EVALUATED]
        given, mask = self._pipeline.first_latents([None] * len(prompts))
        condition = self._pipeline.networks.condition(prompts, given, mask)
        noise = self._pipeline.noise(range(len(prompts)))
        latents = sampler.sample(dit, noise, condition, steps=c.sampling_steps, guidance=c.guidance)
        video = torch.cat([self._pipeline.vae.decode(part) for part in torch.split(latents, 8)]).clamp(-1, 1)
        scores = self._rewards.scores(video, prompts, None, at=None)
        figures = {
            f"eval/reward/{name}": mean
            for name, mean in zip(self._rewards.names, scores.mean(dim=0).tolist(), strict=True)
        }
        figures["eval/composite"] = float(self._rewards.composite(scores).mean())
        judged = prompt_figures(to_pixels(video).numpy(), prompts)
        return figures | {f"eval/judge/{k.removeprefix('eval/')}": v for k, v in judged.items()}, video.cpu()


def objective(
    scores: Tensor, reward_weights: Tensor, tau: Tensor, velocity: Tensor, reference: Tensor
) -> tuple[Tensor, Tensor]:
    """The two terms that are minimised: what the rewards are short of their bounds, and the distance.

    `scores` (B, M) of M rewards, their weights and bounds (M,); the velocities have one shape. Scalars.
    """
    short = (reward_weights * (tau - scores).relu()).sum(dim=1).mean()
    return short, (velocity - reference).square().mean()


class CompositeReward:
    """Several reward models' scores, and their sum."""

    def __init__(self, config: ReflConfig, inputs: Path, device: torch.device) -> None:
        self._scorers = [score.load(inputs / reward.file).to(device) for reward in config.rewards]
        self.names = tuple(scorer.kind for scorer in self._scorers)
        if len(set(self.names)) != len(self.names):
            raise ConfigError(f"the reward models are of the kinds {list(self.names)}; give one of each kind")
        self.weights = torch.tensor([reward.weight for reward in config.rewards], device=device)
        self.tau = torch.tensor([reward.tau for reward in config.rewards], device=device)
        self._moments: dict[int, tuple[Tensor, Tensor]] = {}

    def scores(
        self, video: Tensor, prompts: list[str], first_frames: Tensor | None, *, at: int | None
    ) -> Tensor:
        """Each model's mean score over its dimensions, (B, M); standardised for the sampling step `at`.

        With `at` None they are as the reward models give them: for finished clips.
        """
        columns = []
        for scorer in self._scorers:
            found = scorer.score(video, prompts, first_frames, FPS)
            counted = [
                place
                for place, name in enumerate(scorer.dimensions)
                if name != "first_frame_preservation" or first_frames is not None
            ]
            columns.append(found[:, counted].mean(dim=1))
        raw = torch.stack(columns, dim=1)
        if at is None:
            return raw
        mean, deviation = self._moments[at]
        return (raw - mean) / deviation

    def calibrate(self, completions: Mapping[int, tuple[Tensor, list[str], Tensor | None]]) -> None:
        """Freeze mean and deviation at each sampling step: early completions are blurred, score low."""
        for k, (video, prompts, first_frames) in completions.items():
            with torch.no_grad():
                raw = self.scores(video, prompts, first_frames, at=None)
            self._moments[k] = raw.mean(dim=0), raw.std(dim=0).clamp_min(1e-3)

    def composite(self, scores: Tensor) -> Tensor:
        """The weighted mean of scores (B, M) as (B,)."""
        return (self.weights * scores).sum(dim=1) / self.weights.sum()


def _pictures(config: ReflConfig, inputs: Path) -> list[NDArray[np.uint8] | None]:
    names = config.first_frames or (None,) * len(config.prompts)
    try:
        return [read_picture(inputs / name, SIDE) if name else None for name in names]
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 127.5 - 1
