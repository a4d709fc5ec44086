"""Noise levels (§4.1): how much noise a training sample gets, and the grid that a sampler walks.

t = 1 is noise, t = 0 is data: x_t = (1 - t) x0 + t eps, and the velocity is v = eps - x0.
"""

from __future__ import annotations

import torch
from torch import Tensor

BASE_TOKENS, BASE_SHIFT = 48, 3.0
"""The shift of so many latent positions (T H W): nine frames of 64 x 64 pixels.

Where a subject is in each frame shows through at nine tenths of noise already. Without a shift hardly one
training sample in seventy lies above that, and the frames' places are not learned to belong together.
"""


def shift_of(tokens: int) -> float:
    """The shift s for so many latent positions; it grows as sqrt(n), for equal signal to noise."""
    return float(BASE_SHIFT * (tokens / BASE_TOKENS) ** 0.5)


def shifted(level: Tensor, shift: float) -> Tensor:
    """t' = s t / (1 + (s - 1) t): more positions need more noise to hide the same content."""
    return shift * level / (1 + (shift - 1) * level)


def draw(count: int, shift: float, generator: torch.Generator | None = None) -> Tensor:
    """Levels (count,) for training: logit-normal, shifted."""
    return shifted(torch.sigmoid(torch.randn(count, generator=generator)), shift)


def grid(steps: int, shift: float) -> Tensor:
    """The sampler's levels (steps + 1,), from 1 down to 0, shifted as in training."""
    if steps < 1:
        raise ValueError(f"{steps} sampling steps were asked for, expected 1 or more")
    return shifted(torch.linspace(1, 0, steps + 1, dtype=torch.float64), shift).float()


def noised(clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """x_t of clean latents (B, ...) and noise at levels (B,)."""
    t = level.view(-1, *(1,) * (clean.ndim - 1))
    return (1 - t) * clean + t * noise


def clean_of(noisy: Tensor, velocity: Tensor, level: Tensor) -> Tensor:
    """The estimate x0 = x_t - t v at levels (B,)."""
    return noisy - level.view(-1, *(1,) * (noisy.ndim - 1)) * velocity
