"""Videos as they come: fifteen real ones, and many that were made to be refused."""

import json
import os
import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st

from annotation import media
from annotation.media import Limits, Refused, sniff
from annotation.media.decode import frame_rate
from tests.annotation.video_files import decode, frame_times, write_frameless, write_sound, write_video

REAL_CLIPS = [
    "asl_bird.mkv",
    "asl_book.mkv",
    "asl_sister.mkv",
    "asl_walk.mkv",
    "bbb_1080p60_2s.mp4",
    "bbb_bunny_5s.mp4",
    "bbb_opening_30s.webm",
    "bottles_static.mp4",
    "cars_topdown.mp4",
    "flower_timelapse.mp4",
    "friday_bw.mp4",
    "nasa_jwst.mp4",
    "people_long.mp4",
    "sintel_snow_2s.mp4",
    "stream_water.mp4",
]
BOX = (160, 96)


def refusal(path: Path, limits: Limits | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        media.probe(path, limits)
    assert "%(" not in str(caught.value)  # every place in the sentence is filled in
    return caught.value


# --- Real clips -------------------------------------------------------------------------------------------


@pytest.mark.clips
def test_the_list_of_real_clips_is_complete(real_clips: Path) -> None:
    assert {path.name for path in real_clips.iterdir() if path.suffix in {".mkv", ".mp4", ".webm"}} == set(
        REAL_CLIPS
    )


@pytest.mark.clips
@pytest.mark.parametrize("name", REAL_CLIPS)
def test_real_clip_is_measured_and_rendered_frame_by_frame(
    name: str, real_clips: Path, tmp_path: Path
) -> None:
    told = next(
        entry for entry in json.loads((real_clips / "provenance.json").read_text()) if entry["file"] == name
    )
    found = media.probe(real_clips / name)
    assert (found.width, found.height) == (told["width"], told["height"])
    assert found.constant_rate
    assert float(found.fps) == pytest.approx(told["fps"], abs=0.02)
    assert found.duration == pytest.approx(told["seconds"], abs=0.08)
    assert found.frames == pytest.approx(found.duration * float(found.fps), abs=1)

    out = tmp_path / "rendition.mp4"
    made = media.render(real_clips / name, out, box=BOX)
    assert made.frames == found.frames
    assert list(tmp_path.iterdir()) == [out]
    again = media.probe(out)
    assert (again.codec, again.container, again.pixel_format, again.has_audio) == (
        "h264",
        "mp4",
        "yuv420p",
        False,
    )
    assert again.frames == found.frames
    assert (again.width, again.height) == (made.width, made.height)
    assert made.width == BOX[0] or made.height == BOX[1]

    shown, source = frame_times(out), frame_times(real_clips / name)
    assert shown == pytest.approx([at - source[0] for at in source], abs=1e-4)
    assert made.frame_times == pytest.approx(shown, abs=1e-4)
    assert made.duration == pytest.approx(found.duration, abs=0.05)
    later = media.looks(out)  # what the encoder left of it
    assert later.brightness == pytest.approx(made.looks.brightness, abs=0.01)
    assert later.colourfulness == pytest.approx(made.looks.colourfulness, rel=0.05, abs=1)
    assert later.motion == pytest.approx(made.looks.motion, rel=0.1, abs=0.03)


# --- Renditions -------------------------------------------------------------------------------------------


def test_rendition_tells_nothing_about_its_source(tmp_path: Path) -> None:
    said = {"title": "SECRETMODEL", "comment": "SECRETPROMPT", "creation_time": "2024-05-06T07:08:09Z"}
    source = write_video(tmp_path / "source.mp4", metadata=said, sound=True)
    assert b"SECRETMODEL" in source.read_bytes()
    out = tmp_path / "out.mp4"
    media.render(source, out, box=BOX)
    written = out.read_bytes()
    for trace in (b"SECRET", b"2024", b"Lavf", b"Lavc", b"x264"):
        assert trace not in written
    assert written.index(b"moov") < written.index(b"mdat")  # starts to play before it is all there
    with av.open(str(out)) as shown:
        assert [stream.type for stream in shown.streams] == ["video"]
        assert set(shown.metadata) == {"major_brand", "minor_version", "compatible_brands"}
        assert shown.streams.video[0].metadata == {"language": "und", "handler_name": "VideoHandler"}


@pytest.mark.parametrize(
    ("colours", "brightness", "colourfulness", "motion"),
    [
        ([(128, 128, 128)], 0.5, 0, 0),
        ([(0, 0, 0), (255, 255, 255)], 0.5, 0, 23),  # 11 changes in 12 frames, of 24 a second: 22
        ([(255, 0, 0)], 0.21, 85, 0),
        ([(255, 255, 255)], 1, 0, 0),
    ],
)
def test_how_a_rendition_looks(
    tmp_path: Path,
    colours: list[tuple[int, int, int]],
    brightness: float,
    colourfulness: float,
    motion: float,
) -> None:
    source = write_video(tmp_path / "source.mp4", colours=colours)
    found = media.render(source, tmp_path / "out.mp4", box=BOX).looks
    assert found.brightness == pytest.approx(brightness, abs=0.03)
    assert found.colourfulness == pytest.approx(colourfulness, abs=3)
    assert found.motion == pytest.approx(motion, rel=0.08, abs=0.05)


def test_rendering_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    source = write_video(tmp_path / "source.mp4", times=range(40))
    media.render(source, tmp_path / "a.mp4", box=BOX)
    media.render(source, tmp_path / "b.mp4", box=BOX)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_every_frame_is_near_a_keyframe_and_none_is_reordered(tmp_path: Path) -> None:
    source = write_video(tmp_path / "source.mp4", times=range(60))
    media.render(source, tmp_path / "out.mp4", box=BOX)
    with av.open(str(tmp_path / "out.mp4")) as shown:
        packets = [packet for packet in shown.demux(shown.streams.video[0]) if packet.size]
    keys = [index for index, packet in enumerate(packets) if packet.is_keyframe]
    assert keys[0] == 0
    assert all(after - before <= 12 for before, after in zip(keys, [*keys[1:], len(packets)], strict=True))
    assert [packet.pts for packet in packets] == [packet.dts for packet in packets]


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    times = [0, 40, 60, 200, 201, 330, 800]
    source = write_video(
        tmp_path / "source.mkv",
        container="matroska",
        times=times,
        tick=Fraction(1, 1000),
        options={"bf": "0"},
    )
    found = media.probe(source)
    assert not found.constant_rate
    assert found.fps == Fraction(6, 1) / Fraction(800, 1000)
    made = media.render(source, tmp_path / "out.mp4", box=BOX)
    assert made.frame_times == pytest.approx([at / 1000 for at in times])
    assert frame_times(tmp_path / "out.mp4") == pytest.approx([at / 1000 for at in times])


def test_a_campaigns_rate_and_length(tmp_path: Path) -> None:
    grey = [(value, value, value) for value in range(0, 240, 10)]
    source = write_video(tmp_path / "source.mp4", times=range(24), tick=Fraction(1, 24), colours=grey)
    made = media.render(source, tmp_path / "out.mp4", box=BOX, fps=Fraction(8), max_seconds=0.5)
    assert made.frame_times == pytest.approx([0, 1 / 8, 2 / 8, 3 / 8])
    assert made.duration == pytest.approx(0.5)
    _, pictures = decode(tmp_path / "out.mp4")
    assert [float(picture.mean()) for picture in pictures] == pytest.approx([0, 30, 60, 90], abs=2.5)
    faster = media.render(source, tmp_path / "faster.mp4", box=BOX, fps=Fraction(48))
    assert faster.frames == 48
    assert media.probe(tmp_path / "faster.mp4").fps == 48


@pytest.mark.parametrize(
    ("turn", "aspect", "shown"),
    [
        (0, None, (64, 48)),
        (-90, None, (48, 64)),
        (180, None, (64, 48)),
        (90, None, (48, 64)),
        (0, Fraction(4, 3), (85, 48)),
    ],
)
def test_turned_and_stretched_pictures_are_shown_upright(
    turn: int, aspect: Fraction | None, shown: tuple[int, int], tmp_path: Path
) -> None:
    source = write_video(tmp_path / "source.mp4", turn=turn, aspect=aspect, colours=[(200, 40, 40)])
    found = media.probe(source)
    assert (found.width, found.height) == (64, 48)
    assert (found.display_width, found.display_height) == shown
    assert found.rotation == -turn % 360
    assert found.sample_aspect == (aspect or 1)
    made = media.render(source, tmp_path / "out.mp4", box=(640, 640))
    assert made.width / made.height == pytest.approx(shown[0] / shown[1], rel=0.01)
    again = media.probe(tmp_path / "out.mp4")
    assert (again.rotation, again.sample_aspect) == (0, Fraction(1))


def test_a_turned_picture_turns_the_right_way(tmp_path: Path) -> None:
    """The left half is white; a quarter turn clockwise brings it to the top."""
    path = tmp_path / "source.mp4"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=24)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.set_display_rotation(-90)
        picture = np.zeros((64, 64, 3), dtype=np.uint8)
        picture[:, :32] = 255
        for _ in range(4):
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        target.mux(stream.encode(None))
    media.render(path, tmp_path / "out.mp4", box=(64, 64))
    shown = decode(tmp_path / "out.mp4")[1][0]
    assert shown[:24].mean() > 240
    assert shown[40:].mean() < 15


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv444p", "yuv420p10le"])
def test_colours_stay_what_they_were(pixel_format: str, tmp_path: Path) -> None:
    """Untagged small video is BT.601, as the writer made it; the rendition is BT.709 and shows the same."""
    colours = [(180, 60, 40), (40, 160, 70), (50, 60, 190), (128, 128, 128), (235, 220, 30)]
    source = write_video(
        tmp_path / "source.mp4",
        pixel_format=pixel_format,
        colours=colours,
        times=range(5),
        options={"crf": "4"},
    )
    media.render(source, tmp_path / "out.mp4", box=BOX)
    with av.open(str(tmp_path / "out.mp4")) as shown:
        frames = list(shown.decode(video=0))
    for frame, colour in zip(frames, colours, strict=True):
        assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (1, 1, 1, 1)
        rgb = frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
        assert rgb.mean(axis=(0, 1)) == pytest.approx(colour, abs=4)


