"""`manage.py run`: launch, follow, exit code."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from workbench.models import Run, User


@pytest.fixture
def manager(transactional_db: None) -> User:
    return User.objects.create_user("mia", "mia@example.org", "correct horse battery", role="manager")


def test_launch_with_file_and_changes(manager: User, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"steps": 3, "delay": 0.5}))
    out = io.StringIO()
    arguments = [
        "--config",
        str(tmp_path / "config.json"),
        "--set",
        "steps=4",
        "--set",
        "raw=text",
        "--name",
        "n",
    ]
    call_command("run", "script", *arguments, stdout=out)
    run = Run.objects.get()
    assert out.getvalue() == f"run {run.pk}\n"
    assert (run.config["steps"], run.config["delay"], run.config["raw"]) == (4, 0.5, "text")
    assert (run.name, run.created_by) == ("n", manager)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["script", "--config", "{"], "is not JSON"),
        (["script", "--config", "/nonexistent.json"], "No such file"),
        (["script", "--set", "steps=0"], "steps: Input should be greater"),
        (["script", "--set", "steps"], "has no value"),
        (["odd"], "'odd' is not a kind of run"),
        (["script", "--user", "nobody"], "no active user 'nobody'"),
    ],
)
def test_refusals(manager: User, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("run", *arguments)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("config", "code", "shown"),
    [
        ({"steps": 6}, 0, "train/loss=0.166667"),
        ({"steps": 6, "raise_at": 3}, 1, "ValueError: the loss is odd"),
    ],
)
def test_follow(
    manager: User,
    supervisor: Callable[[Run], object],
    config: dict[str, int],
    code: int,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The supervisor starts where a worker would: when the message is sent."""
    from workbench.runs import launch

    monkeypatch.setattr(launch, "wake", lambda run_id, queue: supervisor(Run.objects.get(pk=run_id)))
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("run", "script", "--config", json.dumps(config), "--follow", stdout=out, stderr=err)
    assert ended.value.code == code
    assert shown in out.getvalue() + err.getvalue()
    assert "checkpoint step-000005" in out.getvalue().replace("  ", " ") or code


def test_cancel_command(manager: User) -> None:
    call_command("run", "script", stdout=io.StringIO())
    run = Run.objects.get()
    out = io.StringIO()
    call_command("cancel_run", str(run.pk), stdout=out)
    assert out.getvalue() == f"run {run.pk} cancelled\n"
    with pytest.raises(CommandError, match="ended already"):
        call_command("cancel_run", str(run.pk))
