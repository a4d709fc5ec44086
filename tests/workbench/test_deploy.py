"""What DEPLOY.md and deploy/ say is true of the code."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from workbench.stack import BASE_DIR

DEPLOY = BASE_DIR / "deploy"
PRODUCTION = {
    "SITE_URL": "https://workbench.example.org",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "PROXY_COUNT": "1",
    "DATABASE_URL": "postgresql://workbench:x@127.0.0.1:1/workbench",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "STORAGE_URL": "s3://bucket/prefix",
}
READ_ELSEWHERE = {  # by the S3 client
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
}


def test_every_variable_that_is_read_is_documented_and_the_other_way_round() -> None:
    read = set(READ_ELSEWHERE)
    pattern = r'(?:os\.environ(?:\.get\(|\[)|\benv\.\w+\(|read_(?:bool|int)\()\s*["\']([A-Z][A-Z0-9_]+)["\']'
    for path in BASE_DIR.glob("workbench/**/*.py"):
        if "trainer" not in path.parts:  # torchrun's variables
            read |= set(re.findall(pattern, path.read_text()))
    documented: set[str] = set()
    for line in (BASE_DIR / "DEPLOY.md").read_text().splitlines():
        if found := re.match(r"\| (`[A-Z][A-Z0-9_]+`(?:, `[A-Z0-9_]+`)*) \|", line):
            documented |= set(re.findall(r"`(\w+)`", found[1]))
    read -= {"PATH", "DJANGO_SETTINGS_MODULE"}
    assert documented - {"PASSWORD"} == read


@pytest.mark.parametrize(
    "name", ["SITE_URL", "SECRET_KEY", "PROXY_COUNT", "DEMO", "DATABASE_URL", "STORAGE_URL"]
)
def test_a_setting_that_cannot_be_understood_is_one_line(name: str) -> None:
    wrong = {
        "SITE_URL": "workbench.example.org",
        "SECRET_KEY": None,
        "PROXY_COUNT": "one",
        "DEMO": "yes",
        "DATABASE_URL": "mysql://x@y/z",
        "STORAGE_URL": "ftp://x",
    }
    done = _manage({**PRODUCTION, name: wrong[name]}, "check")
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert name in line


def test_the_production_settings_pass_djangos_own_check() -> None:
    done = _manage(PRODUCTION, "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


@pytest.mark.django_db
def test_the_migrations_say_what_the_models_say() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_compose_names_only_what_exists() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    example = set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "workbench.env.example").read_text(), re.MULTILINE))
    assert set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text())) <= example
    caddy = set(re.findall(r"\{\$([A-Z_]+)", (DEPLOY / "Caddyfile").read_text()))
    assert caddy == set(compose["services"]["caddy"]["environment"])
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", [])) <= set(compose["services"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).exists(), f"{name}: {source}"
        assert service["image"] == "workbench:latest" or not service["image"].endswith(":latest")
    for host in ("postgres", "valkey"):
        assert f"@{host}:" in (DEPLOY / "workbench.env.example").read_text()


def test_a_gpu_worker_gets_more_time_to_stop_than_its_trainer() -> None:
    from django.conf import settings

    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert _seconds(compose["services"]["gpu-worker"]["stop_grace_period"]) > settings.RUN_GRACE_SECONDS
    unit = (DEPLOY / "systemd" / "workbench-gpu@.service").read_text()
    assert _seconds(re.findall(r"^TimeoutStopSec=(.*)$", unit, re.MULTILINE)[0]) > settings.RUN_GRACE_SECONDS


@pytest.mark.skipif(not Path("/usr/bin/systemd-analyze").exists(), reason="needs systemd-analyze")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text().replace("/opt/workbench/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / unit.name).write_text(text)
    files = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if "workbench" in line]
    assert complaints == []


def test_ci_fails_without_the_real_clips(tmp_path: Path) -> None:
    env = {**os.environ, "REAL_CLIPS_DIR": str(tmp_path)}
    done = subprocess.run([BASE_DIR / ".ci" / "run"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "real clips are missing" in done.stderr


def _manage(env: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "WORKBENCH_DATA"}}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=kept | {name: value for name, value in env.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )


def _seconds(text: str) -> float:
    return float(text.rstrip("sm")) * (60 if text.endswith("m") else 1)
