"""A procedural world of short clips whose truth is known: one coloured shape moves before a striped ground.

A `Scene` says all there is to say about a clip. From it come the pixels (`render`), a dense caption and a
short user prompt, both in English and Chinese (§3.2, §4.1), and what a prompt asks for can be read back from
its text (`parse`), so that an oracle can compare a finished clip with its prompt.

Directions are those seen in the frame. A pan moves the ground alone and a dolly-in enlarges ground and
subject about the middle of the frame, so camera and subject can be told apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

FRAMES, SIDE, FPS = 9, 64, 8

Shape = Literal["circle", "square", "triangle"]
Colour = Literal["red", "yellow", "green", "cyan", "blue", "purple"]
Direction = Literal["left", "right", "up", "down"]
Camera = Literal["still", "pan", "dolly"]
Ground = Literal["dark", "grey", "pale"]
Size = Literal["small", "large"]
Pace = Literal["slow", "quick"]
Language = Literal["en", "zh"]
Name = TypeVar("Name", bound=str)

SHAPES: tuple[Shape, ...] = ("circle", "square", "triangle")
COLOURS: dict[Colour, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "yellow": (235, 205, 40),
    "green": (50, 180, 60),
    "cyan": (50, 200, 210),
    "blue": (50, 80, 225),
    "purple": (165, 60, 200),
}
DIRECTIONS: dict[Direction, tuple[int, int]] = {
    "left": (-1, 0),
    "right": (1, 0),
    "up": (0, -1),
    "down": (0, 1),
}
CAMERAS: tuple[Camera, ...] = ("still", "pan", "dolly")
GROUNDS: dict[Ground, tuple[int, int]] = {"dark": (26, 50), "grey": (100, 128), "pale": (190, 216)}
"""Grey levels of the two kinds of stripes."""
RADII: dict[Size, float] = {"small": 8.5, "large": 11.0}
"""Pixels from a subject's middle to its rim, at the first frame."""
PACES: dict[Pace, float] = {"slow": 2.8, "quick": 4.0}
"""Pixels a frame."""

