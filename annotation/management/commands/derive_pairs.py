"""Delete all preference pairs and derive them again from the judgements."""

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation.results.pairs import derive_all


class Command(BaseCommand):
    help = "Delete all preference pairs and derive them again from the current judgements."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--campaign", type=uuid.UUID, help="only this campaign's")

    def handle(self, *args: Any, **options: Any) -> None:
        judgements, pairs = derive_all(options["campaign"])
        self.stdout.write(f"{pairs} pairs derived from {judgements} judgements.")
