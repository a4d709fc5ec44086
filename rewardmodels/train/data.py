"""Pairs of a sharp and a degraded crop, from the keyframes of real clips.

1. The clips are split by clip: a third is held out (`split`).
2. A clip is decoded; keyframes are taken evenly and where the content changes (`decode_keyframes`).
3. A crop of a random keyframe is degraded in a random way (`draw_pair`, `TrainingPairs`). Batch `n` of a rank
   depends on (seed, rank, n) alone, so the data position is the number n.
4. The held-out pairs are drawn once, each keyframe with each kind of degradation (`evaluation_pairs`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annotation.clips.degrade import IMAGE_KINDS, ImageKind, Video, degraded_pixels
from rewardmodels.train.config import AestheticConfig, ClipInput
from workbench.trainer.checkpoints import sha256_of
from workbench.trainer.config import ConfigError

_WEAKEST, _STRONGEST = 0.25, 1.0


@dataclass(frozen=True, slots=True)
class Pairs:
    """N pairs; images are float (N, 3, S, S), RGB in [-1, 1]."""

    sharp: Tensor
    degraded: Tensor
    kinds: tuple[ImageKind, ...]
    """The degradation of each pair."""
    clips: tuple[str, ...]
    """The clip that each pair was cut from."""


def split(config: AestheticConfig) -> tuple[list[ClipInput], list[ClipInput]]:
    """(training clips, held-out clips), drawn by the seed whatever the order of the clips."""
    clips = sorted(config.clips, key=lambda clip: clip.sha256)
    order = np.random.default_rng([config.seed, 0]).permutation(len(clips))
    shuffled = [clips[i] for i in order]
    return shuffled[config.held_out :], shuffled[: config.held_out]


def load_keyframes(clips: list[ClipInput], inputs: Path, config: AestheticConfig) -> dict[str, list[Video]]:
    """The keyframes of each clip, by path. Raises ConfigError on a missing, changed or unreadable file."""
    keyframes = {}
    for clip in clips:
        path = inputs / clip.path
        if not path.is_file():
            raise ConfigError(f"{path} is missing; config.clips names it")
        if (digest := sha256_of(path)) != clip.sha256:
            raise ConfigError(f"{path} has SHA-256 {digest}, config.clips says {clip.sha256}")
        # Crops of twice their side from the short side: a crop sees a part, at a fair resolution.
        keyframes[clip.path] = decode_keyframes(path, config.keyframes_per_clip, 2 * config.image_size)
    return keyframes


def decode_keyframes(path: Path, count: int, short_side: int) -> list[Video]:
    """At most `count` frames of a video, uint8 (H, W, 3), scaled so that the short side is `short_side`.

    Half are spread evenly over the clip; the others follow the greatest changes of the content.
    Raises ConfigError if the file has no video that can be decoded.
    """
    try:
        thumbnails = [frame.to_ndarray() for frame in _frames(path, 32, 32, "gray")]
        if not thumbnails:
            raise ConfigError(f"{path} has no frame that can be decoded")
        wanted = set(_choose(np.stack(thumbnails).astype(np.float32), count))
        frames = enumerate(_frames(path, short_side, None, "rgb24"))
        return [frame.to_ndarray().astype(np.uint8) for index, frame in frames if index in wanted]
    except av.FFmpegError as error:
        raise ConfigError(f"{path} can't be decoded as a video: {error}") from error


def draw_pair(
    frame: Video, size: int, kind: ImageKind, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A random crop of a frame, uint8 (size, size, 3), mirrored half the time, and its degraded copy."""
    top = int(rng.integers(frame.shape[0] - size + 1))
    left = int(rng.integers(frame.shape[1] - size + 1))
    crop = frame[top : top + size, left : left + size]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    crop = np.ascontiguousarray(crop)
    strength = float(rng.uniform(_WEAKEST, _STRONGEST))
    changed = degraded_pixels(crop[None], kind, strength, seed=int(rng.integers(2**31)))
    return crop, changed[0]


class TrainingPairs:
    """The batches of one rank, from its own share of the training clips."""

    def __init__(self, keyframes: dict[str, list[Video]], config: AestheticConfig, rank: int) -> None:
        self._frames = list(keyframes.items())
        self._config = config
        self._rank = rank
        self._pairs = config.batch_size // config.processes
        self.batches_drawn = 0

    def next(self) -> Pairs:
        rng = np.random.default_rng([self._config.seed, 1, self._rank, self.batches_drawn])
        self.batches_drawn += 1
        drawn = []
        for _ in range(self._pairs):
            name, frames = self._frames[rng.integers(len(self._frames))]
            frame = frames[rng.integers(len(frames))]
            kind = IMAGE_KINDS[rng.integers(len(IMAGE_KINDS))]
            drawn.append((*draw_pair(frame, self._config.image_size, kind, rng), kind, name))
        return _stack(drawn)


def evaluation_pairs(keyframes: dict[str, list[Video]], config: AestheticConfig) -> Pairs:
    """Two crops of each held-out keyframe with each kind of degradation; the same for the same seed."""
    rng = np.random.default_rng([config.seed, 2])
    drawn = [
        (*draw_pair(frame, config.image_size, kind, rng), kind, name)
        for name, frames in sorted(keyframes.items())
        for frame in frames
        for kind in IMAGE_KINDS
        for _ in range(2)
    ]
    return _stack(drawn)


def _frames(path: Path, width: int, height: int | None, pixels: str) -> Iterator[av.VideoFrame]:
    """All frames of the first video stream, scaled; with no `height`, `width` is the short side."""
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise ConfigError(f"{path} has no video stream")
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for frame in container.decode(stream):
            if height is None:
                scale = width / min(frame.width, frame.height)
                wide, high = (max(width, round(side * scale)) for side in (frame.width, frame.height))
            else:
                wide, high = width, height
            yield frame.reformat(wide, high, pixels, interpolation="AREA")


def _choose(thumbnails: NDArray[np.float32], count: int) -> list[int]:
    """Indices of keyframes from thumbnails (T, h, w): middles of even parts, then the greatest changes."""
    total = len(thumbnails)
    even = (count + 1) // 2
    chosen = {int((part + 0.5) * total / even) for part in range(even)}
    change = np.abs(np.diff(thumbnails, axis=0)).mean(axis=(1, 2))  # (T-1,)
    for index in np.argsort(-change, kind="stable"):
        if len(chosen) >= count:
            break
        # The frame after a change; close neighbours would show the same content again.
        if all(abs(int(index) + 1 - other) > total // (4 * count) for other in chosen):
            chosen.add(int(index) + 1)
    return sorted(chosen)


def _stack(drawn: list[tuple[NDArray[np.uint8], NDArray[np.uint8], ImageKind, str]]) -> Pairs:
    return Pairs(
        sharp=_to_tensor([sharp for sharp, _, _, _ in drawn]),
        degraded=_to_tensor([degraded for _, degraded, _, _ in drawn]),
        kinds=tuple(kind for _, _, kind, _ in drawn),
        clips=tuple(clip for _, _, _, clip in drawn),
    )


def _to_tensor(images: list[NDArray[np.uint8]]) -> Tensor:
    """uint8 N x (S, S, 3) to float (N, 3, S, S) in [-1, 1]."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1
