"""`manage.py import_checkpoint FILE`: bring the weights of a generator in."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generator import checkpoints


class Command(BaseCommand):
    help = "Brings a weights file of the generator in as a checkpoint; safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the safetensors file")
        parser.add_argument("--name", default="", help="what pages show (default: the file's name)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            row = checkpoints.register(options["file"], options["name"])
        except checkpoints.NotACheckpointError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"checkpoint {row.pk} {row.name}")
