"""``manage.py evaluation_report ID --html FILE --pdf FILE``: an evaluation's report as files."""

import json
import uuid
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation
from django.utils.translation import gettext as _

from arena.evaluations import reportfile, reports
from arena.models import Evaluation
from workbench import chromium


class Command(BaseCommand):
    help = "Computes an evaluation's report from all judgements of now, and writes it as HTML, PDF or JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("evaluation", type=uuid.UUID, help="its id: the last part of its page's address")
        parser.add_argument("--html", type=Path, help="one file that needs nothing else")
        parser.add_argument(
            "--pdf", type=Path, help="printed by Chromium ($CHROMIUM, or one that is installed)"
        )
        parser.add_argument("--json", type=Path, help="all figures")
        parser.add_argument("--language", choices=["en", "zh-hans"], default="en")

    def handle(self, *args: Any, **options: Any) -> None:
        row = Evaluation.objects.filter(pk=options["evaluation"]).first()
        if row is None:
            raise CommandError(_("There is no evaluation %(id)s.") % {"id": options["evaluation"]})
        report = reports.refresh(row)
        if report is None:
            raise CommandError(_("There is no report yet: nothing has been judged."))
        try:
            with translation.override(options["language"]):
                if path := options["html"]:
                    path.write_text(reportfile.html(row), encoding="utf-8")
                if path := options["pdf"]:
                    path.write_bytes(reportfile.pdf(row))
            if path := options["json"]:
                path.write_text(json.dumps(asdict(report), ensure_ascii=False, indent=1), encoding="utf-8")
        except OSError as error:
            raise CommandError(str(error)) from error
        except chromium.NotPrintedError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_("%(n)s judgements") % {"n": report.judgements})
