"""Everything that can't be made again, in one tar file: the database and the stored files.

    database.dump      pg_dump's custom format
    media/NAME …       every file of the storage (folder or S3), by its name there
    manifest.json      what it was taken from; size and SHA-256 of every member; last, so one pass writes all

The database is dumped before the files are listed: what the dump speaks of is stored by then. Not in a
backup: SECRET_KEY (keep it with the other secrets), the queue (beat finds lost work), scratch folders.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, cast

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from psycopg import sql

from workbench import stack
from workbench.storage import reading

FORMAT = 1
DUMP, MANIFEST, MEDIA = "database.dump", "manifest.json", "media/"
# Filled by `migrate` alone: rows there don't make a database one that holds somebody's work.
MADE_BY_MIGRATE = {"django_migrations", "django_content_type", "auth_permission", "arena_track"}
CHUNK = 1024 * 1024


class BackupError(RuntimeError):
    """A backup can't be made or restored; the message says why and what to do, in one line."""


@dataclass(frozen=True)
class Member:
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself. `migrations` are those applied to the database it was taken from."""

    format: int
    version: str
    taken_at: str
    migrations: list[str]
    members: list[Member]


def write(destination: Path) -> Manifest:
    """Back up to the tar file `destination`, which appears only when whole. The workbench may run on."""
    if destination.exists():
        raise BackupError(f"{destination} exists already: choose another name, or remove it.")
    partial = destination.with_name(destination.name + ".partial")
    members: list[Member] = []
    try:
        with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
            migrations = _applied_migrations()
            with tempfile.TemporaryDirectory(dir=destination.parent) as folder:
                dump = Path(folder) / DUMP
                _run(
                    _program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}"
                )
                with dump.open("rb") as stream:
                    members.append(_add(tar, DUMP, stream, dump.stat().st_size))
            for name in stored_files():
                # The workbench runs on: what it removes meanwhile is not in the backup.
                with suppress(FileNotFoundError), reading(default_storage, name) as (stored, size):
                    members.append(_add(tar, MEDIA + name, stored, size))
            taken = timezone.now().isoformat(timespec="seconds")
            manifest = Manifest(FORMAT, version("video-workbench"), taken, migrations, members)
            text = json.dumps(asdict(manifest), indent=1).encode()
            _add(tar, MANIFEST, io.BytesIO(text), len(text))
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.rename(destination)
    except OSError as error:
        raise BackupError(f"{destination} can't be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def verify(source: Path) -> Manifest:
    """Read a backup to its end and compare every member with the manifest; BackupError at a difference."""
    found: dict[str, Member] = {}
    text = b""
    try:
        with tarfile.open(source, "r:") as tar:
            for entry, stream in _entries(tar):
                if entry.name == MANIFEST:
                    text = stream.read()
                    continue
                digest = hashlib.sha256()
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
                found[entry.name] = Member(entry.name, entry.size, digest.hexdigest())
    except (tarfile.TarError, OSError) as error:
        raise BackupError(f"{source} can't be read as a backup: {error}.") from error
    if not text:
        raise BackupError(f"{source} has no {MANIFEST}: it is not a backup, or only the first part of one.")
    stated = _parse(text, source)
    for member in stated.members:
        if found.pop(member.name, None) != member:
            raise BackupError(f"{source} is damaged: {member.name} is missing or not what the manifest says.")
    if found:
        raise BackupError(f"{source} holds {min(found)}, which its manifest does not know.")
    return stated


def restore(source: Path, *, force: bool = False) -> Manifest:
    """Replace the database and the stored files by those of a backup, verified before anything is touched.

    A database that holds anything is refused unless `force`. Other database sessions are ended. Files with
    names of the backup are replaced, others stay. Everybody signs in again. Missing migrations are run.
    """
    manifest = verify(source)
    unknown = set(manifest.migrations) - _known_migrations()
    if unknown:
        raise BackupError(
            f"{source} is of a newer version ({manifest.version}): this code has no migration {min(unknown)}."
        )
    if not force and (table := _table_with_rows()):
        raise BackupError(f"The database is not empty ({table} has rows); to replace it all, add --force.")
    with tarfile.open(source, "r:") as tar:
        for entry, stream in _entries(tar):
            if entry.name == DUMP:
                _restore_database(stream)
            elif entry.name.startswith(MEDIA):
                _restore_file(entry.name.removeprefix(MEDIA), stream)
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    call_command("migrate", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE django_session")
    return manifest


def stored_files(folder: str = "") -> Iterator[str]:
    """The names of all files in the storage, sorted within each folder."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:  # nothing was ever stored
        return
    prefix = f"{folder}/" if folder else ""
    for name in sorted(files):
        if name:  # S3 lists a folder's own marker as a file without a name
            yield prefix + name
    for name in sorted(folders):
        yield from stored_files(prefix + name)


