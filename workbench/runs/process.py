"""The trainer's process: a session of its own, ended by the kernel if its supervisor dies (Linux)."""

import ctypes
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from workbench.runs.kinds import RunKind

_PR_SET_PDEATHSIG = 1
# A trainer needs files, not servers: what would let it reach them stays here.
_NOT_FOR_TRAINERS = frozenset(
    {
        *("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "STORAGE_URL", "METRICS_MIRROR"),
        *("SECRET_KEY", "SECRET_KEY_FALLBACKS"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    }
)
_libc = ctypes.CDLL(None, use_errno=True)


class Trainer:
    """A started trainer of `processes` processes in the run folder `folder`."""

    def __init__(self, kind: RunKind, folder: Path, processes: int) -> None:
        self._log = folder / "trainer.log"
        self._processes = processes
        with self._log.open("wb") as output:
            self._popen = subprocess.Popen(
                command(kind, folder, processes),
                cwd=settings.BASE_DIR,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_prepare_child,  # noqa: PLW1509 - plain system calls
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def poll(self) -> int | None:
        """None while it runs, else its exit code; negative: the signal that killed it."""
        return self._popen.poll()

    def ask_to_stop(self) -> None:
        """SIGTERM to the trainer itself: it writes a checkpoint and ends. (torchrun hands it on.)"""
        with suppress(ProcessLookupError):
            self._popen.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the whole group; returns when the trainer is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def killed_by(self) -> str | None:
        """The signal that ended it, or one of its ranks; None if it exited by itself."""
        code = self._popen.returncode
        if code is not None and code < 0:
            return _signal_name(-code)
        if self._processes > 1:
            # torchrun exits with 1 when a rank is killed, and reports the rank's own exit code in its log.
            for found in re.findall(r"exitcode\s*:\s*-(\d+)", self.last_words(200)):
                if int(found) != signal.SIGTERM:
                    return _signal_name(int(found))
        return None

    def last_words(self, lines: int = 40) -> str:
        """The end of what it printed."""
        with self._log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 64 * 1024))
            text = file.read().decode(errors="replace").replace("\x00", "")
        return "\n".join(text.splitlines()[-lines:])


def command(kind: RunKind, folder: Path, processes: int) -> list[str]:
    """The command line: the module itself, or torchrun that starts it `processes` times."""
    trainer = ["-m", *kind.command, "--run-dir", str(folder)]
    if processes == 1:
        return [sys.executable, *trainer]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [sys.executable, *torchrun, *trainer]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_TRAINERS}
    # torchrun kills its ranks 30 s after SIGTERM unless told otherwise.
    return kept | {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(settings.RUN_GRACE_SECONDS)}


def _prepare_child() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
