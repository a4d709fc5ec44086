"""Drawn clips for a first look: six drawn scenes, each as four pretended video models would make it.

The models fail in ways of their own (one shakes, one dulls the colours, one halts and may get its subject's
colour wrong), so that best and worst differ from dimension to dimension. Every clip and model says that it is
drawn. Nothing here is used outside the demo.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from annotation.clips.degrade import Video, degraded_pixels

SIZE = (480, 270)
FPS = 24
FRAMES = 60
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Scene:
    """A prompt in both languages and the drawing of its frame at time t in [0, 1], subject in `colour`."""

    slug: str
    text_en: str
    text_zh: str
    colour: Colour
    draw: Callable[["Canvas", float, Colour], None]


@dataclass(frozen=True)
class DrawnModel:
    """A pretended video model: how it departs from the scene."""

    slug: str
    name: str
    spoil: Callable[[Scene, int], Video]


def clips(folder: Path) -> Iterator[tuple[Scene, DrawnModel, int, Path]]:
    """Draw every scene by every model into `folder`; yields scene, model, seed and file, one by one."""
    for number, scene in enumerate(SCENES):
        for model in MODELS:
            path = folder / f"{scene.slug}-{model.slug}.mp4"
            _encode(model.spoil(scene, number), path)
            yield scene, model, number, path


def film(scene: Scene, colour: Colour | None = None, speed: float = 1.0) -> Video:
    """The scene's frames, uint8 (T, H, W, 3)."""
    frames = []
    for index in range(FRAMES):
        canvas = Canvas()
        scene.draw(canvas, min(index / (FRAMES - 1) * speed, 1.0), colour or scene.colour)
        frames.append(canvas.finished())
    return np.stack(frames)


