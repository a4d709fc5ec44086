"""How a training process learns that it has to stop, and that it never outlives its parent (Linux)."""

from __future__ import annotations

import ctypes
import signal
from types import FrameType

STOPPED_EXIT_CODE = 128 + signal.SIGTERM
"""Exit code of a process that stopped in good order on SIGTERM: 143."""

_PR_SET_PDEATHSIG = 1


class StopFlag:
    """True once SIGTERM has arrived. The loop looks at it between steps; nothing is interrupted."""

    def __init__(self) -> None:
        self._raised = False

    def __bool__(self) -> bool:
        return self._raised

    def install(self) -> None:
        """Takes over SIGTERM; call it from the main thread, before anything slow is imported."""
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._raised = True


def die_with_parent() -> None:
    """Asks the kernel to SIGKILL this process when the thread that started it ends (prctl(2)).

    A killed supervisor or torchrun therefore leaves no process behind that would hold the GPU.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
