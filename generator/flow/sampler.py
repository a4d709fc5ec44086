"""Sampling: Euler steps along the velocity, with classifier-free guidance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from generator.flow import levels
from generator.nets.dit import DiT


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a batch of clips shall be: text, and latents that are given (image-to-video)."""

    text: Tensor
    """(B, L, width) hidden states of the texts."""
    real: Tensor
    """(B, L) which of them are tokens."""
    empty: Tensor
    """(1, E, width) hidden states of the empty text."""
    empty_real: Tensor
    given: Tensor
    """(B, C, T, H, W) the first frame's latents, zeros elsewhere."""
    mask: Tensor
    """(B, 1, T, H, W) 1 where latents are given."""


def velocity(dit: DiT, noisy: Tensor, level: Tensor, condition: Condition, guidance: float) -> Tensor:
    """The guided velocity (B, C, T, H, W) at levels (B,): v_empty + guidance (v_text - v_empty)."""
    c = condition
    if guidance == 1:
        return dit(noisy, c.given, c.mask, level, c.text, c.real)  # type: ignore[no-any-return]
    count, length = c.real.shape
    text, real = c.text.new_zeros(count, length, c.text.shape[-1]), torch.zeros_like(c.real)
    text[:, : c.empty.shape[1]], real[:, : c.empty_real.shape[1]] = c.empty, c.empty_real
    both: Tensor = dit(
        torch.cat([noisy, noisy]),
        torch.cat([c.given, c.given]),
        torch.cat([c.mask, c.mask]),
        torch.cat([level, level]),
        torch.cat([c.text, text]),
        torch.cat([c.real, real]),
    )
    with_text, without = both.chunk(2)
    return without + guidance * (with_text - without)


def sample(
    dit: DiT,
    noise: Tensor,
    condition: Condition,
    *,
    steps: int,
    guidance: float,
    stop_after: int | None = None,
    each_step: Callable[[], None] = lambda: None,
) -> Tensor:
    """Latents (B, C, T, H, W) from noise. With `stop_after` the noisy latents after so many steps.

    What is given stays as it was given.
    """
    shift = levels.shift_of(noise.shape[2] * noise.shape[3] * noise.shape[4])
    grid = levels.grid(steps, shift).to(noise.device)
    x = noise
    for here, there in zip(grid[:-1][:stop_after], grid[1:][:stop_after], strict=True):
        v = velocity(dit, x, here.expand(len(x)), condition, guidance)
        x = x + (there - here) * v
        each_step()
    if stop_after is None:
        x = torch.where(condition.mask.bool(), condition.given, x)
    return x
