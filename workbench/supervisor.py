"""One process that starts the whole stack, keeps it running and takes it down again.

Children start stage by stage, each stage once the one before is ready, and stop in the reverse order. Every
child has a session of its own and a parent-death signal, so that nothing outlives this process, however it
ends. A child that dies is started again, after a pause that grows with its deaths.

One thread, no event loop: signals only set a flag that every wait looks at.
"""

import contextlib
import fcntl
import http.client
import os
import select
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench import stack
from workbench.stack import Service, StackError

MARKER = "WORKBENCH_STACK"  # in the environment of every child: the data folder of the stack it belongs to
LOG_LIMIT = 10 * 1024 * 1024  # bytes; a service's log and the one before it each hold at most about this much
SPACE_NEEDED = 300 * 1024 * 1024  # bytes; an empty database and its write-ahead log take about 100 MB
BACKOFF_FIRST, BACKOFF_MOST = 0.5, 30.0  # seconds
HEALTHY_AFTER = 60.0  # seconds of life after which a child's earlier deaths are forgotten


class StopAskedError(Exception):
    """Somebody asked to stop while the stack was still starting."""


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder for one stack; StackError where another holds it or it can't be written."""
    stack.prepare_folders(data)
    try:
        with (data / "up.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                raise StackError(
                    f"The workbench already runs on {data} (process {lock.read().strip()}): stop it first."
                ) from error
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield
            lock.truncate(0)
    except OSError as error:
        raise StackError(f"The data folder {data} can't be used: {error.strerror}.") from error


def check_machine(data: Path, port: int) -> None:
    """StackError where the disk is (nearly) full or the port is taken."""
    free = shutil.disk_usage(data).free
    if free < SPACE_NEEDED:
        raise StackError(
            f"The disk that holds {data} is full: {free >> 20} MB are free, {SPACE_NEEDED >> 20} MB needed."
            " Free some space, or set WORKBENCH_DATA to another folder."
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError as error:
            raise StackError(
                f"Port {port} may not be used by this user: choose one above 1023, PORT=8001."
            ) from error
        except OSError as error:
            raise StackError(
                f"Port {port} is in use: stop the program that uses it, or choose another, PORT={port + 1}."
            ) from error


def stages(data: Path, port: int, grace: float) -> tuple[list[list[Service]], list[list[Service]]]:
    """The servers, and the workbench's processes that stand on them; trainers get `grace` seconds to stop."""
    for folder in ("logs", "beat"):
        (data / folder).mkdir(exist_ok=True)
    servers = [[service] for service in stack.embedded_services(data)]
    return servers, [
        [_worker(data, "default", 2, grace), _worker(data, "gpu", 1, grace)],
        [_web(data, port), _beat(data)],
    ]


@dataclass
class _Child:
    service: Service
    started_at: float
    deaths: int = 0
    again_at: float | None = None


class Supervisor:
    """Starts stages of services, runs steps between them, and watches until it is asked to stop."""

    def __init__(self, data: Path, say: Callable[[str], None]) -> None:
        self.data, self.say = data, say
        self.asked = 0  # how often a stop was asked for
        self._stages: list[list[_Child]] = []
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_stop_signal)
        signal.signal(signal.SIGCHLD, self._wake)

    def start(self, services: list[Service]) -> None:
        """Start one more stage and wait until all of it is ready."""
        stage: list[_Child] = []
        self._stages.append(stage)
        for service in services:
            service.env = {**service.env, MARKER: str(self.data)}
            service.start()
            stage.append(_Child(service, time.monotonic()))
        for service in services:
            service.wait_ready(self._give_up_if_asked)

    def step(self, name: str, argv: list[str]) -> None:
        """Run something to its end between two stages, saying what it says; StackError if it fails."""
        log = self.data / "logs" / "setup.log"
        said_before = log.stat().st_size if log.exists() else 0
        service = Service(
            name=name,
            argv=argv,
            ready=lambda: service.process is not None and service.process.poll() is not None,
            log=log,
            env={MARKER: str(self.data), "PYTHONUNBUFFERED": "1"},
            ready_timeout=3600,
        )
        service.start()
        assert service.process is not None
        with log.open(encoding="utf-8", errors="replace") as told:
            told.seek(said_before)

            def pass_on() -> None:
                self._give_up_if_asked()
                for line in told:
                    self.say(line.rstrip("\n"))

            try:
                service.wait_ready(pass_on)
                pass_on()
            except StopAskedError:
                service.stop()
                raise
        if service.process.returncode:
            raise StackError(f"{name} failed. {service.last_words()}")

    def watch(self) -> None:
        """Start again what dies and bound the logs, until a stop is asked for."""
        trimmed_at = 0.0
        while not self.asked:
            for stage in self._stages:
                for child in stage:
                    self._look_after(child)
            if time.monotonic() - trimmed_at > 30:
                trim_logs(self.data / "logs")
                trimmed_at = time.monotonic()
            self._sleep(0.5)

    def stop(self) -> None:
        """Stop the stages in reverse; a further request ends what still takes its time, servers excepted."""
        before = self.asked
        for stage in reversed(self._stages):
            services = [child.service for child in stage]
            for service in services:
                service.ask_to_stop()
            deadline = time.monotonic() + max(service.grace for service in services)
            while any(service.running for service in services) and time.monotonic() < deadline:
                if self.asked > before and not all(service.is_server for service in services):
                    break
                self._sleep(0.1)
            for service in services:
                service.kill()
        self._stages.clear()

    # --- In detail ----------------------------------------------------------------------------------------

    def _look_after(self, child: _Child) -> None:
        service, now = child.service, time.monotonic()
        if child.again_at is None:
            assert service.process is not None
            if service.running:
                return
            if now - child.started_at > HEALTHY_AFTER:
                child.deaths = 0
            service.kill()  # what it left behind in its process group
            wait = min(BACKOFF_FIRST * 2**child.deaths, BACKOFF_MOST)
            child.deaths, child.again_at = child.deaths + 1, now + wait
            code = service.process.returncode
            how = (
                f"killed by {signal.Signals(-code).name}"
                if code < 0
                else f"exit code {code}. {service.last_words()}"
            )
            self.say(f"{service.name} ended ({how}); starting it again in {wait:g} s.")
        elif now >= child.again_at:
            service.start()
            child.started_at, child.again_at = now, None

    def _give_up_if_asked(self) -> None:
        if self.asked:
            raise StopAskedError

    def _on_stop_signal(self, *_: object) -> None:
        self.asked += 1
        self._wake()

    def _wake(self, *_: object) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"x")

    def _sleep(self, seconds: float) -> None:
        if select.select([self._wake_read], [], [], seconds)[0]:
            os.read(self._wake_read, 4096)


