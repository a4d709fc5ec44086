"""What people are shown: the judged rendition and the poster of a clip.

A rendition must not tell who made the clip, and must not touch what is judged:

- one box for all: the picture is scaled, up or down, until it fills the box in one direction;
- no sound, no metadata, no encoder signature; the same input gives the same bytes;
- every frame of the source, at its own time (from zero), unless a frame rate or a length is asked for;
- colours in BT.709, limited range, tagged so, whatever the source used;
- H.264 in MP4 with its index in front, no reordered frames and a keyframe at least every 12 frames, so
  that any frame is reached at once.
"""

from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.codec import CodecContext
from av.codec.context import Flags as CodecFlags
from av.container import OutputContainer
from av.filter import Graph
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from .appearance import Measured
from .decode import Limits, Turn, Video, check_colour, display_size, frames, opened, sample_aspect, turn_of

KEYFRAME_EVERY = 12
_CRF = 17  # no difference that can be seen at viewing distance
_MUXER = {"movflags": "+faststart", "fflags": "+bitexact"}  # bitexact: no writer's name, no date
_BT709 = 1  # ITU-T H.273: colour primaries, transfer and matrix all call it 1
_LIMITED, _FULL = 1, 2
_MATRIX = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
_TURNS: dict[Turn, list[tuple[str, str]]] = {
    (1, 0, 0, 1): [],
    (0, 1, -1, 0): [("transpose", "clock")],
    (-1, 0, 0, -1): [("hflip", ""), ("vflip", "")],
    (0, -1, 1, 0): [("transpose", "cclock")],
    (-1, 0, 0, 1): [("hflip", "")],
    (1, 0, 0, -1): [("vflip", "")],
    (0, 1, 1, 0): [("transpose", "cclock_flip")],
    (0, -1, -1, 0): [("transpose", "clock_flip")],
}


def fitted(width: int, height: int, box: tuple[int, int]) -> tuple[int, int]:
    """Scale (width, height) to fill ``box`` in one direction and stay inside in the other; both even."""
    scale = min(Fraction(box[0], width), Fraction(box[1], height))
    return (
        min(max(2, 2 * round(width * scale / 2)), box[0] - box[0] % 2),
        min(max(2, 2 * round(height * scale / 2)), box[1] - box[1] % 2),
    )


def write_rendition(
    path: Path,
    out: Path,
    *,
    box: tuple[int, int],
    fps: Fraction | None,
    max_seconds: float | None,
    limits: Limits,
) -> dict[str, Any]:
    """Encode the rendition of ``path`` to ``out`` and describe it with the fields of `Rendered`.

    ``fps``: show at each tick of that rate the frame that was on screen (None keeps the frames as they are).
    ``max_seconds``: leave out what starts later. Raises `Refused`.
    """
    with opened(path, limits) as video:
        tick = 1 / fps if fps else video.stream.time_base
        assert tick is not None
        shown = _counted(frames(video, limits), video.stream.time_base, fps, max_seconds)
        size, scale, times, measured = (0, 0), None, [], Measured()
        with av.open(str(out), "w", format="mp4", options=_MUXER) as target:
            for time, frame in shown:
                if scale is None:
                    size = _size_in_box(video, frame, box)
                    scale = Scaler(size, "yuv420p", "limited")
                    stream = _encoder(target, size, tick)
                    bare = BitStreamFilterContext("filter_units=remove_types=6", "h264")  # no SEI
                picture = scale(frame)
                picture.pts, picture.time_base = time, tick
                times.append(time)
                measured.add(picture)
                for packet in stream.encode(picture):
                    target.mux(bare.filter(packet))
            for packet in stream.encode(None):
                target.mux(bare.filter(packet))
        last = Fraction(times[-1]) * tick
        spacing = last / (len(times) - 1) if len(times) > 1 else tick
        duration = float(last + spacing)
        return {
            "width": size[0],
            "height": size[1],
            "frames": len(times),
            "frame_times": [round(float(time * tick), 6) for time in times],
            "duration": duration,
            "size_bytes": out.stat().st_size,
            "looks": asdict(measured.looks(duration)),
        }


def measure_looks(path: Path, limits: Limits) -> dict[str, float]:
    """`Looks` of a rendition that was written before. Raises `Refused`."""
    with opened(path, limits) as video:
        measured, times = Measured(), []
        for time, frame in frames(video, limits):
            measured.add(frame)
            times.append(time)
        tick = video.stream.time_base
        assert tick is not None
        # As `write_rendition` counts: the last frame is shown for the mean spacing of the others.
        seconds = float((times[-1] - times[0]) * tick * Fraction(len(times), max(1, len(times) - 1)))
        return asdict(measured.looks(seconds))


