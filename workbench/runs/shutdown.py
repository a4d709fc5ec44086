"""How a supervisor in a pool process learns that its Celery worker ends.

On SIGTERM the worker's parent process only waits for its pool. It tells the pool through one byte of memory
that they share since the fork. A parent that was killed tells nothing: then the pool process has another
parent.
"""

import mmap
import os
import signal
import threading
from types import FrameType
from typing import Any, Self

_shared = mmap.mmap(-1, 1)


def announce(**_signal: Any) -> None:
    """For `celery.signals.worker_shutting_down`, sent in the parent process."""
    _shared[0] = 1


class ShutdownWatch:
    """True once this process should end: SIGTERM to it, an announced shutdown, or the parent process gone.

    Used as a context manager in the main thread, it takes over SIGTERM for that time.
    """

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._signalled = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._on_signal)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def __bool__(self) -> bool:
        return self._signalled or bool(_shared[0]) or os.getppid() != self._parent

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signalled = True
