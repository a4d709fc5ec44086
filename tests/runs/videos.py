"""Small real videos for runs in tests: encoded here, each of other content."""

from pathlib import Path

import av
import numpy as np


def make_clips(folder: Path, count: int = 6) -> Path:
    """`count` H.264 videos of 96x96 pixels and one second: coloured shapes that move over a texture."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng(number)
        background = np.kron(rng.integers(0, 255, (12, 12, 3)), np.ones((8, 8, 1)))
        with av.open(str(folder / f"clip-{number}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=24)
            stream.width = stream.height = 96
            stream.pix_fmt = "yuv420p"
            for time in range(24):
                image = background.copy()
                left = (5 * number + 3 * time) % 64
                image[20 + 5 * number : 44 + 5 * number, left : left + 24] = rng.integers(0, 255, 3)
                frame = av.VideoFrame.from_ndarray(image.astype(np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return folder
