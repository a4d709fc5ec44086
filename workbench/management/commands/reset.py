"""`manage.py reset`: removes the data folder of the embedded stack. `make reset` calls it."""

import os
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workbench import stack, supervisor

# Only what the workbench made: WORKBENCH_DATA may by mistake name a folder that holds other things too.
OURS = (
    "postgresql",
    "postgresql.new",
    "valkey",
    "media",
    "runs",
    "beat",
    "mail",
    "logs",
    "programs",
    "run",
    "secrets",
)


class Command(BaseCommand):
    help = "Clears all data of the embedded stack: database, queue, clips, runs, accounts. Asks first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="don't ask")

    def handle(self, *, yes: bool, **options: Any) -> None:
        data: Path = settings.DATA_DIR
        try:
            with supervisor.only_one(data):
                if not yes and not self._agreed(data):
                    raise CommandError("Nothing was removed. (Without a terminal to ask: make reset YES=1)")
                for name in OURS:
                    _remove(data / name)
                sockets = stack.socket_dir(data)
                if sockets.exists() and sockets.stat().st_uid == os.geteuid():
                    _remove(sockets)
        except stack.StackError as error:
            raise CommandError(str(error)) from error
        (data / "up.lock").unlink(missing_ok=True)
        left = sorted(path.name for path in data.iterdir())
        if left:
            self.stdout.write(f"Left alone in {data}, since the workbench did not make it: {', '.join(left)}")
        else:
            data.rmdir()
        self.stdout.write(f"Cleared {data}.")
        for name in ("DATABASE_URL", "REDIS_URL", "STORAGE_URL"):
            if os.environ.get(name):
                self.stdout.write(f"What {name} names was not touched.")

    def _agreed(self, data: Path) -> bool:
        self.stdout.write(f"This removes the database, clips, runs and accounts under {data} for good.")
        try:
            return input("Type yes to go on: ").strip() == "yes"
        except EOFError:
            return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
