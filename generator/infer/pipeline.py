"""From prompts to clips: text model, DiT and decoder together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from generator.data.world import FRAMES, SIDE
from generator.flow import sampler
from generator.nets import weights
from generator.nets.dit import DiT
from generator.nets.text import TextModel
from generator.nets.vae import SPACE_RATIO, TIME_RATIO, VAE
from generator.nets.weights import Weights, WeightsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One clip that is wanted."""

    prompt: str
    seed: int
    """Of the noise, 0 to 2**63 - 1: the same request gives the same clip, up to rounding in another batch."""
    first_frame: NDArray[np.uint8] | None = None
    """(H, W, 3) RGB of the clip's size, for image-to-video."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How clips are sampled."""

    steps: int = 20
    guidance: float = 3.0
    """1 is none."""

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 1000:
            raise ValueError(f"steps is {self.steps}, expected 1 to 1000")
        if not 0 <= self.guidance <= 30:
            raise ValueError(f"guidance is {self.guidance}, expected 0 to 30")


class Networks(nn.Module):
    """The two networks that are trained together: text model and DiT."""

    def __init__(self, weights_: Weights) -> None:
        super().__init__()
        if weights_.tokenizer is None:
            raise WeightsError("the weights hold no tokenizer; the stage pretraining makes it")
        self.text = TextModel(weights_.config.text, weights_.tokenizer)
        self.dit = DiT(weights_.config.dit)

    def condition(
        self,
        prompts: Sequence[str],
        given: Tensor,
        mask: Tensor,
    ) -> sampler.Condition:
        """The condition of a batch; `given` (B, C, T, H, W) and `mask` (B, 1, T, H, W) of the latents."""
        text, real = self.text([*prompts, ""])
        words = int(real[-1].sum())
        return sampler.Condition(
            text=text[:-1],
            real=real[:-1],
            empty=text[-1:, :words],
            empty_real=real[-1:, :words],
            given=given,
            mask=mask,
        )


class Pipeline:
    """A generator that makes clips."""

    def __init__(self, weights_: Weights, device: torch.device | str = "cpu") -> None:
        """Raises WeightsError where a part is missing."""
        self.device = torch.device(device)
        self.vae = VAE(weights_.config.vae)
        weights_.fill("vae", self.vae)
        self.networks = Networks(weights_)
        weights_.fill("text", self.networks.text)
        weights_.fill("dit", self.networks.dit)
        self.vae.to(self.device).eval().requires_grad_(False)
        self.networks.to(self.device).eval().requires_grad_(False)

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> Pipeline:
        """The generator of a weights file. Raises WeightsError."""
        return cls(weights.load(path), device)

    @torch.no_grad()
    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        *,
        frames: int = FRAMES,
        side: int = SIDE,
        each_step: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Clips uint8 (B, T, H, W, 3), one batch; `each_step` is called after each sampling step."""
        given, mask = self.first_latents([r.first_frame for r in requests], frames, side)
        condition = self.networks.condition([r.prompt for r in requests], given, mask)
        noise = self.noise([r.seed for r in requests], frames, side)
        latents = sampler.sample(
            self.networks.dit,
            noise,
            condition,
            steps=sampling.steps,
            guidance=sampling.guidance,
            each_step=each_step,
        )
        video = torch.cat([self.vae.decode(part) for part in torch.split(latents, 8)])
        return to_pixels(video)

    def noise(self, seeds: Sequence[int], frames: int = FRAMES, side: int = SIDE) -> Tensor:
        """Noise (B, C, T, H, W), each clip's from its own seed."""
        shape = self._shape(frames, side)
        drawn = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return torch.stack(drawn).to(self.device)

    def first_latents(
        self, first_frames: Sequence[NDArray[np.uint8] | None], frames: int = FRAMES, side: int = SIDE
    ) -> tuple[Tensor, Tensor]:
        """Given latents (B, C, T, H, W) and their mask (B, 1, T, H, W); zeros where no frame is given."""
        channels, *size = self._shape(frames, side)
        given = torch.zeros(len(first_frames), channels, *size, device=self.device)
        mask = torch.zeros(len(first_frames), 1, *size, device=self.device)
        for place, picture in enumerate(first_frames):
            if picture is None:
                continue
            if picture.shape != (side, side, 3):
                raise ValueError(f"a first frame has shape {picture.shape}, expected ({side}, {side}, 3)")
            image = torch.from_numpy(picture.copy()).to(self.device).permute(2, 0, 1).float() / 127.5 - 1
            given[place, :, :1] = self.vae.encode(image[None, None])[0]
            mask[place, :, 0] = 1
        return given, mask

    def _shape(self, frames: int, side: int) -> tuple[int, int, int, int]:
        channels = self.networks.dit.config.latent_channels
        return channels, (frames - 1) // TIME_RATIO + 1, side // SPACE_RATIO, side // SPACE_RATIO


def to_pixels(video: Tensor) -> Tensor:
    """uint8 (B, T, H, W, 3) of a video (B, T, 3, H, W) in [-1, 1], clipped."""
    return ((video.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 1, 3, 4, 2).cpu()
