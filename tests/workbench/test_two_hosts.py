"""Two hosts as two network namespaces: a GPU worker that reaches database, Valkey and storage does a run.

Host A has the servers on TCP with passwords, web, beat and a worker; host B has the GPU worker and a shared
folder. B's view of A's own files is hidden. Processes are started by the lines of the systemd units.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runs.videos import make_clips
from tests.workbench.a_stack import data_folder, until
from workbench import stack
from workbench.stack import BASE_DIR, Service

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("ip"), reason="namespaces need root and iproute2"
    ),
]
A_ADDRESS, B_ADDRESS = "10.213.7.1", "10.213.7.2"
CONFIG = {"steps": 30, "batch_size": 4, "width": 8, "image_size": 32, "keyframes_per_clip": 2}
CONFIG |= {"checkpoint_every": 10, "log_every": 5, "eval_every": 15}
ARTIFACTS = """
import json
from workbench.models import Run
run = Run.objects.get()
print(json.dumps({"state": run.state, "worker": run.worker, "error": run.error, "files": [
    [row.name, row.storage_name, row.sha256, row.size] for row in run.artifacts.filter(pruned_at=None)]}))
"""


class Host:
    """A network namespace with one end of a cable, and the environment of an installation."""

    def __init__(self, name: str, env: dict[str, str], data: Path, hidden: tuple[Path, ...] = ()) -> None:
        self.name, self.data = f"{name}-{os.getpid()}", data
        self.env = env | {"WORKBENCH_DATA": str(data)}
        script = f"echo {self.name} > /proc/sys/kernel/hostname && "
        script += "".join(f"mount -t tmpfs none {path} && " for path in hidden) + 'exec "$@"'
        self.prefix = [
            "ip",
            "netns",
            "exec",
            self.name,
            "unshare",
            "--uts",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
        ]

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        env = {**_plain_environment(), **self.env}
        return subprocess.run(
            [*self.prefix, *arguments],
            cwd=BASE_DIR,
            env=env,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def manage(self, *arguments: str, stdin: str = "") -> str:
        done = self.run(sys.executable, "manage.py", *arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def unit(self, unit: str, ready: str, instance: str = "") -> Service:
        """The process that a systemd unit starts on this host; ready once its log says so."""
        text = (BASE_DIR / "deploy" / "systemd" / f"{unit}.service").read_text()
        (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
        line = line.replace("/opt/workbench/.venv/bin", str(Path(sys.executable).parent))
        line = (
            line.replace("/var/lib/workbench", str(self.data))
            .replace("%H", self.name)
            .replace("%i", instance)
        )
        log = self.data / f"{unit}.log"
        return Service(
            name=unit,
            argv=[*self.prefix, *line.split()],
            env=self.env,
            log=log,
            ready=lambda: log.exists() and ready in log.read_text(),
        )


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in set(os.environ) - set(_plain_environment()):
        monkeypatch.delenv(name)
    with data_folder() as folder:
        yield folder


@pytest.fixture
def hosts(folder: Path) -> Iterator[tuple[Host, Host]]:
    for name in ("servers", "a", "b", "shared"):
        (folder / name).mkdir()
    password = stack.database_url(folder / "servers").split("workbench:")[1].split("@")[0]
    env = {
        "SITE_URL": "https://workbench.test",
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "PROXY_COUNT": "1",
        "DATABASE_URL": f"postgresql://workbench:{password}@{A_ADDRESS}:5432/workbench",
        "REDIS_URL": f"redis://:{password}@{A_ADDRESS}:6379/0",
        "STORAGE_URL": f"file://{folder / 'shared'}",
        "OMP_NUM_THREADS": "1",
    }
    a = Host("wb-a", env, folder / "a")
    b = Host("wb-b", env, folder / "b", hidden=(folder / "a", folder / "servers"))
    with contextlib.ExitStack() as undo:
        for host in (a, b):
            _ip("netns", "add", host.name)
            undo.callback(_ip, "netns", "delete", host.name)
        _ip("link", "add", "cable", "netns", a.name, "type", "veth", "peer", "name", "cable", "netns", b.name)
        for host, address in ((a, A_ADDRESS), (b, B_ADDRESS)):
            _ip("-n", host.name, "address", "add", f"{address}/30", "dev", "cable")
            for link in ("cable", "lo"):
                _ip("-n", host.name, "link", "set", link, "up")
        yield a, b


@pytest.fixture
def servers(hosts: tuple[Host, Host], folder: Path) -> Iterator[None]:
    """PostgreSQL and Valkey on host A's address, both with a password."""
    a, _ = hosts
    data = folder / "servers"
    postgresql, valkey = stack.postgresql(data), stack.valkey(data)
    with (data / "postgresql" / "pg_hba.conf").open("a") as rules:
        rules.write(f"host workbench workbench {B_ADDRESS}/30 scram-sha-256\n")
    become = ["setpriv", "--reuid=nobody", f"--regid={(data / 'postgresql').stat().st_gid}", "--clear-groups"]
    postgresql.argv = [*a.prefix, *become, *postgresql.argv, "-c", f"listen_addresses={A_ADDRESS}"]
    postgresql.user = None
    password = a.env["REDIS_URL"].split(":")[2].split("@")[0]
    valkey.argv = [*a.prefix, *valkey.argv, "--port", "6379", "--bind", A_ADDRESS, "--requirepass", password]
    valkey.ready = lambda: "Ready to accept connections tcp" in (data / "logs" / "valkey.log").read_text()
    with _running(postgresql, valkey):
        yield


