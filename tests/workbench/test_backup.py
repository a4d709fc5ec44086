"""The drill: back up, lose everything, restore into a fresh database and storage, compare."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from psycopg import sql
from pytest_django.fixtures import Settings

from tests import s3
from tests.workbench.a_stack import AStack, data_folder
from workbench import backup, storage
from workbench.models import ApiToken, Role, User
from workbench.stack import database_url


@pytest.fixture(params=["folder", "s3"])
def where(request: pytest.FixtureRequest) -> str:
    if request.param == "s3":
        request.getfixturevalue("s3_storage")
    return str(request.param)


@pytest.fixture
def filled(transactional_db: None) -> User:
    ana = User.objects.create_user("ana", "ana@example.org", "sunflowers at noon", role=Role.MANAGER)
    ApiToken.mint(ana, "script")
    for number in range(3):
        default_storage.save(f"clips/{number}/video.mp4", ContentFile(bytes([number]) * 3_000_000))
    default_storage.save("empty.txt", ContentFile(b""))
    return ana


def test_the_drill_on_two_stacks(tmp_path: Path) -> None:
    """A stack is backed up while it runs and cleared; a fresh one on another folder takes the backup over."""
    kept = tmp_path / "backup.tar"
    with data_folder() as data, data_folder() as elsewhere:
        stack = AStack(data)
        stack.wait_until_up()
        stack.manage("create_manager", "rosa", "rosa@example.org", stdin="sunflowers at noon\n")
        for number in range(5):
            path = data / "media" / f"a{number}" / "video.bin"
            path.parent.mkdir(parents=True)
            path.write_bytes(bytes(range(256)) * (number + 1) * 100)
        made = stack.manage("backup", str(kept))
        assert made.returncode == 0, made.stderr
        rows, files = _row_counts(stack), _hashes(data / "media")
        assert rows["workbench_user"] == 1
        assert len(files) >= 5
        assert stack.end() == 0
        assert stack.manage("reset", "--yes").returncode == 0

        fresh = AStack(elsewhere)
        fresh.wait_until_up()
        restored = fresh.manage("restore", str(kept))
        assert restored.returncode == 0, restored.stderr
        assert _row_counts(fresh) == rows
        assert _hashes(elsewhere / "media") == files
        assert fresh.healthy()
        again = fresh.manage("restore", str(kept))
        assert again.returncode != 0
        assert "not empty" in again.stderr
        assert fresh.end() == 0


def test_a_forced_restore_brings_back_what_was_and_ends_sessions(
    where: str, filled: User, tmp_path: Path
) -> None:
    kept = tmp_path / "backup.tar"
    manifest = backup.write(kept)
    assert [member.name for member in manifest.members[1:]] == [
        "media/empty.txt",
        *(f"media/clips/{number}/video.mp4" for number in range(3)),
    ]
    SessionStore().create()
    User.objects.create_user("late", "late@example.org", role=Role.EXPERT)
    User.objects.filter(pk=filled.pk).update(email="changed@example.org")
    default_storage.delete("clips/1/video.mp4")
    default_storage.delete("clips/2/video.mp4")
    default_storage.save("clips/2/video.mp4", ContentFile(b"another"))
    known = connection.settings_dict
    other = psycopg.connect(
        host=known["HOST"], user=known["USER"], password=known["PASSWORD"], dbname=known["NAME"]
    )

    with pytest.raises(backup.BackupError, match="not empty"):
        backup.restore(kept)
    backup.restore(kept, force=True)

    assert list(User.objects.values_list("username", "email")) == [("ana", "ana@example.org")]
    assert ApiToken.objects.count() == 1
    for number in range(3):
        with default_storage.open(f"clips/{number}/video.mp4") as file:
            assert file.read() == bytes([number]) * 3_000_000
    with default_storage.open("empty.txt") as file:
        assert file.read() == b""
    assert len(list(backup.stored_files())) == 4
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_session")
        assert cursor.fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError):
        other.execute("SELECT 1")


def test_files_in_s3_move_to_another_bucket_and_to_a_folder(
    filled: User, s3_environment: str, s3_server: str, media_folder: Path, settings: Settings, tmp_path: Path
) -> None:
    """With the commands; the files are larger than one request's, and one bucket has no prefix."""
    default_storage.save("large.bin", ContentFile(bytes(range(256)) * 2**17))
    expected = _hashes(media_folder)
    source = "folder"
    for number, url in enumerate([s3_environment, _bucket(s3_server, "bare"), f"file://{tmp_path}/back"]):
        kept = tmp_path / f"{number}.tar"
        call_command("backup", str(kept))
        call_command("restore", str(kept), verify_only=True)
        settings.STORAGES = {**settings.STORAGES, "default": storage.configured(url)}
        assert list(backup.stored_files()) == [], source
        call_command("restore", str(kept), force=True)
        assert set(backup.stored_files()) == set(expected), source
        source = url
    assert _hashes(tmp_path / "back") == expected


