"""The oracle family that judges: held out, never optimised. Shares no measuring code with `labellers.py`.

    python -m generator.data.judge --run-dir DIR

1. The outermost pixels give the white point; a histogram of hues names the subject's colour (`_tones`).
2. The picture seen along that hue is sampled on rays from the subject's middle; where a ray leaves the
   subject is its contour (`_contour`). Its profile against the angle tells the shape by projection.
3. Cross-correlation of neighbouring frames gives the subject's steps (`_steps`).
4. Blocks of the ground are matched along the rows; a line through their shifts gives the camera (`_camera`).

As a program it judges the clips that `DIR/config.json` names, and writes `DIR/judged.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from generator.data.measures import DIMENSIONS, Measures, read_clip, world_sized
from generator.data.world import (
    CAMERAS,
    COLOURS,
    DIRECTIONS,
    FRAMES,
    SHAPES,
    Camera,
    Colour,
    Direction,
    Name,
    Shape,
    Wanted,
    parse,
)
from workbench.trainer import main
from workbench.trainer.config import ConfigError, read, require
from workbench.trainer.events import EventWriter
from workbench.trainer.signals import StopFlag

Floats = NDArray[np.float32]

VERSION = 1
"""Of the measures: it goes up when the same clip would get other values."""

_PER_CLIP = FRAMES - 1
_RAYS, _REACH, _FINE = 48, 30.0, 0.5
"""Rays around the middle, their length and the distance of samples on them, pixels."""
_FAINT = 22.0
"""Chroma that a grey ground may show."""
_MOST_SHIFT = 4


def measure(
    video: NDArray[np.uint8], wanted: Wanted, first_frame: NDArray[np.uint8] | None = None
) -> Measures:
    """Measures a clip, uint8 (T, H, W, 3), against what its prompt wants and the image it was to go on from.

    `first_frame` is uint8 (H, W, 3) of any size. A text that wants nothing is followed by any clip.
    Raises ValueError on another type or shape.
    """
    frames = world_sized(video)
    tones = _tones(frames)
    contour = _contour(tones)
    steps = _steps(tones.view)
    sway = _camera(frames[..., 1], tones.chroma)
    seen = float(contour.found.mean())
    likeness = _likeness(contour)
    cameras = {camera: _moved_like(sway, camera) for camera in CAMERAS}
    path = steps.sum(0) / _PER_CLIP if len(steps) else np.zeros(2, np.float32)

    follows: list[float] = []
    if wanted.shape:
        follows.append(seen * likeness[wanted.shape])
    if wanted.colour:
        follows.append(seen * float(np.clip(1.5 - tones.off[wanted.colour] / 24.0, 0, 1)))
    if wanted.direction:
        follows.append(_goes(path, wanted.direction))
    if wanted.camera:
        follows.append(cameras[wanted.camera])
    return Measures(
        prompt_following=float(np.mean(follows)) if follows else 1.0,
        structural_stability=_soundness(tones, contour),
        first_frame_preservation=None if first_frame is None else _kept(frames, tones, first_frame),
        motion_quality=_liveliness(steps, path, sway),
        aesthetic_quality=_beauty(frames, tones, contour),
        shape=_most(likeness) if seen else None,
        colour=_nearest(tones) if seen else None,
        direction=_way(path),
        camera=_most(cameras) if len(frames) > 1 else None,
        subjects=_count(tones, contour) if seen >= 0.5 else 0,
    )


# --- Colour -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tones:
    white: Floats
    """(3,) the ground's gains, mean 1."""
    chroma: Floats
    """(T, H/2, W/2): distance to grey in the hexagon of hues, 0–255, of squares of four pixels."""
    hues: Floats
    """(37,) share of the coloured pixels by hue, ten degrees each; the last is what has no colour."""
    off: dict[Colour, float]
    """Degrees from the subject's hue to each of the world's colours."""
    view: Floats
    """(T, H, W), 0–1: the picture seen along the subject's hue."""
    full: float
    """Chroma along the hue that counts as 1 in `view`."""