@pytest.mark.usefixtures("servers")
def test_a_gpu_worker_on_another_host_does_a_run(hosts: tuple[Host, Host], folder: Path) -> None:
    a, b = hosts
    a.manage("migrate", "--no-input", "--verbosity", "0")
    a.manage("create_manager", "rosa", "rosa@example.org", stdin="sunflowers at noon\n")
    on_a = (
        a.unit("workbench-web", "Uvicorn running"),
        a.unit("workbench-worker", "ready."),
        a.unit("workbench-beat", "beat: Starting"),
    )
    with _running(*on_a, b.unit("workbench-gpu@", "ready.", instance="0")):
        until(lambda: _health(a) == {"database": True, "valkey": True})
        assert _health(b) is None, "host B must not reach the web process"
        assert b.run("ls", str(folder / "servers"), str(folder / "a")).stdout.split() == [
            f"{folder / 'a'}:",
            f"{folder / 'servers'}:",
        ]
        clips = make_clips(folder / "clips", count=4)
        manifest = clips / "manifest.csv"
        manifest.write_text("path\n" + "".join(f"{path.name}\n" for path in sorted(clips.glob("*.mp4"))))
        a.manage("import_clips", str(manifest))
        a.manage("run", "aesthetic", "--config", json.dumps(CONFIG), "--follow")
        run = json.loads(a.manage("shell", "-v0", "-c", ARTIFACTS).splitlines()[-1])

    assert run["state"] == "succeeded", run["error"]
    assert b.name in run["worker"]
    names = {name for name, *_ in run["files"]}
    assert any(name.endswith("model.safetensors") for name in names), names
    for _, stored, sha256, size in run["files"]:
        content = (folder / "shared" / stored).read_bytes()
        assert len(content) == size
        assert hashlib.sha256(content).hexdigest() == sha256
    assert not list((folder / "a").glob("**/*.safetensors")), "it was trained on host A"


def _health(host: Host) -> dict[str, bool] | None:
    address = "http://127.0.0.1:8000/healthz"
    ask = f"import urllib.request as r; print(r.urlopen('{address}', timeout=5).read().decode())"
    done = host.run(sys.executable, "-c", ask)
    return json.loads(done.stdout) if done.returncode == 0 else None


@contextlib.contextmanager
def _running(*services: Service) -> Iterator[None]:
    with contextlib.ExitStack() as undo:
        for service in services:
            service.start()
            undo.callback(service.stop)
        for service in services:
            service.wait_ready()
        yield


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _plain_environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: value for name, value in os.environ.items() if name in kept or name.startswith("PYTEST")}
