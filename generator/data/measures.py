"""What an oracle reads off a finished clip. Only the form and the way in: each family measures by itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from generator.data.world import SIDE, Camera, Colour, Direction, Shape

DIMENSIONS = (
    "prompt_following",
    "structural_stability",
    "first_frame_preservation",
    "motion_quality",
    "aesthetic_quality",
)
"""Keys as in `annotation/campaigns/dimensions.py`, in its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """A clip in five dimensions, each 0 (worst) to 1 (best), and what was read off it (None: can't tell)."""

    prompt_following: float
    structural_stability: float
    first_frame_preservation: float | None
    """None where the clip was made from a text alone."""
    motion_quality: float
    aesthetic_quality: float
    shape: Shape | None
    colour: Colour | None
    direction: Direction | None
    camera: Camera | None
    subjects: int
    """How many subjects stand in the picture at most times; 0 where none does."""

    def dimensions(self) -> dict[str, float]:
        """The measured dimensions by key, without those that can't be told."""
        return {key: value for key, value in asdict(self).items() if key in DIMENSIONS and value is not None}


def read_clip(source: Path | BinaryIO) -> NDArray[np.uint8]:
    """All frames of a video or picture, uint8 (T, H, W, 3), scaled down to a short side of `SIDE` if larger.

    Raises ValueError on one without a frame that can be decoded.
    """
    name = getattr(source, "name", "the clip")
    try:
        with av.open(source, "r") as container:
            if not container.streams.video:
                raise ValueError(f"{name} has no video stream")
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            frames = []
            for frame in container.decode(stream):
                scale = min(1.0, SIDE / min(frame.width, frame.height))
                wide, high = (
                    max(SIDE, round(side * scale)) if scale < 1 else side
                    for side in (frame.width, frame.height)
                )
                smaller = frame.reformat(wide, high, "rgb24", interpolation="AREA")
                frames.append(smaller.to_ndarray().astype(np.uint8))
    except av.FFmpegError as error:
        raise ValueError(f"{name} can't be decoded as a video: {error}") from error
    if not frames:
        raise ValueError(f"{name} has no frame that can be decoded")
    return np.stack(frames)


def world_sized(video: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Frames (T, H, W, 3), uint8, as float32 0–255 with a short side of `SIDE` pixels, by area or linearly.

    Raises ValueError on another type or shape.
    """
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3 or video.size == 0:
        raise ValueError(f"the clip is {video.dtype} of shape {video.shape}, expected uint8 (T, H, W, 3)")
    _, height, width, _ = video.shape
    scale = SIDE / min(height, width)
    rows = _weights(height, max(SIDE, round(height * scale)))
    columns = _weights(width, max(SIDE, round(width * scale)))
    pixels = video.astype(np.float32)
    if rows is not None:
        pixels = np.einsum("yh,thwc->tywc", rows, pixels, optimize=True)
    if columns is not None:
        pixels = np.einsum("xw,tywc->tyxc", columns, pixels, optimize=True)
    return pixels


def _weights(given: int, wanted: int) -> NDArray[np.float32] | None:
    """The matrix (wanted, given) that resamples one axis; None where nothing changes."""
    if given == wanted:
        return None
    if given > wanted:
        starts = np.arange(wanted)[:, None] * given / wanted
        ends = starts + given / wanted
        pixels = np.arange(given)
        shares = np.clip(np.minimum(ends, pixels + 1) - np.maximum(starts, pixels), 0, 1)
    else:
        places = (np.arange(wanted)[:, None] + 0.5) * given / wanted - 0.5
        shares = np.clip(1 - abs(np.clip(places, 0, given - 1) - np.arange(given)), 0, 1)
    weights: NDArray[np.float32] = (shares / shares.sum(1, keepdims=True)).astype(np.float32)
    return weights
