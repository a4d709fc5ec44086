"""The oracle family that simulated annotators decide by. Shares no measuring code with `judge.py`.

1. The ground's tint is the median ratio of the channels; divided out, the ground is grey (`_chroma`).
2. What stands out in chroma is cut out and split into connected parts, the largest is the subject (`_cut`).
3. Its centroid per frame gives the direction, the amplitude and the smoothness of the motion (`_track`).
4. Its cover, moved and scaled to one size, is laid over three templates (`_shape_fits`).
5. The ground around it gives the camera: Lucas–Kanade for one shift and one zoom a frame (`_camera`).

Motion is counted per clip, whatever its number of frames: a step is an eighth of the clip, as in the world.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from generator.data.measures import Measures, world_sized
from generator.data.world import CAMERAS, COLOURS, DIRECTIONS, FRAMES, SHAPES, Camera, Direction, Wanted

Floats = NDArray[np.float32]

_STEPS = FRAMES - 1
_LEAST_CHROMA = 26.0
"""Below this nothing is a subject: codecs and noise tint a grey ground about half as much."""
_PAN, _ZOOM = 1.5, 0.035
"""Pixels and growth a step of the world's pan and dolly: the units of the camera."""


def measure(
    video: NDArray[np.uint8], wanted: Wanted, first_frame: NDArray[np.uint8] | None = None
) -> Measures:
    """Measures a clip, uint8 (T, H, W, 3), against what its prompt wants and the image it was to go on from.

    `first_frame` is uint8 (H, W, 3) of any size. A text that wants nothing is followed by any clip.
    Raises ValueError on another type or shape.
    """
    frames = world_sized(video)
    tint = _tint(frames)
    chroma = _chroma(frames, tint)
    cut = _cut(chroma)
    track = _track(cut)
    fits, fits_by_frame = _shape_fits(cut)
    luma = _luma(frames)
    shift, zoom = _camera(luma, cut)
    shape = SHAPES[int(np.argmax(fits))] if cut.seen else None
    hue, hue_errors = _hue(cut)
    colour = list(COLOURS)[int(np.argmin(hue_errors))] if cut.seen else None
    direction = _direction(track)
    errors = [np.hypot(-shift.mid / _PAN - (c == "pan"), zoom.mid / _ZOOM - (c == "dolly")) for c in CAMERAS]
    camera: Camera | None = CAMERAS[int(np.argmin(errors))] if len(frames) > 1 else None

    scores = []
    if wanted.shape:
        place = SHAPES.index(wanted.shape)
        rival = max(fit for other, fit in enumerate(fits) if other != place)
        scores.append(float(_sigmoid((fits[place] - rival) / 0.02)) * cut.presence if cut.seen else 0.0)
    if wanted.colour:
        error = hue_errors[list(COLOURS).index(wanted.colour)]
        scores.append(float(np.exp(-((error / 28.0) ** 2))) * cut.presence if cut.seen else 0.0)
    if wanted.direction:
        scores.append(_heading(track, wanted.direction))
    if wanted.camera:
        scores.append(float(np.exp(-((errors[CAMERAS.index(wanted.camera)] / 0.6) ** 2))))

    return Measures(
        prompt_following=float(np.mean(scores)) if scores else 1.0,
        structural_stability=_structure(cut, fits_by_frame),
        first_frame_preservation=None if first_frame is None else _preservation(frames, cut, first_frame),
        motion_quality=_motion(luma, track, shift, zoom),
        aesthetic_quality=_aesthetics(luma, tint, cut, hue),
        shape=shape,
        colour=colour,
        direction=direction,
        camera=camera,
        subjects=cut.subjects,
    )


