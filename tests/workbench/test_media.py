"""Ranges of stored files: held against RFC 9110, from a folder and from a real S3 server."""

import asyncio
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpResponseBase
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import media

pytestmark = pytest.mark.django_db  # the end of an answer looks after open connections
CONTENT = bytes(range(256)) * 4 + b"end"
SIZE = len(CONTENT)


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest) -> Storage:
    if request.param == "s3":
        request.getfixturevalue("s3_storage")
    return default_storage


def get(storage: Storage, name: str, method: str = "get", **headers: str) -> HttpResponseBase:
    request = getattr(RequestFactory(), method)(
        "/", headers={key.replace("_", "-"): value for key, value in headers.items()}
    )
    return media.serve_stored(request, storage, name, "video/mp4")


def body(response: HttpResponseBase) -> bytes:
    content = b"".join(response) if response.streaming else response.content  # type: ignore[attr-defined]
    response.close()
    return content


@pytest.mark.parametrize(
    ("asked", "status", "content", "content_range"),
    [
        ("", 200, CONTENT, None),
        ("bytes=0-", 200, CONTENT, None),
        ("bytes=0-0", 206, CONTENT[:1], f"bytes 0-0/{SIZE}"),
        ("bytes=100-199", 206, CONTENT[100:200], f"bytes 100-199/{SIZE}"),
        ("bytes=1000-", 206, CONTENT[1000:], f"bytes 1000-{SIZE - 1}/{SIZE}"),
        ("bytes=1000-99999", 206, CONTENT[1000:], f"bytes 1000-{SIZE - 1}/{SIZE}"),
        ("bytes=-3", 206, b"end", f"bytes {SIZE - 3}-{SIZE - 1}/{SIZE}"),
        ("bytes=-99999", 200, CONTENT, None),
        (f"bytes={SIZE}-", 416, b"", f"bytes */{SIZE}"),
        ("bytes=-0", 416, b"", f"bytes */{SIZE}"),
        ("bytes=5-4", 200, CONTENT, None),
        ("bytes=0-1,5-6", 200, CONTENT, None),
        ("bytes=-", 200, CONTENT, None),
        ("lines=1-2", 200, CONTENT, None),
        ("bytes=a-b", 200, CONTENT, None),
    ],
)
def test_ranges(asked: str, status: int, content: bytes, content_range: str | None) -> None:
    name = default_storage.save("a.mp4", ContentFile(CONTENT))
    response = get(default_storage, name, **({"Range": asked} if asked else {}))
    assert response.status_code == status
    assert response.headers.get("Content-Range") == content_range
    assert body(response) == content
    if status != 416:
        assert response["Content-Length"] == str(len(content))
        assert response["Content-Type"] == "video/mp4"
        assert "immutable" in response["Cache-Control"]
        assert "private" in response["Cache-Control"]
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_both_storages_answer_alike(storage: Storage) -> None:
    name = storage.save("a.mp4", ContentFile(CONTENT))
    assert body(get(storage, name)) == CONTENT
    assert body(get(storage, name, Range="bytes=7-1000")) == CONTENT[7:1001]
    assert body(get(storage, name, Range="bytes=-3")) == b"end"
    assert get(storage, name, Range="bytes=5000-").status_code == 416
    with pytest.raises(Http404):
        get(storage, "nothing.mp4")
    empty = storage.save("empty", ContentFile(b""))
    assert body(get(storage, empty)) == b""
    assert get(storage, empty, Range="bytes=0-").status_code == 416


def test_conditions_and_head() -> None:
    name = default_storage.save("a.mp4", ContentFile(CONTENT))
    etag = get(default_storage, name)["ETag"]
    assert get(default_storage, name, If_None_Match=etag).status_code == 304
    assert get(default_storage, name, If_None_Match='"other", W/' + etag).status_code == 304
    assert get(default_storage, name, If_None_Match='"other"').status_code == 200
    assert get(default_storage, name, Range="bytes=1-2", If_Range=etag).status_code == 206
    assert body(get(default_storage, name, Range="bytes=1-2", If_Range='"older"')) == CONTENT
    head = get(default_storage, name, "head", Range="bytes=1-2")
    assert (head.status_code, head["Content-Length"], body(head)) == (200, str(SIZE), b"")
    assert get(default_storage, name, "post").status_code == 405


def test_a_download_keeps_its_name() -> None:
    name = default_storage.save("a.mp4", ContentFile(CONTENT))
    request = RequestFactory().get("/")
    response = media.serve_stored(request, default_storage, name, "video/mp4", 'ein "Clip"\r\n中.mp4')
    assert (
        response["Content-Disposition"] == "attachment; filename*=UTF-8''ein%20%22Clip%22%0D%0A%E4%B8%AD.mp4"
    )


@settings(max_examples=200, deadline=None)
@given(first=st.none() | st.integers(0, 40), last=st.none() | st.integers(0, 40), size=st.integers(0, 30))
def test_ranges_agree_with_slicing(first: int | None, last: int | None, size: int) -> None:
    """Another way to say it: cut the list of positions by the definition of each form of range."""
    request = RequestFactory().get(
        "/", headers={"Range": f"bytes={'' if first is None else first}-{'' if last is None else last}"}
    )
    wanted = media._wanted(request, size, '"x"')
    everything = list(range(size))
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        expected = everything
    elif first is None:
        assert last is not None
        expected = everything[len(everything) - min(last, size) :]
    else:
        expected = [
            position for position in everything if position >= first and (last is None or position <= last)
        ]
    ignored = expected == everything and wanted == (0, size)
    assert ignored or (list(range(*wanted)) == expected if wanted else not expected)


def test_under_asgi_only_what_is_sent_is_read() -> None:
    """Django reads a synchronous iterator to its end before the first byte goes out; this one it must not."""
    name = default_storage.save("big.bin", ContentFile(b"\0" * (40 * media.CHUNK)))
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    response: Any = media.serve_stored(ASGIRequest(scope, None), default_storage, name, "video/mp4")  # type: ignore[arg-type]

    async def first_chunk() -> bytes:
        async for chunk in response:
            return bytes(chunk)
        return b""

    assert len(asyncio.run(first_chunk())) == media.CHUNK
    assert response.opened.tell() == media.CHUNK
    response.close()
    assert response.opened.closed
