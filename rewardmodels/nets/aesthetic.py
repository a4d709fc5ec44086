"""The aesthetic reward (§4.4.2): an image encoder on keyframes with a score head.

A small convolutional encoder, trained from scratch. It has no normalisation over positions or channels: that
would divide out contrast and colour balance, which are part of what it judges. Features are pooled over the
picture by mean and by standard deviation, because blur and noise show in the spread of the responses.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rewardmodels.nets.frames import even_frames, keyframes, resized

FRAMES = 17
"""Most frames of a clip, evenly spread, that keyframes are chosen from."""


class AestheticReward(nn.Module):
    """Scores images (N, 3, H, W), RGB in [-1, 1], H and W at least 16, as (N,); no unit, higher is better."""

    def __init__(self, width: int) -> None:
        """`width` is the channels of the first layer; the deepest has four times as many."""
        super().__init__()
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(3, width, 3, padding=1),
                nn.Conv2d(width, 2 * width, 3, padding=1, stride=2),
                nn.Conv2d(2 * width, 4 * width, 3, padding=1, stride=2),
                nn.Conv2d(4 * width, 4 * width, 3, padding=1, stride=2),
            ]
        )
        self.head = nn.Sequential(nn.Linear(8 * width, 4 * width), nn.GELU(), nn.Linear(4 * width, 1))

    def forward(self, images: Tensor) -> Tensor:
        x = images  # (N, 3, H, W)
        for layer in self.layers:
            x = functional.gelu(layer(x))  # (N, C, H/2^i, W/2^i)
        spread = (x.var(dim=(2, 3), correction=0) + 1e-6).sqrt()
        pooled = torch.cat([x.mean(dim=(2, 3)), spread], dim=1)  # (N, 8 width)
        score: Tensor = self.head(pooled).squeeze(1)
        return score

    def score_clip(self, keyframes: Tensor) -> Tensor:
        """Scores clips by their keyframes (B, K, 3, H, W) as (B,): half the mean, half the worst keyframe."""
        scores: Tensor = self(keyframes.flatten(0, 1)).view(keyframes.shape[:2])
        return 0.5 * scores.mean(dim=1) + 0.5 * scores.amin(dim=1)


class AestheticClips(nn.Module):
    """Scores clips (B, T, 3, H, W), RGB in [-1, 1], by their keyframes as (B, D), one column a dimension.

    Each dimension has an encoder of its own: usually there is one.
    """

    def __init__(self, *, dimensions: int, width: int, keyframes: int, size: int) -> None:
        """`width` is the encoder's; `keyframes` and `size` are what a clip is cut down to."""
        super().__init__()
        self.frames, self.size, self.keyframes = FRAMES, size, keyframes
        self.encoders = nn.ModuleList([AestheticReward(width) for _ in range(dimensions)])
        for module in self.encoders.modules():
            if isinstance(module, nn.Conv2d):
                # torch's own start halves the signal at each layer; a few hundred steps don't win that back.
                nn.init.kaiming_normal_(module.weight)

    def forward(self, video: Tensor, prompts: list[str], first_frames: Tensor | None, fps: float) -> Tensor:
        few = video[:, even_frames(video.shape[1], min(video.shape[1], FRAMES))]
        chosen = keyframes(resized(few, self.size), self.keyframes)
        columns = [cast("AestheticReward", encoder).score_clip(chosen) for encoder in self.encoders]
        return torch.stack(columns, dim=1)