def trim_logs(folder: Path, limit: int = LOG_LIMIT) -> None:
    """Move a log that grew past `limit` bytes to NAME.1; its writer goes on at the start of the emptied file.

    Lines written between the copy and the cut are lost, which a log of a demo can bear.
    """
    for log in folder.glob("*.log"):
        if log.stat().st_size > limit:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def _web(data: Path, port: int) -> Service:
    argv = [
        stack.python(),
        "-m",
        "uvicorn",
        "workbench.asgi:application",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    argv += ["--lifespan", "off", "--timeout-graceful-shutdown", "5", "--no-server-header"]
    return Service(
        name="Web",
        argv=argv,
        log=data / "logs" / "web.log",
        env={"PORT": str(port)},
        ready=lambda: _web_answers(port),
    )


def _worker(data: Path, queue: str, processes: int, grace: float) -> Service:
    node = f"{queue}@{socket.gethostname()}"
    argv = [stack.python(), "-m", "celery", "-A", "workbench.celery", "worker", "-Q", queue, "-n", node]
    argv += [
        "--pool",
        "prefork",
        "-c",
        str(processes),
        "--without-gossip",
        "--without-mingle",
        "--loglevel",
        "INFO",
    ]
    return Service(
        name=f"Worker ({queue})",
        argv=argv,
        log=data / "logs" / f"worker-{queue}.log",
        ready=lambda: _worker_answers(node),
        grace=grace + 15,
        death_signal=signal.SIGKILL,  # SIGTERM would let it finish its task first
    )


def _beat(data: Path) -> Service:
    argv = [stack.python(), "-m", "celery", "-A", "workbench.celery", "beat", "--loglevel", "INFO"]
    argv += ["--schedule", str(data / "beat" / "schedule"), "--pidfile", ""]
    return Service(
        name="Beat",
        argv=argv,
        log=data / "logs" / "beat.log",
        ready=lambda: True,
        death_signal=signal.SIGKILL,
    )


def _web_answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _worker_answers(node: str) -> bool:
    from workbench.celery import app

    connection = app.connection_for_write()
    try:
        return bool(app.control.ping(destination=[node], timeout=1.0, connection=connection))
    except (OSError, *connection.connection_errors):
        return False
    finally:
        connection.release()
