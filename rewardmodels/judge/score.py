"""Scores clips with a trained reward model: `load(path).score(video, prompts, first_frames, fps)`.

The scores are differentiable with respect to the video, for reward feedback learning (§4.4.3), and
standardised, so that those of several models can be added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from rewardmodels.judge import weights
from rewardmodels.nets.build import Kind, RewardNet


@dataclass(frozen=True)
class Scorer:
    """A frozen reward model: its weights get no gradient, its inputs do."""

    net: nn.Module
    described: weights.Described

    @property
    def kind(self) -> Kind:
        return self.described.kind

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The columns of the scores."""
        return self.described.dimensions

    @property
    def frames(self) -> int:
        """How many frames of a clip the model looks at, at most."""
        return cast("RewardNet", self.net).frames

    @property
    def size(self) -> int:
        """The side that it looks at them with, pixels."""
        return cast("RewardNet", self.net).size

    def score(
        self, video: Tensor, prompts: list[str], first_frames: Tensor | None = None, fps: float = 8.0
    ) -> Tensor:
        """Scores of clips as (B, D): 0 is the mean and 1 the deviation of the base model's samples.

        `video` is float (B, T, 3, H, W), RGB in [-1, 1], of any size; `first_frames` the images of
        image-to-video, (B, 3, H, W), or None for text-to-video; `fps` the clips' frames a second.
        Raises ValueError on another shape.
        """
        if video.ndim != 5 or video.shape[2] != 3 or video.shape[1] < 2:
            raise ValueError(f"video has shape {tuple(video.shape)}, expected (B, T, 3, H, W), T at least 2")
        if len(prompts) != len(video):
            raise ValueError(f"{len(prompts)} prompts for {len(video)} clips, expected one each")
        if first_frames is not None and (first_frames.ndim != 4 or len(first_frames) != len(video)):
            raise ValueError(f"first_frames has shape {tuple(first_frames.shape)}, expected (B, 3, H, W)")
        return weights.standardised(self.net(video, prompts, first_frames, fps), self.described)

    def to(self, device: torch.device) -> Scorer:
        """The same model on another device."""
        return Scorer(self.net.to(device), self.described)


def load(path: Path | str) -> Scorer:
    """A reward model from its file, on the CPU. Raises `weights.WeightsError`."""
    net, described = weights.load(Path(path))
    net.eval()
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    return Scorer(net, described)
