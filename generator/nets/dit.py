"""The diffusion transformer (§2.2): decoupled spatial and temporal blocks, text only in the spatial ones.

A *spatial* block is an MMDiT block: the visual tokens of a frame attend to one another and to the text, the
text tokens to one another and to all frames; text and video have weights of their own for adaLN, QKV and MLP.
A *temporal* block sees visual tokens only: windows in space, all frames, so it is global in time. Q and K are
RMS-normalised; every branch starts at nothing (adaLN-zero). One text stream serves all frames, where a stream
for each frame would cost `frames` times as much.

Input channels (§4.1): [noisy latents | given latents or zeros | mask], C + C + 1. A mask of 1 on the first
frame is image-to-video; one frame is text-to-image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.nets import rope
from generator.nets.text import mean_of_real

_FEW = 256
_PLACES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DiTConfig:
    """Sizes of the transformer."""

    latent_channels: int = 48
    text_width: int = 128
    width: int = 128
    pairs: int = 4
    """Pairs of a spatial and a temporal block."""
    heads: int = 4
    mlp_ratio: int = 4
    window: int = 4
    """Side of the temporal blocks' windows, in latents."""
    rope_base: float = 10_000.0
    """Of the rotary positions; about the largest distance, in latents or words, that they tell apart."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be divisible by heads {self.heads}")
        if self.rope_base <= 1:
            raise ValueError(f"rope_base is {self.rope_base}, expected more than 1")
        rope.split(self.width // self.heads)


class DiT(nn.Module):
    """Predicts the flow's velocity v = eps - x0."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.enter = nn.Linear(2 * config.latent_channels + 1, width)
        self.place = nn.Linear(6 * _PLACES, width)
        self.enter_text = nn.Linear(config.text_width, width)
        self.level = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.summary = nn.Linear(config.text_width, width)
        self.spatial = nn.ModuleList([SpatialBlock(config) for _ in range(config.pairs)])
        self.temporal = nn.ModuleList([TemporalBlock(config) for _ in range(config.pairs)])
        self.last = Modulation(width, 2)
        self.leave = nn.Linear(width, config.latent_channels)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(
        self, noisy: Tensor, given: Tensor, mask: Tensor, level: Tensor, text: Tensor, real: Tensor
    ) -> Tensor:
        """The velocity (B, C, T, H, W).

        `noisy` and `given` are latents (B, C, T, H, W), `given` zero where nothing is; `mask` (B, 1, T, H, W)
        is 1 where `given` counts; `level` (B,) in [0, 1], 1 is noise; `text` (B, L, width), `real` (B, L).
        """
        frames, height, width = noisy.shape[2:]
        side = min(self.config.window, height), min(self.config.window, width)
        if height % side[0] or width % side[1]:
            raise ValueError(
                f"latents of {height} x {width} can't be cut into windows of {side[0]} x {side[1]}"
            )
        x = self.enter(torch.cat([noisy, given, mask], dim=1).permute(0, 2, 3, 4, 1))  # (B, T, H, W, D)
        x = x + self.place(places(frames, height, width, x.device))
        words = self.enter_text(text)
        # Normalised: in the mean over a long text a single word would be too faint to be learned from.
        summary = self.summary(normal(mean_of_real(text, real)))
        condition = self.level(waves(level)) + summary  # (B, D)

        head, base = self.config.width // self.config.heads, self.config.rope_base
        seen = rope.angles(rope.video_positions(real.sum(dim=1), frames, height, width), head, base)
        read = rope.angles(rope.text_positions(text.shape[1], text.device), head, base)
        for spatial, temporal in zip(self.spatial, self.temporal, strict=True):
            x, words = spatial(x, words, condition, seen, read, real)
            x = temporal(x, condition, seen, side)
        shift, scale = self.last(condition)
        x = normal(x) * (1 + wide(scale, x)) + wide(shift, x)
        velocity: Tensor = self.leave(x).permute(0, 4, 1, 2, 3)
        return velocity


class Modulation(nn.Module):
    """`parts` vectors (B, D) from the condition; zero at the start."""

    def __init__(self, width: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.linear = nn.Linear(width, parts * width)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, condition: Tensor) -> tuple[Tensor, ...]:
        parts: tuple[Tensor, ...] = self.linear(functional.silu(condition)).chunk(self.parts, dim=-1)
        return parts


class Stream(nn.Module):
    """One modality's weights of a block: adaLN, QKV, output and MLP."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.modulation = Modulation(width, 6)
        self.qkv = nn.Linear(width, 3 * width)
        self.norm_q = nn.RMSNorm(width // config.heads)
        self.norm_k = nn.RMSNorm(width // config.heads)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, config.mlp_ratio * width),
            nn.GELU(approximate="tanh"),
            nn.Linear(config.mlp_ratio * width, width),
        )

    def project(
        self, x: Tensor, shift: Tensor, scale: Tensor, angle: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Q, K, V (..., N, heads, head) of x (..., N, D); `angle` broadcasts to (..., N, head / 2)."""
        modulated = normal(x) * (1 + scale) + shift
        q, k, v = self.qkv(modulated).unflatten(-1, (3, self.heads, -1)).unbind(dim=-3)
        angle = angle.unsqueeze(-2)
        return rope.turn(self.norm_q(q), angle), rope.turn(self.norm_k(k), angle), v

    def finish(self, x: Tensor, attended: Tensor, parts: tuple[Tensor, ...]) -> Tensor:
        """x with its attention's output and then its MLP's added; the parts are shaped like x."""
        gate, shift, scale, gate_mlp = parts
        x = x + gate * self.out(attended)
        out: Tensor = x + gate_mlp * self.mlp(normal(x) * (1 + scale) + shift)
        return out


