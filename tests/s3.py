"""An S3 server of the tests' own, and a line to it that can be cut."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

# The environment of a client of that server; nothing of the machine's own keys and settings is left.
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The address of a fresh S3 server."""
    from moto.server import ThreadedMotoServer  # only tests that need it wait for it

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        moto.stop()


def environment(endpoint: str) -> dict[str, str | None]:
    """What to set; None: what to remove."""
    return {
        **{name: None for name in os.environ if name.startswith("AWS_")},
        **KEYS,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def bucket(endpoint: str, name: str) -> None:
    import boto3

    boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name="us-east-1",
    ).create_bucket(Bucket=name)


@contextlib.contextmanager
def cut_after(endpoint: str, sent: int) -> Iterator[str]:
    """The address of a line to the server that breaks for good once `sent` bytes went to it."""
    far = urlsplit(endpoint)
    assert far.port is not None
    left, lock = [sent], threading.Lock()
    ends: list[socket.socket] = []

    def carry(source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(64 * 1024):
                if counted:
                    with lock:
                        block = block[: left[0]]
                        left[0] -= len(block)
                target.sendall(block)
                if left[0] <= 0:
                    break
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes the other thread up
            end.close()

    def accept(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                if left[0] <= 0:
                    near.close()
                    continue
                distant = socket.create_connection((far.hostname, far.port))
                ends.extend([near, distant])
                threading.Thread(target=carry, args=(near, distant, True), daemon=True).start()
                threading.Thread(target=carry, args=(distant, near, False), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            for end in ends:
                end.close()
