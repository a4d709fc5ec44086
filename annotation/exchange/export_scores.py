"""Experts' scores and verdicts as files, a row a score: CSV and JSON lines.

The first columns are those that the statistics commands ask for: prompt, model, rater, dimension, score; and
prompt, opponent, dimension, verdict. Names and order are a promise: a new column goes to the end.
"""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.exchange.export import PAGE, lines
from annotation.exchange.export_tables import cell, csv_text
from annotation.labelling.scoring import Mark
from annotation.models import Campaign
from annotation.results.scores import GsbRow, LikertRow, gsb_rows, likert_rows
from workbench import streamed
from workbench.refusals import Missing

Row = dict[str, Any]


class ScoreFormat(models.TextChoices):
    """The value is the file's suffix."""

    CSV = "csv", gettext_lazy("CSV")
    JSONL = "jsonl", gettext_lazy("JSON lines")

    @property
    def content_type(self) -> str:
        return streamed.CSV if self is ScoreFormat.CSV else streamed.JSON_LINES

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0]


LIKERT_COLUMNS = (
    "prompt",
    "model",
    "rater",
    "dimension",
    "score",
    "task",
    "categories",
    "marks",
    "item",
    "clip",
    "judgement",
    "judged_at",
    "seconds",
    "simulated",
)
GSB_COLUMNS = (
    "prompt",
    "opponent",
    "dimension",
    "verdict",
    "rater",
    "side",
    "task",
    "categories",
    "item",
    "judgement",
    "judged_at",
    "seconds",
    "simulated",
)


def pages(campaign: Campaign, wanted: ScoreFormat, page: int = PAGE) -> Iterator[str]:
    """The file of a campaign's scores or verdicts as they are now, a piece at a time.

    In CSV categories are joined by ";" and marks are JSON. Raises Missing `no_scores` for a best/worst
    campaign.
    """
    if campaign.protocol not in _READ:
        raise Missing("no_scores", _("A best/worst campaign has no scores; its pairs can be exported."))
    columns, rows = _READ[campaign.protocol]
    return _text(columns, (_told(row, columns) for row in rows(campaign, page)), wanted, page)


def _text(columns: tuple[str, ...], rows: Iterator[Row], wanted: ScoreFormat, page: int) -> Iterator[str]:
    if wanted is ScoreFormat.CSV:
        yield csv_text([list(columns)])
    while some := list(islice(rows, page)):
        if wanted is ScoreFormat.CSV:
            yield csv_text([[_cell(name, row[name]) for name in columns] for row in some])
        else:
            yield lines(some)


_READ: dict[str, tuple[tuple[str, ...], Callable[[Campaign, int], Iterator[LikertRow | GsbRow]]]] = {
    Campaign.Protocol.LIKERT: (LIKERT_COLUMNS, likert_rows),
    Campaign.Protocol.GSB: (GSB_COLUMNS, gsb_rows),
}


def _told(row: LikertRow | GsbRow, columns: tuple[str, ...]) -> Row:
    told: Row = {name: getattr(row, name) for name in columns}
    for name in ("item", "clip", "judgement", "verdict", "side"):
        if name in told:
            told[name] = str(told[name])
    if "marks" in told:
        told["marks"] = [_mark(mark) for mark in told["marks"]]
    return {**told, "categories": list(row.categories), "judged_at": row.judged_at.isoformat()}


def _mark(mark: Mark) -> Row:
    return {
        "aspect": mark.aspect,
        "kind": mark.kind.value,
        "from": mark.begin,
        "to": mark.end,
        "note": mark.note,
    }


def _cell(name: str, value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if name == "marks" and value else cell(value)