# --- The subject ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cut:
    """The subject, frame by frame."""

    cover: Floats
    """(T, H, W), 0–1: how much of a pixel is the subject's main part."""
    outside: NDArray[np.bool_]
    """(T, H, W): pixels well away from anything coloured."""
    vivid: float
    """Chroma of the subject's plateau."""
    angle: Floats
    """(2,) mean chroma vector over the subject."""
    areas: Floats
    """(T,) pixels of the main part."""
    extra: float
    """Area of other parts over that of the main ones."""
    parts: int
    """Typical number of parts of a size that counts."""
    there: NDArray[np.bool_]
    """(T,): the frames in which the subject has a fair share of its usual size."""

    @property
    def seen(self) -> bool:
        return bool(self.there.any())

    @property
    def presence(self) -> float:
        return float(self.there.mean())

    @property
    def subjects(self) -> int:
        return self.parts if self.presence >= 0.5 else 0


def _tint(frames: Floats) -> Floats:
    """(3,) gains of the channels, read off the ground, which is grey and most of the picture."""
    some = frames[:, ::2, ::2] + np.float32(1)
    grey = _luma(some)
    gains: Floats = np.array([np.median(some[..., channel] / grey) for channel in range(3)], np.float32)
    gains /= gains.mean()
    return gains


def _luma(frames: Floats) -> Floats:
    """Mean of the channels, the last axis taken away."""
    return (frames[..., 0] + frames[..., 1] + frames[..., 2]) / np.float32(3)


def _chroma(frames: Floats, tint: Floats) -> Floats:
    """(T, H, W, 2): red against green, and yellow against blue, of the picture without its tint."""
    red, green, blue = (frames[..., channel] / max(tint[channel], 0.1) for channel in range(3))
    raw = np.stack([red - green, (red + green) / 2 - blue], -1)
    smooth: Floats = ndimage.uniform_filter1d(ndimage.uniform_filter1d(raw, 3, axis=1), 3, axis=2)
    return smooth


