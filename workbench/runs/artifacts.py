"""Files of runs in storage, by their SHA-256: equal files are one object, and what is read is checked.

Writing an object and forgetting one are kept apart by a PostgreSQL advisory lock on the hash, held to the end
of the transaction that adds the row or marks it pruned: an object that a row names is never removed beside
it.
"""

import hashlib
import io
import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from django.core.files import File
from django.core.files.storage import Storage, default_storage
from django.db import connection
from django.utils import timezone

from workbench.models import Artifact, Run
from workbench.storage import reading

SHOWN = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
"""What pages show of a run's files: content type by the end of the name."""
_CHUNK = 1024 * 1024


class ObjectMissingError(RuntimeError):
    """A stored object is gone or its bytes are not those of its name."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that now is in storage."""

    path: Path
    sha256: str
    size: int


def content_type(name: str) -> str:
    """Of a run's file by its name: that of a picture or video, else just bytes."""
    return SHOWN.get(Path(name).suffix.lower(), "application/octet-stream")


def storage_name(sha256: str) -> str:
    return f"artifacts/{sha256[:2]}/{sha256}"


def put(path: Path) -> Stored:
    """Bring a file into storage; nothing is sent if an equal one is there."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    stored = Stored(path, digest, path.stat().st_size)
    if not _present(stored):
        _send(stored)
    return stored


def hold(stored: Iterable[Stored]) -> None:
    """Within the transaction that adds rows for these objects: lock them, and bring back what was just
    removed.
    """
    for one in sorted(stored, key=lambda one: one.sha256):
        _lock(one.sha256)
        if not _present(one):
            _send(one)


def record(run: Run, stored: Stored, *, kind: str, name: str, step: int | None, final: bool) -> Artifact:
    """Within a transaction, after `hold`: the row of a run's file; the same name again replaces it."""
    row, _ = Artifact.objects.update_or_create(
        run=run,
        kind=kind,
        name=name,
        defaults={
            "attempt": run.attempt,
            "step": step,
            "final": final,
            "sha256": stored.sha256,
            "size": stored.size,
            "pruned_at": None,
        },
    )
    return row


def keep_file(run: Run, stored: Stored, name: str) -> Artifact:
    """Within a transaction: a file that a run ends with, kept as long as its final checkpoint."""
    hold([stored])
    return record(run, stored, kind=Artifact.Kind.FILE, name=name, step=None, final=True)


def forget(artifact: Artifact) -> None:
    """Within a transaction: mark the row pruned, and remove its object if no other row needs it."""
    _lock(artifact.sha256)
    Artifact.objects.filter(pk=artifact.pk).update(pruned_at=timezone.now())
    if not Artifact.objects.filter(sha256=artifact.sha256, pruned_at=None).exists():
        default_storage.delete(storage_name(artifact.sha256))


def stage(name: str, sha256: str, target: Path, *, storage: Storage = default_storage) -> None:
    """Copy a stored file to `target` and check it on the way. Raises ObjectMissingError."""
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with reading(storage, name) as (source, _), target.open("wb") as copy:
            while block := source.read(_CHUNK):
                digest.update(block)
                copy.write(block)
    except FileNotFoundError as error:
        raise ObjectMissingError(f"{name} is not in storage.") from error
    if digest.hexdigest() != sha256:
        target.unlink()
        raise ObjectMissingError(
            f"{name} in storage is damaged: its SHA-256 is {digest.hexdigest()}, expected {sha256}."
        )


def fetch(artifact: Artifact, target: Path) -> None:
    """Copy an artifact's bytes to `target`, checked. Raises ObjectMissingError."""
    stage(artifact.storage_name, artifact.sha256, target)


def verify(artifact: Artifact) -> bool:
    """True if the stored bytes are there and have the artifact's hash."""
    digest = hashlib.sha256()
    try:
        with reading(default_storage, artifact.storage_name) as (source, _):
            while block := source.read(_CHUNK):
                digest.update(block)
    except FileNotFoundError:
        return False
    return digest.hexdigest() == artifact.sha256


class _Checked(io.RawIOBase):
    """Reads a file that was hashed before; OSError at its end if it is not the same any more.

    It can't seek, so that what is sent is what was checked: nothing else gets the name of that hash.
    """

    def __init__(self, file: IO[bytes], stored: Stored) -> None:
        self._file, self._stored = file, stored
        self._digest, self._count = hashlib.sha256(), 0

    def read(self, size: int = -1, /) -> bytes:
        block = self._file.read(size)
        self._digest.update(block)
        self._count += len(block)
        ended = not block or self._count >= self._stored.size
        if ended and self._digest.hexdigest() != self._stored.sha256:
            raise OSError(f"{self._stored.path} changed while it was sent to storage.")
        return block


def _present(stored: Stored) -> bool:
    try:
        return default_storage.size(storage_name(stored.sha256)) == stored.size
    except FileNotFoundError:
        return False


def _send(stored: Stored) -> None:
    name = storage_name(stored.sha256)
    with stored.path.open("rb") as file:
        source = _Checked(file, stored)
        try:
            target = Path(default_storage.path(name))
        except NotImplementedError:
            _upload(source, name)
        else:
            _write(source, target)


def _upload(source: _Checked, name: str) -> None:
    """To S3: an object appears whole or not at all, in the place of an older one."""
    written = default_storage.save(name, File(cast("IO[bytes]", source)))
    if written != name:
        raise OSError(f"Storage kept {name} as {written}; expected it to replace what was there.")


def _write(source: _Checked, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with partial.open("wb") as copy:
            while block := source.read(_CHUNK):
                copy.write(block)
            copy.flush()
            os.fsync(copy.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _lock(sha256: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(sha256[:15], 16)])
