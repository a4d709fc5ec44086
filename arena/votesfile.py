"""Votes out of a CSV file: `left`, `right` and `winner` (left, right, tie or both_bad), and, if the file
has them, `prompt`, `voter` and `weight`. Other columns may be there. Bad rows are left out, and named by
line and column.

Files are parsed by pyarrow, a million rows in well under a second. What it can't parse, or where a bad
row's line can't be told (a quoted field may hold line ends), is read again row by row by Python's csv:
`exactly`, which is also what the fast way is compared with in the tests. Either way columns come out as
codes of their different values, so that each value is looked at once. No Django.
"""

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from arena.counts import BOTH_BAD, LEFT, RIGHT, TIE, Floats, Ints

WINNERS = {"left": LEFT, "right": RIGHT, "tie": TIE, "both_bad": BOTH_BAD}
NEEDED, OPTIONAL = ("left", "right", "winner"), ("prompt", "voter", "weight")
_AT_ONCE = 10_000  # rows that Python reads before it sorts them into columns
_MARK = b"\xef\xbb\xbf"  # of UTF-8

Coded = tuple[NDArray[np.int32], list[str]]
"""A column: codes, and the values that they stand for."""


class VotesFileError(Exception):
    """The file as a whole can't be read as votes."""


@dataclass(frozen=True)
class Problem:
    """Why a row is not used."""

    line: int
    """Of the file, from 1; where a quoted field spans lines, the row's first."""
    column: str
    """Its name; of a field beyond the header's, its number."""
    text: str


@dataclass(frozen=True)
class Ballots:
    """The votes, in the file's order: arrays of one length."""

    models: list[str]
    """By name; arrays number them by their place."""
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    said: NDArray[np.int8]
    clusters: dict[str, NDArray[np.int32]]
    """Of `prompt` and `voter`, the columns that the file has: whose a vote is, from 0. An empty field is
    one of its own."""
    unnamed: dict[str, int]
    """How many of their fields were empty."""
    weight: Floats | None
    problems: list[Problem]
    dropped: int
    """Rows not used. One row may have several problems."""


@dataclass(frozen=True)
class _Columns:
    coded: dict[str, Coded]
    """Of the rows that have as many fields as the header."""
    lines: Ints | None
    """Where these rows are in the file; None where that is not known."""
    wrong_length: list[Problem]


def read(path: Path, exactly: bool = False) -> Ballots:
    """The votes of a file in UTF-8, with or without its mark. Raises VotesFileError.

    `exactly`: row by row, by Python; the same comes out.
    """
    try:
        data = path.read_bytes().removeprefix(_MARK)
    except OSError as error:
        raise VotesFileError(f"{path} can't be read: {error.strerror}") from error
    header = _header(path, data)
    columns = None if exactly else _parsed(data, header)
    good = None if columns is None else _good(columns.coded)
    if columns is None or good is None or (columns.lines is None and not good.all()):
        columns = _read_by_row(path, data, header)
        good = _good(columns.coded)
    return _ballots(columns, good)


def _header(path: Path, data: bytes) -> list[str]:
    try:
        start = data[: 1 << 16].decode("utf-8", "replace")
        names = next((row for row in csv.reader(io.StringIO(start, newline="")) if row), None)
    except csv.Error as error:
        raise VotesFileError(f"{path} is not a CSV file: {error}") from error
    if names is None:
        raise VotesFileError(f"{path} is empty; expected a header with {', '.join(NEEDED)}")
    names = [name.strip() for name in names]
    for name in (*NEEDED, *OPTIONAL):
        if names.count(name) > 1:
            raise VotesFileError(f"{path} has {names.count(name)} columns {name}; expected one")
    if missing := [name for name in NEEDED if name not in names]:
        raise VotesFileError(
            f"{path} has no column {' and no column '.join(missing)}; its header is"
            f" {','.join(names)[:200]!r}, expected {','.join(NEEDED)} and, if there are any,"
            f" {', '.join(OPTIONAL)}"
        )
    return names


