"""A command that reads one CSV, computes, and prints: needs no server and no database.

Exit codes: 0 all rows were used; 1 the result is printed, but rows were dropped or numbers off the scale;
2 nothing could be computed: the file or the arguments can't be used. What is wrong with rows goes to stderr,
a line a problem; the result alone goes to stdout, with `--json` as one object.
"""

import json
import re
import sys
import unicodedata
from abc import ABC, abstractmethod
from argparse import ArgumentTypeError
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workbench.csvtable import LISTED, Column, Fate, Table, TableError, read


class TableCommand(BaseCommand, ABC):
    """Say `columns`, `computed` and `lines`; `arguments` where there are options."""

    requires_system_checks = ()
    key: tuple[str, ...] = ()
    """Columns that no two rows may have the same of."""

    @abstractmethod
    def columns(self, options: dict[str, Any]) -> Sequence[Column]:
        """What the file must or may have."""

    @abstractmethod
    def computed(self, table: Table, options: dict[str, Any]) -> dict[str, Any]:
        """The JSON object. TableError where the rows allow no answer."""

    @abstractmethod
    def lines(self, found: dict[str, Any]) -> Iterable[str]:
        """The same for people."""

    def arguments(self, parser: CommandParser) -> None:
        """Options of the command's own."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a CSV, UTF-8, with a header; - reads standard input")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        self.arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            table = read(options["file"], self.columns(options), self.key)
            self._report(table)
            found = self.computed(table, options)
        except TableError as error:
            raise CommandError(str(error), returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False, allow_nan=False))
        else:
            for line in self.lines(found):
                self.stdout.write(line)
        if not table.clean:
            self.stdout.flush()
            sys.exit(1)

    def _report(self, table: Table) -> None:
        said = {Fate.DROPPED: "row dropped", Fate.OFF_SCALE: "taken as missing", Fate.MISSING: "missing"}
        for problem in table.problems:
            self.stderr.write(f"{problem}; {said[problem.fate]}")
        if len(table.problems) == LISTED:
            self.stderr.write(f"Further ones are not listed; {LISTED} are.")
        if table.problems:
            self.stderr.write(
                f"Of {table.rows} rows {table.dropped} were dropped; in the others {table.off_scale} numbers "
                f"are off the scale and {table.missing} cells empty."
            )


def scale(text: str) -> tuple[float, float]:
    """`1-5` as (1.0, 5.0), for argparse."""
    found = re.fullmatch(r"(-?\d+(?:\.\d+)?)-(-?\d+(?:\.\d+)?)", text)
    if not found or not float(found[1]) < float(found[2]):
        raise ArgumentTypeError(f"{text!r} is no scale; expected LOW-HIGH, such as 1-5")
    return float(found[1]), float(found[2])


def table_lines(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Columns in line: texts to the left, numbers to the right (floats of 3 places), None as "-"."""
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    numeric = [all(not isinstance(row[place], str) for row in rows) for place in range(len(header))]
    widths = [max(_width(row[place]) for row in cells) for place in range(len(header))]
    return [
        "  ".join(_padded(*one) for one in zip(row, widths, numeric, strict=True)).rstrip() for row in cells
    ]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


def _width(text: str) -> int:
    """On a terminal, where a Chinese character takes two places."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
