"""`setup.sh` on machines that lack something: one line that says what, and a failure."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.stack import BASE_DIR

TOOLS = ("sh", "dirname", "uname", "sha256sum", "cat", "grep", "sed", "tail", "rm", "df", "cut")
ROOT = os.geteuid() == 0


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a checkout as pip looks at."""
    folder = tmp_path / "checkout"
    for package in ("workbench", "annotation", "arena", "rewardmodels", "generator"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").touch()
    for name in ("setup.sh", "pyproject.toml", "constraints.txt", "README.md"):
        shutil.copy(BASE_DIR / name, folder)
    return folder


def test_a_too_old_python_is_one_line(checkout: Path, tmp_path: Path) -> None:
    old = _program(tmp_path / "bin" / "python3.9", "echo 3.9; exit 1")
    assert _setup(checkout, PYTHON=str(old)) == [
        f"setup: Python 3.11 or newer is needed; PYTHON={old} is 3.9."
    ]


def test_only_too_old_pythons_on_path_is_one_line(checkout: Path, tmp_path: Path) -> None:
    _program(tmp_path / "bin" / "python3", "echo 3.10; exit 1")
    _program(
        tmp_path / "bin" / "python3.12", "echo no such version >&2; exit 127"
    )  # a version manager's shim
    (line,) = _setup(checkout, PATH=_tools(tmp_path / "bin"))
    assert line.startswith("setup: Python 3.11 or newer is needed; python3 is 3.10; install one")


def test_no_python_at_all_is_one_line(checkout: Path, tmp_path: Path) -> None:
    (line,) = _setup(checkout, PATH=_tools(tmp_path / "bin"))
    assert line.startswith("setup: Python 3.11 or newer is needed; there is no python3 on PATH; install one")


def test_a_python_without_venv_is_one_line(checkout: Path, tmp_path: Path) -> None:
    bare = _program(
        tmp_path / "bin" / "python3.11",
        '[ "$1" = -c ] && echo 3.11 && exit; [ "$1" = -V ] && exit; echo ensurepip is not available; exit 1',
    )
    lines = _setup(checkout, PYTHON=str(bare))
    assert lines[-1].endswith(
        "can't make virtual environments: install its venv module (Debian: apt-get install python3-venv)."
    )
    assert not (checkout / ".venv").exists()


def test_no_network_is_one_line(checkout: Path) -> None:
    lines = _setup(checkout, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert lines[-1].startswith("setup: The Python package registry can't be reached")


def test_a_dependency_without_a_wheel_is_one_line(checkout: Path) -> None:
    """No compiler is asked for: nothing but wheels is installed."""
    lines = _setup(checkout, PIP_NO_INDEX="1")
    assert "has no ready-made package for Python 3." in lines[-1]
    assert "nothing is compiled" in lines[-1]


@pytest.mark.skipif(not ROOT, reason="mounting a small disk needs root")
def test_a_full_disk_is_one_line(checkout: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f"mount -t tmpfs -o size=4m none {disk} && cp -r {checkout}/. {disk} && {disk}/setup.sh"
    lines = _run(["unshare", "--mount", "sh", "-c", script], {**os.environ, "PYTHON": sys.executable})
    assert lines[-1].startswith(f"setup: The disk that holds {disk} is full")


def _setup(checkout: Path, **env: str) -> list[str]:
    """What it said; asserts that it failed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return _run(
        [str(checkout / "setup.sh")],
        {**kept, "PIP_CONFIG_FILE": os.devnull, "PYTHON": "", **_python(env), **env},
    )


def _python(env: dict[str, str]) -> dict[str, str]:
    return {} if "PATH" in env else {"PYTHON": sys.executable}


def _run(command: list[str], env: dict[str, str]) -> list[str]:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    return (done.stdout + done.stderr).splitlines()


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def _tools(folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return str(folder)
