"""Clips to video files and pictures from files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image


def write_clip(clip: NDArray[np.uint8], path: Path, fps: int, stamp: str) -> None:
    """Writes uint8 RGB (T, H, W, 3) as H.264 in full colour resolution, nearly without loss.

    `stamp` goes into the file's comment: two recipes that happen to draw equal pixels stay two files.
    """
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        container.metadata["comment"] = stamp
        # A fixed quantiser and one thread: the same pixels are the same bytes.
        options = {"qp": "8", "preset": "medium", "threads": "1"}
        stream = container.add_stream("libx264", rate=Fraction(fps), options=options)
        stream.height, stream.width = clip.shape[1:3]
        stream.pix_fmt = "yuv444p"
        for picture in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def read_picture(path: Path, side: int) -> NDArray[np.uint8]:
    """A first frame as RGB (side, side, 3): the middle square, scaled. Raises ValueError."""
    try:
        with Image.open(path) as image:
            picture = image.convert("RGB")
    except OSError as error:
        raise ValueError(f"{path.name} can't be read as a picture: {error}") from error
    short = min(picture.size)
    left, top = (picture.width - short) // 2, (picture.height - short) // 2
    square = picture.crop((left, top, left + short, top + short))
    if short != side:
        square = square.resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(square)
