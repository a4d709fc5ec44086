"""Good, same or bad by opponent and dimension, of verdicts in a CSV. Needs no server and no database."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from arena.gsb import VERDICTS, Result, compare
from workbench.csvtable import Column, Table
from workbench.tablecommand import TableCommand, table_lines


class Command(TableCommand):
    help = (
        "Good, same or bad by opponent and dimension: (G - B) / N and (G + S) / (B + S) with 95 % intervals "
        "by prompt, and sign-flip tests by prompt with Holm's correction. Columns: prompt, opponent, "
        "dimension, verdict (G, S or B of the model under test); optional category."
    )

    def columns(self, options: dict[str, Any]) -> Sequence[Column]:
        return (
            Column("prompt"),
            Column("opponent"),
            Column("dimension"),
            Column("verdict", choices=VERDICTS),
            Column("category", required=False, blank=True),
        )

    def computed(self, table: Table, options: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"results": [_row(one) for one in compare(table.frame)]}
        if "category" in table.frame:
            by = ("category", "opponent", "dimension")
            found["categories"] = [_row(one) for one in compare(table.frame, by)]
        return {**found, "votes": len(table.frame), "dropped": table.dropped}

    def lines(self, found: dict[str, Any]) -> Iterable[str]:
        for name in ("results", "categories"):
            if rows := found.get(name):
                yield from table_lines(tuple(rows[0]), [list(row.values()) for row in rows])
                yield ""
        yield f"{found['votes']} verdicts. net: (G - B) / N; ratio: (G + S) / (B + S); p: of no difference."


def _row(one: Result) -> dict[str, Any]:
    row = asdict(one)
    return {**row.pop("group"), **row}
