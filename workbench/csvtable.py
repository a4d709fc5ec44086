"""Reads a CSV of judgements: columns that must or may be there, and every row that can't be used by its line.

UTF-8 (a byte order mark is fine), comma-separated, any line ends, quoted fields as spreadsheets write them.
Columns are found by name, in any order; others are passed over; rows with nothing in them are no rows. Each
column is read as its distinct values and where they stand, so that a check costs by value, not by row: a
million rows of five columns take a third of a second. Only a file with something wrong is walked a second
time, for the lines.

Nothing is mended: a row with a cell that can't be understood is dropped and named.
"""

import csv
import io
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

LISTED = 100
"""Problems that are listed one by one, at most; all are counted."""


class TableError(ValueError):
    """Nothing of the file can be used; the message says why and what to do."""


@dataclass(frozen=True)
class Column:
    """What a column holds: text, one of `choices` (whatever the case of its letters), or a number."""

    name: str
    required: bool = True
    """False: the file may lack it."""
    choices: tuple[str, ...] = ()
    number: bool = False
    low: float = -math.inf
    high: float = math.inf
    scale: bool = False
    """A number outside [low, high] is off the scale: counted, named, and missing; its row is kept."""
    blank: bool = False
    """An empty cell is allowed: missing. Without it, the row is dropped. A required column that the file
    must have may well allow blanks."""
    unlike: str = ""
    """Another column of text, which must say something else in the same row."""


class Fate(StrEnum):
    """What became of a row with a problem."""

    DROPPED = "dropped"
    OFF_SCALE = "off_scale"
    MISSING = "missing"


@dataclass(frozen=True)
class Problem:
    """`line` counts from 1, the header among them; of a row that spans several, it is the first."""

    line: int
    column: str
    text: str
    fate: Fate

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.text}"


@dataclass(frozen=True)
class Table:
    """The rows that can be used, and an account of all others."""

    frame: pd.DataFrame
    """Text and choices as pandas categories (NaN where blank; choices in their given order, texts by first
    appearance), numbers as float64 (NaN where blank or off the scale). No column that the file lacks."""
    rows: int
    """In the file, those dropped among them."""
    dropped: int
    off_scale: int = 0
    """Cells of kept rows; so is `missing`."""
    missing: int = 0
    problems: tuple[Problem, ...] = field(default=())
    """By line, LISTED at most."""

    @property
    def clean(self) -> bool:
        """Every row was used as it stands; blanks that are allowed are no fault."""
        return not self.dropped and not self.off_scale


def read(source: Path | bytes, columns: Sequence[Column], key: Sequence[str] = ()) -> Table:
    """The table in a file or in its bytes. A row whose `key` columns repeat an earlier row's is dropped.

    Raises TableError where the file can't be read, is no UTF-8, lacks a column, or has no row to use.
    """
    raw = _with_line_end(source if isinstance(source, bytes) else _bytes_of(source))
    names = _header(raw, columns)
    wanted = {name: place for place, name in enumerate(names) if name in {column.name for column in columns}}
    cells, ragged = _parsed(raw, len(names), list(wanted.values()))
    checked = [
        _checked(column, *_coded(cells.column(f"f{wanted[column.name]}")))
        for column in columns
        if column.name in wanted
    ]
    return _table(raw, names, checked, cells.num_rows, ragged, key)


# --- From bytes to distinct values and places -------------------------------------------------------------

Ints = NDArray[np.int64]
_BOM = b"\xef\xbb\xbf"
_NOTHING = {"", "na", "n/a", "nan", "null", "none"}
"""What programs write into a cell of numbers for none."""


def _bytes_of(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise TableError(f"{path} can't be read: {error.strerror}.") from error


def _with_line_end(raw: bytes) -> bytes:
    raw = raw.removeprefix(_BOM)
    if not raw.strip():
        raise TableError("The file is empty; expected a header line and rows below it.")
    return raw if raw.endswith((b"\n", b"\r")) else raw + b"\n"


def _rows(raw: bytes) -> Any:
    """The csv module's reader, which knows its line."""
    try:
        return csv.reader(io.StringIO(raw.decode("utf-8"), newline=""))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"The file is not UTF-8: line {line} has the byte 0x{raw[error.start]:02x}. "
            'Save it as "CSV UTF-8", or convert it (iconv -f GB18030 -t UTF-8).'
        ) from error


