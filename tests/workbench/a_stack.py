"""A whole stack of its own for a test: `manage.py up` in a throw-away folder, and what it left in /proc."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from workbench.stack import BASE_DIR
from workbench.supervisor import MARKER

NAMED_SERVERS = ("DATABASE_URL", "REDIS_URL", "STORAGE_URL", "SITE_URL", "SECRET_KEY")


class AStack:
    """`manage.py up` as a subprocess on the data folder `data`."""

    def __init__(
        self,
        data: Path,
        *options: str,
        python: Sequence[str] = (sys.executable,),
        cwd: Path = BASE_DIR,
        **env: str,
    ) -> None:
        self.data, self.port = data, free_port()
        self.env = {name: value for name, value in os.environ.items() if name not in NAMED_SERVERS}
        self.env |= {"WORKBENCH_DATA": str(data), "PORT": str(self.port), **env}
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [*python, "manage.py", "up", *options],
            cwd=cwd,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_until_up(self) -> None:
        until(lambda: any("Ctrl-C ends everything" in line for line in self.said), self._still_there, 300)

    def healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        return False

    def manage(self, *arguments: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env={**self.env, **env},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def pid_of(self, words: str) -> int | None:
        """The child of the supervisor (not a grandchild) whose command line contains `words`."""
        for pid in left_running(self.data):
            with contextlib.suppress(OSError):
                parent = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                if parent == self.process.pid and words in command:
                    return pid
        return None

    def end(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(with_signal)
        return self.process.wait(60)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))

    def _still_there(self) -> None:
        if self.process.poll() is not None:
            raise AssertionError("\n".join(["`up` ended:", *self.said]))


@contextlib.contextmanager
def data_folder() -> Iterator[Path]:
    """A data folder that the database's user can reach, with short socket paths; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="wb-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        for pid in left_running(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def left_running(data: Path) -> list[int]:
    """The processes that carry the stack's marker in their environment, or its folder in their title."""
    marker, found = f"{MARKER}={data}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            marked = marker in (process / "environ").read_bytes().split(b"\0")
            if marked or str(data).encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


def until(
    true: Callable[[], object], meanwhile: Callable[[], None] = lambda: None, seconds: float = 120
) -> None:
    """Wait for a condition; AssertionError past the deadline."""
    deadline = time.monotonic() + seconds
    while not true():
        meanwhile()
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
