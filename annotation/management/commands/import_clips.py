"""``manage.py import_clips MANIFEST.csv``: see `annotation.clips.manifest` for the columns."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotation.clips import manifest
from workbench.models import User


class Command(BaseCommand):
    help = "Import the clips that a CSV manifest lists. Good lines are kept; problems are named by line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("manifest", type=Path, help="the CSV file; its heading needs a column 'path'")
        parser.add_argument(
            "--base", type=Path, help="folder the paths are relative to (default: the manifest's)"
        )
        parser.add_argument("--user", help="name of the user the clips are uploaded by")
        parser.add_argument("--dry-run", action="store_true", help="check everything, change nothing")
        parser.add_argument("--wait", action="store_true", help="make the renditions here and now")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["manifest"]
        try:
            report = manifest.import_manifest(
                path.read_bytes(),
                options["base"] or path.absolute().parent,
                uploaded_by=_user(options["user"]),
                dry_run=options["dry_run"],
                render_now=options["wait"],
            )
        except OSError as error:
            raise CommandError(_("%(path)s can't be read: %(why)s") % {"path": path, "why": error}) from error
        except manifest.ManifestError as error:
            raise CommandError(str(error)) from error
        self._print(report, as_json=options["json"])
        if report.problems:
            sys.exit(1)

    def _print(self, report: manifest.Report, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(report.to_json(), ensure_ascii=False, indent=2))
            return
        for problem in report.problems:
            where = f"{problem.path}: " if problem.path else ""
            self.stderr.write(_("line %(line)s: ") % {"line": problem.line} + where + problem.text)
        text = _("%(added)s added, %(there)s already there, %(problems)s problems")
        if report.dry_run:
            text = _("dry run: %(added)s would be added, %(there)s already there, %(problems)s problems")
        self.stdout.write(
            text
            % {
                "added": len(report.added),
                "there": len(report.already_there),
                "problems": len(report.problems),
            }
        )


def _user(name: str | None) -> User | None:
    if name is None:
        return None
    try:
        return User.objects.get(username=name)
    except User.DoesNotExist:
        raise CommandError(_("There is no user “%(name)s”.") % {"name": name}) from None
