"""Exports as downloads: what is read and sent page by page, so its length costs no memory."""

import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse

JSON_LINES = "application/x-ndjson; charset=utf-8"
CSV = "text/csv; charset=utf-8"
PARQUET = "application/vnd.apache.parquet"
ZIP = "application/zip"


def download(
    request: HttpRequest, pages: Iterator[str] | Iterator[bytes], name: str, content_type: str
) -> StreamingHttpResponse:
    """A file of this name; each page is read when the one before it has been sent.

    Under ASGI the iterator must be asynchronous: Django reads a synchronous one to its end before it sends.
    Between pages the database connection is back in the pool, so that slow readers of long files hold none.
    """

    def following() -> str | bytes | None:
        page = next(pages, None)
        if not connection.in_atomic_block:
            connection.close()
        return page

    async def stream() -> AsyncIterator[str | bytes]:
        while (page := await sync_to_async(following)()) is not None:
            yield page

    body = stream() if isinstance(request, ASGIRequest) else pages
    response = StreamingHttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class Sink(io.RawIOBase):
    """Something to write a file into that is sent as it is made: keeps what has been written until `take`.

    It can say where it is but not go back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[bytes] = []
        self.written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self.parts.append(part)
        self.written += len(part)
        return len(part)

    def tell(self) -> int:
        return self.written

    def take(self) -> bytes:
        """What has been written since this was asked last."""
        taken = b"".join(self.parts)
        self.parts.clear()
        return taken
