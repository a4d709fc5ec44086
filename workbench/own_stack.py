"""A stack for as long as a command needs one: the one that runs on this data, or one of its own."""

import contextlib
import fcntl
import http.client
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from workbench import stack
from workbench.stack import Service, StackError

_PORT = 8000


@contextlib.contextmanager
def running(say: Callable[[str], None], give_up: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Within the block a stack runs on this data; what was started for it is stopped after it.

    `give_up` is called while it starts and may raise. Gives a function to call now and then, which calls it
    too, and raises StackError if a stack that was started here has ended. Raises StackError where none can
    be started, and in an installation (SITE_URL is set) where the site does not answer.
    """
    if not settings.DEMO:
        if not _answers(settings.SITE_URL):
            raise StackError(f"{settings.SITE_URL} does not answer: start the workbench there first.")
        yield give_up
    elif _held(settings.DATA_DIR):
        yield give_up
    else:
        yield from _started(settings.DATA_DIR, say, give_up)


def _started(
    data: Path, say: Callable[[str], None], give_up: Callable[[], None]
) -> Iterator[Callable[[], None]]:
    port = int(os.environ["PORT"]) if os.environ.get("PORT", "").isdigit() else _free_port()
    address = f"http://127.0.0.1:{port}"
    log = data / "logs" / "own-stack.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    service = Service(
        name="The workbench",
        argv=[stack.python(), str(settings.BASE_DIR / "manage.py"), "up"],
        env={"PORT": str(port), "PYTHONUNBUFFERED": "1"},
        log=log,
        ready=lambda: _answers(address),
        ready_timeout=600,
        grace=settings.RUN_GRACE_SECONDS + 60,
    )

    def still_there() -> None:
        give_up()
        if not service.running:
            raise StackError(f"The workbench that was started has ended. {service.last_words()}")

    say(f"No workbench runs on {data}: starting one …")
    service.start()
    try:
        service.wait_ready(give_up)
        say(f"The workbench runs: {address}/")
        yield still_there
    finally:
        say("Stopping the workbench that was started …")
        service.stop()


def _held(data: Path) -> bool:
    """Whether a supervisor holds the data folder (see `supervisor.only_one`)."""
    try:
        with (data / "up.lock").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _answers(address: str) -> bool:
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    """The usual port, or any that is free where that one is taken."""
    for wanted in (_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", wanted))
                return int(probe.getsockname()[1])
    raise StackError("No port is free.")
