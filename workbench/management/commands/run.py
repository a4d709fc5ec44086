"""`manage.py run KIND --config …`: launch a run from a shell, and follow it."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from workbench.models import Role, RunState, User
from workbench.runs import follow, launch, retention
from workbench.runs.kinds import ConfigRefusedError, all_kinds

EXIT_CODES = {RunState.SUCCEEDED: 0, RunState.FAILED: 1, RunState.CANCELLED: 3}


class Command(BaseCommand):
    help = (
        "Launch a run. Exit code with --follow: 0 succeeded, 1 failed, 3 cancelled, 130 no longer followed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", help=f"one of: {', '.join(kind.key for kind in all_kinds())}")
        parser.add_argument("--config", default="{}", help="a JSON file, or the JSON itself")
        parser.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", help="change one value"
        )
        parser.add_argument("--name", default="", help="what the list shows")
        parser.add_argument("--user", help="launch as this user (default: the first manager)")
        parser.add_argument("--follow", action="store_true", help="print what happens until the run ends")

    def handle(self, *args: Any, **options: Any) -> None:
        config = _read(options["config"])
        for change in options["set"]:
            key, equals, value = change.partition("=")
            if not equals:
                raise CommandError(f"--set {change!r} has no value; write --set key=value.")
            config[key] = _value(value)
        try:
            run = launch.launch(_user(options["user"]), options["kind"], config, name=options["name"])
        except ConfigRefusedError as refused:
            lines = "\n".join(
                f"  {'.'.join(map(str, place)) or 'config'}: {text}" for place, text in refused.problems
            )
            raise CommandError(f"The config can't be launched:\n{lines}", returncode=2) from refused
        except (retention.QuotaExceededError, PermissionDenied) as refused:
            raise CommandError(str(refused), returncode=2) from refused
        self.stdout.write(f"run {run.pk}")
        if not options["follow"]:
            return
        try:
            for line in follow.lines(run.pk):
                self.stdout.write(line)
                self.stdout.flush()
        except KeyboardInterrupt:
            self.stderr.write(f"The run goes on. To cancel it: manage.py cancel_run {run.pk}")
            sys.exit(130)
        run.refresh_from_db()
        if run.state == RunState.FAILED:
            self.stderr.write(run.error)
        sys.exit(EXIT_CODES[RunState(run.state)])


def _read(text: str) -> dict[str, Any]:
    try:
        if not text.lstrip().startswith("{"):
            text = Path(text).read_text(encoding="utf-8")
        config = json.loads(text)
    except OSError as error:
        raise CommandError(f"--config {text}: {error.strerror}.", returncode=2) from error
    except ValueError as error:
        raise CommandError(f"--config is not JSON: {error}.", returncode=2) from error
    if not isinstance(config, dict):
        raise CommandError("--config must be a JSON object.", returncode=2)
    return config


def _value(text: str) -> Any:
    """JSON where it is some, else the text itself: --set steps=5, --set prompt_set=nature."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _user(name: str | None) -> User:
    people = User.objects.filter(is_active=True)
    if name is not None:
        user = people.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no active user {name!r}.", returncode=2)
        return user
    user = people.filter(Q(is_superuser=True) | Q(role=Role.MANAGER)).order_by("pk").first()
    if user is None:
        raise CommandError(
            "There is no manager to launch as: make one, or name a user with --user.", returncode=2
        )
    return user
