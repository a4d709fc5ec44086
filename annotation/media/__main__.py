"""The child process of `worker`: limits first, then libav."""

import ctypes
import json
import os
import resource
import signal
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1


def main() -> None:
    request = json.load(sys.stdin)
    _confine(request["limits"])
    try:
        answer: dict[str, Any] = {"done": _do(request)}
    except MemoryError:
        megabytes = request["limits"]["memory_bytes"] // 2**20
        answer = {"refused": "too_costly", "values": {"what": "memory", "limit": f"{megabytes} MB"}}
    except Exception as error:
        from .refused import Refused

        if not isinstance(error, Refused):
            raise
        answer = {"refused": error.code, "values": dict(error.values)}
    sys.stdout.write(json.dumps(answer) + "\n")


def _confine(limits: dict[str, Any]) -> None:
    """Bound memory, processor time, file size and open files, leave no core dump, and die with the parent."""
    for what, most in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, 4 * limits["max_bytes"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(5)


def _do(request: dict[str, Any]) -> dict[str, Any]:
    from .decode import Limits, measure
    from .rendition import measure_looks, write_poster, write_rendition

    path, limits = Path(request["path"]), Limits(**request["limits"])
    if request["job"] == "probe":
        return measure(path, limits).to_json()
    if request["job"] == "looks":
        return dict(measure_looks(path, limits))
    out, box = Path(request["out"]), (request["box"][0], request["box"][1])
    if request["job"] == "poster":
        return dict(write_poster(path, out, box=box, limits=limits))
    fps = Fraction(request["fps"]) if request["fps"] else None
    return write_rendition(path, out, box=box, fps=fps, max_seconds=request["max_seconds"], limits=limits)


if __name__ == "__main__":
    main()
