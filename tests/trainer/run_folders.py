"""Run folders with clips made here, trainer processes driven for real, and the promises of their streams."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np

Event = dict[str, Any]

SMALL: dict[str, Any] = {
    "steps": 40,
    "batch_size": 4,
    "width": 4,
    "image_size": 32,
    "keyframes_per_clip": 2,
    "checkpoint_every": 10,
    "log_every": 7,
    "eval_every": 20,
}
"""A run of a second or two; metrics fall between checkpoints, so a half-full window has to be resumed."""


def write_clip(path: Path, seed: int, *, frames: int = 8, width: int = 96, height: int = 72) -> None:
    """A video of coloured discs and stripes moving over a wavy ground, H.264."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = np.sin(x / rng.uniform(2, 12) + y / rng.uniform(2, 12))
    ground = rng.uniform(60, 190) + 20 * waves
    discs = rng.uniform(0, 1, (6, 8))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # The same bytes each time, since their hash decides the split: x264's rate control by crf
        # (its mbtree) does not give them.
        stream.options = {"qp": "14", "threads": "1"}
        for t in range(frames):
            picture = np.repeat(ground[:, :, None], 3, axis=2)
            for cx, cy, dx, dy, radius, *colour in discs:
                inside = (x - width * (cx + dx * t / 40)) ** 2 + (y - height * (cy + dy * t / 40)) ** 2
                stripes = np.where((x + y).astype(int) // 3 % 2, 0.7, 1.0)
                # Near grey: a strong tint is then a fault that can be seen.
                tint = 128 + 100 * (np.mean(colour) - 0.5) * 2 + 20 * (np.array(colour) - np.mean(colour))
                painted = (inside < (4 + 14 * radius) ** 2)[:, :, None]
                picture = np.where(painted, tint[None, None] * stripes[:, :, None], picture)
            frame = np.clip(picture, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def write_clips(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"clip-{index}.mp4" for index in range(count)]
    for index, path in enumerate(paths):
        write_clip(path, seed=index)
    return paths


def prepare(folder: Path, clips: Iterable[Path], resume: Path | None = None, **config: Any) -> Path:
    """A run folder as the supervisor lays it out; `resume` is a checkpoint's folder."""
    inputs = folder / "inputs"
    inputs.mkdir(parents=True)
    named = []
    for clip in clips:
        (inputs / clip.name).symlink_to(clip)
        named.append({"path": clip.name, "sha256": hashlib.sha256(clip.read_bytes()).hexdigest()})
    if resume is not None:
        (folder / "resume").symlink_to(resume)
    (folder / "config.json").write_text(json.dumps({"clips": named, **config}))
    return folder


def command(folder: Path, processes: int = 1) -> list[str]:
    module = ["-m", "rewardmodels.train", "aesthetic", "--run-dir", str(folder)]
    if processes == 1:
        return [sys.executable, *module]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [sys.executable, *torchrun, *module]


def start(folder: Path, processes: int = 1) -> subprocess.Popen[bytes]:
    with (folder / "output.txt").open("wb") as output:
        return subprocess.Popen(
            command(folder, processes),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )


def run(folder: Path, processes: int = 1) -> int:
    """Runs to the end; the exit code."""
    process = start(folder, processes)
    try:
        return process.wait(timeout=120)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Leaves nothing of a process's session behind."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def events(folder: Path) -> list[Event]:
    """The whole lines of the stream so far."""
    path = folder / "events.jsonl"
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def wait_for(folder: Path, process: subprocess.Popen[bytes], kind: str, step: int) -> Event:
    """Polls until the event of that kind and step, or a later one, is there."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        for event in events(folder):
            if event["event"] == kind and event["step"] >= step:
                return event
        if ended:
            raise AssertionError(f"ended first:\n{(folder / 'output.txt').read_text()[-3000:]}")
        time.sleep(0.005)
    raise AssertionError(f"no {kind} of step {step}: {events(folder)[-3:]}")


def metrics(stream: list[Event], up_to: int | None = None, after: int = 0) -> dict[tuple[int, str], float]:
    """(step, name) -> value, without the speed, which no two runs share."""
    return {
        (event["step"], name): value
        for event in stream
        if event["event"] == "metric" and after < event["step"] and (up_to is None or event["step"] <= up_to)
        for name, value in event["values"].items()
        if not name.startswith("speed/")
    }


def final_weights(folder: Path) -> str:
    """SHA-256 of the last checkpoint's weights."""
    last = [event for event in events(folder) if event["event"] == "checkpoint"][-1]
    assert last["final"]
    return hashlib.sha256((folder / last["path"] / "model.safetensors").read_bytes()).hexdigest()


def check_promises(stream: list[Event]) -> None:
    """The order that a supervisor builds on; written apart from the writer's own checks."""
    kinds = [event["event"] for event in stream]
    assert kinds.count("start") <= 1
    if "start" in kinds:
        assert set(kinds[: kinds.index("start")]) <= {"log"}
    else:
        assert set(kinds) <= {"log", "error"}
    for closing in ("end", "error"):
        assert closing not in kinds[:-1]
    assert kinds.count("result") <= 1
    if kinds and kinds[-1] == "end" and stream[-1]["state"] == "succeeded":
        assert kinds.count("result") == 1
    seen: set[tuple[int, str]] = set()
    last_checkpoint = next((event["resumed_from"] or 0 for event in stream if event["event"] == "start"), 0)
    for event in stream:
        if event["event"] == "checkpoint":
            assert event["step"] >= last_checkpoint
            last_checkpoint = event["step"]
        if event["event"] == "metric":
            assert event["step"] > last_checkpoint or last_checkpoint == 0
            names = {(event["step"], name) for name in event["values"]}
            assert not names & seen
            seen |= names
