"""Files out of storage, in ranges, as players need them: RFC 9110 §13–14, one range at a time.

Who may see a file is the caller's business, before it calls `serve`. Stored files never change under their
name, so answers may be cached for good, by the one browser that asked.

Nothing is read into memory whole: a file system's file is read from the wanted position; of an object in S3
only the wanted bytes are asked for. Under ASGI the reading happens in threads, one chunk ahead of the socket.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import IO, Any
from urllib.parse import quote

from django.core.files.storage import Storage
from django.core.handlers.asgi import ASGIRequest
from django.db.models.fields.files import FieldFile
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    StreamingHttpResponse,
)
from django.utils.cache import patch_vary_headers

from workbench.storage import stream

CHUNK = 256 * 1024
ONE_YEAR = 365 * 24 * 3600


def serve(
    request: HttpRequest, file: FieldFile, content_type: str, download_name: str | None = None
) -> HttpResponseBase:
    """Answer with a stored file: 200, 206 for a range, 304, 416; 404 where storage has lost it.

    `download_name` makes it a download under that name. A request for several ranges gets the whole file.
    """
    return serve_stored(request, file.storage, file.name or "", content_type, download_name)


def serve_stored(
    request: HttpRequest, storage: Storage, name: str, content_type: str, download_name: str | None = None
) -> HttpResponseBase:
    """The same for a name in a storage, where no model field holds it."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    try:
        opened: Any = storage.open(name, "rb")
        size = int(opened.size)
    except FileNotFoundError as error:
        raise Http404 from error
    response = _answer(request, opened, size, f'"{_digest(name, size)}"', content_type)
    if not isinstance(response, _Stream):
        opened.close()
    if download_name is not None:
        response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(download_name, safe='')}"
    return response


def _answer(request: HttpRequest, opened: Any, size: int, etag: str, content_type: str) -> HttpResponseBase:
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={ONE_YEAR}, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    response: HttpResponseBase
    if _matches(request.headers.get("If-None-Match", ""), etag):
        response = HttpResponse(status=304)
    else:
        wanted = _wanted(request, size, etag)
        if wanted is None:
            response = HttpResponse(status=416)
            headers |= {"Content-Range": f"bytes */{size}", "Cache-Control": "no-store"}
        else:
            start, stop = wanted
            partial = stop - start != size
            response = (
                HttpResponse(content_type=content_type)
                if request.method == "HEAD"
                else _Stream(request, opened, start, stop, content_type, status=206 if partial else 200)
            )
            headers["Content-Length"] = str(stop - start)
            if partial:
                headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    for header, value in headers.items():
        response[header] = value
    patch_vary_headers(response, ["Cookie"])
    return response


class _Stream(StreamingHttpResponse):
    """Bytes `start` to `stop` of an opened file, which closes with the response, read to its end or not.

    Under ASGI the iterator must be asynchronous: Django reads a synchronous one to its end before it sends.
    """

    def __init__(
        self, request: HttpRequest, opened: Any, start: int, stop: int, content_type: str, status: int
    ) -> None:
        self.opened = opened
        self.source = stream(opened, start, stop)
        chunks = _chunks_in_threads if isinstance(request, ASGIRequest) else _chunks
        super().__init__(chunks(self.source, stop - start), content_type=content_type, status=status)

    def close(self) -> None:
        super().close()
        self.source.close()
        self.opened.close()


def _chunks(source: IO[bytes], length: int) -> Iterator[bytes]:
    while length > 0 and (chunk := source.read(min(CHUNK, length))):
        length -= len(chunk)
        yield chunk


async def _chunks_in_threads(source: IO[bytes], length: int) -> AsyncIterator[bytes]:
    while length > 0 and (chunk := await asyncio.to_thread(source.read, min(CHUNK, length))):
        length -= len(chunk)
        yield chunk


def _wanted(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | None:
    """The half-open range of bytes to send; None where the range asked for lies outside the file (416)."""
    whole = (0, size)
    asked = re.fullmatch(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", request.headers.get("Range", "").strip())
    condition = request.headers.get("If-Range")
    if request.method != "GET" or asked is None or (condition is not None and condition.strip() != etag):
        return whole
    first, last = asked.groups()
    if first:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return whole  # not a valid range: as if it had not been sent
    elif last:
        start, stop = max(0, size - int(last)), size
    else:
        return whole
    return (start, stop) if start < stop else None


def _matches(condition: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return "*" in tags or etag in tags


def _digest(name: str, size: int) -> str:
    return hashlib.sha256(f"{name}\n{size}".encode()).hexdigest()[:32]