_STRIPE = 24.0  # pixels from one stripe to the next but one
_PAN = 1.5  # pixels a frame that the ground moves to the left
_DOLLY = 1.035  # growth a frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A clip's whole truth. Pixels: `x`, `y` (the subject's middle in frame 0) and the stripes' `phase`."""

    shape: Shape
    colour: Colour
    direction: Direction
    camera: Camera
    ground: Ground
    size: Size
    pace: Pace
    x: float
    y: float
    phase: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a text asks for; None where it says nothing."""

    shape: Shape | None = None
    colour: Colour | None = None
    direction: Direction | None = None
    camera: Camera | None = None


def held_out(shape: Shape, colour: Colour, direction: Direction) -> bool:
    """Whether this combination is kept out of all training: 12 of the 72, spread over every value."""
    places = SHAPES.index(shape) + list(COLOURS).index(colour) + list(DIRECTIONS).index(direction)
    return places % 6 == 0


def draw_scene(rng: np.random.Generator, *, of: Literal["training", "held-out", "any"] = "any") -> Scene:
    """A random scene whose subject stays in the frame from the first frame to the last."""
    while True:
        shape = SHAPES[rng.integers(len(SHAPES))]
        colour = list(COLOURS)[rng.integers(len(COLOURS))]
        direction = list(DIRECTIONS)[rng.integers(len(DIRECTIONS))]
        if of == "any" or held_out(shape, colour, direction) == (of == "held-out"):
            break
    camera = CAMERAS[rng.choice(3, p=[0.5, 0.25, 0.25])]
    return place(rng, Wanted(shape=shape, colour=colour, direction=direction, camera=camera))


def place(rng: np.random.Generator, wanted: Wanted) -> Scene:
    """A random scene that shows what is wanted; what that leaves open is drawn too."""
    shape = wanted.shape or SHAPES[rng.integers(len(SHAPES))]
    colour = wanted.colour or list(COLOURS)[rng.integers(len(COLOURS))]
    direction = wanted.direction or list(DIRECTIONS)[rng.integers(len(DIRECTIONS))]
    camera = wanted.camera or CAMERAS[rng.integers(len(CAMERAS))]
    ground = list(GROUNDS)[rng.integers(len(GROUNDS))]
    size = list(RADII)[rng.integers(len(RADII))]
    pace = list(PACES)[rng.integers(len(PACES))]
    growth = _growth(camera, FRAMES - 1)
    reach = PACES[pace] * (FRAMES - 1)
    across, along = _free(RADII[size] * growth, 0.0, growth), _free(RADII[size] * growth, reach, growth)
    dx, dy = DIRECTIONS[direction]
    x, y = (rng.uniform(*(along if axis else across)) for axis in (dx, dy))
    # `along` is where the path's middle may lie: start half a path behind it.
    return Scene(
        shape=shape,
        colour=colour,
        direction=direction,
        camera=camera,
        ground=ground,
        size=size,
        pace=pace,
        x=float(x - dx * reach / 2),
        y=float(y - dy * reach / 2),
        phase=float(rng.uniform(0, _STRIPE)),
    )


def render(scene: Scene, frames: int = FRAMES) -> NDArray[np.uint8]:
    """The clip as uint8 RGB (frames, SIDE, SIDE, 3)."""
    middle = (SIDE - 1) / 2
    ys, xs = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    low, high = GROUNDS[scene.ground]
    colour = np.array(COLOURS[scene.colour], np.float32)
    video = np.empty((frames, SIDE, SIDE, 3), np.float32)
    for t in range(frames):
        growth = _growth(scene.camera, t)
        shift = _PAN * t if scene.camera == "pan" else 0.0
        u = (xs - middle) / growth + middle + shift
        v = (ys - middle) / growth + middle
        stripes = np.clip(0.5 + 3.0 * np.sin((u + 0.5 * v + scene.phase) * (2 * np.pi / _STRIPE)), 0, 1)
        ground = low + (high - low) * stripes
        x, y = subject_at(scene, t)
        outside = _distance(scene.shape, xs - x, ys - y, RADII[scene.size] * growth)
        cover = np.clip(0.5 - outside, 0, 1)[..., None]
        video[t] = cover * colour + (1 - cover) * ground[..., None]
    return np.rint(video).astype(np.uint8)


def subject_at(scene: Scene, t: int) -> tuple[float, float]:
    """The subject's middle (x, y) in frame `t`, pixels."""
    middle = (SIDE - 1) / 2
    growth = _growth(scene.camera, t)
    dx, dy = DIRECTIONS[scene.direction]
    x, y = scene.x + dx * PACES[scene.pace] * t, scene.y + dy * PACES[scene.pace] * t
    if scene.camera == "dolly":
        # Only the position across the path spreads: along it the pace stays what it is.
        x = (x - middle) * growth + middle if dx == 0 else x
        y = (y - middle) * growth + middle if dy == 0 else y
    return x, y


def prompt(scene: Scene | Wanted, language: Language) -> str:
    """What a user would type: subject, colour, direction, camera; what is None is left out."""
    if language == "zh":
        subject = f"一个{_ZH.get(scene.colour, '')}{_ZH.get(scene.shape, '图形')}"
        action = f"向{_ZH[scene.direction]}移动" if scene.direction else "在移动"
        return subject + action + (f",{_ZH_CAMERA[scene.camera]}" if scene.camera else "")
    subject = " ".join(word for word in (scene.colour, scene.shape or "shape") if word)
    action = f"moves {scene.direction}" if scene.direction else "moves"
    camera = f", {_EN_CAMERA[scene.camera]}" if scene.camera else ""
    return f"a {subject} {action}{camera}"


def caption(scene: Scene, language: Language) -> str:
    """A dense caption (§3.2): everything in the scene, the motion and the camera."""
    if language == "zh":
        return (
            f"{_ZH[scene.ground]}条纹背景前,一个{_ZH[scene.size]}的{_ZH[scene.colour]}{_ZH[scene.shape]}"
            f"从画面{_zone(scene, 'zh')}{_ZH[scene.pace]}向{_ZH[scene.direction]}移动,"
            f"{_ZH_CAMERA[scene.camera]}。"
        )
    return (
        f"In front of a {scene.ground} striped background, a {scene.size} {scene.colour} {scene.shape} "
        f"moves {scene.pace}ly {scene.direction} from the {_zone(scene, 'en')} of the frame, "
        f"{_EN_CAMERA[scene.camera]}."
    )


