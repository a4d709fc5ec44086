"""``manage.py import_judgements FORMAT FILE``: see `annotation.exchange.judgementimport`."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotation.exchange import judgementimport
from annotation.exchange.judgementfile import JudgementFileError
from annotation.exchange.judgementimport import Format, Report
from workbench.models import User
from workbench.refusals import Refusal


class Command(BaseCommand):
    help = "Import judgements that were made elsewhere. Without --store it only says what would fit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("format", choices=Format.values)
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--base", type=Path, help="folder that the file's paths lie in, to know the clips by their bytes"
        )
        parser.add_argument("--store", action="store_true", help="import, if everything fits")
        parser.add_argument("--partly", action="store_true", help="with --store: leave out what does not fit")
        parser.add_argument("--user", help="name of the manager whose campaign it becomes; needed to store")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        given = (options["format"], _content(path), path.name)
        try:
            if options["store"]:
                by, partly = _user(options["user"]), options["partly"]
                report = judgementimport.bring_in(*given, by, folder=options["base"], partly=partly)
            else:
                report = judgementimport.preview(*given, folder=options["base"])
        except JudgementFileError as error:
            raise CommandError(str(error)) from error
        except Refusal as refusal:
            if refusal.code == "problems":  # say which
                self._print(judgementimport.preview(*given, folder=options["base"]), options["json"])
            raise CommandError(refusal.message) from refusal
        self._print(report, options["json"])

    def _print(self, report: Report, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(report.to_json(), ensure_ascii=False, indent=2))
            return
        for problem in report.problems:
            self.stderr.write(_("line %(line)s: ") % {"line": problem.line} + problem.text)
        for note in report.notes:
            self.stderr.write(note)
        text = _("%(judgements)d judgements of %(items)d items by %(annotators)d people imported")
        if not report.stored:
            text = _(
                "%(judgements)d judgements of %(items)d items by %(annotators)d people would be imported"
            )
        self.stdout.write(text % report.to_json())
        pairs = _("%(pairs)d preference pairs, %(pairs_broken)d of them broken by the constraint")
        self.stdout.write(pairs % report.to_json())


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(_("%(path)s can't be read: %(why)s") % {"path": path, "why": error}) from error


def _user(name: str | None) -> User:
    try:
        return User.objects.get(username=name)
    except User.DoesNotExist:
        raise CommandError(_("There is no user “%(name)s”. Name one with --user.") % {"name": name}) from None
