"""``manage.py benchmark_coverage [FOLDER]``: see `annotation.prompts.benchmark`. No server, no database."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotation.prompts import benchmark, taxonomyfile
from annotation.prompts.benchmark import Report, Spread
from annotation.prompts.benchmarkfile import BenchmarkError


class Command(BaseCommand):
    help = (
        "Check a benchmark's files and print how evenly they cover the taxonomy. Exit code 1: not as asked."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "folder",
            type=Path,
            nargs="?",
            default=taxonomyfile.FOLDER,
            help="folder with the *.jsonl files (default: SeedVideoBench-1.0 of the checkout)",
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = benchmark.examine(options["folder"])
        except (BenchmarkError, OSError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.to_json(), ensure_ascii=False, indent=2))
        else:
            self._print(report)
        if not report.met:
            sys.exit(1)

    def _print(self, report: Report) -> None:
        for task, spreads in report.coverage.items():
            said = {"task": task, "n": report.prompts[task], "several": report.multi_shot[task]}
            self.stdout.write(_("%(task)s: %(n)d prompts, %(several)d of several shots") % said)
            for main, spread in spreads.items():
                self.stdout.write(_table(main, spread))
        for problem in report.problems:
            self.stderr.write(f"{problem.file}:{problem.line}: {problem.field or '—'}: {problem.text}")
        for alike in report.alike:
            said = {"id": alike.id, "other": alike.other, "alike": f"{alike.resemblance:.2f}"}
            self.stderr.write(_("%(id)s is nearly the same as %(other)s (alike by %(alike)s)") % said)
        for repeated in report.repeated:
            said = {"n": len(repeated.ids), "words": repeated.words, "ids": ", ".join(repeated.ids[:6])}
            self.stderr.write(_("“%(words)s” is in %(n)d prompts: %(ids)s") % said)
        for shortfall in report.shortfalls:
            self.stderr.write(shortfall)
        self.stdout.write(
            _("All that is asked is met.") if report.met else _("Not all that is asked is met.")
        )


def _table(main: str, spread: Spread) -> str:
    ratio = "—" if spread.imbalance is None else f"{spread.imbalance:.2f}"
    counts = ", ".join(f"{slug} {n}" for slug, n in sorted(spread.leaves.items(), key=lambda one: -one[1]))
    return f"  {main:<20} {ratio:>5}  {counts}"
