"""The embedded servers where they are hard to start: closed home folders, other users, full disks."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workbench.a_stack import AStack, data_folder, left_running, until
from workbench import stack
from workbench.stack import BASE_DIR

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changing users and mounts needs root")
NOT_COPIED = (".git", ".venv", ".data", "build", "staticfiles", ".*_cache", "__pycache__", ".hypothesis")


@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("user", ["root", "nobody"])
def test_a_checkout_under_a_closed_home_folder(user: str) -> None:
    """As root the data goes to /var/lib and the server's programs are copied; an ordinary user needs neither.

    Python and the packages are mounted below the closed folder too, so nothing outside helps.
    """
    with data_folder() as folder:
        home = folder / "home"
        checkout = home / "checkout"
        shutil.copytree(BASE_DIR, checkout, ignore=shutil.ignore_patterns(*NOT_COPIED))
        packages, python = home / "packages", home / "python"
        for mount in (packages, python):
            mount.mkdir()
        subprocess.run(["chown", "-R", f"{user}:", str(home)], check=True)
        home.chmod(0o700)
        site = Path(pytest.__file__).parent.parent
        mounts = f"mount --bind {site} {packages} && mount --bind {sys.base_prefix} {python}"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        # A Python built with a shared library looks for it where it was installed, which is closed here.
        become = f"setpriv --reuid {user} --regid $(id -g {user}) --clear-groups {python}/bin/{version}"
        script = f'{mounts} && exec env LD_LIBRARY_PATH={python}/lib {become} "$@"'
        inside = ("unshare", "--mount", "sh", "-c", script, "sh")
        env = {
            "HOME": str(home),
            "PYTHONPATH": str(packages),
            "PYTHONDONTWRITEBYTECODE": "1",
            "WORKBENCH_DATA": "",
        }

        running = AStack(folder, python=inside, cwd=checkout, **env)
        try:
            running.wait_until_up()
            started = next(line for line in running.said if line.startswith("Starting"))
            data = Path(started.split(" on ")[1].removesuffix(" …"))
            assert data.is_relative_to("/var/lib" if user == "root" else checkout)
            assert running.healthy()
            assert running.end() == 0
            assert left_running(data) == []
        finally:
            reset = subprocess.run(
                [*inside, "manage.py", "reset", "--yes"],
                cwd=checkout,
                env=running.env,
                capture_output=True,
                text=True,
                check=False,
            )
        assert reset.returncode == 0, reset.stderr
        assert not data.exists()


@needs_root
def test_a_full_disk_is_one_line() -> None:
    with data_folder() as folder:
        script = f'mount -t tmpfs -o size=64m none {folder} && exec {sys.executable} "$@"'
        running = AStack(folder, python=("unshare", "--mount", "sh", "-c", script, "sh"))
        assert running.process.wait(60) != 0
        until(lambda: running.said)
        (line,) = running.said
        assert f"The disk that holds {folder} is full" in line
        assert "WORKBENCH_DATA" in line


@needs_root
def test_a_data_folder_that_cannot_be_written_is_one_line() -> None:
    with data_folder() as folder:
        script = f'mount -t tmpfs -o ro none {folder} && exec {sys.executable} "$@"'
        running = AStack(folder, python=("unshare", "--mount", "sh", "-c", script, "sh"))
        assert running.process.wait(60) != 0
        until(lambda: running.said)
        (line,) = running.said
        assert f"The data folder {folder} can't be" in line
        assert "Read-only file system" in line


def test_named_servers_are_used_and_none_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://x@db/workbench")
    monkeypatch.setenv("REDIS_URL", "redis://queue")
    assert stack.embedded_services(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_socket_paths_stay_short_enough_for_the_kernel(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-long-folder-name"] * 8)
    address = str(stack.socket_dir(deep) / "postgresql" / ".s.PGSQL.5432")
    with socket.socket(socket.AF_UNIX) as probe, pytest.raises(FileNotFoundError):
        probe.connect(address)  # a path that is too long is refused as such, before it is looked for


def test_secrets_are_made_once_and_closed(tmp_path: Path) -> None:
    first = stack.database_url(tmp_path)
    assert stack.database_url(tmp_path) == first
    secret = tmp_path / "secrets" / "postgresql-password"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.parent.stat().st_mode & 0o777 == 0o700


MANY_ON_A_PORT = """
import os, socket, sys, time
listening = socket.create_server(("127.0.0.1", 0))
for _child in range(4):
    if os.fork() == 0:
        memory = b"m" * (100 << 20)  # takes the kernel a while to take back, and only then it closes files
        print(listening.getsockname()[1], flush=True)
        time.sleep(600)
time.sleep(600)
"""


def test_a_killed_service_has_left_its_port(tmp_path: Path) -> None:
    log = tmp_path / "log"
    service = stack.Service(
        name="many",
        argv=[sys.executable, "-c", MANY_ON_A_PORT],
        ready=lambda: log.read_text().count("\n") == 4,
        log=log,
    )
    service.start()
    try:
        service.wait_ready()
    finally:
        service.kill()
    port = int(log.read_text().split()[0])
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
        again.listen()
