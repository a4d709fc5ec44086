"""What a Qwen2.5-VL model is given, made in torch from tensors, so that gradients reach the pixels.

The processors of transformers go through PIL or torchvision and end every gradient. Here: normalisation,
patches in the order of the vision tower, and the token ids, kinds and grids of a sequence

    [first frame] [video] [one token a quality dimension] [prompt] [one token for prompt following]

Causal masking makes the quality tokens blind to the prompt, since they stand before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# OpenAI CLIP's, as every Qwen-VL model expects them, for RGB in [0, 1].
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)

TEXT, IMAGE, VIDEO = 0, 1, 2
"""Kinds of tokens, as `mm_token_type_ids` numbers them."""


@dataclass(frozen=True, slots=True)
class Patching:
    """How a vision tower cuts its input."""

    patch: int
    """Side of a patch, pixels."""
    merge: int
    """Patches that become one token, along each side."""
    temporal: int
    """Frames in a patch."""

    def grid(self, frames: int, height: int, width: int) -> tuple[int, int, int]:
        """Patches along time, height and width. Raises ValueError on a size that can't be cut."""
        cell = self.patch * self.merge
        if height % cell or width % cell:
            raise ValueError(f"frames of {width}x{height} must be divisible by patch * merge = {cell}")
        return -(-frames // self.temporal), height // self.patch, width // self.patch

    def tokens(self, grid: tuple[int, int, int]) -> int:
        """How many tokens of the language model a grid becomes."""
        return grid[0] * grid[1] * grid[2] // self.merge**2


def patches(video: Tensor, patching: Patching) -> Tensor:
    """Clips (B, T, 3, H, W), RGB in [-1, 1], as patches (B * t * h * w, 3 * temporal * patch * patch).

    (t, h, w) is `patching.grid`; the rows are clip by clip, group of frames by group, and inside it cell of
    merge x merge patches by cell. A last group that is not full repeats the last frame; an image is a clip
    of one frame.
    """
    batch, frames, _, height, width = video.shape
    t, h, w = patching.grid(frames, height, width)
    mean, std = (video.new_tensor(values).view(3, 1, 1) for values in (_MEAN, _STD))
    x = ((video + 1) / 2 - mean) / std
    if missing := t * patching.temporal - frames:
        x = torch.cat([x, x[:, -1:].expand(-1, missing, -1, -1, -1)], dim=1)
    m, p = patching.merge, patching.patch
    x = x.reshape(batch, t, patching.temporal, 3, h // m, m, p, w // m, m, p)
    # b t | cell row, cell column, row in cell, column in cell | channel, frame, y, x
    x = x.permute(0, 1, 4, 7, 5, 8, 3, 2, 6, 9)
    return x.reshape(batch * t * h * w, 3 * patching.temporal * p * p)


@dataclass(frozen=True, slots=True)
class Sequences:
    """A batch of sequences, padded on the right; (B, L) each unless said otherwise."""

    ids: Tensor
    kinds: Tensor
    """TEXT, IMAGE or VIDEO: without them positions would silently be those of a text."""
    mask: Tensor
    """1 for a token, 0 for padding."""
    special: Tensor
    """(B, S) places of the special tokens, the quality ones first."""
    prompt: Tensor
    """1 for a token of the prompt."""

    def to(self, device: torch.device) -> Sequences:
        """The same on another device."""
        return Sequences(*(getattr(self, field).to(device) for field in self.__slots__))


def sequences(
    prompts: list[list[int]], *, image: int, video: int, before: int, after: int, tokens: SpecialIds
) -> Sequences:
    """Lays out one sequence a prompt (token ids). `image` and `video` count visual tokens (image may be 0),
    `before` and `after` the special tokens on either side of the prompt."""

    def visual(token: int, kind: int, count: int) -> tuple[list[int], list[int]]:
        if count == 0:
            return [], []
        return [tokens.start, *[token] * count, tokens.end], [TEXT, *[kind] * count, TEXT]

    image_ids, image_kinds = visual(tokens.image, IMAGE, image)
    video_ids, video_kinds = visual(tokens.video, VIDEO, video)
    head_ids, head_kinds = image_ids + video_ids, image_kinds + video_kinds
    longest = max(len(prompt) for prompt in prompts)
    length = len(head_ids) + before + longest + after
    ids = torch.full((len(prompts), length), tokens.pad)
    kinds, mask, text = torch.zeros_like(ids), torch.zeros_like(ids), torch.zeros_like(ids)
    special = torch.empty(len(prompts), before + after, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        line = head_ids + [tokens.pad] * before + prompt + [tokens.pad] * after
        ids[row, : len(line)] = torch.tensor(line)
        kinds[row, : len(head_kinds)] = torch.tensor(head_kinds)
        mask[row, : len(line)] = 1
        text[row, len(head_ids) + before : len(line) - after] = 1
        first, last = len(head_ids), len(line)
        special[row] = torch.tensor([*range(first, first + before), *range(last - after, last)])
    return Sequences(ids, kinds, mask, special, text)


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """Token ids of the language model."""

    image: int
    video: int
    start: int
    """Before an image or a video."""
    end: int
    """After it."""
    pad: int
    """Holds the places of padding and of the special tokens, whose embeddings are the model's own."""
