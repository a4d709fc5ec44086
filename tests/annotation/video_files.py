"""Video files that tests build: sound ones with known content, and ones made to be refused."""

import wave
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


def write_video(
    path: Path,
    *,
    codec: str = "libx264",
    container: str = "mp4",
    size: tuple[int, int] = (64, 48),
    colours: Sequence[tuple[int, int, int]] | None = None,
    times: Sequence[int] = range(12),
    tick: Fraction = Fraction(1, 24),
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    turn: float = 0,
    aspect: Fraction | None = None,
    metadata: dict[str, str] | None = None,
    sound: bool = False,
) -> Path:
    """Write a video whose frames appear at ``times`` (in ticks), of one colour each or moving noise."""
    noise = np.random.default_rng(7).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    with av.open(str(path), "w", format=container) as target:
        target.metadata.update(metadata or {})
        stream = target.add_stream(codec, rate=round(1 / tick), options=options or {})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, pixel_format
        stream.codec_context.time_base = tick
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if turn:
            stream.set_display_rotation(turn)
        if metadata:
            stream.metadata.update(metadata)
        audio = target.add_stream("aac", rate=44_100) if sound else None
        for index, time in enumerate(times):
            pixels = np.roll(noise, 2 * index, axis=1)
            if colours is not None:
                pixels = np.full_like(noise, colours[index % len(colours)])
            frame = VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, tick
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
        if isinstance(audio, AudioStream):
            _mux_silence(target, audio)
    return path


def write_frameless(path: Path) -> Path:
    """Write an MP4 with a video track that has not one sample."""
    with av.open(str(path), "w", format="mp4") as target:
        stream = target.add_stream("libx264", rate=24)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        target.start_encoding()
        list(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """Write a file with sound only, as WAV or M4A by the name's ending."""
    if path.suffix == ".wav":
        with wave.open(str(path), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(bytes(16_000))
        return path
    with av.open(str(path), "w", format="mp4") as target:
        stream = target.add_stream("aac", rate=44_100)
        assert isinstance(stream, AudioStream)
        _mux_silence(target, stream)
    return path


def frame_times(path: Path) -> list[float]:
    """Decode a video that is trusted, for the times of its frames in seconds."""
    return [at for at, _frame in _decoded(path)]


def decode(path: Path) -> tuple[list[float], list[np.ndarray]]:
    """Decode a video that is trusted: (times in seconds, RGB frames)."""
    decoded = [(at, frame.to_ndarray(format="rgb24")) for at, frame in _decoded(path)]
    return [at for at, _picture in decoded], [picture for _at, picture in decoded]


def _decoded(path: Path) -> Iterator[tuple[float, VideoFrame]]:
    with av.open(str(path)) as source:
        for frame in source.decode(source.streams.best("video")):
            assert isinstance(frame, VideoFrame)
            yield frame.time, frame


def _mux_silence(target: "av.container.OutputContainer", stream: AudioStream) -> None:
    for start in range(0, 22_528, 1024):
        frame = AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44_100, start
        target.mux(stream.encode(frame))
    target.mux(stream.encode(None))
