"""``manage.py import_benchmark worldbench|seedvideobench``: its prompts as a prompt set for each task."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotation import benchmarks


class Command(BaseCommand):
    help = "Import a benchmark that ships with the project, or the one in --folder. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help=f"one of {', '.join(benchmarks.NAMES)}, or a name for --folder")
        parser.add_argument("--folder", type=Path, help="where t2v.jsonl and i2v.jsonl are")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            imported = benchmarks.import_benchmark(options["name"], options["folder"])
        except benchmarks.BenchmarkError as error:
            raise CommandError(str(error)) from error
        for one in imported:
            text = _("%(set)s: %(n)s prompts, %(without)s of them without a first frame")
            said = {"set": one.prompt_set.name, "n": one.prompts, "without": one.without_frame}
            self.stdout.write(text % said)