def test_what_is_removed_while_the_backup_is_made_is_left_out(
    where: str, filled: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed_before() -> Iterator[str]:
        yield from ["clips/0/video.mp4", "clips/pruned meanwhile.mp4"]

    monkeypatch.setattr(backup, "stored_files", listed_before)
    manifest = backup.write(tmp_path / "backup.tar")
    assert [member.name for member in manifest.members[1:]] == ["media/clips/0/video.mp4"]
    assert backup.verify(tmp_path / "backup.tar") == manifest


@pytest.mark.parametrize("place", ["dump", "media", "manifest"])
def test_a_damaged_backup_is_refused_before_anything_is_touched(
    filled: User, tmp_path: Path, place: str
) -> None:
    kept = tmp_path / "backup.tar"
    backup.write(kept)
    with tarfile.open(kept) as tar:
        name = {"dump": "database.dump", "media": "media/clips/2/video.mp4", "manifest": "manifest.json"}[
            place
        ]
        offset = tar.getmember(name).offset_data
    with kept.open("r+b") as file:
        file.seek(offset + 100)
        byte = file.read(1)
        file.seek(offset + 100)
        file.write(bytes([byte[0] ^ 0x40]))
    with pytest.raises(backup.BackupError):
        backup.restore(kept, force=True)
    assert User.objects.get().username == "ana"


def test_half_a_backup_is_refused(filled: User, tmp_path: Path) -> None:
    kept = tmp_path / "backup.tar"
    backup.write(kept)
    with kept.open("r+b") as file:
        file.truncate(kept.stat().st_size // 2)
    with pytest.raises(backup.BackupError, match=r"can't be read|has no manifest"):
        backup.verify(kept)


def test_a_backup_of_a_newer_version_is_refused(filled: User, tmp_path: Path) -> None:
    kept, newer = tmp_path / "backup.tar", tmp_path / "newer.tar"
    backup.write(kept)
    with tarfile.open(kept) as old, tarfile.open(newer, "w") as new:
        for entry in old:
            stream = old.extractfile(entry)
            assert stream is not None
            content = stream.read()
            if entry.name == backup.MANIFEST:
                values = json.loads(content)
                values["migrations"].append("workbench.9999_from_the_future")
                content = json.dumps(values).encode()
                entry.size = len(content)
            new.addfile(entry, io.BytesIO(content))
    with pytest.raises(backup.BackupError, match="9999_from_the_future"):
        backup.restore(newer, force=True)


def test_a_backup_never_overwrites_and_leaves_no_half(filled: User, tmp_path: Path) -> None:
    taken = tmp_path / "taken.tar"
    taken.write_text("somebody's")
    with pytest.raises(backup.BackupError, match="exists already"):
        backup.write(taken)
    with pytest.raises(backup.BackupError, match="can't be written"):
        backup.write(tmp_path / "no such folder" / "backup.tar")
    assert [path.name for path in tmp_path.glob("*.tar*")] == ["taken.tar"]


def _row_counts(stack: AStack) -> dict[str, int]:
    with psycopg.connect(database_url(stack.data)) as link:
        tables = [
            name for (name,) in link.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]
        count = sql.SQL("SELECT count(*) FROM {}")
        counts = {name: link.execute(count.format(sql.Identifier(name))).fetchone() for name in tables}
    return {name: row[0] for name, row in counts.items() if row and name != "django_session"}


def _bucket(endpoint: str, name: str) -> str:
    s3.bucket(endpoint, name)
    return f"s3://{name}"


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
