"""Run one job on one file in a child process that can be killed: ``python -m annotation.media``.

The request goes in as JSON on stdin, the answer comes back as one JSON object on stdout: ``{"done": ...}`` or
``{"refused": code, "values": ...}``. The child limits itself before it loads libav; the parent keeps the
clock. A child that dies of its limits is a refusal; one that dies of a mistake of ours is a RuntimeError.
"""

import json
import os
import signal
import subprocess
import sys
import uuid
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from .appearance import Looks
from .decode import Limits, Probe
from .refused import Refused, gettext_noop

_ROOT = Path(__file__).resolve().parent.parent.parent
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A judged rendition that was written."""

    width: int
    height: int
    frames: int
    frame_times: list[float]
    """Seconds from the start at which each frame appears."""
    duration: float
    """Seconds; the last frame counts for the mean spacing of the others."""
    size_bytes: int
    looks: Looks


def probe(path: Path, limits: Limits | None = None) -> Probe:
    """Decode all of the video at ``path`` and say what it is. Raises `Refused`."""
    return Probe.from_json(_run("probe", path, limits or Limits()))


def render(
    path: Path,
    out: Path,
    *,
    box: tuple[int, int] = (1280, 720),
    fps: Fraction | None = None,
    max_seconds: float | None = None,
    limits: Limits | None = None,
) -> Rendered:
    """Write the judged rendition of ``path`` to ``out``, complete or not at all: see `rendition`.

    ``box`` is the (width, height) in pixels that the picture is scaled into. ``fps`` and ``max_seconds``
    change rate and length where a campaign normalises them. Raises `Refused`.
    """
    part = _part(out)
    try:
        answer = _run(
            "render",
            path,
            limits or Limits(),
            out=str(part),
            box=list(box),
            fps=str(fps) if fps else None,
            max_seconds=max_seconds,
        )
        _settle(part, out)
    finally:
        part.unlink(missing_ok=True)
    return Rendered(**{**answer, "looks": Looks(**answer["looks"])})


def looks(rendition: Path, limits: Limits | None = None) -> Looks:
    """Decode a rendition and say how it looks, as `render` does of what it writes. Raises `Refused`."""
    return Looks(**_run("looks", rendition, limits or Limits()))


def poster(
    path: Path, out: Path, *, box: tuple[int, int] = (640, 360), limits: Limits | None = None
) -> tuple[int, int]:
    """Write a JPEG of a telling frame to ``out``, complete or not at all; give its size in pixels.

    Raises `Refused`.
    """
    part = _part(out)
    try:
        answer = _run("poster", path, limits or Limits(), out=str(part), box=list(box))
        _settle(part, out)
    finally:
        part.unlink(missing_ok=True)
    return answer["width"], answer["height"]


def _run(job: str, path: Path, limits: Limits, **options: Any) -> dict[str, Any]:
    request = {"job": job, "path": str(path.absolute()), "limits": asdict(limits), **options}
    child = subprocess.Popen(
        [sys.executable, "-m", "annotation.media"],
        cwd=_ROOT,
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(_ROOT), "MALLOC_ARENA_MAX": "2"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stdout, stderr = child.communicate(json.dumps(request).encode(), timeout=limits.wall_seconds)
    except subprocess.TimeoutExpired:
        raise Refused("too_costly", what=gettext_noop("time"), limit=f"{limits.wall_seconds:g} s") from None
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()
    if child.returncode == 0:
        answer = json.loads(stdout.splitlines()[-1])
        if "refused" in answer:
            raise Refused(answer["refused"], **answer["values"])
        done: dict[str, Any] = answer["done"]
        return done
    killed_by = -child.returncode
    if killed_by in (signal.SIGXCPU, signal.SIGKILL):
        raise Refused("too_costly", what=gettext_noop("processor time"), limit=f"{limits.cpu_seconds} s")
    if killed_by in _CRASHES:
        raise Refused("broken", frames=0, detail=f"the decoder crashed: {signal.Signals(killed_by).name}")
    raise RuntimeError(f"{job} of {path.name} failed:\n{stderr.decode(errors='replace')[-4000:]}")


def _part(out: Path) -> Path:
    """Name a file beside ``out`` to write to first, so that ``out`` only ever appears whole."""
    return out.with_name(f".{out.name}.{uuid.uuid4().hex}.part").absolute()


def _settle(part: Path, out: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(out)
