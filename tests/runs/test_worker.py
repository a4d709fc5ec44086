"""Runs through a real Celery worker: torchrun, no torch in it, hints to a browser, the command line."""

import asyncio
import json
import os
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest
import websockets
from tensorboardX.proto import event_pb2

from tests.runs.rig import BASE_DIR, Rig
from tests.workbench.a_stack import free_port
from workbench import stack

pytestmark = pytest.mark.slow

SHORT = {"batch_size": 4, "width": 4, "image_size": 32, "keyframes_per_clip": 2, "checkpoint_every": 10}
SHORT |= {"log_every": 5, "eval_every": 1000}


def test_two_processes_train_through_torchrun(rig: Rig) -> None:
    """Also: cancelled in the middle, each rank stops at the same step; resumed, it ends."""
    run = rig.launch("aesthetic", SHORT | {"steps": 400, "processes": 2})
    rig.wait_for_step(run, 10)
    assert len(rig.trainer_pids(run)) >= 3  # torchrun and two ranks
    rig.ask_to_cancel(run)
    assert rig.wait_for_end(run) == "cancelled"
    assert rig.trainer_pids(run) == []
    (stopped_at,) = rig.run_row(run, "step")
    assert 10 <= stopped_at < 400
    rig.manage("shell", "-v0", "-c", RESUME.format(run=run))
    assert rig.wait_for_end(run) == "succeeded", rig.run_row(run, "error")
    steps = [step for step, name in rig.metrics(run) if name == "train/loss"]
    assert steps == list(range(5, 401, 5))
    starts = (
        "SELECT data->>'step' FROM workbench_runevent WHERE run_id = %s AND text = 'training' ORDER BY id"
    )
    assert rig.rows(starts, run)[1] == (str(stopped_at),)


def test_a_killed_rank_is_not_an_error_of_the_run(rig: Rig) -> None:
    run = rig.launch("aesthetic", SHORT | {"steps": 120, "processes": 2})
    rig.wait_for_step(run, 20)
    ranks = [pid for pid in rig.trainer_pids(run) if "--nproc-per-node" not in command_line(pid)]
    os.kill(ranks[-1], signal.SIGKILL)
    assert rig.wait_for_end(run) == "succeeded", rig.run_row(run, "error")
    assert rig.run_row(run, "attempt") == (2,)


def test_no_torch_in_the_worker_and_no_secrets_in_the_trainer(rig: Rig) -> None:
    run = rig.launch("aesthetic", SHORT | {"steps": 100})
    rig.wait_for_step(run, 5)
    supervisor, (trainer,) = rig.supervisor_pid(run), rig.trainer_pids(run)
    assert "libtorch" not in Path(f"/proc/{supervisor}/maps").read_text()
    assert "libtorch" in Path(f"/proc/{trainer}/maps").read_text()
    environment = Path(f"/proc/{trainer}/environ").read_bytes()
    assert b"OMP_NUM_THREADS=1" in environment  # what the worker was given passes through
    assert b"SECRET_KEY" not in environment
    assert rig.wait_for_end(run) == "succeeded"


def test_importing_what_a_worker_runs_brings_no_torch(rig: Rig) -> None:
    code = "import sys, django; django.setup(); import workbench.runs.tasks, annotation.tasks; "
    code += "print([name for name in ('torch', 'tensorboardX', 'mlflow') if name in sys.modules])"
    done = subprocess.run(
        [stack.python(), "-c", code], cwd=BASE_DIR, env=rig.env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_hints_reach_a_browser_and_strangers_hear_nothing(rig: Rig) -> None:
    port = free_port()
    rig.start_web(port)
    cookies = json.loads(rig.manage("shell", "-v0", "-c", SESSIONS).stdout)
    run = rig.launch("aesthetic", SHORT | {"steps": 60})

    async def listen(cookie: str | None) -> tuple[set[str], int | None]:
        headers = {"Origin": f"http://127.0.0.1:{port}"}
        if cookie:
            headers["Cookie"] = f"sessionid={cookie}"
        heard: set[str] = set()
        address = f"ws://127.0.0.1:{port}/ws/runs/{run}/"
        async with websockets.connect(address, additional_headers=headers) as client:
            deadline = time.monotonic() + 60
            while not heard >= {"metrics", "state", "events", "artifacts"}:
                try:
                    message = await asyncio.wait_for(client.recv(), deadline - time.monotonic())
                except websockets.ConnectionClosed as closed:
                    return heard, closed.rcvd.code if closed.rcvd else None
                heard |= set(json.loads(message)["what"])
        return heard, None

    assert asyncio.run(listen(None)) == (set(), 4403)
    assert asyncio.run(listen(cookies["annotator"])) == (set(), 4403)
    assert asyncio.run(listen(cookies["engineer"])) == ({"metrics", "state", "events", "artifacts"}, None)
    assert rig.wait_for_end(run) == "succeeded"


def test_follow_from_a_shell_and_leave_it_running(rig: Rig) -> None:
    arguments = ["run", "aesthetic", "--follow", "--config", json.dumps(SHORT | {"steps": 20_000})]
    following = subprocess.Popen(
        [stack.python(), "manage.py", *arguments],
        cwd=BASE_DIR,
        env=rig.env | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests started in the background of a shell ignore SIGINT, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert following.stdout is not None
    run = following.stdout.readline().split()[1]
    for line in following.stdout:
        if "train/loss=" in line:
            break
    following.send_signal(signal.SIGINT)
    _, errors = following.communicate(timeout=30)
    assert following.returncode == 130
    assert f"manage.py cancel_run {run}" in errors
    assert rig.state(run) == "running"
    rig.manage("cancel_run", run)
    assert rig.wait_for_end(run) == "cancelled"


def test_metrics_go_to_tensorboard_too(rig: Rig, tmp_path: Path) -> None:
    """Once each, in order, also when the trainer is killed on the way."""
    rig.services["gpu"].stop()
    rig.env["METRICS_MIRROR"] = f"tensorboard:{tmp_path}"
    rig.start_worker("gpu")
    try:
        run = rig.launch("aesthetic", SHORT | {"steps": 100})
        rig.wait_for_step(run, 45)
        (trainer,) = rig.trainer_pids(run)
        os.kill(trainer, signal.SIGKILL)
        assert rig.wait_for_end(run) == "succeeded"
    finally:
        del rig.env["METRICS_MIRROR"]
        rig.services["gpu"].stop()
    assert tensorboard_steps(tmp_path / f"aesthetic-{run}", "train/loss") == list(range(5, 101, 5))


RESUME = """
from workbench.models import User
from workbench.runs import control
control.resume(User.objects.get(username="boss"), "{run}")
"""
SESSIONS = """
import json
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from workbench.models import User
found = {}
for role in ("engineer", "annotator"):
    user, _ = User.objects.get_or_create(username=role, role=role, email=f"{role}@example.org")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    found[role] = session.session_key
print(json.dumps(found))
"""


def tensorboard_steps(folder: Path, name: str) -> list[int]:
    """The steps of a curve as TensorBoard shows it: a restart at a step drops what came at or after it."""
    steps: list[int] = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        at = 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = event_pb2.Event.FromString(data[at + 12 : at + 12 + length])
            at += 12 + length + 4
            if event.session_log.status == event_pb2.SessionLog.START:
                steps = [step for step in steps if step < event.step]
            steps += [event.step for value in event.summary.value if value.tag == name]
    return steps


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