def _tones(frames: Floats) -> _Tones:
    rim = np.concatenate(
        [
            frames[:, :2].reshape(-1, 3),
            frames[:, -2:].reshape(-1, 3),
            frames[:, :, :2].reshape(-1, 3),
            frames[:, :, -2:].reshape(-1, 3),
        ]
    )
    brightness = rim.sum(1)
    usual = rim[abs(brightness - brightness.mean()) <= 1.5 * brightness.std() + 1].mean(0) + 1
    white = usual / usual.mean()
    balanced = frames / np.maximum(white, 0.1).astype(np.float32)
    red, green, blue = balanced[..., 0], balanced[..., 1], balanced[..., 2]
    across, up = red - (green + blue) / 2, (green - blue) * np.float32(np.sqrt(3) / 2)
    coarse_across, coarse_up = _by_fours(across), _by_fours(up)
    chroma = np.sqrt(coarse_across * coarse_across + coarse_up * coarse_up)
    hues, hue = _hue_histogram(coarse_across, coarse_up, chroma)
    view = across * np.float32(np.cos(hue)) + up * np.float32(np.sin(hue))
    ranked = np.sort(_by_fours(view), axis=None)
    full = float(ranked[-max(4, len(ranked) // 50) :].mean())
    return _Tones(
        white=white.astype(np.float32),
        chroma=chroma,
        hues=hues,
        off={name: _between(np.degrees(hue), _hexagon(rgb)) for name, rgb in COLOURS.items()},
        view=np.clip(view / np.float32(max(full, 2 * _FAINT)), 0, 1),
        full=full,
    )


def _by_fours(values: Floats) -> Floats:
    """Means of squares of four pixels of (T, H, W); an odd last row or column is left out."""
    _, height, width = values.shape
    rows = values[:, : height // 2 * 2 : 2] + values[:, 1::2]
    fours: Floats = (rows[:, :, : width // 2 * 2 : 2] + rows[:, :, 1::2]).astype(np.float32)
    return fours * np.float32(0.25)


def _hue_histogram(across: Floats, up: Floats, chroma: Floats) -> tuple[Floats, float]:
    """Shares by hue (see `_Tones.hues`) and the strongest hue, radians: the mean around the highest peak."""
    strong = chroma > max(2 * _FAINT, 0.5 * float(chroma.max(initial=0)))
    weight = chroma[strong]
    angles = np.arctan2(up[strong], across[strong])
    bins = np.floor(angles / (2 * np.pi) * 36).astype(int) % 36
    filled = np.bincount(bins, weight, minlength=36)
    smooth = filled + 0.6 * (np.roll(filled, 1) + np.roll(filled, -1))
    peak = (int(np.argmax(smooth)) + 0.5) * 2 * np.pi / 36
    near = np.cos(angles - peak) > 0.8
    hue = float(np.angle((weight[near] * np.exp(1j * angles[near])).sum())) if near.any() else 0.0
    hues = np.append(np.bincount(bins, minlength=36), chroma.size - len(bins)) / chroma.size
    return hues.astype(np.float32), hue


def _nearest(tones: _Tones) -> Colour:
    return _most({name: -degrees for name, degrees in tones.off.items()})


def _most(values: Mapping[Name, float]) -> Name:
    """The name with the largest value, the first of equals."""
    return max(values, key=lambda name: values[name])


def _hexagon(rgb: tuple[int, int, int]) -> float:
    red, green, blue = rgb
    return float(np.degrees(np.arctan2((green - blue) * np.sqrt(3) / 2, red - (green + blue) / 2)))


def _between(first: float, second: float) -> float:
    return abs((first - second + 180) % 360 - 180)


# --- Contour ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Contour:
    found: NDArray[np.bool_]
    """(T,): frames with a subject that most rays leave."""
    middles: Floats
    """(T, 2): x and y of the subject's middle, pixels."""
    radii: Floats
    """(T, rays): where each ray leaves the subject, pixels."""
    slopes: Floats
    """(T, rays): how steeply the picture falls there, a pixel; 1 is as sharp as can be drawn."""


def _contour(tones: _Tones) -> _Contour:
    solid = np.where(tones.view > 0.4, tones.view, 0)
    middles = np.stack([_halfway(solid.sum(1)), _halfway(solid.sum(2))], -1)
    reach = np.arange(0, _REACH, _FINE, dtype=np.float32)
    angles = np.arange(_RAYS, dtype=np.float32) * np.float32(2 * np.pi / _RAYS)
    x = middles[:, 0, None, None] + np.cos(angles)[:, None] * reach
    y = middles[:, 1, None, None] + np.sin(angles)[:, None] * reach
    along = _sampled(tones.view, x, y)  # (T, rays, samples)
    below = along < 0.5
    below[..., -1] = True
    leaves = below.argmax(-1)
    before = np.maximum(leaves - 1, 0)
    high = np.take_along_axis(along, before[..., None], -1)[..., 0]
    low = np.take_along_axis(along, leaves[..., None], -1)[..., 0]
    share = np.clip((high - 0.5) / np.maximum(high - low, 1e-3), 0, 1)
    radii = np.where(leaves > 0, (before + share) * _FINE, 0.0)
    inner = np.take_along_axis(along, np.maximum(leaves - 2, 0)[..., None], -1)[..., 0]
    outer = np.take_along_axis(along, np.minimum(leaves + 1, len(reach) - 1)[..., None], -1)[..., 0]
    found = (np.median(radii, 1) > 3.0) & (tones.full > 2 * _FAINT)
    return _Contour(found, middles, radii.astype(np.float32), np.clip((inner - outer) / (3 * _FINE), 0, 1))


def _halfway(mass: Floats) -> Floats:
    """Where half of the mass (T, N) lies on each side, in pixels; the middle where there is none."""
    heaped = np.cumsum(mass, 1)
    total = heaped[:, -1:]
    place = (heaped < total / 2).sum(1)
    rows = np.arange(len(mass))
    below = np.where(place > 0, heaped[rows, place - 1], 0)
    own = np.maximum(mass[rows, np.minimum(place, mass.shape[1] - 1)], 1e-6)
    halfway = place - 0.5 + (total[:, 0] / 2 - below) / own
    places: Floats = np.where(total[:, 0] > 0, halfway, (mass.shape[1] - 1) / 2).astype(np.float32)
    return places


def _sampled(view: Floats, x: Floats, y: Floats) -> Floats:
    """Bilinear samples of each frame (T, H, W) at (T, …) places; 0 outside the frame."""
    frames, height, width = view.shape
    left, top = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    inside = (left >= 0) & (top >= 0) & (left < width - 1) & (top < height - 1)
    left, top = np.clip(left, 0, width - 2), np.clip(top, 0, height - 2)
    base = (np.arange(frames, dtype=np.int32)[:, None, None] * height + top) * width + left
    flat = view.ravel()
    right, down = x - left, y - top
    upper = flat[base] + right * (flat[base + 1] - flat[base])
    lower = flat[base + width] + right * (flat[base + width + 1] - flat[base + width])
    samples: Floats = np.where(inside, upper + down * (lower - upper), 0).astype(np.float32)
    return samples


def _profiles(contour: _Contour) -> Floats:
    """Logarithms of the radii of the frames with a subject, without size and shift: (T', rays)."""
    logs = np.log(np.maximum(contour.radii[contour.found], 0.5))
    free: Floats = logs - logs @ _PLAIN.T @ _PLAIN
    return free


def _likeness(contour: _Contour) -> dict[Shape, float]:
    """How much the contour is each of the shapes, 0–1: one is about 1, the others about 0."""
    if not contour.found.any():
        return dict.fromkeys(SHAPES, 0.0)
    mean = np.median(_profiles(contour), 0)
    square = float(mean @ _SQUARE / (_SQUARE @ _SQUARE))
    triangle = float(mean @ _TRIANGLE / (_TRIANGLE @ _TRIANGLE))
    round_ = 0.42
    return {
        "circle": _surely(round_ - max(square, triangle)),
        "square": _surely(square - max(round_, triangle)),
        "triangle": _surely(triangle - max(round_, square)),
    }


def _surely(margin: float) -> float:
    return float(0.5 + 0.5 * np.tanh(margin / 0.12))


def _ideal_profiles() -> tuple[Floats, Floats, Floats]:
    """What a profile is freed of (size and a small shift), and those of the square and the triangle."""
    angles = np.arange(_RAYS) * 2 * np.pi / _RAYS
    plain = np.stack([np.ones(_RAYS), np.sqrt(2) * np.cos(angles), np.sqrt(2) * np.sin(angles)]) / np.sqrt(
        _RAYS
    )
    square = -np.log(np.maximum(abs(np.cos(angles)), abs(np.sin(angles))))
    # The triangle's sides, as distances from the point with half of its area above: base, left and right.
    height, half_base = 1.909, 1.061
    tip = height * np.sqrt(0.5)
    lean = np.hypot(height, half_base)
    side = tip * half_base / lean
    far = [
        (height - tip) / np.maximum(np.sin(angles), 1e-9),
        side / np.maximum((abs(np.cos(angles)) * height - np.sin(angles) * half_base) / lean, 1e-9),
    ]
    triangle = np.log(np.minimum(*far))
    square, triangle = (p - plain.T @ (plain @ p) for p in (square, triangle))
    return plain.astype(np.float32), square.astype(np.float32), triangle.astype(np.float32)


_PLAIN, _SQUARE, _TRIANGLE = _ideal_profiles()


def _count(tones: _Tones, contour: _Contour) -> int:
    """Subjects: the one within the contour, and every other heap of colour, counted by rubbing out."""
    counts = []
    frames, height, width = tones.chroma.shape
    y, x = np.mgrid[0:height, 0:width] * 2 + 0.5
    for t in np.flatnonzero(contour.found)[:: max(1, frames // 5)]:
        rest = (tones.chroma[t] > max(2 * _FAINT, 0.45 * tones.full)).astype(np.float32)
        mx, my = contour.middles[t]
        around = np.floor(np.arctan2(y - my, x - mx) / (2 * np.pi) * _RAYS + 0.5).astype(int) % _RAYS
        rest[np.hypot(x - mx, y - my) < 1.15 * contour.radii[t][around] + 2.5] = 0
        count = 1
        while count < 6 and rest.sum() >= 6:
            heaps = ndimage.uniform_filter(rest, 3)
            if heaps.max() < 0.7:
                break
            count += 1
            py, px = np.unravel_index(int(np.argmax(heaps)), heaps.shape)
            rest[np.hypot(x - 2 * px, y - 2 * py) < 10] = 0
        counts.append(count)
    return int(np.median(counts))


# --- Motion -----------------------------------------------------------------------------------------------


def _steps(view: Floats) -> Floats:
    """(T-1, 2): the subject's shift right and down between neighbouring frames, pixels."""
    if len(view) < 2:
        return np.zeros((0, 2), np.float32)
    spectra = np.fft.rfft2(np.where(view > 0.3, view, 0))
    cross = spectra[1:] * np.conj(spectra[:-1])
    height, width = view.shape[1:]
    match = np.fft.irfft2(cross, s=(height, width))
    steps = np.zeros((len(match), 2), np.float32)
    for t, surface in enumerate(match):
        if surface.max() < 1:
            continue
        row, column = np.unravel_index(int(np.argmax(surface)), surface.shape)
        steps[t, 0] = _folded(
            column + _vertex(*(surface[row, (column + k) % width] for k in (-1, 0, 1))), width
        )
        steps[t, 1] = _folded(
            row + _vertex(*(surface[(row + k) % height, column] for k in (-1, 0, 1))), height
        )
    return steps


def _vertex(before: float, at: float, after: float) -> float:
    """Where between -1/2 and 1/2 the parabola through three values has its top or bottom."""
    bend = before - 2 * at + after
    return 0.0 if abs(bend) < 1e-9 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))


def _folded(place: float, size: int) -> float:
    return float(place - size if place > size / 2 else place)


def _way(path: Floats) -> Direction | None:
    length = float(np.hypot(*path))
    if length < 0.5:
        return None
    return max(DIRECTIONS, key=lambda name: float(np.dot(path, DIRECTIONS[name])))


def _goes(path: Floats, wanted: Direction) -> float:
    """Cosine to the wanted way where it is sharper than 60 degrees, less for hardly any motion."""
    length = float(np.hypot(*path))
    if length < 0.15:
        return 0.0
    cosine = float(np.dot(path, DIRECTIONS[wanted])) / length
    return max(0.0, 2 * cosine - 1) * float(1 - np.exp(-((length / 0.9) ** 2)))


@dataclass(frozen=True, slots=True)
class _Sway:
    right: float
    """Pixels an eighth of the clip that the ground goes right: -1.5 for the world's pan."""
    grows: float
    """Its growth an eighth of the clip: 0.035 for the world's dolly."""
    shaky: float
    """How far the single frames are off that, pixels."""


def _camera(green: Floats, chroma: Floats) -> _Sway:
    """Blocks of the ground matched along the rows; the ground's stripes lean by one row in two columns."""
    if len(green) < 2:
        return _Sway(0.0, 0.0, 0.0)
    grey = (chroma < max(_FAINT, 0.15 * float(chroma.max()))).astype(np.float32)
    ground = np.ones_like(green)
    ground[:, : 2 * grey.shape[1], : 2 * grey.shape[2]] = grey.repeat(2, 1).repeat(2, 2)
    plain = ndimage.uniform_filter1d(ndimage.uniform_filter1d(green, 3, axis=1), 3, axis=2)
    inner = slice(_MOST_SHIFT, plain.shape[2] - _MOST_SHIFT)
    costs = []
    for shift in range(-_MOST_SHIFT, _MOST_SHIFT + 1):
        moved = slice(inner.start + shift, inner.stop + shift)
        both = ground[:-1, :, inner] * ground[1:, :, moved]
        costs.append(_blocks((plain[1:, :, moved] - plain[:-1, :, inner]) ** 2 * both) / (_blocks(both) + 1))
    cost = np.stack(costs)  # (shifts, T-1, rows, columns)
    enough = _blocks(ground[:-1, :, inner]) > 130
    best = np.clip(cost.argmin(0), 1, len(cost) - 2)[None]
    low, mid, high = (np.take_along_axis(cost, best + k, 0)[0] for k in (-1, 0, 1))
    bend = low - 2 * mid + high
    shifts = best[0] - _MOST_SHIFT + np.clip((low - high) / np.maximum(2 * bend, 1e-6), -0.5, 0.5)
    weight = np.where(enough, np.maximum(bend, 0) / (1 + mid), 0)
    rows, columns = shifts.shape[1:]
    y = 8.0 * np.arange(rows) + 7.5 - (green.shape[1] - 1) / 2
    x = 8.0 * np.arange(columns) + 7.5 + _MOST_SHIFT - (green.shape[2] - 1) / 2
    lean = x[None, :] + y[:, None] / 2
    right, grows = np.zeros(len(shifts)), np.zeros(len(shifts))
    for t in range(len(shifts)):
        w = weight[t] / max(float(weight[t].sum()), 1e-9)
        mean_l, mean_s = (w * lean).sum(), (w * shifts[t]).sum()
        spread = (w * (lean - mean_l) ** 2).sum()
        if spread > 20:
            grows[t] = (w * (lean - mean_l) * (shifts[t] - mean_s)).sum() / spread
            right[t] = mean_s - grows[t] * mean_l
    per_step = len(right) / _PER_CLIP
    return _Sway(
        right=float(np.median(right)) * per_step,
        grows=float(np.median(grows)) * per_step,
        shaky=float(np.percentile(abs(right - np.median(right)), 75)),
    )


def _blocks(values: Floats) -> Floats:
    """Sums over blocks of 16x16 pixels, every 8 pixels, of (T, H, W)."""
    frames, height, width = values.shape
    rows, columns = height // 8, width // 8
    cells = values[:, : rows * 8, : columns * 8].reshape(frames, rows, 8, columns, 8).sum((2, 4))
    return cells[:, 1:, 1:] + cells[:, :-1, 1:] + cells[:, 1:, :-1] + cells[:, :-1, :-1]  # type: ignore[no-any-return]


def _moved_like(sway: _Sway, camera: Camera) -> float:
    """1 for the camera's own motion, about 0 for that of another."""
    right, grows = -sway.right / 1.5, sway.grows / 0.035
    asked = {"still": (0.0, 0.0), "pan": (1.0, 0.0), "dolly": (0.0, 1.0)}[camera]
    return float(1 / (1 + ((right - asked[0]) ** 2 + (grows - asked[1]) ** 2) / 0.12))


# --- From readings to scores ------------------------------------------------------------------------------


def _soundness(tones: _Tones, contour: _Contour) -> float:
    """A contour that is one of the shapes, the same in all frames, with nothing coloured beside it."""
    seen = float(contour.found.mean())
    if not seen:
        return 0.0
    profiles = _profiles(contour)
    basis = np.stack([_SQUARE, _TRIANGLE])
    fitted = profiles.mean(0) @ np.linalg.pinv(basis)
    # One of the two or neither: a mixture is no shape of the world.
    nearest = max(((0, 0), (1, 0), (0, 1)), key=lambda ideal: -float(((fitted - ideal) ** 2).sum()))
    rough = float(np.sqrt(((profiles - np.array(nearest) @ basis) ** 2).mean(1)).mean())
    changing = float(np.sqrt((np.diff(profiles, axis=0) ** 2).mean(1)).mean()) if len(profiles) > 1 else 0.0
    sizes = np.log(np.maximum(np.sqrt((contour.radii[contour.found] ** 2).mean(1)), 0.5))
    bends = float(abs(np.diff(sizes, 2)).mean()) if len(sizes) > 2 else 0.0
    inside = np.pi * (contour.radii[contour.found] ** 2).mean(1)
    coloured = 4 * (tones.chroma[contour.found] > max(2 * _FAINT, 0.5 * tones.full)).sum((1, 2))
    beside = float(np.clip(coloured / np.maximum(inside, 1) - 1.12, 0, 3).mean())
    return float(
        seen**1.5
        / (1 + (rough / 0.16) ** 2)
        / (1 + (changing / 0.2) ** 2)
        / (1 + 3 * beside)
        * np.exp(-bends / 0.15)
    )


def _liveliness(steps: Floats, path: Floats, sway: _Sway) -> float:
    """Motion of a fair length whose single steps are alike, before a ground that doesn't shake."""
    if not len(steps):
        return 0.0
    length = float(np.hypot(*path))
    usual = steps.mean(0)
    apart = float(np.sqrt(((steps - usual) ** 2).sum(1)).mean())
    pace = float(np.hypot(*usual))
    flow = 1 / (1 + (apart / (0.35 + 0.4 * pace)) ** 2)
    return float(np.tanh(length / 1.4) * flow / (1 + (sway.shaky / 0.5) ** 2))


def _beauty(frames: Floats, tones: _Tones, contour: _Contour) -> float:
    """A crisp contour, no grain, saturated colour, a ground of light and shade, a neutral white."""
    crisp = (
        float(np.clip((np.median(contour.slopes[contour.found]) - 0.1) / 0.6, 0, 1))
        if contour.found.any()
        else 0.0
    )
    green = frames[:, : frames.shape[1] // 2 * 2, : frames.shape[2] // 2 * 2, 1]
    diagonal = green[:, ::2, ::2] - green[:, 1::2, ::2] - green[:, ::2, 1::2] + green[:, 1::2, 1::2]
    grain = float(np.median(abs(diagonal))) / 2 / 0.6745
    nearest = COLOURS[_nearest(tones)]
    red, blue = nearest[0] - (nearest[1] + nearest[2]) / 2, (nearest[1] - nearest[2]) * np.sqrt(3) / 2
    rich = float(np.clip(tones.full / np.hypot(red, blue), 0, 1))
    levels = np.sort(_by_fours(green)[tones.chroma < _FAINT])
    depth = (
        float(np.clip((levels[int(0.88 * len(levels))] - levels[int(0.12 * len(levels))]) / 15, 0, 1))
        if len(levels)
        else 0.0
    )
    tinted = float(np.sqrt(((tones.white - 1) ** 2).mean()))
    return float(
        (0.1 + 0.9 * crisp) * (0.3 + 0.7 * depth) * rich / (1 + grain / 8) / (1 + (tinted / 0.12) ** 2)
    )


def _kept(frames: Floats, tones: _Tones, first_frame: NDArray[np.uint8]) -> float:
    """The image given and the first frame vary alike, and later frames keep its hues and its light."""
    given = world_sized(first_frame[None])
    if given.shape[1:] != frames.shape[1:]:
        return 0.0
    then, now = (f[:1, ::2, ::2] + f[:1, 1::2, 1::2] for f in (given, frames))
    apart = float(np.sqrt(((then - now) ** 2).mean())) / 2
    alike = np.sum((then - then.mean()) * (now - now.mean())) / max(
        float(then.std() * now.std() * then.size), 1e-6
    )
    before = _tones(given).hues
    hues = float(np.minimum(before, tones.hues).sum())
    light = abs(float(np.median(given[..., 1])) - float(np.median(frames[..., 1])))
    return float(max(0.0, alike) * hues**2 / (1 + (apart / 25) ** 2) / (1 + (light / 30) ** 2))


# --- As a run ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipInput:
    """A clip to judge; files lie under `DIR/inputs`."""

    id: str
    file: str
    prompt: str
    first_frame: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeConfig:
    """What is judged."""

    clips: tuple[ClipInput, ...]

    def __post_init__(self) -> None:
        require(len(self.clips) > 0, "config.clips is empty: name the clips to judge")


def judge_clips(run_dir: Path, events: EventWriter, stop: StopFlag) -> str:
    """Judges the clips of `DIR/config.json`; returns "succeeded", or "stopped" after SIGTERM.

    Each line of `DIR/judged.jsonl` is {"clip", "dimension", "value", "version"}.
    """
    config = read(run_dir, JudgeConfig)
    events.start(total_steps=len(config.clips), resumed_from=None)
    values: dict[str, list[float]] = {key: [] for key in DIMENSIONS}
    with (run_dir / "judged.jsonl").open("w", encoding="utf-8") as out:
        for number, clip in enumerate(config.clips, start=1):
            if stop:
                events.end("stopped")
                return "stopped"
            try:
                video = read_clip(run_dir / "inputs" / clip.file)
                given = read_clip(run_dir / "inputs" / clip.first_frame)[0] if clip.first_frame else None
            except (OSError, ValueError) as error:
                raise ConfigError(f"Clip {clip.id} can't be judged: {error}") from error
            for dimension, value in measure(video, parse(clip.prompt), given).dimensions().items():
                values[dimension].append(value)
                line = {"clip": clip.id, "dimension": dimension, "value": round(value, 6), "version": VERSION}
                out.write(json.dumps(line) + "\n")
            events.progress(number, len(config.clips))
    events.result(
        {"clips": len(config.clips)}
        | {key: round(float(np.mean(some)), 4) for key, some in values.items() if some}
    )
    events.end("succeeded")
    return "succeeded"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m generator.data.judge", description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True, help="folder with config.json and inputs/")
    sys.exit(main.run(parser.parse_args().run_dir, judge_clips))
