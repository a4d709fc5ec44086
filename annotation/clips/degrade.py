"""Known degradations of a clip: gold items for annotators, tests and training pairs for reward models.

Clips are numpy arrays here, uint8 of shape (T, H, W, 3), RGB: as decoded, before any tensor is made. An image
is a clip of one frame. A degradation keeps the shape, is the same for the same (kind, strength, seed), and
grows with its strength; `Degraded.change` says how much of it can be seen, since a freeze of a still clip or
a blur of a plain wall shows nothing, however strong.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Literal, get_args

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Video = NDArray[np.uint8]
ImageKind = Literal["blur", "noise", "compression", "colour_cast"]
TimeKind = Literal["jitter", "dropped_frames", "freeze"]
StructureKind = Literal["warp"]
Kind = ImageKind | TimeKind | StructureKind

IMAGE_KINDS: tuple[ImageKind, ...] = get_args(ImageKind)
"""Degradations of each frame by itself: they work on images too."""
TIME_KINDS: tuple[TimeKind, ...] = get_args(TimeKind)
"""Degradations of the motion: they need two frames or more."""
STRUCTURE_KINDS: tuple[StructureKind, ...] = get_args(StructureKind)
"""Degradations of the shape of things, that wobbles over time."""


@dataclass(frozen=True, slots=True)
class Change:
    """How far two clips of one shape are apart, frame by frame; both 0 for equal clips."""

    mean_absolute: float
    """Mean absolute difference of the pixels, 0–1 (1 = black against white)."""
    structural: float
    """1 - mean SSIM of the luma over blocks of 8x8 pixels (Wang et al. 2004, flat window), 0–2."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """A degraded clip and what changed."""

    video: Video
    change: Change


def degrade(video: Video, kind: Kind, strength: float, seed: int) -> Degraded:
    """Degrades `video`, uint8 (T, H, W, 3), by `strength` in (0, 1]; `seed` draws what is random.

    Raises ValueError on another shape or type, a strength out of range, or a degradation of the motion of a
    clip of one frame.
    """
    changed = degraded_pixels(video, kind, strength, seed)
    return Degraded(changed, measure_change(video, changed))


def degraded_pixels(video: Video, kind: Kind, strength: float, seed: int) -> Video:
    """`degrade` without the measurement, which costs more than most degradations."""
    _check(video)
    if not 0 < strength <= 1:
        raise ValueError(f"strength is {strength}, expected above 0 and at most 1")
    if kind in TIME_KINDS and len(video) < 2:
        raise ValueError(f"{kind} changes the motion and needs two frames or more; the clip has {len(video)}")
    rng = np.random.default_rng(seed)
    match kind:
        case "blur":
            return _blur(video, strength)
        case "noise":
            return _noise(video, strength, rng)
        case "compression":
            return _compress(video, strength)
        case "colour_cast":
            return _cast_colour(video, strength, rng)
        case "jitter":
            return _jitter(video, strength, rng)
        case "dropped_frames":
            return _drop_frames(video, strength, rng)
        case "freeze":
            return _freeze(video, strength, rng)
        case "warp":
            return _warp(video, strength, rng)
        case _:
            known = (*IMAGE_KINDS, *TIME_KINDS, *STRUCTURE_KINDS)
            raise ValueError(f"{kind!r} is no degradation; there are {', '.join(known)}")


def measure_change(before: Video, after: Video) -> Change:
    """The visible difference between two clips, uint8 (T, H, W, 3), of one shape, H and W at least 8."""
    _check(before)
    _check(after)
    if before.shape != after.shape:
        raise ValueError(f"the clips have shapes {before.shape} and {after.shape}, expected one shape")
    absolute, structural = [], []
    for old, new in zip(before, after, strict=True):
        difference = old.astype(np.float32) - new.astype(np.float32)
        absolute.append(float(np.abs(difference).mean()) / 255)
        structural.append(1 - _ssim(_luma(old), _luma(new)))
    return Change(float(np.mean(absolute)), float(np.mean(structural)))


def _blur(video: Video, strength: float) -> Video:
    """Gaussian, sigma up to 1/30 of the short side: out of focus whatever the resolution."""
    sigma = 0.3 + strength * min(video.shape[1:3]) / 30
    blurred = [Image.fromarray(frame).filter(ImageFilter.GaussianBlur(sigma)) for frame in video]
    return np.stack([np.asarray(frame, np.uint8) for frame in blurred])


def _noise(video: Video, strength: float, rng: np.random.Generator) -> Video:
    """Gaussian sensor noise, fresh on each frame, standard deviation up to 40 of 255."""
    changed = np.empty_like(video)
    for index, frame in enumerate(video):
        noise = rng.standard_normal(frame.shape, np.float32)
        changed[index] = _to_uint8(frame + 40 * strength * noise)
    return changed


def _compress(video: Video, strength: float) -> Video:
    """H.264 at a quantiser of 30 to 51 (the coarsest there is), as an overcompressed upload looks."""
    frames, height, width, _ = video.shape
    padded = np.pad(video, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = padded.shape[2], padded.shape[1], "yuv420p"
        # A fixed quantiser also gives the same bytes each time; x264's rate control by crf does not.
        stream.options = {"qp": str(round(30 + 21 * strength)), "preset": "veryfast", "threads": "1"}
        for frame in padded:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as source:
        decoded = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    if len(decoded) != frames:
        raise RuntimeError(f"the codec returned {len(decoded)} frames of {frames}")
    return np.stack(decoded)[:, :height, :width].astype(np.uint8)


def _cast_colour(video: Video, strength: float, rng: np.random.Generator) -> Video:
    """Red, green and blue gains of mean 1 along a random direction, each off by up to 60 %."""
    direction = rng.standard_normal(3)
    direction -= direction.mean()
    gains = 1 + 0.6 * strength * direction / np.abs(direction).max()
    return _to_uint8(video * gains.astype(np.float32))


def _jitter(video: Video, strength: float, rng: np.random.Generator) -> Video:
    """Each frame shifted by itself, up to 1/20 of the short side and a pixel at least; edges repeated."""
    reach = max(1.0, strength * min(video.shape[1:3]) / 20)
    shifts = np.rint(rng.uniform(-1, 1, (len(video), 2)) * reach).astype(int)
    margin = math.ceil(reach)
    height, width = video.shape[1:3]
    changed = np.empty_like(video)
    for index, (down, right) in enumerate(shifts):
        frame = np.pad(video[index], ((margin, margin), (margin, margin), (0, 0)), mode="edge")
        changed[index] = frame[
            margin - down : margin - down + height, margin - right : margin - right + width
        ]
    return changed


def _drop_frames(video: Video, strength: float, rng: np.random.Generator) -> Video:
    """Random frames, up to three in four, are lost and the last one before them is shown again."""
    lost = 1 + rng.permutation(len(video) - 1)[: math.ceil(0.75 * strength * (len(video) - 1))]
    shown = np.arange(len(video))
    shown[lost] = 0
    changed: Video = video[np.maximum.accumulate(shown)]
    return changed


def _freeze(video: Video, strength: float, rng: np.random.Generator) -> Video:
    """The picture stands still for up to the whole clip, around a random moment, then jumps on."""
    length = max(2, math.ceil(strength * len(video)))
    start = int(rng.uniform() * (len(video) - length + 1))
    shown = np.arange(len(video))
    shown[start : start + length] = start
    changed: Video = video[shown]
    return changed


def _warp(video: Video, strength: float, rng: np.random.Generator) -> Video:
    """Everything but the edges wobbles like jelly: the corners of a 6x6 grid swing by up to 0.45 of a cell.

    Less than half a cell, so that the picture is stretched and squeezed but never folds over.
    """
    cells, frames_a_swing = 6, 24
    height, width = video.shape[1:3]
    x, y = (np.linspace(0, side, cells + 1).round() for side in (width, height))
    corners = np.stack(np.meshgrid(x, y), axis=-1)
    reach = np.zeros((cells + 1, cells + 1, 2))
    reach[1:-1, 1:-1] = rng.uniform(0.5, 1, (cells - 1, cells - 1, 2))
    reach *= 0.45 * strength * np.array([width, height]) / cells
    phase = rng.uniform(0, 2 * np.pi, reach.shape)
    changed = np.empty_like(video)
    for index, frame in enumerate(video):
        swung = corners + reach * np.sin(phase + 2 * np.pi * index / frames_a_swing)
        mesh = [
            (
                (int(x[j]), int(y[i]), int(x[j + 1]), int(y[i + 1])),
                (*swung[i, j], *swung[i + 1, j], *swung[i + 1, j + 1], *swung[i, j + 1]),
            )
            for i in range(cells)
            for j in range(cells)
        ]
        image = Image.fromarray(frame)
        warped = image.transform(image.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
        changed[index] = np.asarray(warped, np.uint8)
    return changed


def _check(video: Video) -> None:
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3 or video.size == 0:
        raise ValueError(f"the clip is {video.dtype} of shape {video.shape}, expected uint8 (T, H, W, 3)")


def _to_uint8(pixels: NDArray[np.floating]) -> Video:
    rounded: Video = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return rounded


def _luma(frame: Video) -> NDArray[np.float32]:
    """BT.601 luma, float (H, W), 0–255."""
    luma: NDArray[np.float32] = frame.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return luma


def _ssim(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Mean SSIM of two images (H, W) over blocks of 8x8 that do not overlap."""
    height, width = first.shape
    if height < 8 or width < 8:
        raise ValueError(f"the frames are {width}x{height}, expected 8x8 at least")
    rows, columns = height // 8, width // 8

    def blocks(image: NDArray[np.float32]) -> NDArray[np.float32]:
        cut = image[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8)
        return cut.transpose(0, 2, 1, 3).reshape(rows * columns, 64)

    x, y = blocks(first), blocks(second)
    mean_x, mean_y = x.mean(1), y.mean(1)
    covariance = ((x - mean_x[:, None]) * (y - mean_y[:, None])).mean(1)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (x.var(1) + y.var(1) + c2)
    return float(similarity.mean())
