"""The supervised stack, started for real: it comes up, survives kills, and leaves nothing behind."""

import functools
import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

import psycopg
import pytest

from tests.runs.videos import make_clips
from tests.workbench.a_stack import AStack, data_folder, left_running, until
from workbench import demo
from workbench.stack import database_url
from workbench.supervisor import trim_logs

CONFIG = {"steps": 400, "batch_size": 8, "width": 8, "image_size": 32, "keyframes_per_clip": 2}
CONFIG |= {"checkpoint_every": 20, "log_every": 5, "eval_every": 100}

CHILDREN = {
    "Web": "uvicorn",
    "Worker (default)": "-Q default",
    "Worker (gpu)": "-Q gpu",
    "Beat": "beat",
    "Valkey": "valkey-server",
    "PostgreSQL": "bin/postgres",
}


@pytest.fixture(scope="module")
def running() -> Iterator[AStack]:
    with data_folder() as data:
        stack = AStack(data)
        stack.wait_until_up()
        yield stack
        stack.end(signal.SIGKILL)


@pytest.mark.slow
def test_the_demo_prints_its_address_its_logins_and_what_to_try() -> None:
    with data_folder() as data:
        stack = AStack(data, "--demo")
        stack.wait_until_up()
        said = "\n".join(stack.said)
        assert f"http://127.0.0.1:{stack.port}/" in said
        assert "Try first" in said
        assert "drawn clips: 24 of 24" in said  # the long part shows how far it is
        for account in demo.ACCOUNTS:
            assert f"  {account.username} " in said
            assert _can_sign_in(stack, account.username, demo.PASSWORD)
        assert not _can_sign_in(stack, "manager", "something else")
        assert stack.end() == 0


@pytest.mark.parametrize("name", CHILDREN)
def test_a_killed_child_is_started_again(running: AStack, name: str) -> None:
    words = CHILDREN[name]
    until(lambda: running.pid_of(words) is not None)
    before = running.pid_of(words)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: running.pid_of(words) not in {before, None})
    until(running.healthy)
    assert any(f"{name} ended (killed by SIGKILL)" in line for line in running.said)
    for queue in ("default", "gpu"):
        until(functools.partial(_answers, running, queue))


def test_a_second_one_is_refused_in_one_line(running: AStack) -> None:
    second = running.manage("up")
    assert second.returncode != 0
    (line,) = second.stderr.splitlines()
    assert f"already runs on {running.data} (process {running.process.pid})" in line


def test_reset_is_refused_while_it_runs(running: AStack) -> None:
    refused = running.manage("reset", "--yes")
    assert refused.returncode != 0
    assert "already runs" in refused.stderr
    assert (running.data / "postgresql" / "PG_VERSION").exists()


def test_a_port_in_use_is_one_line() -> None:
    with data_folder() as data, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack = AStack(data, PORT=str(port))
        assert stack.process.wait(60) != 0
        until(lambda: stack.said)
        (line,) = stack.said
        assert (
            f"Port {port} is in use: stop the program that uses it, or choose another, PORT={port + 1}."
            in line
        )
        assert left_running(data) == []


def test_ctrl_c_ends_everything_and_the_data_stays_until_reset() -> None:
    with data_folder() as data:
        first = AStack(data)
        first.wait_until_up()
        made = first.manage("create_manager", "rosa", "rosa@example.org", stdin="sunflowers at noon\n")
        assert made.returncode == 0, made.stderr
        assert first.end(signal.SIGINT) == 0
        assert left_running(data) == []

        second = AStack(data)
        second.wait_until_up()
        again = second.manage("create_manager", "rosa", "rosa@example.org", stdin="sunflowers at noon\n")
        assert "already exists" in again.stderr
        assert second.end(signal.SIGTERM) == 0
        assert left_running(data) == []

        (data / "somebody-elses").write_text("keep me")
        assert second.manage("reset", stdin="no\n").returncode != 0
        assert (data / "postgresql").exists()
        cleared = second.manage("reset", stdin="yes\n")
        assert cleared.returncode == 0, cleared.stderr
        assert [path.name for path in data.iterdir()] == ["somebody-elses"]


