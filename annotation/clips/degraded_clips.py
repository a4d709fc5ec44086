"""Degraded copies of clips, as clips: what gold items are made of.

A copy is made from the plain judged rendition, a file of our own, so that nothing here decodes what somebody
uploaded; frames keep their times. It is taken in like any other file, has its recipe, and is marked by
`Clip.degraded_from`. It has no prompt and no video model: campaigns, boards and rounds choose clips by these.
"""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from django.utils.translation import gettext as _

from annotation.clips import intake
from annotation.clips.degrade import Change, Kind, Video, degrade
from annotation.models import Clip, Rendition
from workbench.models import User
from workbench.refusals import Invalid
from workbench.storage import reading

MOST_BYTES = 200 * 2**20
"""Of a clip's pixels in memory; a larger clip is degraded at a smaller size."""
MOST_FRAMES = 1200
LEAST_STRUCTURAL, LEAST_ABSOLUTE = 0.06, 0.04
"""A copy has to differ visibly from its clip by one of the two measures of `degrade.Change`."""
_TICK = Fraction(1, 90_000)


def degraded_copy(clip: Clip, kind: Kind, strength: float, seed: int, by: User | None = None) -> Clip:
    """A degraded copy of a ready clip, ready too; the one that is there for a recipe used before.

    Raises Invalid `too_long`, or `not_visible` where the clip hardly changes: a freeze of a still scene.
    """
    rendition = Rendition.objects.get(clip=clip, fps=None, seconds=None)
    if rendition.frames > MOST_FRAMES:
        text = _("The clip has %(frames)d frames; copies are made of clips of up to %(most)d.")
        raise Invalid("too_long", text % {"frames": rendition.frames, "most": MOST_FRAMES})
    result = degrade(_pixels(rendition), kind, strength, seed)
    if not _visible(result.change):
        raise Invalid("not_visible", _("This degradation can hardly be seen in this clip."))
    recipe = {
        "degraded_from": str(clip.pk),
        "kind": kind,
        "strength": strength,
        "seed": seed,
        "change": asdict(result.change),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.mp4"
        write_frames(path, result.video, rendition.frame_times)
        facts = intake.Facts(source=clip.source, recipe=recipe)
        with path.open("rb") as file:
            made = intake.ingest(file, f"{kind}.mp4", facts, uploaded_by=by, render_now=True).clip
    Clip.objects.filter(pk=made.pk).update(degraded_from=clip)
    made.refresh_from_db()
    return made


def write_frames(path: Path, video: Video, times: Sequence[float]) -> None:
    """Write uint8 (T, H, W, 3) as H.264, each frame at its time in seconds; H and W even."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = video.shape[2], video.shape[1], "yuv420p"
        stream.codec_context.time_base = _TICK
        # Near lossless, for a rendition follows; one thread and a fixed quantiser give the same bytes again.
        stream.options = {"qp": "14", "preset": "veryfast", "threads": "1"}
        for pixels, time in zip(video, times, strict=True):
            frame = VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = round(time / _TICK), _TICK
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _pixels(rendition: Rendition) -> Video:
    """The frames of a rendition, smaller where they would take more than MOST_BYTES."""
    whole = rendition.frames * rendition.width * rendition.height * 3
    scale = min(1.0, math.sqrt(MOST_BYTES / whole))
    width, height = (max(16, 2 * int(side * scale / 2)) for side in (rendition.width, rendition.height))
    with (
        reading(rendition.file.storage, rendition.file.name or "") as (stored, _size),
        intake.spooled(stored) as copy,
        av.open(str(copy.path)) as container,
    ):
        frames = [f.reformat(width, height, "rgb24").to_ndarray() for f in container.decode(video=0)]
    return np.stack(frames).astype(np.uint8)


def _visible(change: Change) -> bool:
    return change.structural >= LEAST_STRUCTURAL or change.mean_absolute >= LEAST_ABSOLUTE
