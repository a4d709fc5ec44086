"""Votes out of a CSV file: `left`, `right` and `winner` (left, right, tie or both_bad), and, if the file has them,
`prompt`, `voter` and `weight`. Other columns may be there.

A file without fault is read by pyarrow, a million rows in a fraction of a second. As soon as anything about it
is unusual it is read again row by row, so that each bad row can be named by its line and column; `read_exactly`
is also what the fast way is compared with in the tests. No Django.
"""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from arena.counts import BOTH_BAD, LEFT, RIGHT, TIE, Floats

WINNERS = {"left": LEFT, "right": RIGHT, "tie": TIE, "both_bad": BOTH_BAD}
NEEDED, OPTIONAL = ("left", "right", "winner"), ("prompt", "voter", "weight")


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
    """Of `prompt` and `voter`, the columns that the file has: whose a vote is, from 0. An empty field is one of
    its own."""
    unnamed: dict[str, int]
    """How many of their fields were empty."""
    weight: Floats | None
    problems: list[Problem]
    dropped: int
    """Rows not used. One row may have several problems."""


def read(path: Path) -> Ballots:
    """The votes of a file in UTF-8, with or without its mark. Raises VotesFileError."""
    header = _header(path)
    found = _read_fast(path, header)
    return read_exactly(path) if found is None else found


def read_exactly(path: Path) -> Ballots:
    """The same, row by row."""
    header = _header(path)
    place = {name: header.index(name) for name in (*NEEDED, *OPTIONAL) if name in header}
    columns: dict[str, list[Any]] = {name: [] for name in place}
    problems: list[Problem] = []
    dropped = 0
    for line, row in _rows(path):
        fields, wrong = _fields(row, header, place, line)
        if wrong:
            problems += wrong
            dropped += 1
            continue
        for name, value in fields.items():
            columns[name].append(value)
    coded = {name: _coded(columns[name]) for name in columns if name not in {"winner", "weight"}}
    said = np.array([WINNERS[value] for value in columns["winner"]], np.int8)
    weight = np.array(columns["weight"], float) if "weight" in columns else None
    return _ballots(coded, said, weight, problems, dropped)


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next((row for row in csv.reader(file) if row), None)
    except OSError as error:
        raise VotesFileError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise VotesFileError(f"{path} is not text in UTF-8 (its byte {error.start}); save it as UTF-8") from error
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
            f"{path} has no column {' and no column '.join(missing)}; its header is {','.join(names)!r}, expected"
            f" {','.join(NEEDED)} and, if there are any, {', '.join(OPTIONAL)}"
        )
    return names


# --- The fast way -----------------------------------------------------------------------------------------


def _read_fast(path: Path, header: list[str]) -> Ballots | None:
    """None if anything is unusual."""
    names = [name for name in (*NEEDED, *OPTIONAL) if name in header]
    text = pa.dictionary(pa.int32(), pa.string())
    numbered = [str(place) for place in range(len(header))]  # names of other columns may be any, and may repeat
    key = {name: numbered[header.index(name)] for name in names}
    types = {key[name]: pa.float64() if name == "weight" else text for name in names}
    try:
        table = arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(column_names=numbered, skip_rows_after_names=1),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=[], strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None
    coded = {name: _dictionary(table[key[name]]) for name in names if name != "weight"}
    for name in ("left", "right", "winner"):
        codes, values = coded[name]
        coded[name] = codes, [value.strip() for value in values]
    answers = coded.pop("winner")
    if not set(answers[1]) <= set(WINNERS) or any("" in coded[name][1] for name in ("left", "right")):
        return None
    said = np.array([WINNERS[value] for value in answers[1]], np.int8)[answers[0]]
    weight = table[key["weight"]].to_numpy() if "weight" in key else None
    if weight is not None and not (np.isfinite(weight) & (weight >= 0)).all():
        return None
    found = _ballots(coded, said, weight, [], 0)
    return None if (found.left == found.right).any() else found


