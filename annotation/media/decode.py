"""Decode a video that nobody vouches for: every frame, within limits, opening nothing but the one file.

What keeps a hostile file in bounds, outermost first:

1. `sniff.container` picks the demuxer, so playlists and exotic formats never reach libav.
2. libav reads through a Python file object; a demuxer that wants to open anything else is refused.
3. Decoders outside the allow-list don't start, not even while the streams are examined.
4. The declared size and length are checked before the first frame is decoded; libav itself refuses to
   allocate a larger frame, and `frames` counts frames and pixels as they come.
5. All of this runs in a child process with memory and time limits: see `worker`.
"""

import itertools
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from . import sniff
from .refused import Refused, gettext_noop

CODECS = {
    "h264": "H.264",
    "hevc": "HEVC",
    "vp8": "VP8",
    "vp9": "VP9",
    "av1": "AV1",
    "mpeg4": "MPEG-4",
    "mjpeg": "Motion JPEG",
    "prores": "ProRes",
    "ffv1": "FFV1",
    "gif": "GIF",
}
"""libav's name of each codec that is taken -> the name people use."""

_DECODERS = "h264,hevc,vp8,vp9,libvpx,libvpx-vp9,av1,libdav1d,mpeg4,mjpeg,prores,ffv1,gif"
_HDR = {16: "PQ", 18: "HLG"}  # transfer characteristics of ITU-T H.273
_UNITY = (1, 0, 0, 1)