def test_a_failed_rendition_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"as before")
    broken = tmp_path / "broken.mp4"
    whole = write_video(tmp_path / "source.mp4", times=range(60)).read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Refused):
        media.render(broken, out)
    assert out.read_bytes() == b"as before"
    assert {path.name for path in tmp_path.iterdir()} == {"out.mp4", "broken.mp4", "source.mp4"}


def test_the_poster_is_not_the_black_at_the_start(tmp_path: Path) -> None:
    colours = [(0, 0, 0)] * 30 + [(90, 160, 220)] * 10 + [(255, 255, 255)] * 8
    source = write_video(tmp_path / "source.mp4", times=range(48), colours=colours, size=(320, 200))
    noisy = write_video(tmp_path / "noisy.mp4", size=(320, 200))
    assert media.poster(noisy, tmp_path / "noisy.jpg", box=(96, 96)) == (96, 60)
    size = media.poster(source, tmp_path / "poster.jpg", box=(64, 64))
    assert size == (64, 40)
    written = (tmp_path / "poster.jpg").read_bytes()
    assert written.startswith(b"\xff\xd8\xff")
    assert b"Lavc" not in written
    assert decode(tmp_path / "poster.jpg")[1][0].mean(axis=(0, 1)) == pytest.approx((90, 160, 220), abs=6)


