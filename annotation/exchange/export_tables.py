"""Preference pairs as flat tables: CSV for spreadsheets and shells, Parquet for everything that has types.

The columns are those of the JSON lines, nested names joined by `_` (`best.sha256` is `best_sha256`). Names
and order are a promise: a new column goes to the end.
"""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from annotation.exchange import export
from annotation.models import Campaign
from workbench.streamed import Sink

_CLIP = {"clip": "string", "sha256": "string", "file": "string", "video_model": "string", "seed": "int64"}
COLUMNS = {
    "campaign": "string",
    "item": "string",
    "judgement": "string",
    "annotator": "string",
    "judged_at": "time",
    "simulated": "bool",
    "prompt_id": "int64",
    "prompt_task": "string",
    "prompt_text_en": "string",
    "prompt_text_zh": "string",
    "prompt_first_frame": "string",
    "dimension": "string",
    "reward": "string",
    **{f"best_{name}": kind for name, kind in _CLIP.items()},
    **{f"worst_{name}": kind for name, kind in _CLIP.items()},
    "weight": "double",
    "broken_by": "strings",
    "unchecked": "strings",
    "imported": "string",
}
"""Name -> kind, in the order of the file."""

ROW_GROUP = 10_000
# What a spreadsheet takes for the beginning of a formula, also in full width (OWASP, "CSV Injection"), and
# the sign that guards against it, so that taking one leading sign off always gives the text back.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")


def pairs_csv(campaign: Campaign, include_broken: bool = False, page: int = export.PAGE) -> Iterator[str]:
    """The preference pairs as CSV; yields a page's text at a time."""
    return as_csv(export.pairs(campaign, include_broken, page))


def as_csv(pages: export.Pages) -> Iterator[str]:
    """Pages of pairs as CSV (RFC 4180, UTF-8).

    None is an empty cell; lists are joined by ";". A text that a spreadsheet could take for a formula, or
    that begins with ', has a ' put before it: `text.removeprefix("'")` is the text.
    """
    yield csv_text([list(COLUMNS)])
    for rows in pages:
        yield csv_text([[cell(value) for value in flat(row).values()] for row in rows])


def pairs_parquet(
    campaign: Campaign, include_broken: bool = False, page: int = export.PAGE, row_group: int = ROW_GROUP
) -> Iterator[bytes]:
    """The preference pairs as Parquet, a row group at a time."""
    return as_parquet(export.pairs(campaign, include_broken, page), row_group)


def as_parquet(pages: export.Pages, row_group: int = ROW_GROUP) -> Iterator[bytes]:
    """Pages of pairs as Parquet, a row group at a time: `row_group` rows, and up to a page's more."""
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"time": pa.timestamp("us", tz="UTC"), "strings": pa.list_(pa.string())}
    schema = pa.schema([(name, kinds.get(kind, kind)) for name, kind in COLUMNS.items()])
    sink = Sink()
    waiting: list[dict[str, Any]] = []
    with parquet.ParquetWriter(sink, schema) as writer:

        def write() -> bytes:
            writer.write_table(pa.Table.from_pylist(waiting, schema))
            waiting.clear()
            return sink.take()

        for rows in pages:
            waiting += [_typed(flat(row)) for row in rows]
            if len(waiting) >= row_group:
                yield write()
        if waiting:
            yield write()
    yield sink.take()


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """One level of a row's nested names joined by `_`."""
    told: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            told |= {f"{name}_{key}": inner for key, inner in value.items()}
        else:
            told[name] = value
    return told


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "judged_at": datetime.fromisoformat(row["judged_at"])}


def cell(value: Any) -> Any:
    """A value as a cell of a CSV: see `as_csv`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ";".join(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def csv_text(rows: list[list[Any]]) -> str:
    """Rows as CSV (RFC 4180)."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
