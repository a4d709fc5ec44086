"""A whole stack of its own for tests that kill parts of it: PostgreSQL, Valkey, workers and beat, real
processes.

Everything is done from outside, through commands and SQL, so the test process's own Django has no part in it.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import psycopg

from tests.runs.videos import make_clips
from workbench import stack

T = TypeVar("T")
BASE_DIR = Path(__file__).resolve().parents[2]
SEED_CLIPS = """
import hashlib
from pathlib import Path
from django.core.files.base import ContentFile
from annotation.models import Clip
from workbench.models import User
User.objects.create_user("boss", "boss@example.org", "correct horse battery", role="manager")
for path in sorted(Path(FOLDER).glob("*.mp4")):
    data = path.read_bytes()
    clip = Clip(sha256=hashlib.sha256(data).hexdigest(), size=len(data), original_name=path.name)
    clip.state = "ready"
    clip.codec, clip.width, clip.height, clip.frames, clip.fps, clip.duration = "h264", 96, 96, 24, 24, 1.0
    clip.original.save(f"{clip.pk}.mp4", ContentFile(data), save=False)
    clip.save()
"""


class Rig:
    """Services by name in `services`; `env` is what every command of this stack is started with."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        folder.chmod(0o711)  # PostgreSQL's own user must reach its sockets
        kept = {
            k: v
            for k, v in os.environ.items()
            if k not in {"DATABASE_URL", "REDIS_URL", "STORAGE_URL", "SITE_URL"}
        }
        self.env = kept | {
            "WORKBENCH_DATA": str(folder),
            "DJANGO_SETTINGS_MODULE": "workbench.settings",
            "RUN_LEASE_SECONDS": "4",
            "RUN_GRACE_SECONDS": "60",
            "OMP_NUM_THREADS": "1",
            **settings,
        }
        self.services: dict[str, stack.Service] = {}
        self._seeded = False
        self.database_url = stack.database_url(folder)

    # --- Servers and workers ---

    def start_what_is_down(self) -> None:
        """Servers, workers and beat, as far as they are not running."""
        parts: dict[str, Callable[[], None]] = {
            "PostgreSQL": self.start_postgresql,
            "Valkey": self.start_valkey,
            "gpu": lambda: self.start_worker("gpu"),
            "default": lambda: self.start_worker("default"),
            "beat": self.start_beat,
        }
        for name, start in parts.items():
            if name not in self.services or not self.services[name].running:
                start()
            if name == "Valkey" and not self._seeded:
                self.seed(make_clips(self.folder / "clips"))
                self._seeded = True

    def start_postgresql(self) -> None:
        self._start(stack.postgresql(self.folder))

    def start_valkey(self) -> None:
        self._start(stack.valkey(self.folder))

    def start_worker(self, queue: str, processes: int = 1) -> None:
        name = f"{queue}-{uuid4().hex[:8]}"
        argv = [
            stack.python(),
            "-m",
            "celery",
            "-A",
            "workbench.celery",
            "worker",
            "-Q",
            queue,
            "-n",
            f"{name}@rig",
        ]
        argv += [
            "-c",
            str(processes),
            "--pool",
            "prefork",
            "--without-gossip",
            "--without-mingle",
            "-l",
            "INFO",
        ]
        log = self.folder / "logs" / f"{name}.log"
        self._start(self._service(queue, argv, log, lambda: log.exists() and "ready." in log.read_text()))

    def start_beat(self) -> None:
        log = self.folder / "logs" / f"beat-{uuid4().hex[:8]}.log"
        argv = [stack.python(), "-m", "celery", "-A", "workbench.celery", "beat", "-l", "INFO"]
        argv += ["--schedule", str(self.folder / "beat-schedule"), "--pidfile", ""]
        self._start(
            self._service("beat", argv, log, lambda: log.exists() and "Sending due task" in log.read_text())
        )

    def start_web(self, port: int, workers: int = 1) -> None:
        log = self.folder / "logs" / f"web-{uuid4().hex[:8]}.log"
        argv = [stack.python(), "-m", "uvicorn", "workbench.asgi:application", "--port", str(port)]
        argv += ["--lifespan", "off", "--workers", str(workers)]
        self._start(
            self._service("web", argv, log, lambda: log.exists() and "Uvicorn running" in log.read_text())
        )

    def kill(self, name: str) -> None:
        """kill -9 of a service's main process."""
        process = self.services[name].process
        assert process is not None
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for service in reversed(self.services.values()):
            service.stop()

    # --- Commands and SQL ---

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [stack.python(), "manage.py", *arguments],
            cwd=BASE_DIR,
            env=self.env,
            capture_output=True,
            text=True,
            check=check,
        )

    def seed(self, clips: Path) -> None:
        self.manage("migrate", "-v0")
        self.manage("shell", "-v0", "-c", f"FOLDER = {str(clips)!r}\n{SEED_CLIPS}")

    def launch(self, kind: str, config: dict[str, Any]) -> str:
        done = self.manage("run", kind, "--config", json.dumps(config), check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[1]

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query, values).fetchall()

    def run_row(self, run: str, *columns: str) -> tuple[Any, ...]:
        return self.rows(f"SELECT {', '.join(columns)} FROM workbench_run WHERE id = %s", run)[0]

    def ask_to_cancel(self, run: str) -> None:
        """What `control.cancel` does to a running run, without the seconds that a command takes to start."""
        self.rows("UPDATE workbench_run SET cancel_requested_at = now() WHERE id = %s RETURNING id", run)

    def state(self, run: str) -> str:
        return str(self.run_row(run, "state")[0])

    def metrics(self, run: str) -> list[tuple[int, str]]:
        query = "SELECT step, name FROM workbench_metric WHERE run_id = %s ORDER BY step, name"
        return [(int(step), str(name)) for step, name in self.rows(query, run)]

    def model_sha256(self, run: str) -> str:
        query = """
            SELECT sha256 FROM workbench_artifact
            WHERE run_id = %s AND final AND name LIKE '%%model.safetensors'
        """
        ((digest,),) = self.rows(query, run)
        return str(digest)

    def states(self, run: str) -> list[str]:
        query = "SELECT text FROM workbench_runevent WHERE run_id = %s AND kind = 'state' ORDER BY id"
        return [text for (text,) in self.rows(query, run)]

    def wait_for_step(self, run: str, step: int, timeout: float = 90) -> None:
        self.until(lambda: self.run_row(run, "step")[0] >= step, f"step {step} of the run", timeout)

    def wait_for_end(self, run: str, timeout: float = 150) -> str:
        self.until(lambda: self.state(run) in {"succeeded", "failed", "cancelled"}, "the run's end", timeout)
        return self.state(run)

    def until(self, true: Callable[[], T], what: str, timeout: float = 60) -> T:
        deadline = time.monotonic() + timeout
        while True:
            if found := true():
                return found
            assert time.monotonic() < deadline, (
                f"{what} did not come within {timeout:g} s; {self.last_words()}"
            )
            time.sleep(0.1)

    def last_words(self) -> str:
        logs = sorted((self.folder / "logs").glob("*.log"), key=lambda path: path.stat().st_mtime)
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}" for path in logs)

    # --- Processes of a run ---

    def supervisor_pid(self, run: str) -> int:
        """The pool process that supervises the run."""
        return int(self.run_row(run, "worker")[0].rpartition(":")[2])

    def trainer_pids(self, run: str) -> list[int]:
        """Every process whose command line names the run's folder."""
        wanted = str(self.folder / "runs" / run).encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if wanted in path.read_bytes():
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return found

    def _service(self, name: str, argv: list[str], log: Path, ready: Callable[[], bool]) -> stack.Service:
        return stack.Service(
            name=name, argv=argv, env=self.env, log=log, ready=ready, grace=60, death_signal=signal.SIGKILL
        )

    def _start(self, service: stack.Service) -> None:
        service.start()
        self.services[service.name] = service
        service.wait_ready()