class Canvas:
    """A drawing surface of 16 x 9 units, drawn at twice the size and scaled down: smooth edges."""

    def __init__(self) -> None:
        self.unit = SIZE[0] * 2 / 16
        self.image = Image.new("RGB", (SIZE[0] * 2, SIZE[1] * 2))
        self.pen = ImageDraw.Draw(self.image)

    def sky(self, top: Colour, bottom: Colour) -> None:
        ramp = np.linspace(0, 1, self.image.height)[:, None, None]
        column = np.array(top) * (1 - ramp) + np.array(bottom) * ramp
        self.image.paste(
            Image.fromarray(
                np.broadcast_to(column, (self.image.height, self.image.width, 3)).astype(np.uint8)
            )
        )

    def disc(self, x: float, y: float, radius: float, colour: Colour, squash: float = 1.0) -> None:
        u, wide, high = self.unit, radius / squash**0.5, radius * squash**0.5
        self.pen.ellipse([(x - wide) * u, (y - high) * u, (x + wide) * u, (y + high) * u], fill=colour)

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        self.pen.polygon([(x * self.unit, y * self.unit) for x, y in points], fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self.shape([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def hills(self, base: float, height: float, shift: float, colour: Colour) -> None:
        ridge = [
            (x, base - height * (0.6 * math.sin(x * 0.5 + shift) + 0.4 * math.sin(x * 1.3 + 2 * shift)))
            for x in np.linspace(0, 16, 65)
        ]
        self.shape([*ridge, (16, 9), (0, 9)], colour)

    def soften(self, radius: float) -> None:
        self.image = self.image.filter(ImageFilter.GaussianBlur(radius))
        self.pen = ImageDraw.Draw(self.image)

    def finished(self) -> Video:
        return np.asarray(self.image.resize(SIZE, Image.Resampling.BOX))


def shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (max(0, min(255, round(part * factor))) for part in colour)
    return red, green, blue


# --- Scenes -----------------------------------------------------------------------------------------------


def _balloon(canvas: Canvas, t: float, colour: Colour) -> None:
    canvas.sky((92, 141, 196), (247, 211, 170))
    canvas.hills(6.6, 0.5, 0.3 + 0.4 * t, (120, 140, 150))
    canvas.hills(7.6, 0.5, 2.0 + 0.8 * t, (70, 100, 84))
    x, y = 3.5 + 8 * t, 5.6 - 3.1 * t + 0.12 * math.sin(12 * t)
    for stripe, factor in ((1.35, 0.82), (0.95, 1.0), (0.5, 1.2)):
        canvas.pen.ellipse(
            [
                (x - stripe) * canvas.unit,
                (y - 1.5) * canvas.unit,
                (x + stripe) * canvas.unit,
                (y + 1.4) * canvas.unit,
            ],
            fill=shade(colour, factor),
        )
    canvas.shape(
        [(x - 0.8, y + 1.1), (x + 0.8, y + 1.1), (x + 0.3, y + 1.9), (x - 0.3, y + 1.9)], shade(colour, 0.7)
    )
    canvas.box(x - 0.28, y + 2.0, x + 0.28, y + 2.4, (110, 74, 42))


def _ball(canvas: Canvas, t: float, colour: Colour) -> None:
    canvas.sky((58, 62, 70), (94, 92, 90))
    canvas.box(0, 6.6, 16, 9, (126, 88, 58))
    for plank in range(6):
        canvas.box(0, 6.6 + 0.1 * plank**1.8, 16, 6.64 + 0.1 * plank**1.8, (104, 70, 44))
    bounce = abs(math.cos(math.pi * 3 * t)) * (1 - 0.55 * t)
    x, y = 1.5 + 12.5 * t, 6.3 - 4.0 * bounce
    squash = 0.72 if bounce < 0.06 else 1.0
    canvas.disc(x, 7.15, 0.7 - 0.3 * bounce, (88, 60, 38), squash=0.25)
    canvas.disc(x, y, 0.75, colour, squash)
    canvas.disc(x - 0.24, y - 0.26, 0.2, shade(colour, 1.5), squash)


def _boat(canvas: Canvas, t: float, colour: Colour) -> None:
    canvas.sky((48, 40, 84), (244, 148, 92))
    canvas.disc(11.5, 5.2, 1.2, (255, 214, 140))
    x = 13.2 - 9.5 * t
    y, lean = 5.9 + 0.22 * math.sin(9 * t), 0.12 * math.cos(9 * t)
    canvas.shape(
        [(x - 1.5, y - lean), (x + 1.5, y + lean), (x + 0.9, y + 0.7), (x - 0.9, y + 0.7)], shade(colour, 0.8)
    )
    canvas.shape([(x, y - 1.7), (x - 1.1, y - 0.1), (x + 1.1, y - 0.1)], colour)
    for wave in range(4):
        crest = 6.3 + 0.65 * wave
        line = [
            (a, crest + 0.13 * math.sin(a * (1.6 - 0.2 * wave) + 10 * t + wave))
            for a in np.linspace(0, 16, 65)
        ]
        canvas.shape([*line, (16, 9), (0, 9)], shade((66, 72, 120), 1.0 - 0.16 * wave))


def _lighthouse(canvas: Canvas, t: float, colour: Colour) -> None:
    canvas.sky((8, 12, 30), (34, 46, 84))
    for star in range(40):
        canvas.disc(star * 7.31 % 16, star * 3.17 % 5, 0.025, (190, 196, 220))
    angle = -0.9 + 2.2 * t
    for spread, glow in ((0.16, 0.25), (0.09, 0.5)):
        beam = tuple(
            round(base + (part - base) * glow) for base, part in zip((26, 34, 64), colour, strict=True)
        )
        reach = [
            (4 + 14 * math.sin(angle + side), 3.0 - 14 * math.cos(angle + side)) for side in (-spread, spread)
        ]
        canvas.shape([(4, 3.0), *reach], (beam[0], beam[1], beam[2]))
    canvas.hills(7.6, 0.15, 5 * t, (16, 26, 48))
    canvas.shape([(1.5, 9), (2.4, 7.1), (5.6, 7.1), (6.8, 9)], (20, 20, 24))
    canvas.shape([(3.45, 3.4), (4.55, 3.4), (4.9, 7.3), (3.1, 7.3)], (206, 206, 204))
    for band in range(2):
        canvas.box(3.3, 4.3 + 1.5 * band, 4.7, 5.0 + 1.5 * band, (168, 62, 56))
    canvas.box(3.5, 2.6, 4.5, 3.4, (30, 32, 40))
    canvas.disc(4, 3.0, 0.3, colour)


def _train(canvas: Canvas, t: float, colour: Colour) -> None:
    canvas.sky((150, 186, 206), (226, 232, 226))
    canvas.hills(6.0, 0.9, 0.8, (134, 156, 148))
    canvas.hills(7.4, 0.5, 3.1, (88, 120, 92))
    for pier in range(5):
        canvas.box(1.2 + 3.4 * pier, 5.6, 1.8 + 3.4 * pier, 9, (108, 104, 100))
    canvas.box(0, 5.3, 16, 5.7, (92, 88, 86))
    nose = -1.5 + 19 * t
    for wagon in range(4):
        left = nose - 2.9 * (wagon + 1)
        canvas.box(left, 4.0, left + 2.7, 5.15, shade(colour, 1.0 if wagon else 0.8))
        for window in range(4):
            canvas.box(left + 0.3 + 0.6 * window, 4.25, left + 0.65 + 0.6 * window, 4.65, (238, 232, 204))
        for wheel in (0.6, 2.1):
            canvas.disc(left + wheel, 5.2, 0.18, (40, 40, 42))


def _fish(canvas: Canvas, t: float, colour: Colour) -> None:
    canvas.sky((26, 108, 130), (8, 38, 66))
    for weed in range(7):
        foot, sway = 0.8 + 2.4 * weed, 0.4 * math.sin(7 * t + weed)
        canvas.shape([(foot, 9), (foot + 0.5, 9), (foot + 0.3 + sway, 6.2 + 0.3 * (weed % 3))], (30, 96, 72))
    turn = math.pi * (1.15 - 1.3 * t)
    x, y = 8 + 4.6 * math.cos(turn), 5.4 - 2.6 * math.sin(turn)
    tail = 0.35 * math.sin(40 * t)
    canvas.shape([(x - 0.9, y), (x - 2.0, y - 0.7 + tail), (x - 2.0, y + 0.7 + tail)], shade(colour, 0.8))
    canvas.disc(x, y, 1.05, colour, squash=0.55)
    canvas.disc(x + 0.75, y - 0.15, 0.13, (250, 250, 250))
    canvas.disc(x + 0.8, y - 0.15, 0.07, (10, 10, 10))
    for bubble in range(5):
        canvas.disc(
            x + 1.2 + 0.1 * bubble, (y - 9 * t - 1.3 * bubble) % 9, 0.09 + 0.02 * bubble, (150, 206, 216)
        )


SCENES = (
    Scene(
        "balloon",
        "A red hot-air balloon drifts from left to right and rises over rolling hills at dawn",
        "黎明时分，一只红色热气球从左向右飘过连绵的山丘，缓缓升起",
        (206, 58, 48),
        _balloon,
    ),
    Scene(
        "ball",
        "A yellow rubber ball bounces across a wooden table, lower each time",
        "一个黄色橡皮球在木桌上弹跳着向前，一次比一次低",
        (232, 190, 52),
        _ball,
    ),
    Scene(
        "boat",
        "A white paper boat rocks on the waves and sails to the left in front of the setting sun",
        "夕阳前，一只白色纸船随波摇晃，向左驶去",
        (238, 234, 226),
        _boat,
    ),
    Scene(
        "lighthouse",
        "A lighthouse sweeps its warm beam over the sea on a starry night",
        "星空下，灯塔温暖的光束扫过海面",
        (255, 226, 150),
        _lighthouse,
    ),
    Scene(
        "train",
        "A green train crosses a stone viaduct from left to right on a hazy morning",
        "薄雾的清晨，一列绿色火车从左向右驶过石砌高架桥",
        (52, 116, 84),
        _train,
    ),
    Scene(
        "fish",
        "An orange fish swims in an arc over swaying seaweed, leaving bubbles behind",
        "一条橙色的鱼在摇曳的水草上方划出一道弧线游过，留下一串气泡",
        (238, 128, 42),
        _fish,
    ),
)


# --- Models: what each gets wrong -------------------------------------------------------------------------


def _faithful(scene: Scene, seed: int) -> Video:
    return degraded_pixels(film(scene), "blur", 0.08 + 0.02 * (seed % 3), seed)


def _shaky(scene: Scene, seed: int) -> Video:
    return degraded_pixels(film(scene), "jitter", 0.45, seed)


def _dull(scene: Scene, seed: int) -> Video:
    return degraded_pixels(degraded_pixels(film(scene), "colour_cast", 0.5, seed), "compression", 0.6, seed)


def _halting(scene: Scene, seed: int) -> Video:
    recoloured = (scene.colour[2], scene.colour[0], scene.colour[1])
    wrong = recoloured if seed % 2 else scene.colour
    return degraded_pixels(film(scene, wrong, speed=0.7), "dropped_frames", 0.6, seed)


MODELS = (
    DrawnModel("drawn-alder", "Alder (drawn)", _faithful),
    DrawnModel("drawn-birch", "Birch (drawn)", _shaky),
    DrawnModel("drawn-cedar", "Cedar (drawn)", _dull),
    DrawnModel("drawn-dogwood", "Dogwood (drawn)", _halting),
)


def _encode(video: Video, path: Path) -> None:
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=FPS, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = SIZE[0], SIZE[1], "yuv420p"
        for pixels in video:
            target.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        target.mux(stream.encode(None))
