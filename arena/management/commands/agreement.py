"""How far raters agree on the scores in a CSV: alpha, ICC, severity. Needs no server and no database."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from annotation.quality.scoreagreement import FIGURES, Figure, agreement
from workbench.csvtable import Column, Table, TableError
from workbench.tablecommand import TableCommand, scale, table_lines


class Command(TableCommand):
    help = (
        "How far raters agree on scores: Krippendorff's alpha (nominal, ordinal, interval), ICC(A,1) and "
        "ICC(C,1), with 95 % intervals by prompt (else by item), and each rater's severity in points. "
        "Columns: item, rater, score; optional prompt."
    )
    key = ("item", "rater")

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--scale",
            type=scale,
            default=(1.0, 5.0),
            metavar="LOW-HIGH",
            help="scores outside are counted and taken as missing (1-5)",
        )

    def columns(self, options: dict[str, Any]) -> Sequence[Column]:
        low, high = options["scale"]
        return (
            Column("item"),
            Column("rater"),
            Column("score", number=True, low=low, high=high, scale=True, blank=True),
            Column("prompt", required=False),
        )

    def computed(self, table: Table, options: dict[str, Any]) -> dict[str, Any]:
        frame = table.frame
        try:
            found = agreement(frame["item"], frame["rater"], frame["score"], frame.get("prompt"))
        except ValueError as error:
            raise TableError(str(error)) from error
        self._say_undefined(found.items, found.alpha_nominal)
        figures = {name: asdict(getattr(found, name)) for name in FIGURES}
        return {
            **figures,
            "raters": {
                one.rater: {"mean": one.mean, "severity": one.severity, "scores": one.scores}
                for one in sorted(found.raters, key=lambda one: one.rater)
            },
            "items": found.items,
            "prompts": found.prompts,
            "scores": found.scores,
            "off_scale": table.off_scale,
            "missing": table.missing,
            "dropped": table.dropped,
        }

    def lines(self, found: dict[str, Any]) -> Iterable[str]:
        figures = [[name, *found[name].values()] for name in FIGURES]
        yield from table_lines(("figure", "value", "low", "high"), figures)
        yield ""
        raters = [[name, *one.values()] for name, one in found["raters"].items()]
        yield from table_lines(("rater", "mean", "severity", "scores"), raters)
        yield ""
        yield (
            f"{found['scores']} scores; {found['items']} items with two or more, in {found['prompts']} "
            "clusters. Severity: points below the others on the same items."
        )

    def _say_undefined(self, items: int, alpha: Figure) -> None:
        if not items:
            self.stderr.write("No item has scores of two raters, so agreement is not defined.")
        elif alpha.value is None:
            self.stderr.write(
                "All scores are the same, so agreement is not defined: nothing could have differed."
            )
