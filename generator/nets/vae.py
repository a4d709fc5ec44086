"""The causal video autoencoder (§2.1): video (B, T'+1, 3, H', W') to latents (B, C, T+1, H, W).

Compression is (r_t, r_h, r_w) = (4, 16, 16) with C = 48 channels. Time is causal by group: latent 0 sees
frame 0, latent j sees frames up to 4j, and frames 4j-3 .. 4j are drawn from latents up to j; so one image is
a video of one frame, through the same weights.

To be small enough for two CPU cores each convolution is factorised into one in space and a causal one in
time, and the first and last quarter of the spatial compression is a fold of pixels into channels. Each
change of size has the shortcut of high-compression autoencoders (DC-AE): what is folded is averaged down to
the new channels, or duplicated up, so that the convolutions only learn what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

TIME_RATIO, SPACE_RATIO = 4, 16
_STEM = 4  # pixels folded by the first layer, in each direction


@dataclass(frozen=True, slots=True, kw_only=True)
class VAEConfig:
    """Sizes of the autoencoder."""

    latent_channels: int = 48
    widths: tuple[int, ...] = (32, 64, 96)
    """Channels at a quarter, an eighth and a sixteenth of the side."""
    blocks: int = 1
    """Residual blocks at each size."""

    def __post_init__(self) -> None:
        if len(self.widths) != 3:
            raise ValueError(
                f"widths has {len(self.widths)} numbers, expected 3: at 1/4, 1/8 and 1/16 of a side"
            )


class VAE(nn.Module):
    """Encoder and decoder; latents are normalised by the channels' stored mean and standard deviation."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        wide, middle, deep = config.widths
        channels = config.latent_channels
        blocks = config.blocks
        self.stem = nn.Conv2d(3 * _STEM**2, wide, 3, padding=1)
        self.encoder = nn.ModuleList(
            [
                *(Block(wide) for _ in range(blocks)),
                Down(wide, middle),
                *(Block(middle) for _ in range(blocks)),
                Down(middle, deep),
                *(Block(deep) for _ in range(blocks)),
            ]
        )
        self.to_latent = nn.Conv2d(deep, 2 * channels, 1)
        self.from_latent = nn.Conv2d(channels, deep, 3, padding=1)
        self.decoder = nn.ModuleList(
            [
                *(Block(deep) for _ in range(blocks)),
                Up(deep, middle),
                *(Block(middle) for _ in range(blocks)),
                Up(middle, wide),
                *(Block(wide) for _ in range(blocks)),
            ]
        )
        # The last fold alone would leave 4 x 4 tiles: two convolutions on the pixels smooth them away.
        self.to_pixels = nn.Conv2d(wide, 16 * _STEM**2, 3, padding=1)
        self.finish = nn.Sequential(nn.SiLU(), nn.Conv2d(16, 3, 3, padding=1))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    def moments(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, C, T, H, W) of the posterior of a video (B, T', 3, H', W') in [-1, 1]."""
        count, frames, _, height, width = video.shape
        if (frames - 1) % TIME_RATIO or height % SPACE_RATIO or width % SPACE_RATIO:
            raise ValueError(
                f"a video of {frames} frames of {width} x {height} pixels was given; the frames must be a "
                f"multiple of {TIME_RATIO} and one, each side a multiple of {SPACE_RATIO}"
            )
        folded = functional.pixel_unshuffle(video.flatten(0, 1), _STEM)
        x = self.stem(folded).unflatten(0, (count, frames))  # (B, T', C, H'/4, W'/4)
        for layer in self.encoder:
            x = layer(x)
        both = self.to_latent(functional.silu(x.flatten(0, 1))).unflatten(0, x.shape[:2]).transpose(1, 2)
        mean, log_variance = both.chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)

    def encode(self, video: Tensor) -> Tensor:
        """Normalised latents (B, C, T, H, W), the posterior's mean, of a video (B, T', 3, H', W')."""
        mean, _ = self.moments(video)
        return (mean - _channels(self.mean)) / _channels(self.std)

    def decode(self, latents: Tensor) -> Tensor:
        """Video (B, T', 3, H', W') of normalised latents (B, C, T, H, W); not clipped to [-1, 1]."""
        return self.draw(latents * _channels(self.std) + _channels(self.mean))

    def draw(self, latents: Tensor) -> Tensor:
        """`decode` of latents as `moments` gives them."""
        x = latents.transpose(1, 2)
        x = self.from_latent(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        for layer in self.decoder:
            x = layer(x)
        pixels = functional.pixel_shuffle(self.to_pixels(functional.silu(x.flatten(0, 1))), _STEM)
        video: Tensor = self.finish(pixels).unflatten(0, x.shape[:2])
        return video


class Block(nn.Module):
    """A residual convolution in space and a causal one in time, on (B, T, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.space = nn.Conv2d(channels, channels, 3, padding=1)
        self.time = CausalTime(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        # Statistics of one frame: those of all frames would let the past see the future.
        inner = self.space(functional.silu(self.norm(x.flatten(0, 1)))).unflatten(0, x.shape[:2])
        out: Tensor = x + self.time(functional.silu(inner))
        return out


class CausalTime(nn.Module):
    """A convolution over a frame and the two before it; before the first comes the first again."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.weights = nn.ModuleList([nn.Conv2d(channels, out, 1, bias=i == 0) for i in range(3)])

    def forward(self, x: Tensor, stride: int = 1) -> Tensor:
        padded = torch.cat([x[:, :1], x[:, :1], x], dim=1)
        frames = x.shape[1]
        out = None
        for back, weight in enumerate(self.weights):
            part = padded[:, 2 - back : 2 - back + frames : stride]
            part = weight(part.flatten(0, 1)).unflatten(0, part.shape[:2])
            out = part if out is None else out + part
        return cast("Tensor", out)


class Down(nn.Module):
    """Halves space, and time causally: 2n + 1 frames become n + 1."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.out = out
        self.space = nn.Conv2d(channels, out, 3, stride=2, padding=1)
        self.time = CausalTime(out, out)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.space(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        inner = inner[:, ::2] + self.time(functional.silu(inner), stride=2)
        folded = _apart(functional.pixel_unshuffle(x.flatten(0, 1), 2), x)
        before = torch.cat([folded[:, :1], folded[:, :-1]], dim=1)[:, ::2]  # the frame before each that stays
        both = torch.cat([folded[:, ::2], before], dim=2)
        out: Tensor = inner + _average(both, self.out)
        return out


class Up(nn.Module):
    """Doubles space, and time: n + 1 frames become 2n + 1, drawn from the present and the past."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.out = out
        self.time = CausalTime(channels, 2 * channels)
        self.space = nn.Conv2d(channels, 4 * out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        earlier, later = self.time(functional.silu(x)).chunk(2, dim=2)
        longer = torch.stack([x + earlier, x + later], dim=2).flatten(1, 2)[:, 1:]  # (B, 2n+1, C, H, W)
        inner = functional.pixel_shuffle(self.space(functional.silu(longer.flatten(0, 1))), 2)
        shortcut = functional.pixel_shuffle(_repeat(longer.flatten(0, 1), 4 * self.out), 2)
        return _apart(inner + shortcut, longer)


def _average(x: Tensor, channels: int) -> Tensor:
    """(B, T, C, H, W) to (B, T, channels, H, W): the mean of neighbouring channels."""
    have = x.shape[2]
    if have % channels:
        x = x.repeat_interleave(channels, dim=2)
        have *= channels
    groups = x.reshape(*x.shape[:2], channels, have // channels, *x.shape[3:])
    return groups.mean(dim=3)


def _apart(x: Tensor, like: Tensor) -> Tensor:
    """(B T, C, H, W) to (B, T, C, H, W), with B and T as those of `like`."""
    return x.reshape(*like.shape[:2], *x.shape[1:])


def _repeat(x: Tensor, channels: int) -> Tensor:
    """(N, C, H, W) to (N, channels, H, W): each channel in turn, as often as it takes."""
    have = x.shape[1]
    index = torch.arange(channels, device=x.device) * have // channels
    return x[:, index]


def _channels(values: Tensor) -> Tensor:
    return values.view(1, -1, 1, 1, 1)