# --- By pyarrow -------------------------------------------------------------------------------------------


def _parsed(data: bytes, header: list[str]) -> _Columns | None:
    """None if it can't be."""
    if b"\0" in data or data.count(b"\r") != data.count(b"\r\n"):
        return None
    if b'"' in data:
        coded = _by_arrow(data, header)
        return None if coded is None else _Columns(coded, None, [])
    # No quotes: a row is a line, and its fields are as many as its commas and one.
    marks = np.frombuffer(data if data.endswith(b"\n") else data + b"\n", np.uint8)
    ends = np.flatnonzero(marks == ord("\n"))
    starts = np.r_[0, ends[:-1] + 1]
    empty = (ends == starts) | (ends - starts == 1) & (marks[starts] == ord("\r"))
    commas = np.diff(np.searchsorted(np.flatnonzero(marks == ord(",")), np.r_[starts, len(marks)]))
    lines = np.flatnonzero(~empty)[1:]
    fitting = commas[lines] == len(header) - 1
    wrong = [_wrong_length(int(line) + 1, int(commas[line]) + 1, header) for line in lines[~fitting]]
    if wrong:
        kept = np.ones(len(ends), bool)
        kept[lines[~fitting]] = False
        data = marks[np.repeat(kept, ends - starts + 1)].tobytes()
    coded = _by_arrow(data, header)
    return None if coded is None else _Columns(coded, lines[fitting] + 1, wrong)


def _by_arrow(data: bytes, header: list[str]) -> dict[str, Coded] | None:
    numbered = [
        str(place) for place in range(len(header))
    ]  # names of other columns may be any, and may repeat
    key = {name: numbered[header.index(name)] for name in (*NEEDED, *OPTIONAL) if name in header}
    text = pa.dictionary(pa.int32(), pa.string())
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data.lstrip(b"\r\n")),  # it would take an empty line for the header
            read_options=arrow_csv.ReadOptions(column_names=numbered, skip_rows_after_names=1),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(key.values(), text),
                include_columns=list(key.values()),
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None
    return {name: _codes_of(table[key[name]]) for name in key}


def _codes_of(column: pa.ChunkedArray) -> Coded:
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        if whole.num_chunks == 0:
            return np.zeros(0, np.int32), []
        whole = pa.concat_arrays(whole.chunks)
    return whole.indices.to_numpy(), whole.dictionary.to_pylist()


# --- Row by row -------------------------------------------------------------------------------------------


def _read_by_row(path: Path, data: bytes, header: list[str]) -> _Columns:
    place = {name: header.index(name) for name in (*NEEDED, *OPTIONAL) if name in header}
    columns: dict[str, list[str]] = {name: [] for name in place}
    lines: list[int] = []
    wrong: list[Problem] = []
    for rows in _rows(path, data):
        fitting = [row for _line, row in rows if len(row) == len(header)]
        lines += [line for line, row in rows if len(row) == len(header)]
        wrong += [_wrong_length(line, len(row), header) for line, row in rows if len(row) != len(header)]
        for name, at in place.items():
            columns[name] += [row[at] for row in fitting]
    coded = {}
    for name, column in columns.items():
        number = {value: code for code, value in enumerate(dict.fromkeys(column))}
        coded[name] = np.fromiter(map(number.__getitem__, column), np.int32, len(column)), list(number)
    return _Columns(coded, np.array(lines, np.int64), wrong)


def _rows(path: Path, data: bytes) -> Iterator[list[tuple[int, list[str]]]]:
    """The rows below the header, some at a time, each with the line that it starts at. Empty lines are no
    rows. What is not UTF-8 is read as half characters."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", "surrogateescape", newline=""))
    before, header = 0, True
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            if row and not header:
                rows.append((before + 1, row))
            before = reader.line_num
            header = header and not row
            if len(rows) == _AT_ONCE:
                yield rows
                rows = []
    except csv.Error as error:
        raise VotesFileError(f"{path}, from line {before + 1}: {error}; is a quote left open?") from error
    yield rows


# --- Which rows are right ---------------------------------------------------------------------------------


def _good(coded: dict[str, Coded]) -> NDArray[np.bool_]:
    """Which rows have no problem. Each column's different values are looked at once."""
    good = np.ones(len(coded["left"][0]), bool)
    for name, (codes, values) in coded.items():
        good &= np.array([_wrong(name, value) is None for value in values] or [True])[codes]
    number = _numbers({value.strip() for side in ("left", "right") for value in coded[side][1]})
    return np.asarray(good & (_places(coded["left"], number) != _places(coded["right"], number)))