def _cut(chroma: Floats) -> _Cut:
    strength = np.hypot(chroma[..., 0], chroma[..., 1])
    frames = len(strength)
    level = float(np.percentile(strength[:, ::2, ::2], 98.5))
    mask = strength > max(_LEAST_CHROMA, 0.45 * level)
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1] = True
    labels, _ = ndimage.label(mask, structure=in_plane)
    flat = labels.reshape(frames, -1)
    areas, extras, parts = np.zeros(frames, np.float32), np.zeros(frames), np.zeros(frames, int)
    main = np.zeros(frames, int)
    for t in range(frames):
        low = int(flat[t][flat[t] > 0].min(initial=1 << 30))
        if low == 1 << 30:
            continue
        sizes = np.bincount(flat[t])[low:]
        main[t] = low + int(np.argmax(sizes))
        areas[t] = sizes.max()
        others = sizes[sizes >= 8].sum() - areas[t] if areas[t] >= 8 else 0
        extras[t] = max(0, others)
        parts[t] = int((sizes >= max(20, 0.15 * areas[t])).sum())
    usual = float(np.median(areas[areas > 0])) if (areas > 0).any() else 0.0
    there = (areas > max(30.0, 0.4 * usual)) & (areas < max(2.2 * usual, 1))
    whole = (labels == main[:, None, None]) & (main > 0)[:, None, None]
    core = whole & (strength > 0.8 * level)
    vivid = float(np.median(strength[core])) if core.any() else level
    angle = chroma[core].mean(0) if core.any() else np.zeros(2, np.float32)
    near, grown = _grown(_grown(mask)), _grown(whole)
    cover = np.where(grown, np.clip(strength / max(vivid, 1.0), 0, 1), 0).astype(np.float32)
    return _Cut(
        cover=cover,
        outside=~near,
        vivid=vivid,
        angle=angle,
        areas=areas,
        extra=float(extras.sum() / max(areas.sum(), 1.0)),
        parts=int(np.median(parts[there])) if there.any() else 0,
        there=there,
    )


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask (T, H, W) and the four neighbours of its pixels."""
    grown = mask.copy()
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    grown[:, :, 1:] |= mask[:, :, :-1]
    grown[:, :, :-1] |= mask[:, :, 1:]
    return grown


def _hue(cut: _Cut) -> tuple[float, Floats]:
    """The subject's hue, degrees, and its distance to each of the world's colours."""
    own = np.degrees(np.arctan2(cut.angle[1], cut.angle[0]))
    known = np.array([_hue_of(rgb) for rgb in COLOURS.values()])
    return float(own), abs((own - known + 180) % 360 - 180).astype(np.float32)


def _hue_of(rgb: tuple[int, int, int]) -> float:
    red, green, blue = rgb
    return float(np.degrees(np.arctan2((red + green) / 2 - blue, red - green)))


def _shape_fits(cut: _Cut) -> tuple[list[float], Floats]:
    """How well each template covers the subject, 0–1: over all frames, and by frame (shapes, T)."""
    frames = np.flatnonzero(cut.there)
    if not len(frames):
        return [0.0] * len(SHAPES), np.zeros((len(SHAPES), 0), np.float32)
    seen = cut.cover[frames]
    mass = seen.sum((1, 2))
    xs, ys = _centroids(seen, mass)
    radius = np.sqrt(mass / np.pi)
    grid_y, grid_x = _GRID
    places = np.stack(
        [
            np.broadcast_to(np.arange(len(seen))[:, None, None], (len(seen), *grid_x.shape)),
            ys[:, None, None] + radius[:, None, None] * grid_y,
            xs[:, None, None] + radius[:, None, None] * grid_x,
        ]
    )
    laid = ndimage.map_coordinates(seen, places, order=1, mode="constant")
    by_frame = np.stack([_overlap(laid, template) for template in _TEMPLATES])
    return [float(_overlap(laid.mean(0), template)) for template in _TEMPLATES], by_frame


def _overlap(cover: Floats, template: Floats) -> Floats:
    """Common over joint cover of the last two axes."""
    return np.minimum(cover, template).sum((-2, -1)) / np.maximum(cover, template).sum((-2, -1))  # type: ignore[no-any-return]


def _centroids(cover: Floats, mass: Floats) -> tuple[Floats, Floats]:
    xs = cover.sum(1) @ np.arange(cover.shape[2], dtype=np.float32) / np.maximum(mass, 1e-6)
    ys = cover.sum(2) @ np.arange(cover.shape[1], dtype=np.float32) / np.maximum(mass, 1e-6)
    return xs, ys


def _templates() -> tuple[tuple[Floats, Floats], list[Floats]]:
    """A grid in radii of a disc of the same area, and the three shapes on it, their edges softened."""
    side = np.linspace(-1.7, 1.7, 29, dtype=np.float32)
    fine = np.linspace(-1.7 - 1.7 / 28, 1.7 + 1.7 / 28, 29 * 6, dtype=np.float32)
    y, x = np.meshgrid(fine, fine, indexing="ij")
    half = np.sqrt(np.pi) / 2
    # The triangle's corners are (0, -1.029), (±1.061, 0.88) times the world's radius; its centroid and area
    # make the units the same for all.
    height, base = 1.029 + 0.88, 1.061
    unit = np.sqrt(height * base / np.pi)
    down = (y + 2 / 3 * height / unit) / (height / unit)
    inside = [
        np.hypot(x, y) < 1,
        np.maximum(abs(x), abs(y)) < half,
        (down > 0) & (down < 1) & (abs(x) < down * base / unit),
    ]
    softened = [ndimage.gaussian_filter(shape.astype(np.float32), 4) for shape in inside]
    coarse = [shape.reshape(29, 6, 29, 6).mean((1, 3)) for shape in softened]
    grid_y, grid_x = np.meshgrid(side, side, indexing="ij")
    return (grid_y, grid_x), coarse


_GRID, _TEMPLATES = _templates()


# --- Motion -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Track:
    """The subject's path in pixels; a step is an eighth of the clip."""

    velocity: tuple[float, float]
    """Pixels a step, right and down, of the straight line through the path."""
    unsteady: float
    """Root mean square of what the single steps are off that velocity, pixels."""
    stuck: float
    """Share of the frames in which the subject stands though it moves in others."""


@dataclass(frozen=True, slots=True)
class _Series:
    mid: float
    spread: float