# --- In detail --------------------------------------------------------------------------------------------


class _Hashing:
    """A stream that hashes what is read through it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.digest = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size)
        self.digest.update(chunk)
        return chunk


def _add(tar: tarfile.TarFile, name: str, stream: Any, size: int) -> Member:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(timezone.now().timestamp())
    hashing = _Hashing(stream)
    tar.addfile(entry, cast("IO[bytes]", hashing))  # raises OSError where the stream is shorter than `size`
    return Member(name, size, hashing.digest.hexdigest())


def _entries(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    for entry in tar:
        stream = tar.extractfile(entry) if entry.isfile() else None
        if stream is None:
            raise tarfile.TarError(f"{entry.name} is not a plain file")
        yield entry, stream


def _parse(text: bytes, source: Path) -> Manifest:
    try:
        values = json.loads(text)
        if values["format"] != FORMAT:
            raise BackupError(f"{source} has format {values['format']}; this version reads {FORMAT}.")
        return Manifest(**{**values, "members": [Member(**member) for member in values["members"]]})
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"The manifest of {source} can't be understood: {error}.") from error


def _restore_database(dump: IO[bytes]) -> None:
    """In one transaction, so that a failure leaves the database as it was."""
    with tempfile.TemporaryDirectory() as folder:
        file, script = Path(folder) / DUMP, Path(folder) / "script.sql"
        with file.open("wb") as out:
            shutil.copyfileobj(dump, out, CHUNK)
        with script.open("w") as out:
            out.write("DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n")
        options = ("--no-owner", "--no-privileges", f"--file={folder}/data.sql")
        _run(_program("pg_restore"), *options, str(file), database=False)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
            )
        # The pool's other connections were just ended too, and it pauses longer before each new one.
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        files = (f"--file={script}", f"--file={folder}/data.sql")
        _run(
            _program("psql"),
            "--no-psqlrc",
            "--quiet",
            "--single-transaction",
            "--set=ON_ERROR_STOP=1",
            *files,
        )


def _restore_file(name: str, stream: IO[bytes]) -> None:
    if default_storage.exists(name):
        default_storage.delete(name)
    stored = default_storage.save(name, File(stream))
    if stored != name:
        raise BackupError(
            f"The storage kept {name} as {stored}: something else writes there; stop it and repeat."
        )


def _table_with_rows() -> str | None:
    with connection.cursor() as cursor:
        for table in sorted(set(connection.introspection.table_names(cursor)) - MADE_BY_MIGRATE):
            cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table)))
            if cursor.fetchone() == (True,):
                return table
    return None


def _applied_migrations() -> list[str]:
    return sorted(".".join(key) for key in MigrationLoader(connection).applied_migrations)


def _known_migrations() -> set[str]:
    return {".".join(key) for key in MigrationLoader(None).disk_migrations}


def _program(name: str) -> str:
    """PostgreSQL's client program: the wheel's, or the one on PATH; its version must reach the server's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        (server,) = cursor.fetchone()
    seen = []
    for program in (str(stack.postgresql_install() / "bin" / name), shutil.which(name)):
        if program and Path(program).exists():
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
            major = int(said.split()[2].split(".")[0])
            if major >= server:
                return program
            seen.append(f"{program} is {major}")
    raise BackupError(
        f"The server is PostgreSQL {server}, but {' and '.join(seen) or f'there is no {name}'}: "
        f"install PostgreSQL's client programs of version {server} or newer."
    )


def _run(program: str, *options: str, database: bool = True) -> None:
    known = connection.settings_dict
    names = {
        "PGHOST": "HOST",
        "PGPORT": "PORT",
        "PGUSER": "USER",
        "PGPASSWORD": "PASSWORD",
        "PGDATABASE": "NAME",
    }
    env = {variable: str(known[key]) for variable, key in names.items() if known.get(key)}
    # What the address says beyond that, such as sslmode, has a variable of the same name.
    env |= {
        f"PG{key.upper()}": str(value) for key, value in known["OPTIONS"].items() if key.startswith("ssl")
    }
    done = subprocess.run(
        [program, *options],
        env={**os.environ, **(env if database else {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise BackupError(f"{Path(program).name} failed: {last}")