Turn = tuple[int, int, int, int]
"""Signs (a, b, c, d) of a display matrix of quarter turns and flips: see `turn_of`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that a clip may be, and that reading it may cost."""

    max_bytes: int = 512 * 2**20
    max_seconds: float = 180
    max_side: int = 4096
    """Pixels, of the frame as it is stored."""
    max_frames: int = 12_000
    max_total_pixels: int = 30_000_000_000
    """Frames times pixels: four minutes of 1080p at 60 frames a second."""
    memory_bytes: int = 3 * 2**30
    """Address space of the child process."""
    cpu_seconds: int = 600
    wall_seconds: float = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a clip is, measured by decoding all of it."""

    container: str
    """``mp4`` (and MOV), ``webm`` (and MKV), ``avi`` or ``gif``, by content."""
    codec: str
    """A key of `CODECS`."""
    width: int
    height: int
    """Pixels as stored, before rotation and sample aspect."""
    display_width: int
    display_height: int
    """Pixels as shown: rotation and sample aspect applied, neither side smaller than stored."""
    sample_aspect: Fraction
    rotation: int
    """Degrees clockwise that a player turns the picture by: 0, 90, 180 or 270."""
    frames: int
    fps: Fraction
    """Frames a second, from the frames' own times. Where they are evenly spaced (within one tick of the
    file's clock), the exact rate; else the mean."""
    constant_rate: bool
    duration: float
    """Seconds from the first frame's start to the last frame's end."""
    has_audio: bool
    pixel_format: str
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Give the fields as JSON values; fractions as ``"num/den"``."""
        return {k: str(v) if isinstance(v, Fraction) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Probe":
        """Undo `to_json`."""
        fractions = {name: Fraction(fields[name]) for name in ("fps", "sample_aspect")}
        return cls(**{**fields, **fractions})


@dataclass(slots=True)
class Video:
    """An open file: its container by content, and the stream that is judged."""

    kind: str
    size_bytes: int
    declared_bytes: int | None
    source: InputContainer
    stream: VideoStream

    @property
    def has_audio(self) -> bool:
        return bool(self.source.streams.audio)


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Video]:
    """Open ``path`` and check all that can be checked before a frame is decoded. Raises `Refused`."""
    size = _check_file(path, limits)
    kind = sniff.container(path)
    declared = sniff.declared_end(path, kind)
    with path.open("rb") as file:
        try:
            source = av.open(
                file,
                mode="r",
                format=sniff.DEMUXER[kind],
                options={
                    "max_pixels": str(limits.max_side**2),
                    "codec_whitelist": _DECODERS,
                    "protocol_whitelist": "none",
                    "enable_drefs": "0",
                },
                metadata_errors="replace",
                io_open=_open_nothing_else,
            )
        except (av.error.FFmpegError, OSError) as error:
            raise _unreadable(size, declared, 0, error) from error
        with source:
            try:
                stream = _pick_stream(source, kind)
                video = Video(kind, size, declared, source, stream)
                _check_declared(video, limits)
            except Refused as refused:  # of a file that was cut off, the heading may lack what it needs
                if declared is not None and declared > size:
                    raise _unreadable(size, declared, 0, refused) from refused
                raise
            yield video


def frames(video: Video, limits: Limits) -> Iterator[tuple[int, VideoFrame]]:
    """Decode the judged stream: (time in ticks of ``stream.time_base``, frame), in order of display.

    Raises `Refused` at the first frame that is damaged, out of order, of another size or over a limit, and
    at the end if the file was cut off.
    """
    context = video.stream.codec_context
    context.thread_type = "AUTO"
    context.thread_count = min(4, os.cpu_count() or 1)
    context.options = {"max_pixels": str(limits.max_side**2), "err_detect": "explode"}
    guard = _Guard(video, limits)
    try:
        for packet in video.source.demux(video.stream):
            guard.check_packet(packet)
            for frame in packet.decode():
                assert isinstance(frame, VideoFrame)
                yield guard.check_frame(frame), frame
    except av.error.FFmpegError as error:
        raise _unreadable(video.size_bytes, video.declared_bytes, guard.count, error) from error
    guard.check_end()


def measure(path: Path, limits: Limits) -> Probe:
    """Decode all of ``path`` and say what it is. Raises `Refused`."""
    with opened(path, limits) as video:
        times: list[int] = []
        last: VideoFrame | None = None
        for time, frame in frames(video, limits):
            if not times:
                check_colour(frame)
            times.append(time)
            last = frame
        assert last is not None
        tick = video.stream.time_base
        assert tick is not None
        declared = (video.stream.guessed_rate, video.stream.average_rate)
        fps, constant = frame_rate(times, tick, [rate for rate in declared if rate])
        duration = float((times[-1] - times[0]) * tick + _last_duration(last, tick, fps))
        if duration > limits.max_seconds:
            raise _too_long(duration, limits)
        aspect = sample_aspect(video.stream)
        turn = turn_of(last)
        width, height = display_size(last.width, last.height, aspect, turn)
        return Probe(
            container=video.kind,
            codec=video.stream.codec_context.codec.canonical_name,
            width=last.width,
            height=last.height,
            display_width=width,
            display_height=height,
            sample_aspect=aspect,
            rotation=_DEGREES[turn],
            frames=len(times),
            fps=fps,
            constant_rate=constant,
            duration=duration,
            has_audio=video.has_audio,
            pixel_format=last.format.name,
            size_bytes=video.size_bytes,
        )


def frame_rate(times: list[int], tick: Fraction, declared: list[Fraction]) -> tuple[Fraction, bool]:
    """Measure (frames a second, whether evenly spaced) from the times of at least two frames, in ticks.

    A file's clock may be coarser than its rate (Matroska counts milliseconds), so a rate is taken as exact
    when every time lies within one tick of its grid. Tried are the exact spacing, the rates the file
    declares, and the simplest fraction near the mean.
    """
    gaps = {after - before for before, after in itertools.pairwise(times)}
    if len(gaps) == 1 and tick < Fraction(1, 5000):
        return 1 / (min(gaps) * tick), True
    mean = (len(times) - 1) / ((times[-1] - times[0]) * tick)
    simple = [mean.limit_denominator(n) for n in (1, 2)] + [Fraction(round(mean * 1001), 1001)]
    ntsc = Fraction(round(mean * Fraction(1001, 1000)) * 1000, 1001)
    for rate in [*declared, *simple, ntsc]:
        if rate > 0 and all(
            abs(time - times[0] - index / rate / tick) <= 1 for index, time in enumerate(times)
        ):
            return rate, True
    return mean.limit_denominator(100_000), len(gaps) == 1


def turn_of(frame: VideoFrame) -> Turn:
    """Give the signs (a, b, c, d) of the frame's display matrix: shown x = a x + c y, shown y = b x + d y."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(data, SideData):
        return _UNITY
    raw = bytes(data)
    numbers = [int.from_bytes(raw[i : i + 4], "little", signed=True) for i in range(0, 36, 4)]
    a, b, c, d = numbers[0], numbers[1], numbers[3], numbers[4]
    upright = abs(a) + abs(d) >= abs(b) + abs(c)  # the nearest quarter turn
    signs = (_sign(a), 0, 0, _sign(d)) if upright else (0, _sign(b), _sign(c), 0)
    return signs if signs in _DEGREES else _UNITY


def sample_aspect(stream: VideoStream) -> Fraction:
    """Give the width of a stored pixel divided by its height; 1 where the file is silent or absurd."""
    aspect = stream.sample_aspect_ratio
    return aspect if aspect and Fraction(1, 16) <= aspect <= 16 else Fraction(1)


def display_size(width: int, height: int, aspect: Fraction, turn: Turn) -> tuple[int, int]:
    """Give the size in pixels as shown: sample aspect applied by enlarging one side, then the turn."""
    wide = round(width * aspect) if aspect > 1 else width
    high = round(height / aspect) if aspect < 1 else height
    return (wide, high) if turn[0] else (high, wide)


def check_colour(frame: VideoFrame) -> None:
    """Refuse HDR: shown unmapped it looks grey, and each browser maps it its own way."""
    if frame.color_trc in _HDR:
        raise Refused("hdr", found=_HDR[frame.color_trc])


_DEGREES: dict[Turn, int] = {
    _UNITY: 0,
    (0, 1, -1, 0): 90,
    (-1, 0, 0, -1): 180,
    (0, -1, 1, 0): 270,
    (-1, 0, 0, 1): 0,  # the mirrored ones: degrees after a flip left to right
    (0, 1, 1, 0): 270,
    (1, 0, 0, -1): 180,
    (0, -1, -1, 0): 90,
}