def _track(cut: _Cut) -> _Track:
    seen = np.flatnonzero(cut.there)
    if len(seen) < 2:
        return _Track((0.0, 0.0), 0.0, 0.0)
    cover = cut.cover[seen]
    xs, ys = _centroids(cover, cover.sum((1, 2)))
    scale = _STEPS / max(1, len(cut.there) - 1)
    steps = seen * scale
    vx, vy = (float(np.polyfit(steps, path, 1)[0]) for path in (xs, ys))
    gaps = np.diff(steps)
    moved = np.stack([np.diff(xs), np.diff(ys)]) / gaps
    off = np.hypot(moved[0] - vx, moved[1] - vy)
    pace = np.hypot(vx, vy)
    along = (moved[0] * vx + moved[1] * vy) / max(pace, 1e-6)
    stuck = float((along < 0.3 * pace).mean()) if pace > 0.4 else 0.0
    return _Track((vx, vy), float(np.sqrt((off**2).mean())), stuck)


def _direction(track: _Track) -> Direction | None:
    """The main axis of the path; None for less than half a pixel a step."""
    vx, vy = track.velocity
    if max(abs(vx), abs(vy)) < 0.5:
        return None
    if abs(vx) >= abs(vy):
        return "right" if vx > 0 else "left"
    return "down" if vy > 0 else "up"


def _heading(track: _Track, wanted: Direction) -> float:
    """1 for a path that goes the wanted way at the world's slow pace or more, 0 for across or against it."""
    dx, dy = DIRECTIONS[wanted]
    vx, vy = track.velocity
    along = vx * dx + vy * dy
    if along <= 0:
        return 0.0
    straight = along / np.hypot(vx, vy)
    return float(np.clip((straight - 0.5) / 0.42, 0, 1) * np.clip(along / 1.4, 0, 1))


def _camera(luma: Floats, cut: _Cut) -> tuple[_Series, _Series]:
    """Shift to the right, pixels, and growth of the ground a step: the middle and the spread over the clip.

    Least squares on I_t + I_x (s + z x) + I_y z y = 0 over the ground (Lucas and Kanade 1981, two unknowns).
    """
    if len(luma) < 2:
        return _Series(0.0, 0.0), _Series(0.0, 0.0)
    weight = cut.outside.astype(np.float32)
    sigma = (0, 1.8, 1.8)
    known = ndimage.gaussian_filter(weight, sigma, truncate=2.5)
    filled = ndimage.gaussian_filter(luma * weight, sigma, truncate=2.5) / np.maximum(known, 0.05)
    use = (np.minimum(known[1:], known[:-1]) > 0.9) & cut.outside[1:] & cut.outside[:-1]
    use[:, :2], use[:, -2:], use[:, :, :2], use[:, :, -2:] = False, False, False, False
    middle = (filled[1:] + filled[:-1]) / 2
    in_x, in_y = np.gradient(middle, axis=2), np.gradient(middle, axis=1)
    in_t = filled[1:] - filled[:-1]
    height, width = luma.shape[1:]
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2)[:, None]
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2)[None, :]
    radial = in_x * x + in_y * y
    a, b, c = ((p * q * use).sum((1, 2)) for p, q in ((in_x, in_x), (in_x, radial), (radial, radial)))
    d, e = ((p * in_t * use).sum((1, 2)) for p in (in_x, radial))
    fair = a * c - b * b
    solvable = fair > 1e-3 * a * c
    fair = np.where(solvable, fair, 1)
    shift = np.where(solvable, (b * e - c * d) / fair, 0) * (len(luma) - 1) / _STEPS
    zoom = np.where(solvable, (b * d - a * e) / fair, 0) * (len(luma) - 1) / _STEPS
    return tuple(_Series(float(np.median(s)), float(abs(s - np.median(s)).mean())) for s in (shift, zoom))  # type: ignore[return-value]


# --- From readings to scores ------------------------------------------------------------------------------