# --- What is taken and what is refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "container", "pixel_format", "kind", "called"),
    [
        ("libx264", "mov", "yuv420p", "mp4", "h264"),
        ("libx265", "mp4", "yuv420p", "mp4", "hevc"),
        ("libvpx-vp9", "webm", "yuv420p", "webm", "vp9"),
        ("libvpx", "webm", "yuv420p", "webm", "vp8"),
        ("libsvtav1", "mp4", "yuv420p", "mp4", "av1"),
        ("mpeg4", "avi", "yuv420p", "avi", "mpeg4"),
        ("mjpeg", "avi", "yuvj420p", "avi", "mjpeg"),
        ("ffv1", "matroska", "yuv444p", "webm", "ffv1"),
        ("prores_ks", "mov", "yuv422p10le", "mp4", "prores"),
        ("gif", "gif", "rgb8", "gif", "gif"),
    ],
)
def test_codecs_and_containers_that_are_taken(
    codec: str, container: str, pixel_format: str, kind: str, called: str, tmp_path: Path
) -> None:
    source = write_video(
        tmp_path / "named.wrongly",
        codec=codec,
        container=container,
        pixel_format=pixel_format,
        tick=Fraction(1, 25),
        size=(96, 80),
    )
    found = media.probe(source)
    assert (found.container, found.codec, found.frames, found.fps) == (kind, called, 12, Fraction(25))
    assert found.duration == pytest.approx(12 / 25, abs=0.01)
    assert media.render(source, tmp_path / "out.mp4", box=BOX).frames == 12


