"""How a clip looks, whatever it shows: what boards may hold equal between two clips (style control).

Measured on the picture that people are shown, at 64 x 36 pixels, so that neither grain nor size matters.
"""

from dataclasses import dataclass
from typing import Any

from av.video.frame import VideoFrame

SIZE = (64, 36)
"""Pixels, width and height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    brightness: float
    """Mean luma of all frames, 0 (black) to 1 (white)."""
    colourfulness: float
    """M3 of Hasler and Suesstrunk (2003), mean of all frames: 0 is grey, 109 "extremely colourful"."""
    motion: float
    """By how much the luma changes, mean of all pixels, in a second; luma reaches from 0 to 1."""


class Measured:
    """Takes a clip's frames one after the other; `looks` says what they were."""

    def __init__(self) -> None:
        self.frames, self.brightness, self.colourfulness, self.change = 0, 0.0, 0.0, 0.0
        self.before: Any = None

    def add(self, frame: VideoFrame) -> None:
        import numpy as np  # a tenth of a second that only a child which measures needs

        colours = frame.reformat(*SIZE, format="rgb24").to_ndarray().astype(np.float32)
        red, green, blue = colours[..., 0], colours[..., 1], colours[..., 2]
        luma = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
        one, other = red - green, (red + green) / 2 - blue
        spread, mean = np.hypot(one.std(), other.std()), np.hypot(one.mean(), other.mean())
        self.brightness += float(luma.mean())
        self.colourfulness += float(spread + 0.3 * mean)
        if self.before is not None:
            self.change += float(np.abs(luma - self.before).mean())
        self.before = luma
        self.frames += 1

    def looks(self, seconds: float) -> Looks:
        """Of the frames so far, which are shown for so many seconds."""
        return Looks(
            brightness=self.brightness / self.frames,
            colourfulness=self.colourfulness / self.frames,
            motion=self.change / seconds,
        )
