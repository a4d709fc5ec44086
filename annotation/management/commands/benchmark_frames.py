"""``manage.py benchmark_frames SET FOLDER``: see `annotation.prompts.firstframefolder`."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotation.models import PromptSet
from annotation.prompts import firstframefolder, promptsets


class Command(BaseCommand):
    help = "Give a set's image-to-video prompts their first frames: the folder's pictures, named by id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prompt_set", help="name or slug of the prompt set")
        parser.add_argument(
            "folder", type=Path, help="folder of PNG, JPEG or WebP pictures like svb-i2v-007.png"
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["prompt_set"]
        found = PromptSet.objects.filter(slug=promptsets.slug_of(name)).first()
        if found is None:
            raise CommandError(_("There is no prompt set “%(name)s”.") % {"name": name})
        try:
            report = firstframefolder.give(found, options["folder"])
        except OSError as error:
            said = {"path": options["folder"], "why": error}
            raise CommandError(_("%(path)s can't be read: %(why)s") % said) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.to_json(), ensure_ascii=False, indent=2))
        else:
            for problem in report.problems:
                self.stderr.write(problem)
            counts = {name: len(ids) for name, ids in report.to_json().items()}
            text = _(
                "%(given)d given, %(there)d already there, %(missing)d without a picture, "
                "%(problems)d problems"
            )
            self.stdout.write(text % counts)
        if report.problems:
            sys.exit(1)