def _check_file(path: Path, limits: Limits) -> int:
    try:
        info = path.stat()
    except OSError as error:
        raise Refused("missing", path=path.name) from error
    if not stat.S_ISREG(info.st_mode):
        raise Refused("not_a_file", path=path.name)
    if info.st_size == 0:
        raise Refused("empty")
    if info.st_size > limits.max_bytes:
        raise Refused("too_large", given=_megabytes(info.st_size), limit=_megabytes(limits.max_bytes))
    return info.st_size


def _open_nothing_else(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise Refused("playlist", found=gettext_noop("a file that refers to others"))


def _pick_stream(source: InputContainer, kind: str) -> VideoStream:
    """Choose the best stream that moves: cover pictures of a sound file are not video."""
    moving = [
        stream
        for stream in source.streams.video
        if not stream.disposition & (stream.disposition.attached_pic | stream.disposition.timed_thumbnails)
    ]
    if not moving:
        raise Refused("audio_only") if source.streams.audio else Refused("no_video", container=kind)
    best = source.streams.best("video")
    return best if isinstance(best, VideoStream) and best in moving else moving[0]


def _check_declared(video: Video, limits: Limits) -> None:
    stream = video.stream
    context = stream.codec_context
    codec = context.codec.canonical_name if context is not None else "an unknown codec"
    if codec not in CODECS:
        raise Refused("codec_not_allowed", found=codec, allowed=", ".join(CODECS.values()))
    if max(context.width, context.height, context.coded_width, context.coded_height) > limits.max_side:
        raise Refused("too_many_pixels", width=context.width, height=context.height, limit=limits.max_side)
    if stream.frames > limits.max_frames:
        raise Refused("too_many_frames", limit=limits.max_frames)
    if stream.duration and stream.time_base and stream.duration * stream.time_base > limits.max_seconds:
        raise _too_long(float(stream.duration * stream.time_base), limits)


class _Guard:
    """Counts what comes out of the decoder and stops it at the first thing that is wrong."""

    def __init__(self, video: Video, limits: Limits) -> None:
        assert video.stream.time_base is not None
        self.video, self.limits, self.tick = video, limits, video.stream.time_base
        self.count = 0
        self.first = self.last = 0
        self.size: tuple[int, int] | None = None

    def check_packet(self, packet: "Packet[VideoStream]") -> None:
        if packet.is_corrupt:
            raise self._unreadable("a packet is incomplete")

    def check_frame(self, frame: VideoFrame) -> int:
        """Give the frame's time in ticks."""
        self._check_size((frame.width, frame.height))
        if frame.is_corrupt:
            raise self._unreadable("a frame is incomplete")
        if frame.pts is None or (self.count and frame.pts <= self.last):
            raise Refused("bad_timestamps", frame=self.count + 1)
        self.last = frame.pts
        self.first = self.first if self.count else frame.pts
        self.count += 1
        if self.count > self.limits.max_frames:
            raise Refused("too_many_frames", limit=self.limits.max_frames)
        if (seconds := (self.last - self.first) * self.tick) > self.limits.max_seconds:
            raise _too_long(float(seconds), self.limits)
        if self.count * frame.width * frame.height > self.limits.max_total_pixels:
            raise Refused(
                "too_costly", what=gettext_noop("pixels"), limit=f"{self.limits.max_total_pixels:,}"
            )
        return self.last

    def check_end(self) -> None:
        if (self.video.declared_bytes or 0) > self.video.size_bytes:
            raise self._unreadable("cut off")
        if self.count < 2:
            raise Refused("one_frame") if self.count else Refused("no_frames")

    def _check_size(self, size: tuple[int, int]) -> None:
        if max(size) > self.limits.max_side:
            raise Refused("too_many_pixels", width=size[0], height=size[1], limit=self.limits.max_side)
        if self.size not in (None, size):
            before, after = (f"{width} x {height}" for width, height in (self.size or size, size))
            raise Refused("size_changes", before=before, after=after, frame=self.count + 1)
        self.size = size

    def _unreadable(self, detail: str) -> Refused:
        return _unreadable(self.video.size_bytes, self.video.declared_bytes, self.count, detail)


def _unreadable(size: int, declared: int | None, count: int, why: Exception | str) -> Refused:
    """Say what is behind a failed read: cut off or damaged. Want of memory is passed on as it is."""
    if isinstance(why, MemoryError):
        raise why
    if declared is not None and declared > size:
        return Refused("truncated", declared=declared, given=size, frames=count)
    return Refused("broken", frames=count, detail=getattr(why, "strerror", None) or str(why))


def _too_long(seconds: float, limits: Limits) -> Refused:
    return Refused("too_long", given=round(seconds, 1), limit=round(limits.max_seconds, 1))


def _last_duration(frame: VideoFrame, tick: Fraction, fps: Fraction) -> Fraction:
    """Take how long the last frame is shown from the file where it says something sane."""
    stated = frame.duration * tick if frame.duration else Fraction(0)
    return stated if 0 < stated <= 10 / fps else 1 / fps


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f} MB"
