"""Which frames of a clip a reward model sees, and at what size; differentiable."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def even_frames(total: int, count: int) -> list[int]:
    """`count` indices spread evenly from the first frame to the last; short clips repeat frames."""
    if count == 1:
        return [(total - 1) // 2]
    return [round(place * (total - 1) / (count - 1)) for place in range(count)]


def resized(frames: Tensor, size: int) -> Tensor:
    """Frames (..., C, H, W) at (..., C, size, size), bicubic with antialiasing, clamped to [-1, 1].

    Other filters shift a pretrained vision tower's inputs by as much as 0.15. The aspect ratio goes: all
    clips of an item are shown at one size, so it is the same loss for each of them.
    """
    if frames.shape[-2:] == (size, size):
        return frames
    flat = frames.flatten(0, -4) if frames.ndim > 4 else frames
    small = functional.interpolate(
        flat, size=(size, size), mode="bicubic", antialias=True, align_corners=False
    )
    return small.clamp(-1, 1).view(*frames.shape[:-2], size, size)


def keyframes(video: Tensor, count: int) -> Tensor:
    """`count` frames of each clip (B, T, C, H, W) as (B, count, C, H, W).

    Half are spread evenly; the others are the frames after the greatest changes of the content, where a shot
    begins or the most is new. The choice has no gradient, what is chosen has. Clips of fewer frames than
    `count` repeat some.
    """
    batch, total = video.shape[:2]
    even = (count + 1) // 2
    chosen = torch.tensor(even_frames(total, even), device=video.device).expand(batch, even)
    if count > even:
        with torch.no_grad():
            change = (video[:, 1:] - video[:, :-1]).abs().mean(dim=(2, 3, 4))  # (B, T-1)
            change = torch.cat([change.new_zeros(batch, 1), change], dim=1)
            # A frame that is there already adds nothing.
            change = change.scatter(1, chosen, -1.0)
            most = change.argsort(dim=1, descending=True, stable=True)[:, : count - even]
            if most.shape[1] < count - even:
                most = torch.cat([most, most[:, :1].expand(-1, count - even - most.shape[1])], dim=1)
        chosen = torch.cat([chosen, most], dim=1)
    chosen = chosen.sort(dim=1).values
    return video[torch.arange(batch, device=video.device)[:, None], chosen]