def test_a_stop_during_the_start_leaves_nothing_running() -> None:
    with data_folder() as data:
        stack = AStack(data)
        until(lambda: stack.pid_of("bin/postgres"))
        assert stack.end(signal.SIGINT) == 0
        assert left_running(data) == []


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=lambda end: end.name)
def test_a_training_run_outlives_its_stack(tmp_path: Path, end: signal.Signals) -> None:
    """Ended in the middle of a run, the stack leaves no trainer; the next one goes on from a checkpoint."""
    with data_folder() as data:
        first = AStack(data, RUN_LEASE_SECONDS="4")
        first.wait_until_up()
        first.manage("create_manager", "rosa", "rosa@example.org", stdin="sunflowers at noon\n")
        clips = make_clips(tmp_path / "clips", count=4)
        manifest = clips / "manifest.csv"
        manifest.write_text("path\n" + "".join(f"{path.name}\n" for path in sorted(clips.glob("*.mp4"))))
        imported = first.manage("import_clips", str(manifest))
        assert imported.returncode == 0, imported.stderr
        until(lambda: _row(data, "SELECT count(*) FROM annotation_clip WHERE state = 'ready'") == (4,))
        launched = first.manage("run", "aesthetic", "--config", json.dumps(CONFIG))
        assert launched.returncode == 0, launched.stderr
        until(
            lambda: (
                _row(data, "SELECT count(*) > 0 FROM workbench_artifact WHERE kind = 'checkpoint'") == (True,)
            )
        )
        assert len(left_running(data)) >= len(CHILDREN)
        first.end(end)
        until(lambda: not left_running(data), seconds=90)

        second = AStack(data, RUN_LEASE_SECONDS="4")
        second.wait_until_up()
        until(lambda: _row(data, "SELECT state FROM workbench_run") == ("succeeded",), seconds=240)
        row = _row(data, "SELECT attempt, step, total_steps FROM workbench_run")
        assert row is not None
        attempt, step, total = row
        assert (attempt, step) == (2, total)
        assert _row(data, "SELECT count(*) > count(DISTINCT (step, name)) FROM workbench_metric") == (False,)
        assert second.end() == 0
        assert left_running(data) == []


def test_a_log_is_cut_at_its_limit_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 2000)
        trim_logs(tmp_path, limit=5000)
        assert log.stat().st_size == 2000
        writer.write(b"y" * 4000)
        trim_logs(tmp_path, limit=5000)
        assert log.stat().st_size == 0
        writer.write(b"after\n")
    assert log.read_bytes() == b"after\n"
    assert log.with_suffix(".log.1").stat().st_size == 6000


def _can_sign_in(stack: AStack, username: str, password: str) -> bool:
    browser = build_opener(HTTPCookieProcessor())
    address = f"http://127.0.0.1:{stack.port}/login/"
    with browser.open(address) as page:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert found is not None
    form = {"csrfmiddlewaretoken": found[1], "username": username, "password": password}
    with browser.open(address, urlencode(form).encode()) as answer:
        return not urlsplit(answer.url).path.startswith("/login")


def _row(data: Path, query: LiteralString) -> tuple[Any, ...] | None:
    with psycopg.connect(database_url(data)) as link:
        return link.execute(query).fetchone()


def _answers(stack: AStack, queue: str) -> bool:
    from celery import Celery

    app = Celery(broker=f"redis+socket://{stack.data / 'run' / 'valkey.sock'}")
    connection = app.connection_for_write()
    try:
        found = app.control.ping(
            destination=[f"{queue}@{socket.gethostname()}"], timeout=2, connection=connection
        )
    except (OSError, *connection.connection_errors):
        return False
    finally:
        connection.release()
    return bool(found)
