"""Rotary positions for text and video together (MM-RoPE, §2.2).

A visual token has three positions (t, h, w), each turning its own part of the head; a text token has one,
repeated on all three. Time in a video goes on where the text before it ends.
"""

from __future__ import annotations

import torch
from torch import Tensor


def angles(positions: Tensor, head: int, base: float) -> Tensor:
    """Angles (..., head / 2) of positions (..., 3): a quarter of the head for t, the rest for h and w.

    The pairs of an axis turn by 1 down to nearly 1 / `base` radians a position: `base` is about the largest
    distance that they tell apart.
    """
    sizes = split(head)
    parts = []
    for axis, size in enumerate(sizes):
        rates = base ** (-torch.arange(size, device=positions.device, dtype=torch.float32) / size)
        parts.append(positions[..., axis : axis + 1].float() * rates)
    return torch.cat(parts, dim=-1)


def split(head: int) -> tuple[int, int, int]:
    """How many pairs of a head of `head` numbers turn with t, h and w."""
    if head % 8:
        raise ValueError(
            f"a head has {head} numbers, expected a multiple of 8: a quarter for t, the rest for h, w"
        )
    time = head // 8
    high = (head // 2 - time) // 2
    return time, high, head // 2 - time - high


def turn(x: Tensor, angle: Tensor) -> Tensor:
    """Rotates pairs of x (..., N, head) by angles that broadcast to (..., N, head / 2)."""
    left, right = x.float().chunk(2, dim=-1)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([left * cos - right * sin, right * cos + left * sin], dim=-1).to(x.dtype)


def text_positions(length: int, device: torch.device) -> Tensor:
    """Positions (length, 3) of text tokens."""
    return torch.arange(length, device=device)[:, None].expand(length, 3)


def video_positions(lengths: Tensor, frames: int, height: int, width: int) -> Tensor:
    """Positions (B, frames, height, width, 3) of visual tokens that follow texts of `lengths` (B,) tokens."""
    device = lengths.device
    t = lengths[:, None, None, None] + torch.arange(frames, device=device)[None, :, None, None]
    h = torch.arange(height, device=device)[None, None, :, None]
    w = torch.arange(width, device=device)[None, None, None, :]
    shape = (len(lengths), frames, height, width)
    return torch.stack([t.expand(shape), h.expand(shape), w.expand(shape)], dim=-1)
