"""The supervised stack, started for real: it comes up, survives kills, and leaves nothing behind."""

import functools
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workbench.a_stack import AStack, data_folder, left_running, until
from workbench import demo
from workbench.supervisor import trim_logs

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
        stack = AStack(data, "--demo")
        stack.wait_until_up()
        yield stack
        stack.end(signal.SIGKILL)


def test_it_prints_the_address_the_logins_and_what_to_try(running: AStack) -> None:
    said = "\n".join(running.said)
    assert f"http://127.0.0.1:{running.port}/" in said
    assert demo.PASSWORD in said
    for account in demo.ACCOUNTS:
        assert f"  {account.username} " in said
    assert "Try first" in said
    assert running.healthy()


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


def test_a_killed_supervisor_leaves_nothing_running() -> None:
    with data_folder() as data:
        stack = AStack(data)
        stack.wait_until_up()
        assert len(left_running(data)) >= len(CHILDREN)
        stack.end(signal.SIGKILL)
        until(lambda: not left_running(data), seconds=60)


def test_a_stop_during_the_start_leaves_nothing_running() -> None:
    with data_folder() as data:
        stack = AStack(data)
        until(lambda: stack.pid_of("bin/postgres"))
        assert stack.end(signal.SIGINT) == 0
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
