"""Exports as downloads: text that is read and sent page by page, so its length costs no memory."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

JSON_LINES = "application/x-ndjson; charset=utf-8"
CSV = "text/csv; charset=utf-8"


def download(
    request: HttpRequest, pages: Iterator[str], name: str, content_type: str
) -> StreamingHttpResponse:
    """A file of this name; each page is read when the one before it has been sent.

    Under ASGI the iterator must be asynchronous: Django reads a synchronous one to its end before it sends.
    """

    async def stream() -> AsyncIterator[str]:
        following = sync_to_async(lambda: next(pages, None))
        while (page := await following()) is not None:
            yield page

    body = stream() if isinstance(request, ASGIRequest) else pages
    response = StreamingHttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
