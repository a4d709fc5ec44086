"""What is posted goes to the outside only, to the address that was checked, and not for long."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from workbench import posting
from workbench.posting import AddressRefusedError


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "[2002:a00:1::]",
        "2130706433",  # 127.0.0.1 as one number
        "0x7f.1",
        "localhost",
    ],
)
def test_inside_addresses_are_refused(address: str) -> None:
    with pytest.raises((AddressRefusedError, OSError)):
        posting.public_addresses(posting.checked(f"http://{address}/"))
    answer = posting.post(f"http://{address}:9/", b"{}", {})
    assert answer.status is None
    assert answer.error


@pytest.mark.parametrize("address", ["8.8.8.8", "[2606:4700::1111]", "[64:ff9b::808:808]"])
def test_outside_addresses_are_fine(address: str) -> None:
    try:
        assert posting.public_addresses(posting.checked(f"https://{address}/"))
    except OSError:
        pytest.skip("this machine has no such addresses")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org",
        "example.org/x",
        "http://",
        "https://a:b@example.org",
        "http://x:99999/",
        "http://e x/",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        posting.checked(url)


@pytest.fixture
def line() -> Iterator[Any]:
    """Listens; `line(lines, pause)` is what it answers everybody with, and how it goes on."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def answer(first: bytes, then: bytes = b"") -> str:
        def serve() -> None:
            opened, _from = server.accept()
            with opened:
                opened.recv(65536)
                try:
                    opened.sendall(first)
                    while then and not stop.wait(0.02):
                        opened.sendall(then)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        threads.append(thread)
        return f"http://127.0.0.1:{server.getsockname()[1]}/"

    yield answer
    stop.set()
    server.close()
    for thread in threads:
        thread.join()


def test_an_endless_answer_is_not_read(line: Any, settings: Settings) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    url = line(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 60_000)
    assert posting.post(url, b"{}", {}).status == 200


def test_an_answer_that_drips_is_cut_off(
    line: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    monkeypatch.setattr(posting, "SECONDS", 0.4)
    answer = posting.post(line(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"y"), b"{}", {})
    assert answer.status is None
    assert "within" in answer.error
