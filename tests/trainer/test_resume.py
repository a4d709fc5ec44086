"""A run that was killed or stopped and resumed ends as one that was never disturbed, bit for bit."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.trainer import run_folders
from tests.trainer.run_folders import SMALL


def test_the_stream_of_a_whole_run(undisturbed: Path) -> None:
    stream = run_folders.events(undisturbed)
    run_folders.check_promises(stream)
    by_kind = {kind: [e for e in stream if e["event"] == kind] for kind in ("checkpoint", "metric", "sample")}
    assert [(c["step"], c["final"]) for c in by_kind["checkpoint"]] == [
        (10, False),
        (20, False),
        (30, False),
        (40, True),
    ]
    assert [m["step"] for m in by_kind["metric"]] == [7, 14, 20, 21, 28, 35, 40]
    assert [s["step"] for s in by_kind["sample"]] == [20, 40]
    for sample in by_kind["sample"]:
        assert (undisturbed / sample["path"]).read_bytes().startswith(b"\x89PNG")
    for checkpoint in by_kind["checkpoint"]:
        files = {path.name for path in (undisturbed / checkpoint["path"]).iterdir()}
        assert files == {"model.safetensors", "state.pt"}
    assert not list((undisturbed / "checkpoints").glob(".*"))
    assert [event["event"] for event in stream[-3:]] == ["checkpoint", "result", "end"]
    assert stream[-1]["state"] == "succeeded"


def test_killed_and_resumed(undisturbed: Path, small_clips: list[Path], tmp_path: Path) -> None:
    killed = run_folders.prepare(tmp_path / "killed", small_clips, **SMALL)
    process = run_folders.start(killed)
    try:
        recorded = run_folders.wait_for(killed, process, "checkpoint", 10)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    finally:
        run_folders.end(process)
    step = recorded["step"]

    resumed = run_folders.prepare(tmp_path / "resumed", small_clips, killed / recorded["path"], **SMALL)
    assert run_folders.run(resumed) == 0, (resumed / "output.txt").read_text()

    whole, first, second = (run_folders.events(folder) for folder in (undisturbed, killed, resumed))
    run_folders.check_promises(second)
    assert next(e for e in second if e["event"] == "start")["resumed_from"] == step
    assert run_folders.final_weights(resumed) == run_folders.final_weights(undisturbed)
    pieces = run_folders.metrics(first, up_to=step) | run_folders.metrics(second)
    assert pieces == run_folders.metrics(whole)
    assert min(s for s, _ in run_folders.metrics(second)) > step
    last = [e["values"] for stream in (whole, second) for e in stream if e["event"] == "result"]
    assert last[0] == last[1]


def test_stopped_and_resumed(undisturbed: Path, small_clips: list[Path], tmp_path: Path) -> None:
    stopped = run_folders.prepare(tmp_path / "stopped", small_clips, **SMALL)
    process = run_folders.start(stopped)
    try:
        run_folders.wait_for(stopped, process, "progress", 7)
        process.terminate()
        assert process.wait(timeout=60) == 143
    finally:
        run_folders.end(process)
    first = run_folders.events(stopped)
    run_folders.check_promises(first)
    assert first[-1] == {"event": "end", "state": "stopped"}
    assert first[-2]["event"] == "checkpoint"
    assert not first[-2]["final"]

    resumed = run_folders.prepare(tmp_path / "resumed", small_clips, stopped / first[-2]["path"], **SMALL)
    assert run_folders.run(resumed) == 0
    pieces = run_folders.metrics(first) | run_folders.metrics(run_folders.events(resumed))
    assert pieces == run_folders.metrics(run_folders.events(undisturbed))
    assert run_folders.final_weights(resumed) == run_folders.final_weights(undisturbed)


def test_resumed_after_the_last_step(undisturbed: Path, small_clips: list[Path], tmp_path: Path) -> None:
    """Killed between the last checkpoint and the result: only the result is left to do."""
    last = undisturbed / "checkpoints/step-000040"
    resumed = run_folders.prepare(tmp_path / "resumed", small_clips, last, **SMALL)
    assert run_folders.run(resumed) == 0
    stream = run_folders.events(resumed)
    assert [e["event"] for e in stream if e["event"] != "log"] == ["start", "progress", "result", "end"]
    assert stream[-2] == run_folders.events(undisturbed)[-2]


def test_a_trainer_dies_with_its_parent(small_clips: list[Path], tmp_path: Path) -> None:
    folder = run_folders.prepare(tmp_path / "run", small_clips, **SMALL | {"steps": 100_000})
    code = "import subprocess, sys; p = subprocess.Popen(sys.argv[1:]); print(p.pid, flush=True); p.wait()"
    parent = subprocess.Popen(
        [sys.executable, "-c", code, *run_folders.command(folder)],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert parent.stdout is not None
        trainer = int(parent.stdout.readline())
        run_folders.wait_for(folder, parent, "progress", 1)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + 30
        while _runs(trainer) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not _runs(trainer)
    finally:
        if parent.stdout is not None:
            parent.stdout.close()
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)


def _runs(pid: int) -> bool:
    """A zombie that nobody has waited for counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
