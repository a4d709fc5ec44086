"""`manage.py backup DEST.tar`: the database and all stored files, while the workbench runs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workbench import backup


class Command(BaseCommand):
    help = "Writes the database and all stored files to one tar file, with a SHA-256 of each."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("destination", type=Path)

    def handle(self, *, destination: Path, **options: Any) -> None:
        try:
            manifest = backup.write(destination)
        except backup.BackupError as error:
            raise CommandError(str(error)) from error
        size = sum(member.size for member in manifest.members) / 1e6
        files = len(manifest.members) - 1
        self.stdout.write(f"Wrote {destination}: the database and {files} files, {size:.1f} MB.")
