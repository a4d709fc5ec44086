"""Means, severity-adjusted means and comparisons of scores in a CSV. Needs no server and no database."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
from django.core.management.base import CommandParser

from annotation.quality.scoreagreement import FIGURES
from arena import likert
from workbench.csvtable import Column, Table
from workbench.tablecommand import TableCommand, scale, table_lines

BREAKDOWNS = {"category": "categories", "aspect": "aspects"}


class Command(TableCommand):
    help = (
        "Mean scores by video model and dimension with 95 % intervals by prompt, means adjusted for the "
        "raters' severity (mixed model), and paired comparisons with Holm's correction. Columns: prompt, "
        "model, rater, dimension, score; optional category and aspect, by which means are broken down."
    )

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
            *(Column(name) for name in ("prompt", "model", "rater", "dimension")),
            Column("score", number=True, low=low, high=high, scale=True, blank=True),
            *(Column(name, required=False, blank=True) for name in BREAKDOWNS),
        )

    def computed(self, table: Table, options: dict[str, Any]) -> dict[str, Any]:
        frame = table.frame
        adjusted = likert.adjusted(frame)
        for one in adjusted:
            if one.reason:
                self.stderr.write(f"{one.dimension}: no severity-adjusted means, {REASONS[one.reason]}")
        return {
            "means": _means(frame, ("model", "dimension"), adjusted),
            "comparisons": [asdict(one) for one in likert.compare(frame)],
            **{
                plural: [_flat(one) for one in likert.means(frame, (column, "model", "dimension"))]
                for column, plural in BREAKDOWNS.items()
                if column in frame
            },
            "raters": [
                {"dimension": one.dimension, **asdict(rater)} for one in adjusted for rater in one.raters
            ],
            "components": {
                one.dimension: asdict(one.components) for one in adjusted if one.components is not None
            },
            "agreement": {
                dimension: {name: asdict(getattr(found, name)) for name in FIGURES}
                for dimension, found in likert.agreements(frame).items()
            },
            "scores": int(frame["score"].notna().sum()),
            "off_scale": table.off_scale,
            "missing": table.missing,
            "dropped": table.dropped,
        }

    def lines(self, found: dict[str, Any]) -> Iterable[str]:
        for name in ("means", "comparisons", *BREAKDOWNS.values(), "raters"):
            if rows := found.get(name):
                yield from table_lines(tuple(rows[0]), [list(row.values()) for row in rows])
                yield ""
        rows = [
            [dimension, name, *figure.values()]
            for dimension, figures in found["agreement"].items()
            for name, figure in figures.items()
        ]
        yield from table_lines(("dimension", "agreement", "value", "low", "high"), rows)
        yield ""
        yield (
            f"{found['scores']} scores. adjusted: for the raters' severity, the points that a rater scores "
            "below all raters; p: of no difference, p_holm: corrected for all comparisons."
        )


REASONS = {
    "disconnected": "since raters and models fall into sets that share no score.",
    "too_few": "since there are no more scores than models and raters.",
    "too_many_raters": "since there are more raters than can be adjusted for.",
}


def _means(
    frame: pd.DataFrame, by: tuple[str, str], adjusted: list[likert.AdjustedDimension]
) -> list[dict[str, Any]]:
    """Plain means with the adjusted ones beside them."""
    of = {(mean.model, one.dimension): mean for one in adjusted for mean in one.means}
    rows = []
    for one in likert.means(frame, by):
        beside = of.get((one.group["model"], one.group["dimension"]))
        figures = (beside.mean, beside.low, beside.high) if beside else (None, None, None)
        names = ("adjusted", "adjusted_low", "adjusted_high")
        rows.append({**_flat(one), **dict(zip(names, figures, strict=True))})
    return rows


def _flat(one: likert.GroupMean) -> dict[str, Any]:
    row = asdict(one)
    return {**row.pop("group"), **row}
