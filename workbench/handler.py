"""HTTP under ASGI, a request in one go.

Django's own handler sends every synchronous middleware, signal and clean-up of a request to a thread made
for it, one hop each. Ours are all synchronous, so here a request is one hop into a pool of threads that stay,
which halves the cost of a small answer. Long answers are streamed as Django does it, off these threads.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.db import close_old_connections
from django.http import FileResponse, HttpResponseBase
from django.urls import set_script_prefix

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class HTTP(ASGIHandler):
    """The ASGI application for HTTP; `threads` requests are worked on at a time, others wait their turn."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="request")

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        try:
            work = asyncio.get_running_loop().run_in_executor(self.threads, self.answer, scope, body)
            response = await work
            if response.streaming:
                await self.stream(response, receive, send)
            else:
                await self.send_response(response, send)
        finally:
            body.close()

    def answer(self, scope: Any, body: Any) -> HttpResponseBase:
        """All of a request's work, in one thread. An answer that streams is not over yet."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = refusal if request is None else self.get_response(request)
        response._handler_class = self.__class__
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if response.streaming:
            close_old_connections()  # what is still to be read is read in other threads
        else:
            response.close()  # does the same, and all that is to be done at a request's end
        return response  # type: ignore[no-any-return]

    async def stream(self, response: Any, receive: Receive, send: Send) -> None:
        """Send what is still being made, until its end or until nobody listens any more."""
        async with ThreadSensitiveContext():
            gone = asyncio.ensure_future(self.listen_for_disconnect(receive))
            sending = asyncio.ensure_future(self.send_response(response, send))
            try:
                await asyncio.wait([gone, sending], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (gone, sending):
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError, RequestAborted):
                        await task
                await sync_to_async(response.close)()