TEXTS: list[tuple[bytes, str]] = [
    (b"", "empty"),
    (b"a long and winding sentence. " * 200, "not_a_video"),
    (b"<!DOCTYPE html><html><body>Not found</body></html>", "not_a_video"),
    (b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n", "playlist"),
    (b"\n#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "playlist"),
    (b"ffconcat version 1.0\nfile /etc/passwd\n", "playlist"),
    (b"<?xml version='1.0'?><MPD><BaseURL>file:///etc/</BaseURL></MPD>", "playlist"),
    (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5000 RTP/AVP 96\n", "playlist"),
    (b"%PDF-1.7 ...", "not_a_video"),
    (b"PK\x03\x04" + bytes(200), "not_a_video"),
    (b"\0\0\0\x1cftypavif" + bytes(200), "not_a_video"),
    (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(60), "not_a_video"),
    (b"FLV\x01\x05" + bytes(100), "container_not_allowed"),
    (b"OggS" + bytes(100), "container_not_allowed"),
    ((b"\x47" + bytes(187)) * 5, "container_not_allowed"),
    (bytes(range(256)) * 40, "not_a_video"),
    (b"\0\0\0\x18ftypmp42" + bytes(12), "broken"),
    (b"\x1a\x45\xdf\xa3" + bytes(100), "broken"),
    (b"GIF89a" + bytes(40), "truncated"),
]


@pytest.mark.parametrize(("content", "code"), TEXTS, ids=[f"{i}-{code}" for i, (_, code) in enumerate(TEXTS)])
def test_what_only_claims_to_be_a_video(content: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / "claims.mp4"
    path.write_bytes(content)
    assert refusal(path).code == code


def test_pictures_and_sound_are_not_videos(tmp_path: Path) -> None:
    still = write_video(tmp_path / "still.mp4", times=[0])
    assert refusal(still).code == "one_frame"
    source = write_video(tmp_path / "source.mp4")
    media.poster(source, tmp_path / "picture.mp4")
    assert refusal(tmp_path / "picture.mp4").code == "not_a_video"
    assert refusal(write_sound(tmp_path / "sound.wav")).code == "audio_only"
    assert refusal(write_sound(tmp_path / "sound.m4a")).code == "audio_only"
    assert refusal(write_frameless(tmp_path / "frameless.mp4")).code in {"no_frames", "no_video", "broken"}


def test_what_is_not_a_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.mp4").code == "missing"
    assert refusal(tmp_path).code == "not_a_file"
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe").code == "not_a_file"
    assert refusal(Path("/dev/zero")).code == "not_a_file"


def test_codecs_off_the_list_are_refused(tmp_path: Path) -> None:
    png = write_video(tmp_path / "png.mov", codec="png", container="mov", pixel_format="rgb24")
    assert refusal(png).code == "codec_not_allowed"
    mpeg = write_video(tmp_path / "mpeg.mkv", codec="mpeg2video", container="matroska", tick=Fraction(1, 25))
    assert refusal(mpeg).code == "codec_not_allowed"
    assert "H.264" in str(refusal(mpeg))


@pytest.mark.parametrize(
    ("codec", "container"), [("libx264", "mp4"), ("libvpx-vp9", "webm"), ("mpeg4", "avi"), ("gif", "gif")]
)
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_file_that_was_cut_off_is_refused(codec: str, container: str, part: float, tmp_path: Path) -> None:
    whole = write_video(
        tmp_path / "whole",
        codec=codec,
        container=container,
        times=range(60),
        tick=Fraction(1, 25),
        pixel_format="rgb8" if codec == "gif" else "yuv420p",
    ).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: int(len(whole) * part)])
    refused = refusal(cut)
    assert refused.code == "truncated"
    assert refused.values["given"] == int(len(whole) * part)


@pytest.mark.clips
def test_a_cut_off_real_clip_says_how_far_it_could_be_read(real_clips: Path, tmp_path: Path) -> None:
    whole = (real_clips / "friday_bw.mp4").read_bytes()
    assert whole.index(b"moov") < whole.index(b"mdat")
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    refused = refusal(tmp_path / "cut.mp4")
    assert refused.code == "truncated"
    assert 30 < int(refused.values["frames"]) < 185
    whole = (real_clips / "asl_bird.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    refused = refusal(tmp_path / "cut.mkv")
    assert refused.code == "truncated"
    assert 10 < int(refused.values["frames"]) < 63


def test_damage_in_the_middle_is_refused(tmp_path: Path) -> None:
    source = write_video(tmp_path / "source.mp4", size=(320, 240), times=range(120))
    content = bytearray(source.read_bytes())
    start = content.index(b"mdat") + 4
    middle = start + (content.index(b"moov") - start) * 2 // 3
    content[middle : middle + 4000] = bytes(4000)
    source.write_bytes(content)
    refused = refusal(source)
    assert refused.code == "broken"
    assert 0 < int(refused.values["frames"]) < 120


def test_a_size_that_changes_is_refused(tmp_path: Path) -> None:
    """Two bare H.264 streams of different size, one after the other in one MPEG-4 file."""
    small = write_video(tmp_path / "small.h264", container="h264", options={"bf": "0"}).read_bytes()
    large = write_video(
        tmp_path / "large.h264", container="h264", size=(128, 96), options={"bf": "0"}
    ).read_bytes()
    joined = tmp_path / "joined.h264"
    joined.write_bytes(small + large)
    path = tmp_path / "joined.mkv"
    with av.open(str(joined)) as source, av.open(str(path), "w", format="avi") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for index, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            packet.pts = packet.dts = index
            packet.time_base = Fraction(1, 24)
            packet.stream = stream
            target.mux(packet)
    refused = refusal(path)
    assert refused.code == "size_changes"
    assert (refused.values["before"], refused.values["after"]) == ("64 x 48", "128 x 96")


def test_hdr_is_refused(tmp_path: Path) -> None:
    options = {"x264-params": "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"}
    source = write_video(tmp_path / "hdr.mp4", pixel_format="yuv420p10le", options=options)
    assert refusal(source).code == "hdr"


# --- Bombs and limits -------------------------------------------------------------------------------------


def test_a_huge_frame_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    bomb = write_video(
        tmp_path / "bomb.mp4",
        size=(8192, 4352),
        colours=[(0, 0, 0)],
        times=[0, 1],
        options={"preset": "ultrafast"},
    )
    assert bomb.stat().st_size < 200_000
    assert refusal(bomb).code == "too_many_pixels"
    assert refusal(bomb, Limits(memory_bytes=2**29)).code == "too_many_pixels"  # room for no such frame

    content = bytearray(bomb.read_bytes())  # now let the container say that it is small
    at = content.index(b"avc1", content.index(b"stsd")) + 4 + 24
    content[at : at + 4] = (64).to_bytes(2, "big") + (48).to_bytes(2, "big")
    bomb.write_bytes(content)
    assert refusal(bomb).code in {"too_many_pixels", "broken"}


def test_too_many_frames_too_long_too_large(tmp_path: Path) -> None:
    source = write_video(tmp_path / "source.mp4", times=range(50), tick=Fraction(1, 10))
    assert refusal(source, Limits(max_frames=49)).code == "too_many_frames"
    assert refusal(source, Limits(max_seconds=4.5)).code == "too_long"
    assert refusal(source, Limits(max_bytes=1000)).code == "too_large"
    assert refusal(source, Limits(max_total_pixels=64 * 48 * 49)).code == "too_costly"
    assert (
        media.probe(source, Limits(max_frames=50, max_seconds=5, max_total_pixels=64 * 48 * 50)).frames == 50
    )


def test_counts_that_the_file_does_not_declare_are_stopped_while_decoding(tmp_path: Path) -> None:
    """A streamed WebM declares neither frames nor length."""
    bomb = write_video(
        tmp_path / "bomb.webm",
        codec="libvpx",
        container="webm",
        size=(16, 16),
        colours=[(9, 9, 9)],
        times=range(12_001),
        tick=Fraction(1, 1000),
        options={"deadline": "realtime", "cpu-used": "8"},
    )
    assert bomb.stat().st_size < 500_000
    assert refusal(bomb).code == "too_many_frames"
    gap = write_video(
        tmp_path / "gap.mkv", container="matroska", times=[0, 40, 10_000_000], tick=Fraction(1, 1000)
    )
    assert refusal(gap).code == "too_long"


def test_memory_and_time_of_the_child_are_bounded(tmp_path: Path) -> None:
    source = write_video(
        tmp_path / "source.mp4",
        size=(4096, 4096),
        colours=[(3, 3, 3)],
        times=range(4),
        options={"preset": "ultrafast"},
    )
    assert refusal(source, Limits(memory_bytes=150 * 2**20)).code == "too_costly"
    assert refusal(source, Limits(wall_seconds=0.05)).code == "too_costly"
    long = write_video(
        tmp_path / "long.mp4", size=(640, 480), times=range(300), options={"preset": "ultrafast"}
    )
    assert refusal(long, Limits(cpu_seconds=0)).code == "too_costly"


def test_a_file_can_not_make_libav_open_another(tmp_path: Path) -> None:
    """A QuickTime reference movie names an outside file in its data reference; nothing of it may be read."""
    source = write_video(tmp_path / "source.mov", container="mov", options={"bf": "0"})
    content = bytearray(source.read_bytes())
    at = content.index(b"dref") + 12
    assert bytes(content[at + 4 : at + 8]) in {b"url ", b"alis"}
    content[at + 4 : at + 8] = b"url "
    content[at + 8 : at + 12] = bytes(4)  # not in this file
    source.write_bytes(content)
    assert media.probe(source).frames == 12  # the reference is ignored, the file's own data are used


@pytest.mark.clips
def test_random_damage_is_answered_never_crashed_on(real_clips: Path, tmp_path: Path) -> None:
    whole = (real_clips / "sintel_snow_2s.mp4").read_bytes()
    shuffle = random.Random(3)
    answers = set()
    for number in range(16):
        content = bytearray(whole)
        for _ in range(shuffle.choice([1, 20, 400])):
            area = len(content) if number % 2 else 3000  # every other time only the heading
            content[shuffle.randrange(area)] = shuffle.randrange(256)
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(content)
        try:
            answers.add(media.probe(path).codec)
        except Refused as refused:
            answers.add(refused.code)
    assert "broken" in answers


# --- Pure parts -------------------------------------------------------------------------------------------


@given(content=st.binary(max_size=600))
def test_any_bytes_are_a_container_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(content)
    try:
        kind = sniff.container(path)
    except Refused as refused:
        answer: str | None = str(refused)
    else:
        answer = kind if (sniff.declared_end(path, kind) or 0) >= 0 else None
    assert answer


@given(
    rate=st.sampled_from(
        [
            Fraction(10),
            Fraction(25, 2),
            Fraction(24000, 1001),
            Fraction(24),
            Fraction(30000, 1001),
            Fraction(60),
        ]
    ),
    tick=st.sampled_from([Fraction(1, 1000), Fraction(1, 90_000), Fraction(1, 15_360), Fraction(1, 30_000)]),
    count=st.integers(20, 600),
    start=st.integers(-5000, 5000),
)
def test_a_rate_is_found_behind_a_coarse_clock(
    rate: Fraction, tick: Fraction, count: int, start: int
) -> None:
    times = [start + round(index / rate / tick) for index in range(count)]
    measured, constant = frame_rate(times, tick, [rate])
    assert constant
    assert measured == rate or abs(measured - rate) / rate < Fraction(1, 1000)
    if tick == Fraction(1, 1000):
        assert frame_rate(times, tick, [])[1] or count < 60 or rate.denominator == 1001


def test_no_django_is_needed() -> None:
    code = "import sys, annotation.media; sys.exit('django' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
