"""Owner, colleague, outsider and somebody not logged in, at every address. The table is `access_table.py`."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.exceptions import StopConsumer
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.access_table import LOGIN, ROWS, World, _Row
from workbench.api import api
from workbench.models import User
from workbench.urls import websocket_urlpatterns

PEOPLE = ("owner", "colleague", "outsider", "anonymous")


def page_names(resolver: URLResolver, namespace: str = "") -> Iterator[str]:
    """Names of every URL but the API's operations; an address without a name is given as its route."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from page_names(entry, inner)
        elif isinstance(entry, URLPattern):
            in_api = namespace == "api:" and entry.name not in {"openapi-json", "api-root"}
            if not in_api:
                yield f"{namespace}{entry.name}" if entry.name else str(entry.pattern)


def everything() -> set[str]:
    operations = {
        f"{method.upper()} {path}"
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
    }
    sockets = {f"WS {pattern.pattern}" for pattern in websocket_urlpatterns}
    return operations | sockets | set(page_names(get_resolver()))


def key_of(row: _Row) -> str:
    return f"{row.method} {row.name}" if row.name.startswith("/api/") or row.method == "WS" else row.name


def test_every_address_is_in_the_table() -> None:
    there, told = everything(), {key_of(row) for row in ROWS}
    assert not there - told, f"add a row to tests/access_table.py for {sorted(there - told)}"
    assert not told - there, f"no longer there: {sorted(told - there)}"


@pytest.fixture
def world(row: _Row) -> World:
    def person(name: str, role: str) -> User:
        return User.objects.create_user(name, f"{name}@example.org", role=role)

    return World(
        person("owner", row.role), person("colleague", row.role), person("outsider", row.outsider_role)
    )


HTTP_ROWS = [row for row in ROWS if row.method != "WS"]


@pytest.mark.django_db
@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("row", HTTP_ROWS, ids=lambda row: f"{row.method} {row.name}")
def test_access(row: _Row, who: str, world: World) -> None:
    in_api = row.name.startswith("/api/")
    arguments = row.arguments(world)
    path = row.name.format(**arguments) if in_api else reverse(row.name, kwargs=arguments)
    data = row.data(world) if callable(row.data) else row.data
    client = Client()
    if who != "anonymous":
        client.force_login(getattr(world, who), backend="django.contrib.auth.backends.ModelBackend")
    sent: dict[str, Any] = {"data": data} if row.method != "DELETE" else {}
    if in_api and row.method != "GET":
        sent["content_type"] = "application/json"
    answer = getattr(client, row.method.lower())(path, **sent)

    expected = getattr(row, who)
    if expected is None:
        expected = 401 if in_api else LOGIN
    found: Any = answer.status_code
    if found == 302 and answer["Location"].startswith("/login/"):
        found = LOGIN
    assert found == expected, getattr(answer, "text", "")[:500]
    if in_api and found >= 400:
        assert isinstance(answer.json()["detail"], str)
    saved = answer.get("Content-Disposition", "").startswith("attachment")  # a file, no page of the site
    if not in_api and not saved and answer.get("Content-Type", "").startswith("text/html"):
        check_policy(answer)


def check_policy(answer: Any) -> None:
    """No page may run or style anything that is not from here or carries this answer's nonce."""
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy
    assert "object-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    for attribute in (" style=", " onclick=", " onload=", " onchange=", "javascript:"):
        assert attribute not in answer.text, f"inline {attribute.strip()} in the page"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("row", [row for row in ROWS if row.method == "WS"], ids=lambda row: row.name)
def test_websockets(row: _Row, who: str, world: World) -> None:
    arguments = row.arguments(world)
    pattern = next(entry for entry in websocket_urlpatterns if str(entry.pattern) == row.name)
    path = str(pattern.pattern)
    for name, value in arguments.items():
        for kind in ("uuid", "int", "slug"):
            path = path.replace(f"<{kind}:{name}>", str(value))
    person = AnonymousUser() if who == "anonymous" else getattr(world, who)

    async def stays_open() -> bool:
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": f"/{path}",
            "headers": [],
            "subprotocols": [],
            "user": person,
        }
        socket: Any = ApplicationCommunicator(URLRouter(websocket_urlpatterns), scope)  # type: ignore[no-untyped-call]
        await socket.send_input({"type": "websocket.connect"})
        first = await socket.receive_output(10)
        await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        with contextlib.suppress(StopConsumer):
            await socket.wait(10)
        later = [socket.output_queue.get_nowait()["type"] for _ in range(socket.output_queue.qsize())]
        return first["type"] == "websocket.accept" and "websocket.close" not in later

    assert async_to_sync(stays_open)() == getattr(row, who)