class SpatialBlock(nn.Module):
    """Within a frame, and with the text."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.video = Stream(config)
        self.text = Stream(config)

    def forward(
        self, x: Tensor, words: Tensor, condition: Tensor, seen: Tensor, read: Tensor, real: Tensor
    ) -> tuple[Tensor, Tensor]:
        """x (B, T, H, W, D) and words (B, L, D), both new."""
        frames, height, width = x.shape[1:4]
        tokens = x.flatten(2, 3)  # (B, T, S, D)
        per_frame = height * width
        parts = [wide(part, tokens) for part in self.video.modulation(condition)]
        text_parts = [wide(part, words) for part in self.text.modulation(condition)]
        q, k, v = self.video.project(tokens, parts[0], parts[1], seen.flatten(2, 3))
        text_q, text_k, text_v = self.text.project(words, text_parts[0], text_parts[1], read)

        def beside(own: Tensor, other: Tensor) -> Tensor:
            """(B T, S + L, heads, head): each frame's tokens followed by the text's."""
            other = other[:, None].expand(-1, frames, -1, -1, -1)
            return torch.cat([own, other], dim=2).flatten(0, 1)

        frame_mask = functional.pad(real, (per_frame, 0), value=True).repeat_interleave(frames, dim=0)
        attended = attend(q.flatten(0, 1), beside(k, text_k), beside(v, text_v), frame_mask)
        text_mask = functional.pad(real, (frames * per_frame, 0), value=True)
        text_attended = attend(
            text_q,
            torch.cat([k.flatten(1, 2), text_k], dim=1),
            torch.cat([v.flatten(1, 2), text_v], dim=1),
            text_mask,
        )
        tokens = self.video.finish(tokens, attended.view(tokens.shape), tuple(parts[2:]))
        words = self.text.finish(words, text_attended, tuple(text_parts[2:]))
        return tokens.view(x.shape), words


class TemporalBlock(nn.Module):
    """Across all frames, within windows of space."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.video = Stream(config)

    def forward(self, x: Tensor, condition: Tensor, seen: Tensor, side: tuple[int, int]) -> Tensor:
        """x (B, T, H, W, D), new; `side` is a window's height and width."""
        shape = x.shape
        tokens = windows(x, side)  # (B, windows, N, D)
        parts = [wide(part, tokens) for part in self.video.modulation(condition)]
        q, k, v = self.video.project(tokens, parts[0], parts[1], windows(seen, side))
        attended = attend(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), None)
        tokens = self.video.finish(tokens, attended.view(tokens.shape), tuple(parts[2:]))
        return together(tokens, shape, side)


def attend(q: Tensor, k: Tensor, v: Tensor, real: Tensor | None) -> Tensor:
    """Attention (B, N, D) of q (B, N, heads, head) over k, v (B, M, heads, head), keys masked by `real`."""
    q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.to(q.dtype).transpose(1, 2)
    mask = None if real is None else real[:, None, None, :]
    if q.device.type == "cpu" and k.shape[2] <= _FEW:
        # The fused kernel's backward pass takes seven times as long on so few tokens.
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        out: Tensor = scores.softmax(dim=-1).to(v.dtype) @ v
    else:
        out = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return out.transpose(1, 2).flatten(2)


def windows(x: Tensor, side: tuple[int, int]) -> Tensor:
    """(B, T, H, W, D) to (B, windows, T h w, D)."""
    count, frames, height, width, size = x.shape
    h, w = side
    x = x.view(count, frames, height // h, h, width // w, w, size)
    return x.permute(0, 2, 4, 1, 3, 5, 6).reshape(count, -1, frames * h * w, size)


def together(x: Tensor, shape: torch.Size, side: tuple[int, int]) -> Tensor:
    """The inverse of `windows`, to `shape`."""
    count, frames, height, width, size = shape
    h, w = side
    x = x.view(count, height // h, width // w, frames, h, w, size)
    return x.permute(0, 3, 1, 4, 2, 5, 6).reshape(shape)


def waves(level: Tensor) -> Tensor:
    """Sines and cosines (B, 256) of a noise level (B,) in [0, 1]."""
    rates = torch.exp(-math.log(10_000.0) * torch.arange(128, device=level.device) / 128)
    angle = 1000 * level[:, None].float() * rates
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


def places(frames: int, height: int, width: int, device: torch.device) -> Tensor:
    """Sines and cosines (T, H, W, 6 * _PLACES) of where in the clip a latent lies, wavelengths 4 to 128."""
    rates = 2 * math.pi / 4 / 2 ** torch.arange(_PLACES, device=device)
    axes = [torch.arange(count, device=device)[:, None] * rates for count in (frames, height, width)]
    waves_of = [torch.cat([angle.sin(), angle.cos()], dim=-1) for angle in axes]
    shape = (frames, height, width, 2 * _PLACES)
    return torch.cat(
        [
            waves_of[0][:, None, None].expand(shape),
            waves_of[1][None, :, None].expand(shape),
            waves_of[2][None, None].expand(shape),
        ],
        dim=-1,
    )


def normal(x: Tensor) -> Tensor:
    """Layer normalisation without weights: those come from the condition."""
    return functional.layer_norm(x, x.shape[-1:], eps=1e-6)


def wide(part: Tensor, like: Tensor) -> Tensor:
    """(B, D) to (B, 1, ..., 1, D), with as many axes as `like`."""
    return part.view(part.shape[0], *(1,) * (like.ndim - 2), part.shape[-1])