def _dictionary(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], list[str]]:
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # without rows
        return np.zeros(0, np.int32), []
    return whole.indices.to_numpy(), whole.dictionary.to_pylist()


# --- The exact way ----------------------------------------------------------------------------------------


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows below the header, each with the line that it starts at. Empty lines are no rows."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file)
        before, header = 0, True
        try:
            for row in reader:
                line, before = before + 1, reader.line_num
                if row and not header:
                    yield line, row
                header = header and not row
        except csv.Error as error:
            raise VotesFileError(f"{path}, from line {before + 1}: {error}; is a quote left open?") from error


def _fields(
    row: list[str], header: list[str], place: dict[str, int], line: int
) -> tuple[dict[str, Any], list[Problem]]:
    if len(row) != len(header):
        column = header[len(row)] if len(row) < len(header) else str(len(header) + 1)
        return {}, [Problem(line, column, f"the row has {len(row)} fields, the header {len(header)}")]
    fields: dict[str, Any] = {name: row[at] for name, at in place.items()}
    wrong = []
    for name, text in fields.items():
        if any("\udc80" <= mark <= "\udcff" for mark in text):
            wrong.append(Problem(line, name, "the text is not UTF-8"))
    for name in NEEDED:
        fields[name] = fields[name].strip()
    for name in ("left", "right"):
        if not fields[name]:
            wrong.append(Problem(line, name, "the name is empty; expected a model's"))
    if fields["left"] and fields["left"] == fields["right"]:
        wrong.append(Problem(line, "right", f"{fields['right']!r} is the left model too; expected another"))
    if fields["winner"] not in WINNERS:
        expected = "expected left, right, tie or both_bad"
        wrong.append(Problem(line, "winner", f"{_shown(fields['winner'])} is no answer; {expected}"))
    if "weight" in fields:
        weight = _number(fields["weight"])
        if not (math.isfinite(weight) and weight >= 0):
            expected = "expected a number of at least 0"
            wrong.append(Problem(line, "weight", f"{_shown(fields['weight'])} is no weight; {expected}"))
        fields["weight"] = weight
    return fields, wrong


def _number(text: str) -> float:
    """NaN if it is none."""
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _coded(values: list[str]) -> tuple[NDArray[np.int32], list[str]]:
    place: dict[str, int] = {}
    codes = [place.setdefault(value, len(place)) for value in values]
    return np.array(codes, np.int32), list(place)


# --- Both -------------------------------------------------------------------------------------------------


def _ballots(
    coded: dict[str, tuple[NDArray[np.int32], list[str]]],
    said: NDArray[np.int8],
    weight: Floats | None,
    problems: list[Problem],
    dropped: int,
) -> Ballots:
    """From columns as (codes, the values that they stand for)."""
    used = {side: [coded[side][1][code] for code in np.unique(coded[side][0])] for side in ("left", "right")}
    models = sorted({*used["left"], *used["right"]})
    number = {name: place for place, name in enumerate(models)}
    sides = [
        np.array([number.get(name, -1) for name in coded[side][1]] or [-1], np.int32)[coded[side][0]]
        for side in ("left", "right")
    ]
    clusters, unnamed = {}, {}
    for name in ("prompt", "voter"):
        if name in coded:
            clusters[name], unnamed[name] = _clusters(*coded[name])
    return Ballots(models, sides[0], sides[1], said, clusters, unnamed, weight, problems, dropped)


def _clusters(codes: NDArray[np.int32], values: list[str]) -> tuple[NDArray[np.int32], int]:
    """Numbers from 0; and how many fields were empty, each of which has a number of its own."""
    empty = np.isin(codes, [place for place, value in enumerate(values) if not value.strip()])
    if not empty.any():
        return codes, 0
    numbers = codes.copy()
    numbers[empty] = len(values) + np.arange(empty.sum())
    return numbers, int(empty.sum())
