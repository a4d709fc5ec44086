"""Clips from files: decoded once, cut down to what a reward model looks at, kept as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from rewardmodels.nets.frames import even_frames, resized
from workbench.trainer.config import ConfigError


@dataclass(frozen=True, slots=True)
class SmallClip:
    """A clip as a reward model looks at it."""

    frames: Tensor
    """uint8 (T, 3, S, S)"""
    fps: float
    """Of these frames: what was left out makes it lower."""


def read_clip(path: Path, frames: int, size: int, fps: float | None = None) -> SmallClip:
    """A video cut down to `frames` frames, evenly spread (all of a shorter one), and to size x size pixels.

    `fps` is the rate at which it is shown, by default the file's own. The frames are resized as the networks
    themselves would. Raises ConfigError on a file that is missing or can't be decoded.
    """
    video, own_fps = read_video(path)
    chosen = even_frames(len(video), min(len(video), frames))
    kept = torch.from_numpy(video[chosen]).permute(0, 3, 1, 2)
    rate = (own_fps if fps is None else fps) * len(chosen) / len(video)
    return SmallClip(to_bytes(resized(to_float(kept), size)), rate)


def read_video(path: Path) -> tuple[NDArray[np.uint8], float]:
    """All frames of a video, uint8 RGB (T, H, W, 3), and its frames a second. Raises ConfigError."""
    if not path.is_file():
        raise ConfigError(f"{path} is missing; the run's inputs name it")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ConfigError(f"{path} has no video stream")
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
            rate = float(stream.average_rate or stream.guessed_rate or 0)
    except av.FFmpegError as error:
        raise ConfigError(f"{path} can't be decoded as a video: {error}") from error
    if len(frames) < 2 or rate <= 0:
        raise ConfigError(f"{path} has {len(frames)} frames at {rate} a second, expected two or more")
    return np.stack(frames).astype(np.uint8), rate


def read_image(path: Path, size: int) -> Tensor:
    """An image as uint8 (3, size, size). Raises ConfigError."""
    try:
        with Image.open(path) as image:
            pixels = torch.from_numpy(np.array(image.convert("RGB")))
    except OSError as error:
        raise ConfigError(f"{path} can't be read as an image: {error}") from error
    return to_bytes(resized(to_float(pixels.permute(2, 0, 1)[None]), size))[0]


def to_float(pixels: Tensor) -> Tensor:
    """0–255 as float in [-1, 1]."""
    return pixels.float() / 127.5 - 1


def to_bytes(values: Tensor) -> Tensor:
    """[-1, 1] as uint8."""
    return ((values + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