def _header(raw: bytes, columns: Sequence[Column]) -> list[str]:
    # A header is short; a file without any line end is cut, and has no row anyway.
    start = raw[:65536]
    names: list[str] = next(
        (row for row in _rows(start[: max(start.rfind(b"\n"), start.rfind(b"\r")) + 1]) if row), []
    )
    names = [name.strip().lower() for name in names]
    known = {column.name for column in columns}
    if twice := sorted({name for name in names if name in known and names.count(name) > 1}):
        raise TableError(f"The header names {', '.join(twice)} more than once; each column has its own name.")
    if absent := [column.name for column in columns if column.required and column.name not in names]:
        hint = " Columns are separated by commas." if len(names) == 1 else ""
        raise TableError(
            f"The header lacks {', '.join(absent)}: it has {', '.join(names) or 'no names'}.{hint}"
        )
    return names


def _parsed(raw: bytes, width: int, wanted: list[int]) -> tuple[Any, int]:
    """The wanted columns, named by their place, and how many rows had more or fewer cells than the header."""
    ragged = 0

    def skip(_row: Any) -> str:
        nonlocal ragged
        ragged += 1
        return "skip"

    names = [f"f{place}" for place in range(width)]
    coded = pa.dictionary(pa.int32(), pa.string())
    try:
        found = pacsv.read_csv(
            io.BytesIO(raw),
            pacsv.ReadOptions(column_names=names, block_size=1 << 24),
            pacsv.ParseOptions(newlines_in_values=b'"' in raw, invalid_row_handler=skip),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, coded),
                include_columns=[f"f{place}" for place in wanted],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        for _row in _rows(raw):  # says where, if it is the encoding or a quote
            pass
        raise TableError(f"The file can't be read as CSV: {error}") from error
    return found.slice(1), ragged


def _coded(column: Any) -> tuple[Ints, list[str]]:
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # of no chunk, or more than one array can hold
        whole = pa.concat_arrays(whole.unify_dictionaries().chunks)
    return whole.indices.to_numpy().astype(np.int64), whole.dictionary.to_pylist()


# --- From values to columns -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Checked:
    """A column with, by row, what is wrong (an index into `wrong`, -1 for nothing)."""

    column: Column
    values: Any
    """Floats, or a pandas Categorical."""
    empty: NDArray[np.bool_]
    fault: Ints
    wrong: list[tuple[Fate, str]]


def _checked(column: Column, codes: Ints, names: list[str]) -> _Checked:
    names = [name.strip() for name in names]
    found = [_number(column, name) if column.number else _text(column, name) for name in names]
    values = [value for value, _fate, _text in found]
    wrong = [(fate, text) for _value, fate, text in found if fate]
    numbers = np.full(len(names), -1, np.int64)
    numbers[[place for place, (_value, fate, _text) in enumerate(found) if fate]] = range(len(wrong))
    empty = np.array([name == "" for name in names], bool)
    if column.number:
        whole: Any = np.array(values, float)[codes]
    else:
        places, categories = _categories(column, values)
        whole = pd.Categorical.from_codes(places[codes], categories)
    return _Checked(column, whole, empty[codes], numbers[codes], wrong)


def _number(column: Column, text: str) -> tuple[float, Fate | None, str]:
    if text.lower() in _NOTHING:
        return math.nan, Fate.MISSING if column.blank else Fate.DROPPED, "empty"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        return math.nan, Fate.DROPPED, f"{_shown(text)} is no number"
    if column.low <= value <= column.high:
        return value, None, ""
    if column.scale:
        return math.nan, Fate.OFF_SCALE, f"{text} is off the scale {column.low:g}-{column.high:g}"
    bound = f"at least {column.low:g}" if value < column.low else f"at most {column.high:g}"
    return math.nan, Fate.DROPPED, f"{text} is not {bound}"


def _text(column: Column, text: str) -> tuple[str | None, Fate | None, str]:
    if not text:
        return None, Fate.MISSING if column.blank else Fate.DROPPED, "empty"
    if not column.choices:
        return text, None, ""
    for choice in column.choices:
        if choice.lower() == text.lower():
            return choice, None, ""
    return None, Fate.DROPPED, f"{_shown(text)} is none of {', '.join(column.choices)}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _categories(column: Column, values: list[Any]) -> tuple[NDArray[np.int32], list[str]]:
    """The place of each value among the categories, -1 for none; two spellings may be one category."""
    categories = dict.fromkeys(column.choices or (value for value in values if value is not None))
    place = {name: number for number, name in enumerate(categories)}
    return np.array([place.get(value, -1) for value in values], np.int32), list(categories)


# --- Rows that are used, and the account of the others ----------------------------------------------------


