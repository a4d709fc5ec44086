"""STORAGE_URL: what storage it makes, and that the storage in S3 it makes is one that works."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils.module_loading import import_string

from workbench import storage
from workbench.stack import BASE_DIR


class _SentError(Exception):
    """Stands where the network would begin."""


def made(url: str) -> Any:
    spec = storage.configured(url)
    return import_string(spec["BACKEND"])(**spec["OPTIONS"])


def request_for(url: str, name: str) -> Any:
    """What the S3 client would send to learn of an object."""
    sent = []

    def keep(request: Any, **others: Any) -> None:
        sent.append(request)
        raise _SentError

    asked = made(url)
    asked.connection.meta.client.meta.events.register("before-send.s3", keep)
    with pytest.raises(_SentError):
        asked.exists(name)
    return sent[0]


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, s3_environment: str) -> pytest.MonkeyPatch:
    """Keys, but no endpoint."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    return monkeypatch


def test_a_folder() -> None:
    folder = made("file:///shared/folder")
    assert isinstance(folder, FileSystemStorage)
    assert folder.path("a/b") == "/shared/folder/a/b"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/folder",
        "/folder",
        "file://folder",  # a host, by mistake
        "file:///",
        "file:///folder?addressing=path",
        "s3://",
        "s3:///prefix",
        "s3://bucket?addressing=sideways",
        "s3://bucket?region=us-east-1",
        "s3://bucket?addressing",
        "s3://[bucket",
    ],
)
def test_what_is_not_understood_is_said(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"STORAGE_URL is .* expected"):
        storage.configured(url)


@pytest.mark.parametrize(
    ("url", "endpoint", "address"),
    [
        (
            "s3://bucket/pre/fix",
            "http://minio.example:9000",
            "http://minio.example:9000/bucket/pre/fix/a.mp4",
        ),
        ("s3://bucket/pre/fix/", "https://minio.example", "https://minio.example/bucket/pre/fix/a.mp4"),
        ("s3://bucket", "http://minio.example:9000", "http://minio.example:9000/bucket/a.mp4"),
        (
            "s3://bucket/x?addressing=virtual",
            "https://oss.example",
            "https://bucket.oss.example/x/a.mp4",
        ),
        ("s3://bucket/x", "", "https://bucket.s3.eu-north-1.amazonaws.com/x/a.mp4"),
    ],
)
def test_where_an_object_is_asked_for(
    keys: pytest.MonkeyPatch, url: str, endpoint: str, address: str
) -> None:
    keys.setenv("AWS_ENDPOINT_URL", endpoint)
    keys.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    request = request_for(url, "a.mp4")
    assert request.url == address
    signature = request.headers["Authorization"].decode()
    assert signature.startswith("AWS4-HMAC-SHA256 Credential=testing/")
    assert "/eu-north-1/s3/aws4_request" in signature


def test_a_temporary_key_goes_with_its_token(keys: pytest.MonkeyPatch) -> None:
    keys.setenv("AWS_SESSION_TOKEN", "token-of-a-role")
    assert request_for("s3://bucket", "a").headers["X-Amz-Security-Token"] == b"token-of-a-role"


def script(url: str, code: str) -> str:
    """What a process prints that runs `code` with the settings that these variables make."""
    env = {name: value for name, value in os.environ.items() if name not in {"SITE_URL", "SECRET_KEY"}}
    env |= {"STORAGE_URL": url, "DJANGO_SETTINGS_MODULE": "workbench.settings"}
    done = subprocess.run(
        [sys.executable, "-c", f"import django\ndjango.setup()\n{textwrap.dedent(code)}"],
        cwd=BASE_DIR,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_process_with_these_variables_keeps_its_files_in_s3(s3_environment: str) -> None:
    """As settings.py reads them; no region is set."""
    code = """
        from django.core.files.base import ContentFile
        from django.core.files.storage import default_storage
        print(default_storage.save("a/b.txt", ContentFile(b"kept")))
    """
    assert script(s3_environment, code) == "a/b.txt\n"
    with storage.reading(made(s3_environment), "a/b.txt") as (source, size):
        assert (source.read(), size) == (b"kept", 4)
    assert made(s3_environment.removesuffix("/in/here")).exists("in/here/a/b.txt")


def test_reading_an_object_takes_neither_memory_nor_disk(s3_environment: str) -> None:
    size = 60 * 2**20
    made(s3_environment).save("large", ContentFile(b"\x01" * size))
    code = """
        import tempfile, tracemalloc
        from django.core.files.storage import default_storage
        from workbench.storage import reading
        tempfile.tempdir = "/no such folder"
        default_storage.exists("large")
        tracemalloc.start()
        read = 0
        with reading(default_storage, "large") as (source, size):
            while block := source.read(2**20):
                read += len(block)
        print(size, read, tracemalloc.get_traced_memory()[1])
    """
    said, read, peak = map(int, script(s3_environment, code).split())
    assert (said, read) == (size, size)
    assert peak < size / 4


def test_parts_and_nothing(s3_storage: Path) -> None:
    default_storage.save("file", ContentFile(b"0123456789"))
    default_storage.save("empty", ContentFile(b""))
    with default_storage.open("file") as opened:
        assert storage.stream(opened, 3).read() == b"3456789"
        assert storage.stream(opened, 3, 5).read() == b"34"
        assert storage.stream(opened, 3, 3).read() == b""
    with storage.reading(default_storage, "empty") as (source, size):
        assert (source.read(), size) == (b"", 0)
    with pytest.raises(FileNotFoundError), storage.reading(default_storage, "nothing"):
        pass
