"""What a file is, told from its bytes: the name and the declared type are never believed.

`container` decides which demuxer may open the file, so libav never guesses and never sees a playlist.
`declared_end` reads only the outermost structure, to tell a file that was cut off.
"""

from pathlib import Path
from typing import BinaryIO

from .refused import Refused, gettext_noop

DEMUXER = {"mp4": "mov", "webm": "matroska", "avi": "avi", "gif": "gif"}
"""Our container's name -> libav's demuxer; nothing else is ever opened."""

_MOV_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"uuid"}
_PICTURE_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1"}
_SIGNATURES: list[tuple[bytes, str, str]] = [
    (b"\x89PNG\r\n\x1a\n", "not_a_video", gettext_noop("a PNG picture")),
    (b"\xff\xd8\xff", "not_a_video", gettext_noop("a JPEG picture")),
    (b"BM", "not_a_video", gettext_noop("a BMP picture")),
    (b"II*\0", "not_a_video", gettext_noop("a TIFF picture")),
    (b"MM\0*", "not_a_video", gettext_noop("a TIFF picture")),
    (b"%PDF", "not_a_video", gettext_noop("a PDF document")),
    (b"PK\x03\x04", "not_a_video", gettext_noop("a ZIP archive")),
    (b"\x1f\x8b", "not_a_video", gettext_noop("a gzip archive")),
    (b"7z\xbc\xaf", "not_a_video", gettext_noop("a 7z archive")),
    (b"Rar!", "not_a_video", gettext_noop("a RAR archive")),
    (b"\x7fELF", "not_a_video", gettext_noop("a program")),
    (b"MZ", "not_a_video", gettext_noop("a program")),
    (b"#EXTM3U", "playlist", gettext_noop("an HLS playlist")),
    (b"ffconcat", "playlist", gettext_noop("a concat playlist")),
    (b"[playlist]", "playlist", gettext_noop("a PLS playlist")),
    (b"v=0\r\n", "playlist", gettext_noop("an SDP description")),
    (b"v=0\n", "playlist", gettext_noop("an SDP description")),
    (b"ID3", "audio_only", ""),
    (b"fLaC", "audio_only", ""),
    (b"\xff\xfb", "audio_only", ""),
    (b"\xff\xf1", "audio_only", ""),
    (b"OggS", "container_not_allowed", "Ogg"),
    (b"FLV\x01", "container_not_allowed", gettext_noop("Flash video")),
    (b"\x30\x26\xb2\x75", "container_not_allowed", "Windows Media (ASF)"),
    (b"\0\0\x01\xba", "container_not_allowed", gettext_noop("an MPEG program stream")),
    (b"\0\0\x01\xb3", "container_not_allowed", gettext_noop("an MPEG video stream")),
    (b"DKIF", "container_not_allowed", "IVF"),
    (b"YUV4MPEG2", "container_not_allowed", gettext_noop("raw YUV4MPEG2")),
    (b"\0\0\0\x01", "container_not_allowed", gettext_noop("a bare H.264 or HEVC stream")),
]


def container(path: Path) -> str:
    """Name the container of the file at ``path``: ``mp4`` (and MOV), ``webm`` (and MKV), ``avi`` or ``gif``.

    Raises `Refused` (empty, not_a_video, playlist, container_not_allowed, audio_only) for anything else.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise Refused("empty")
    if head[4:8] in _MOV_BOXES:
        if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
            raise Refused("not_a_video", found=gettext_noop("an AVIF or HEIF picture"))
        return "mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "webm"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith((b"RIFF", b"RIFX")):
        return _riff(head)
    for signature, code, found in _SIGNATURES:
        if head.startswith(signature):
            raise Refused(code, found=found) if found else Refused(code)
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        raise Refused("container_not_allowed", found=gettext_noop("an MPEG transport stream"))
    raise _text_or_unknown(head)


def declared_end(path: Path, kind: str) -> int | None:
    """Give the size in bytes that the outermost structure of the file declares, or None if it says nothing.

    More than the file has means that the file was cut off. ``kind`` is what `container` gave.
    """
    with path.open("rb") as file:
        if kind == "mp4":
            return _boxes_end(file, path.stat().st_size)
        if kind == "webm":
            return _segment_end(file)
        if kind == "avi":
            size = int.from_bytes(file.read(8)[4:8], "little")
            return size + 8 if size else None
        file.seek(max(path.stat().st_size - 64, 0))
        tail = file.read().rstrip(b"\0")
        return None if tail.endswith(b";") else path.stat().st_size + 1  # a GIF ends in ";"


def _riff(head: bytes) -> str:
    form = head[8:12]
    if form == b"AVI ":
        return "avi"
    if form == b"WAVE":
        raise Refused("audio_only")
    if form == b"WEBP":
        raise Refused("not_a_video", found=gettext_noop("a WebP picture"))
    raise Refused("container_not_allowed", found=f"RIFF {form.decode('ascii', 'replace').strip()}")


def _text_or_unknown(head: bytes) -> Refused:
    try:
        text = head[: len(head) - 3].decode("utf-8") if len(head) > 64 else head.decode("utf-8")
    except UnicodeDecodeError:
        return Refused("not_a_video", found=gettext_noop("data of no known video format"))
    text = text.lstrip("\ufeff \t\r\n").lower()
    if any(ord(sign) < 32 and sign not in "\t\r\n\f\x1b" for sign in text):
        return Refused("not_a_video", found=gettext_noop("data of no known video format"))
    if text.startswith(("#extm3u", "ffconcat")):
        return Refused("playlist", found=gettext_noop("a playlist"))
    if text.startswith(("<!doctype html", "<html")):
        return Refused("not_a_video", found=gettext_noop("an HTML page"))
    if text.startswith(("<?xml", "<svg", "<mpd", "<smil")):
        return (
            Refused("playlist", found=gettext_noop("a DASH playlist"))
            if "<mpd" in text
            else _text(gettext_noop("an XML document"))
        )
    return _text(gettext_noop("plain text"))


def _text(found: str) -> Refused:
    return Refused("not_a_video", found=found)


def _boxes_end(file: BinaryIO, size: int) -> int:
    """Walk the top-level boxes of an MP4 or MOV file (ISO/IEC 14496-12, 4.2)."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if not header[4:8].isalnum() and header[4:8] not in _MOV_BOXES:
            return size  # trailing bytes that are no box: players ignore them, so do we
        if length == 1 and len(header) == 16:
            length = int.from_bytes(header[8:16], "big")
        if length == 0:  # "to the end of the file"
            return size
        if length < 8:
            return size
        at += length
    return max(at, size) if at > size else size


def _segment_end(file: BinaryIO) -> int | None:
    """Read the EBML header and the size of the Segment of a Matroska or WebM file (RFC 8794, RFC 9559)."""
    file.seek(4)
    header_size = _vint(file)
    if header_size is None:
        return None
    file.seek(header_size, 1)
    if file.read(4) != b"\x18\x53\x80\x67":
        return None
    size = _vint(file)
    return None if size is None else file.tell() + size


def _vint(file: BinaryIO) -> int | None:
    """Read one EBML variable-length integer; None where the size is unknown (all ones) or not there."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    value = first[0] & ((1 << (8 - length)) - 1)
    for byte in file.read(length - 1):
        value = value << 8 | byte
    return None if value == (1 << (7 * length)) - 1 else value
