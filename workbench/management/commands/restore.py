"""`manage.py restore SRC.tar`: verifies a backup, then replaces database and files by it."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workbench import backup


class Command(BaseCommand):
    help = "Verifies a backup and restores it into an empty database. Stop web, workers and beat first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", type=Path)
        parser.add_argument("--force", action="store_true", help="replace a database that holds data")
        parser.add_argument("--verify-only", action="store_true", help="read and compare, change nothing")

    def handle(self, *, source: Path, force: bool, verify_only: bool, **options: Any) -> None:
        try:
            manifest = backup.verify(source) if verify_only else backup.restore(source, force=force)
        except backup.BackupError as error:
            raise CommandError(str(error)) from error
        done = "is whole" if verify_only else "is restored; everybody signs in again"
        files = len(manifest.members) - 1
        self.stdout.write(
            f"{source} of {manifest.taken_at} (version {manifest.version}, {files} files) {done}."
        )
