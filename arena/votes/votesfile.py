"""Votes out of a CSV file: `left`, `right` and `winner` (left, right, tie or both_bad), and, if the file has
them, `prompt`, `voter` and `weight`; and for each covariate asked for, such as length, a number for either
clip: `length_left` and `length_right`. No Django.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.numerics.counts import BOTH_BAD, LEFT, RIGHT, TIE, Floats
from workbench.csvtable import Column, Table
from workbench.csvtable import read as read_table

WINNERS = {"left": LEFT, "right": RIGHT, "tie": TIE, "both_bad": BOTH_BAD}
COLUMNS = (
    Column("left"),
    Column("right", unlike="left"),
    Column("winner", choices=tuple(WINNERS)),
    Column("prompt", required=False, blank=True),
    Column("voter", required=False, blank=True),
    Column("weight", required=False, number=True, low=0),
)


@dataclass(frozen=True)
class Ballots:
    """The votes, in the file's order: arrays of one length."""

    models: list[str]
    """By name; arrays number them by their place."""
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    said: NDArray[np.int8]
    clusters: dict[str, NDArray[np.int32]]
    """Of `prompt` and `voter`, the columns that the file has: whose a vote is, by number. An empty
    field is one of its own."""
    unnamed: dict[str, int]
    """How many of their fields were empty."""
    weight: Floats | None
    dropped: int
    """Rows not used."""
    covariates: dict[str, Floats] = field(default_factory=dict)
    """By name, the left clip's number less the right one's; NaN where one of them is missing."""


def columns(covariates: Sequence[str] = ()) -> tuple[Column, ...]:
    """What a file of votes must and may have, with these covariates."""
    both = [f"{name}_{side}" for name in covariates for side in ("left", "right")]
    return (*COLUMNS, *(Column(name, number=True, blank=True) for name in both))


def read(source: Path | bytes, covariates: Sequence[str] = ()) -> Ballots:
    """Raises TableError."""
    return ballots(read_table(source, columns(covariates)), covariates)


def ballots(table: Table, covariates: Sequence[str] = ()) -> Ballots:
    """The votes of a table that was read with `columns`."""
    frame = table.frame
    names = sorted({str(name) for side in ("left", "right") for name in frame[side].unique()})
    number = {name: place for place, name in enumerate(names)}
    clusters, unnamed = {}, {}
    for column in ("prompt", "voter"):
        if column in frame:
            clusters[column], unnamed[column] = _clusters(frame[column])
    said = np.array([WINNERS[winner] for winner in frame["winner"].cat.categories], np.int8)
    return Ballots(
        models=names,
        left=_places(frame["left"], number),
        right=_places(frame["right"], number),
        said=said[frame["winner"].cat.codes.to_numpy()],
        clusters=clusters,
        unnamed=unnamed,
        weight=frame["weight"].to_numpy() if "weight" in frame else None,
        dropped=table.dropped,
        covariates={name: (frame[f"{name}_left"] - frame[f"{name}_right"]).to_numpy() for name in covariates},
    )


def _places(column: Any, number: dict[str, int]) -> NDArray[np.int32]:
    # A category may be left over from rows that are not used.
    places = np.array([number.get(name, -1) for name in column.cat.categories], np.int32)
    return np.asarray(places[column.cat.codes.to_numpy()])


def _clusters(column: Any) -> tuple[NDArray[np.int32], int]:
    """Numbers, not all of them used; and how many fields were empty: each has a number of its own."""
    codes = column.cat.codes.to_numpy().astype(np.int32)
    empty = codes < 0
    codes[empty] = len(column.cat.categories) + np.arange(empty.sum())
    return codes, int(empty.sum())