def _table(
    raw: bytes, names: list[str], checked: list[_Checked], rows: int, ragged: int, key: Sequence[str]
) -> Table:
    filled = ~np.logical_and.reduce([one.empty for one in checked])
    kept = filled.copy()
    for one in checked:
        kept &= ~_meets(one, Fate.DROPPED)
    frame = pd.DataFrame({one.column.name: one.values for one in checked}, copy=False)
    same = {
        one.column.name: kept & _same(frame[one.column.name], frame[one.column.unlike])
        for one in checked
        if one.column.unlike
    }
    kept &= ~np.logical_or.reduce([np.zeros(rows, bool), *same.values()])
    repeated = np.zeros(rows, bool)
    if key:
        repeated[kept] = frame.loc[kept, list(key)].duplicated().to_numpy()
        kept &= ~repeated
    counted = {fate: sum(int((_meets(one, fate) & kept).sum()) for one in checked) for fate in Fate}
    dropped = int(filled.sum() - kept.sum()) + ragged
    total = int(filled.sum()) + ragged
    problems: tuple[Problem, ...] = ()
    if dropped or counted[Fate.OFF_SCALE] or counted[Fate.MISSING]:
        faults = {**same, key[-1]: repeated} if key else same
        problems = _located(raw, names, checked, filled, faults, frame, key)
    if not kept.any():
        told = "; ".join(map(str, problems[:3]))
        raise TableError(
            f"None of the file's {total} rows can be used: {told}." if total else "The file has no rows."
        )
    whole = frame if kept.all() else frame[kept].reset_index(drop=True)
    return Table(whole, total, dropped, counted[Fate.OFF_SCALE], counted[Fate.MISSING], problems)


def _same(column: Any, other: Any) -> NDArray[np.bool_]:
    """Row by row, whether two columns of text say the same."""
    place = {name: number for number, name in enumerate(column.cat.categories)}
    # -1: the other column's text is nowhere in this one; -2: it is empty.
    places = np.array([*(place.get(name, -1) for name in other.cat.categories), -2], np.int64)
    codes = column.cat.codes.to_numpy()
    return np.asarray((codes >= 0) & (codes == places[other.cat.codes.to_numpy()]))


def _meets(one: _Checked, fate: Fate) -> NDArray[np.bool_]:
    kinds = np.array([found is fate for found, _text in one.wrong] + [False], bool)
    return np.asarray(kinds[one.fault])


def _located(
    raw: bytes,
    names: list[str],
    checked: list[_Checked],
    filled: NDArray[np.bool_],
    faults: dict[str, NDArray[np.bool_]],
    frame: pd.DataFrame,
    key: Sequence[str],
) -> tuple[Problem, ...]:
    """The first problems with their lines, by walking the file once more. `faults`: rows that are wrong as
    a whole, by the column that is blamed."""
    lines, found = _walked(raw, names)
    if len(lines) != len(filled):
        raise TableError(
            'The quotes in the file can be read in two ways; write a field with quotes as "…", and a '
            "quote inside it twice."
        )
    for one in checked:
        for row in np.flatnonzero((one.fault >= 0) & filled)[:LISTED]:
            fate, text = one.wrong[one.fault[row]]
            found.append(Problem(lines[row], one.column.name, text, fate))
    unlike = {one.column.name: one.column.unlike for one in checked}
    for column, rows in faults.items():
        for row in np.flatnonzero(rows)[:LISTED]:
            if other := unlike[column]:
                text = f"{_shown(str(frame[column].iloc[row]))} is in column {other} too; expected another"
            else:
                text = "another row above has the same " + ", ".join(key)
            found.append(Problem(lines[row], column, text, Fate.DROPPED))
    return tuple(sorted(found, key=lambda problem: problem.line)[:LISTED])


def _walked(raw: bytes, names: list[str]) -> tuple[list[int], list[Problem]]:
    """The first line of each row that has as many cells as the header; and the rows that have not."""
    lines: list[int] = []
    found: list[Problem] = []
    header = False
    reader, start = _rows(raw), 1
    try:
        for row in reader:
            if row and not header:
                header = True
            elif len(row) == len(names):
                lines.append(start)
            elif row and len(found) < LISTED:
                found.append(_ragged(start, row, names))
            start = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"Line {start}: {error}. Is a quote not closed?") from error
    return lines, found


def _ragged(line: int, row: list[str], names: list[str]) -> Problem:
    text = f"the row has {len(row)} cells, the header {len(names)}"
    column = names[len(row)] if len(row) < len(names) else str(len(names) + 1)
    return Problem(line, column, text, Fate.DROPPED)
