"""A campaign's pairs with their clips, as a folder in a ZIP that is sent while it is made.

    pairs.jsonl           the preference pairs, as `export.pairs_jsonl` has them; clips by `file`
    clips/<sha256>.mp4    the originals of all clips in these pairs, each once
    first_frames/<sha256>.png   what image-to-video prompts start from
    metadata.jsonl        one line a clip, with the `file_name` that `datasets`' videofolder asks for
    missing.jsonl         only where storage has lost files: their names; `metadata.jsonl` leaves them out

Files are stored, not compressed, and go from storage to the reader a chunk at a time: there is no copy on
disk or in memory. What grows is the archive's own list of files, which a ZIP ends with: about 1 KB of memory
a clip while it is sent.
"""

import uuid
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.db.models.fields.files import FieldFile

from annotation.exchange import export
from annotation.models import Campaign, Clip
from workbench.media import CHUNK
from workbench.storage import reading
from workbench.streamed import Sink


def pairs_zip(campaign: Campaign, include_broken: bool = False, page: int = export.PAGE) -> Iterator[bytes]:
    """The folder of a campaign's pairs as a ZIP."""
    return as_zip(export.pairs(campaign, include_broken, page), page)


def as_zip(pages: export.Pages, page: int = export.PAGE) -> Iterator[bytes]:
    """Pages of pairs, and their clips, as a ZIP; yields as much as one chunk of a file, or one page of lines,
    at a time.
    """
    sink = Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        clips: dict[uuid.UUID, None] = {}  # in the order of their pairs, each once
        yield from _entry(archive, "pairs.jsonl", _pairs(pages, clips))
        lost: dict[str, None] = {}
        frames: set[str] = set()
        for clip in _paged(clips, page):
            yield from _stored(archive, export.clip_file(clip), clip.original, lost)
            frame = metadata_row(clip)["prompt_first_frame"]
            if clip.prompt and frame and frame not in frames:
                frames.add(frame)
                yield from _stored(archive, frame, clip.prompt.first_frame, lost)
        told = (metadata_row(clip) for clip in _paged(clips, page))
        found = (row for row in told if row["file_name"] not in lost)
        yield from _entry(archive, "metadata.jsonl", (export.lines([row]).encode() for row in found))
        if lost:
            rows = export.lines({"file_name": name} for name in lost)
            yield from _entry(archive, "missing.jsonl", [rows.encode()])
    yield sink.take()


def metadata_row(clip: Clip) -> dict[str, Any]:
    """What `metadata.jsonl` says of a clip."""
    prompt = export.prompt_row(clip.prompt) if clip.prompt else dict.fromkeys(_PROMPT)
    told = export.clip_row(clip)
    return {
        "file_name": told["file"],
        "sha256": told["sha256"],
        "clip": told["clip"],
        **{f"prompt_{name}": prompt[name] for name in _PROMPT},
        "video_model": told["video_model"],
        "seed": told["seed"],
        **{name: getattr(clip, name) for name in ("width", "height", "frames", "fps", "duration")},
    }


_PROMPT = ("id", "task", "text_en", "text_zh", "first_frame")


def _pairs(pages: export.Pages, clips: dict[uuid.UUID, None]) -> Iterator[bytes]:
    """The lines of the pairs; notes whose clips they are, so that the files are those of these very lines."""
    for rows in pages:
        clips.update((uuid.UUID(row[side]["clip"]), None) for row in rows for side in ("best", "worst"))
        yield export.lines(rows).encode()


def _paged(clips: dict[uuid.UUID, None], page: int) -> Iterator[Clip]:
    ids = iter(clips)
    while chunk := list(islice(ids, page)):
        found = Clip.objects.select_related("video_model", "prompt").in_bulk(chunk)
        yield from (found[pk] for pk in chunk)


def _stored(archive: zipfile.ZipFile, name: str, file: FieldFile, lost: dict[str, None]) -> Iterator[bytes]:
    """A file of the storage as an entry; one that storage has lost is noted instead."""
    with ExitStack() as stack:
        try:
            source, size = stack.enter_context(reading(file.storage, file.name or ""))
        except FileNotFoundError:
            lost[name] = None
            return
        yield from _entry(archive, name, iter(lambda: source.read(CHUNK), b""), size)


def _entry(
    archive: zipfile.ZipFile, name: str, chunks: Iterable[bytes], size: int | None = None
) -> Iterator[bytes]:
    """Write an entry chunk by chunk, and yield what the archive has become longer by.

    Where the size is not known before, the entry has room for more than 4 GB.
    """
    info = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
    info.external_attr = 0o644 << 16
    info.file_size = size or 0
    sink = archive.fp
    assert isinstance(sink, Sink)
    with archive.open(info, "w", force_zip64=size is None) as entry:
        for chunk in chunks:
            entry.write(chunk)
            yield sink.take()
    yield sink.take()
