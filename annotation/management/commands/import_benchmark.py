"""``manage.py import_benchmark NAME|FOLDER``: a benchmark's prompts into a prompt set, all of them.

The files are those that `annotation.prompts.benchmarkfile` describes; pictures in its ``first_frames`` become
the first frames of the prompts they are named for. Importing them again changes nothing.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import PromptSet, Task
from annotation.prompts import collecting, firstframefolder, promptfile, promptsets
from annotation.prompts.collecting import Report

SHIPPED = {"seedvideobench": "SeedVideoBench-1.0", "worldbench": "WorldBench"}


class Command(BaseCommand):
    help = "Import a benchmark's prompts as a prompt set, with their labels and what their first frames show."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("benchmark", help=f"{', '.join(SHIPPED)}, or a folder of *.jsonl files")
        parser.add_argument("--set", dest="name", help="name of the prompt set (default: the benchmark's)")

    def handle(self, *args: Any, **options: Any) -> None:
        given: str = options["benchmark"]
        folder = Path(settings.BASE_DIR) / "fixtures" / given if given in SHIPPED else Path(given)
        name = options["name"] or SHIPPED.get(given, folder.name)
        paths = sorted(folder.glob("*.jsonl"))
        if not paths:
            raise CommandError(_("There is no *.jsonl file in %(folder)s.") % {"folder": folder})
        try:
            with transaction.atomic():
                reports = {path.name: _collect(path, name) for path in paths}
        except (promptfile.PromptFileError, OSError) as error:
            raise CommandError(str(error)) from error
        refused = 0
        for file, report in reports.items():
            for line in report.lines:
                if line.outcome == "refused":
                    self.stderr.write(f"{file}:{line.line}: {line.message}")
                    refused += 1
        new, there = (
            sum(report.counts[outcome] for report in reports.values()) for outcome in ("new", "there")
        )
        said = {"name": name, "new": new, "there": there, "refused": refused}
        self.stdout.write(_("%(name)s: %(new)d new, %(there)d there already, %(refused)d refused") % said)
        made = PromptSet.objects.filter(slug=promptsets.slug_of(name)).first()
        if made and (frames := folder / "first_frames").is_dir():
            self._give_frames(made, frames)
        if made and (lost := made.prompts.filter(task=Task.I2V, first_frame="").count()):
            said = {"n": lost, "slug": made.slug}
            text = _("%(n)d wait for their first frame: manage.py benchmark_frames %(slug)s FOLDER")
            self.stdout.write(text % said)
        if refused:
            sys.exit(1)

    def _give_frames(self, made: PromptSet, frames: Path) -> None:
        """The pictures that came with the benchmark."""
        report = firstframefolder.give(made, frames)
        for problem in report.problems:
            self.stderr.write(problem)
        self.stdout.write(_("%(n)d first frames given") % {"n": len(report.given)})


def _collect(path: Path, name: str) -> Report:
    text = promptfile.decode(path.read_bytes())
    return collecting.collect(text, name, source=path.name, sift=False)
