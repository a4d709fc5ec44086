"""Downloads under ASGI: a piece at a time, and no database connection held in between."""

from collections.abc import AsyncIterator, Iterator
from typing import cast

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncRequestFactory

from workbench import streamed
from workbench.models import User


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_while_the_reader_is_waited_for() -> None:
    read: list[int] = []

    def pages() -> Iterator[bytes]:
        for n in range(3):
            User.objects.count()
            assert connection.connection is not None
            read.append(n)
            yield str(n).encode()

    response = streamed.download(AsyncRequestFactory().get("/"), pages(), "a.bin", streamed.ZIP)

    async def receive() -> None:
        n = 0
        async for piece in cast("AsyncIterator[bytes]", response.streaming_content):
            assert (piece, read) == (str(n).encode(), list(range(n + 1)))
            assert connection.connection is None
            n += 1
        assert n == 3

    async_to_sync(receive)()