def _problems(fields: dict[str, str], line: int) -> list[Problem]:
    wrong = [Problem(line, name, text) for name, value in fields.items() if (text := _wrong(name, value))]
    same = fields["right"].strip()
    if not wrong and same == fields["left"].strip():
        wrong.append(Problem(line, "right", f"{_shown(same)} is the left model too; expected another"))
    return wrong


def _wrong(name: str, value: str) -> str | None:
    """What is wrong with a field by itself."""
    if any("\udc80" <= mark <= "\udcff" for mark in value):
        return "the text is not UTF-8"
    text = value.strip()
    if name in {"left", "right"} and not text:
        return "the name is empty; expected a model's"
    if name == "winner" and text not in WINNERS:
        return f"{_shown(value)} is no answer; expected left, right, tie or both_bad"
    if name == "weight" and not 0 <= _number(text) < math.inf:
        return f"{_shown(value)} is no weight; expected a number of at least 0"
    return None


def _wrong_length(line: int, fields: int, header: list[str]) -> Problem:
    column = header[fields] if fields < len(header) else str(len(header) + 1)
    return Problem(line, column, f"the row has {fields} fields, the header {len(header)}")


def _number(text: str) -> float:
    """NaN if it is none."""
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _ballots(columns: _Columns, good: NDArray[np.bool_]) -> Ballots:
    coded = columns.coded
    problems = list(columns.wrong_length)
    for at in np.flatnonzero(~good):
        assert columns.lines is not None
        fields = {name: values[codes[at]] for name, (codes, values) in coded.items()}
        problems += _problems(fields, int(columns.lines[at]))
    problems.sort(key=lambda problem: problem.line)
    kept = {name: (codes[good], values) for name, (codes, values) in coded.items()}
    used = {kept[side][1][code].strip() for side in ("left", "right") for code in np.unique(kept[side][0])}
    number = _numbers(used)
    weight = None
    if "weight" in kept:
        codes, texts = kept["weight"]
        weight = np.array([_number(text.strip()) for text in texts] or [0.0])[codes]
    clusters: dict[str, NDArray[np.int32]] = {}
    unnamed: dict[str, int] = {}
    for name in ("prompt", "voter"):
        if name in kept:
            clusters[name], unnamed[name] = _clusters(*kept[name])
    return Ballots(
        models=sorted(number),
        left=_places(kept["left"], number),
        right=_places(kept["right"], number),
        said=_places(kept["winner"], WINNERS).astype(np.int8),
        clusters=clusters,
        unnamed=unnamed,
        weight=weight,
        problems=problems,
        dropped=len(columns.wrong_length) + int((~good).sum()),
    )


def _numbers(names: set[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(sorted(names))}


def _places(column: Coded, number: dict[str, int]) -> NDArray[np.int32]:
    """Of each row the number of its value, -1 where it has none."""
    codes, values = column
    return np.asarray(np.array([number.get(value.strip(), -1) for value in values] or [-1], np.int32)[codes])


def _clusters(codes: NDArray[np.int32], values: list[str]) -> tuple[NDArray[np.int32], int]:
    """Numbers from 0; and how many fields were empty, each of which has a number of its own."""
    empty = np.isin(codes, [place for place, value in enumerate(values) if not value.strip()])
    if not empty.any():
        return codes, 0
    numbers = codes.copy()
    numbers[empty] = len(values) + np.arange(empty.sum())
    return numbers, int(empty.sum())