def write_poster(path: Path, out: Path, *, box: tuple[int, int], limits: Limits) -> dict[str, int]:
    """Write a JPEG of a telling frame of ``path``, fitted into ``box``; give its width, height and size.

    Looked at are frames spread over the clip: the one with the most detail, if any is neither dark nor blown
    out. Raises `Refused`.
    """
    with opened(path, limits) as video:
        frame = _telling_frame(video, limits)
        size = _size_in_box(video, frame, box)
        picture = Scaler(size, "yuvj420p", "full")(frame)
        encoder = CodecContext.create("mjpeg", "w")
        assert isinstance(encoder, VideoCodecContext)
        encoder.width, encoder.height, encoder.pix_fmt = *size, "yuvj420p"
        encoder.time_base = Fraction(1, 1)
        encoder.flags |= CodecFlags.bitexact | CodecFlags.qscale
        encoder.global_quality = 3 * 118  # quantiser 3, in libav's unit of 118: clean to the eye
        picture.pts, picture.time_base = 0, Fraction(1, 1)
        out.write_bytes(
            b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
        )
        return {"width": size[0], "height": size[1], "size_bytes": out.stat().st_size}


class Scaler:
    """Turn, scale and convert frames: any pixel format and colour matrix in, BT.709 square pixels out."""

    def __init__(self, size: tuple[int, int], pixel_format: str, range_: str) -> None:
        self.size, self.pixel_format, self.range = size, pixel_format, range_
        self.graph: Graph | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        if self.graph is None:
            self.graph = self._build(frame)
        self.graph.vpush(frame)
        picture = self.graph.vpull()
        picture.colorspace = picture.color_primaries = picture.color_trc = _BT709
        picture.color_range = _LIMITED if self.range == "limited" else _FULL
        picture.pict_type = 0
        return picture

    def _build(self, frame: VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        nodes = [
            graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
            )
        ]
        nodes += [graph.add(*step) for step in _TURNS[turn_of(frame)]]
        width, height = self.size
        nodes.append(
            graph.add(
                "scale",
                f"{width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int"
                f":in_color_matrix={_matrix(frame)}:in_range={_range(frame)}"
                f":out_color_matrix=bt709:out_range={self.range}",
            )
        )
        nodes.append(graph.add("setsar", "1"))
        nodes.append(graph.add("format", self.pixel_format))
        nodes.append(graph.add("buffersink"))
        graph.link_nodes(*nodes).configure()
        return graph


def _counted(
    decoded: Iterator[tuple[int, VideoFrame]],
    tick: Fraction | None,
    fps: Fraction | None,
    max_seconds: float | None,
) -> Iterator[tuple[int, VideoFrame]]:
    """Count time from zero, cut at ``max_seconds``, and resample to ``fps`` where asked for.

    Times given are in ticks of the file's clock, or in frames where ``fps`` is set.
    """
    assert tick is not None
    start: int | None = None
    held: VideoFrame | None = None
    number, gap = 0, Fraction(0)
    seconds = Fraction(0)
    for time, frame in decoded:
        start = time if start is None else start
        gap, seconds = (time - start) * tick - seconds, (time - start) * tick
        if max_seconds is not None and seconds >= max_seconds:
            break
        if fps is None:
            yield time - start, frame
            continue
        while held is not None and number / fps < seconds:
            yield number, held
            number += 1
        held = frame
    if fps is not None and held is not None:
        end = seconds + gap if max_seconds is None else min(seconds + gap, Fraction(max_seconds))
        while number / fps < end:
            yield number, held
            number += 1


def _encoder(target: OutputContainer, size: tuple[int, int], tick: Fraction) -> VideoStream:
    stream = target.add_stream(
        "libx264",
        options={
            "crf": str(_CRF),
            "preset": "veryfast",
            "x264-params": f"keyint={KEYFRAME_EVERY}:min-keyint=1:open-gop=0:bframes=0:threads=2",
        },
    )
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    stream.time_base = context.time_base = tick
    context.color_range = _LIMITED
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.flags |= CodecFlags.bitexact | CodecFlags.closed_gop
    return stream


def _size_in_box(video: Video, frame: VideoFrame, box: tuple[int, int]) -> tuple[int, int]:
    check_colour(frame)
    return fitted(*display_size(frame.width, frame.height, sample_aspect(video.stream), turn_of(frame)), box)


def _telling_frame(video: Video, limits: Limits) -> VideoFrame:
    """Pick the frame with the most contrast of up to nine, spread over the clip, weighing down dark ones."""
    tick = video.stream.time_base
    assert tick is not None
    step = Fraction(video.source.duration or 4 * av.time_base, av.time_base) / 8
    look_at, best, best_score, start = Fraction(0), None, -1.0, None
    for time, frame in frames(video, limits):
        start = time if start is None else start
        if (time - start) * tick < look_at:
            continue
        look_at += step
        score = _detail(frame)
        if score > best_score:
            best, best_score = frame, score
    assert best is not None
    return best


def _detail(frame: VideoFrame) -> float:
    """Score a frame by the spread of its brightness, less where most of it is near black or white."""
    import numpy as np  # a tenth of a second that only the poster's child needs

    small = frame.reformat(width=64, height=36, format="gray").to_ndarray().astype(np.float32)
    return float(small.std()) * (0.2 if not 24 <= float(small.mean()) <= 232 else 1.0)


def _matrix(frame: VideoFrame) -> str:
    """Name the matrix the frame's colours are coded with; untagged video is read as players do: by height."""
    return _MATRIX.get(frame.colorspace) or ("bt709" if frame.height > 576 else "bt601")


def _range(frame: VideoFrame) -> str:
    full = frame.color_range == _FULL or frame.format.name.startswith("yuvj")
    return "full" if full else "limited"