def still(scene: Scene, language: Language) -> str:
    """What the scene's first frame shows."""
    if language == "zh":
        return (
            f"{_ZH[scene.ground]}条纹背景前,一个{_ZH[scene.size]}的{_ZH[scene.colour]}{_ZH[scene.shape]}"
            f"位于画面{_zone(scene, 'zh')}。"
        )
    return (
        f"A {scene.size} {scene.colour} {scene.shape} at the {_zone(scene, 'en')} of the frame, "
        f"in front of a {scene.ground} striped background."
    )


def parse(text: str) -> Wanted:
    """What a prompt or caption asks for, in either language; words of another world are passed over."""
    low = text.lower()
    return Wanted(
        shape=_named(low, SHAPES, _ZH),
        colour=_named(low, tuple(COLOURS), _ZH),
        direction=_direction(low),
        camera=_named(low, CAMERAS, _ZH_CAMERA) or _named(low, CAMERAS, _EN_CAMERA),
    )


def _direction(text: str) -> Direction | None:
    found = re.search(r"moves?(?: slowly| quickly)? (left|right|up|down)\b", text)
    if found:
        return next(d for d in DIRECTIONS if d == found[1])
    return next((d for d in DIRECTIONS if f"向{_ZH[d]}移动" in text), None)


def _named(text: str, names: Sequence[Name], words: Mapping[Any, str]) -> Name | None:
    found = (name for name in names if words[name] in text or re.search(rf"\b{name}\b", text))
    return next(found, None)


def _growth(camera: Camera, t: int) -> float:
    return _DOLLY**t if camera == "dolly" else 1.0


def _free(radius: float, reach: float, growth: float) -> tuple[float, float]:
    """Where a path's middle may lie on one axis, so that nothing touches the frame's edge at any time."""
    middle = (SIDE - 1) / 2
    room = max(0.0, (middle - radius - 1) / (growth if reach == 0 else 1.0) - reach / 2)
    return middle - room, middle + room


def _distance(
    shape: Shape, x: NDArray[np.float32], y: NDArray[np.float32], radius: float
) -> NDArray[np.float32]:
    """Signed distance to the rim in pixels, negative inside; exact at the sides, which is all that shows."""
    distance: NDArray[np.float32]
    if shape == "circle":
        distance = np.hypot(x, y) - np.float32(radius)
    elif shape == "square":
        distance = np.maximum(abs(x), abs(y)) - np.float32(0.88 * radius)
    else:  # base down, tip up, a little lower than its middle so that it looks centred
        slope = abs(x) * np.float32(0.874) - y * np.float32(0.486)
        distance = np.maximum(slope - np.float32(0.5 * radius), y - np.float32(0.88 * radius))
    return distance


def _zone(scene: Scene, language: Language) -> str:
    """The third of the frame that the subject starts in, as "top left"."""
    row = ("top", "middle", "bottom")[min(2, int(scene.y * 3 / SIDE))]
    column = ("left", "centre", "right")[min(2, int(scene.x * 3 / SIDE))]
    if language == "zh":
        across = {"left": "左侧", "centre": "中央", "right": "右侧"}[column]
        return across + {"top": "上方", "middle": "", "bottom": "下方"}[row]
    return f"{row} {column}"


_ZH: dict[str | None, str] = {
    "circle": "圆形",
    "square": "方块",
    "triangle": "三角形",
    "red": "红色",
    "yellow": "黄色",
    "green": "绿色",
    "cyan": "青色",
    "blue": "蓝色",
    "purple": "紫色",
    "left": "左",
    "right": "右",
    "up": "上",
    "down": "下",
    "dark": "深色",
    "grey": "灰色",
    "pale": "浅色",
    "small": "小",
    "large": "大",
    "slow": "缓慢",
    "quick": "快速",
}
_ZH_CAMERA: dict[Camera, str] = {"still": "镜头固定", "pan": "镜头向右摇", "dolly": "镜头推近"}
_EN_CAMERA: dict[Camera, str] = {
    "still": "the camera stays still",
    "pan": "the camera pans right",
    "dolly": "the camera dollies in",
}