def _structure(cut: _Cut, fits_by_frame: Floats) -> float:
    """One whole subject of a sound shape that stays, at a size that grows evenly if at all."""
    if not cut.seen:
        return 0.0
    best = fits_by_frame[int(np.argmax(fits_by_frame.mean(1)))]
    sound = np.clip((0.5 * best.mean() + 0.5 * best.min() - 0.55) / 0.37, 0, 1)
    logs = np.log(cut.areas[cut.there])
    steps = np.arange(len(logs))
    uneven = float(np.std(logs - np.polyval(np.polyfit(steps, logs, 1), steps))) if len(logs) > 2 else 0.0
    alone = np.exp(-2.0 * min(cut.extra, 2.0))
    return float(cut.presence**1.5 * alone * sound * np.exp(-((uneven / 0.25) ** 2)))


def _motion(luma: Floats, track: _Track, shift: _Series, zoom: _Series) -> float:
    """Ample and even motion of the subject, an even camera, no frame shown twice."""
    if len(luma) < 2:
        return 0.0
    pace = np.hypot(*track.velocity)
    ample = 1 - np.exp(-((pace / 1.3) ** 2))
    even = np.exp(-((track.unsteady / (0.4 + 0.45 * pace)) ** 2))
    steady = np.exp(-((shift.spread / 0.8) ** 2) - (zoom.spread / 0.03) ** 2)
    changes = np.array([abs(new - old).mean() for old, new in pairwise(luma)])
    twice = float((changes < 0.2 * np.median(changes)).mean()) if np.median(changes) > 0.05 else 0.0
    return float(ample * even * steady * (1 - max(track.stuck, twice)))


def _aesthetics(luma: Floats, tint: Floats, cut: _Cut, hue: float) -> float:
    """Sharp edges, clean areas, a ground with contrast, a vivid subject, no tint."""
    down, right = (
        cut.cover[:, 2:, 1:-1] - cut.cover[:, :-2, 1:-1],
        cut.cover[:, 1:-1, 2:] - cut.cover[:, 1:-1, :-2],
    )
    edge = (down**2 + right**2) / 4
    sharp = float(np.clip((edge.sum() / max(float(np.sqrt(edge).sum()), 1e-6) - 0.06) / 0.22, 0, 1))
    across = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
    ripple = abs(4 * luma[:, 1:-1, 1:-1] - across)[cut.outside[:, 1:-1, 1:-1]]
    clean = float(np.exp(-np.median(ripple) / 20)) if ripple.size else 0.0
    ground = luma[cut.outside]
    contrast = min(1.0, float(ground.std()) / 8.0) if ground.size else 0.0
    nearest = min(COLOURS.values(), key=lambda rgb: abs((hue - _hue_of(rgb) + 180) % 360 - 180))
    full = float(np.hypot(nearest[0] - nearest[1], (nearest[0] + nearest[1]) / 2 - nearest[2]))
    vivid = min(1.0, cut.vivid / full) if cut.seen else 0.0
    neutral = float(np.exp(-((abs(tint - 1).max() / 0.25) ** 2)))
    return float((0.05 + 0.95 * sharp) ** 0.7 * clean * (0.2 + 0.8 * contrast) * vivid * neutral)


def _preservation(frames: Floats, cut: _Cut, first_frame: NDArray[np.uint8]) -> float:
    """The first frame is the image given; the subject's colour and the ground's light stay as they were."""
    given = world_sized(first_frame[None])
    if given.shape[1:] != frames.shape[1:]:
        return 0.0
    like = np.exp(-(ndimage.uniform_filter(abs(given[0] - frames[0]), (3, 3, 0)).mean() / 14))
    tint = _tint(given)
    shown = _cut(_chroma(given, tint))
    apart = np.hypot(*(shown.angle - cut.angle)) if shown.seen == cut.seen else 200.0
    light = abs(_ground_light(given, shown) - _ground_light(frames, cut))
    kept = np.exp(-((apart / 80) ** 2)) * np.exp(-((light / 40) ** 2))
    return float(like * (0.3 + 0.7 * kept) * (0.3 + 0.7 * cut.presence))


def _ground_light(frames: Floats, cut: _Cut) -> float:
    return float(np.median(_luma(frames)[cut.outside])) if cut.outside.any() else 0.0


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(x, -30, 30))))
