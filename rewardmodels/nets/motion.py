"""The motion reward (§4.4.2): fewer artefacts, more amplitude and vividness.

A small spatio-temporal encoder that is given the motion itself beside the picture: differences of
neighbouring frames on a pyramid of three scales. The amplitude on each scale also goes to the head as plain
figures over time, since a mean over positions would hide a still frame among moving ones.

A reward for motion is open to two tricks. Flicker raises amplitude: the encoder sees it as an artefact. And
a clip that stands still has no artefacts at all: against that there is a floor, below which the score falls
whatever the encoder says (`MotionReward.floor`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from rewardmodels.nets.frames import even_frames, resized

_SCALES = 3
_STILL = 1e-3  # a difference of an eighth of a grey level
PENALTY = 4.0
"""What a clip without any motion loses, in units of the raw score (four logits)."""


class MotionReward(nn.Module):
    """Scores clips (B, T, 3, H, W), RGB in [-1, 1], T at least 2, as (B, D), one column a dimension."""

    floor: Tensor

    def __init__(self, *, dimensions: int, width: int, frames: int, size: int) -> None:
        """`width` is the channels of the first layer; `frames` and `size` are what a clip is cut down to."""
        super().__init__()
        if frames < 4:
            raise ValueError(f"frames is {frames}, expected 4 or more: motion needs some of them")
        self.frames, self.size = frames, size
        # A picture and the difference to the next one; smaller differences join where the scale is theirs.
        self.first = nn.Conv2d(6, width, 5, padding=2, stride=2)
        self.second = nn.Conv2d(width + 3, 2 * width, 3, padding=1, stride=2)
        self.third = nn.Conv3d(2 * width + 3, 4 * width, 3, padding=1, stride=(1, 2, 2))
        self.fourth = nn.Conv3d(4 * width, 4 * width, 3, padding=1, stride=(1, 2, 2))
        self.head = nn.Sequential(
            nn.Linear(12 * width + 5 * _SCALES, 4 * width), nn.GELU(), nn.Linear(4 * width, dimensions)
        )
        self.register_buffer("floor", torch.zeros(()))

    def forward(self, video: Tensor, prompts: list[str], first_frames: Tensor | None, fps: float) -> Tensor:
        x = resized(video[:, even_frames(video.shape[1], self.frames)], self.size)  # (B, T, 3, S, S)
        batch, pairs = x.shape[0], self.frames - 1
        pyramid = [x[:, 1:] - x[:, :-1]]
        for _ in range(_SCALES - 1):
            pyramid.append(_halved(pyramid[-1]))
        two, four = (level.flatten(0, 1) for level in pyramid[1:])
        y = torch.cat([x[:, 1:], 4 * pyramid[0]], dim=2).flatten(0, 1)  # (B (T-1), 6, S, S)
        y = functional.gelu(self.first(y))
        y = functional.gelu(self.second(torch.cat([y, 4 * two], dim=1)))
        y = (
            torch.cat([y, 4 * four], dim=1).view(batch, pairs, -1, *four.shape[2:]).transpose(1, 2)
        )  # (B, C, T-1, S/4, S/4)
        y = functional.gelu(self.third(y))
        y = functional.gelu(self.fourth(y))
        spread = (y.var(dim=(2, 3, 4), correction=0) + 1e-6).sqrt()
        moments = y.mean(dim=(3, 4)).var(dim=2, correction=0)
        pooled = torch.cat([y.mean(dim=(2, 3, 4)), spread, (moments + 1e-6).sqrt()], dim=1)
        amplitude = torch.stack([_amplitude(level) for level in pyramid], dim=1)  # (B, scales, T-1)
        score: Tensor = self.head(torch.cat([pooled, _figures(amplitude)], dim=1))
        return score - PENALTY * self._shortfall(amplitude)[:, None]

    @torch.no_grad()
    def motion(self, video: Tensor) -> Tensor:
        """The motion that the floor is compared with, (B,), in units of [-1, 1] a sampled frame."""
        x = resized(video[:, even_frames(video.shape[1], self.frames)], self.size)
        return _amplitude(_halved(_halved(x[:, 1:] - x[:, :-1]))).mean(dim=1)

    def _shortfall(self, amplitude: Tensor) -> Tensor:
        """How far below the floor the clip's motion on the coarsest scale is: 0 above it, 1 for none at all.

        The coarsest scale, since noise and compression artefacts largely cancel there and movement does not.
        """
        moved = amplitude[:, -1].mean(dim=1)
        return functional.relu(1 - moved / self.floor.clamp(min=1e-6)) * (self.floor > 0)


def _halved(frames: Tensor) -> Tensor:
    """Frames (B, T, C, H, W) at half the size, by mean."""
    small = functional.avg_pool2d(frames.flatten(0, 1), 2)
    return small.view(*frames.shape[:2], *small.shape[1:])


def _amplitude(differences: Tensor) -> Tensor:
    """Mean absolute difference of each pair of frames: (B, T-1, 3, h, w) -> (B, T-1)."""
    return differences.abs().mean(dim=(2, 3, 4))


def _figures(amplitude: Tensor) -> Tensor:
    """Amplitudes (B, scales, T-1) over time, in logarithms: mean, least, most, unevenness, and reversal."""
    logs = (amplitude + _STILL).log() - _MIDDLE
    steps = (logs[..., 1:] - logs[..., :-1]).abs().mean(dim=2)
    least, most = logs.amin(dim=2), logs.amax(dim=2)
    uneven = (logs.var(dim=2, correction=0) + 1e-6).sqrt()
    return torch.cat([logs.mean(dim=2), least, most, uneven, steps], dim=1)


_MIDDLE = -3.0  # the logarithm of an ordinary amplitude, 0.05: keeps the figures around 0
