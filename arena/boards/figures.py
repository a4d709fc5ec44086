"""Figures of a board beside its table: who beats whom, how often they met, and the history of ratings."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from annotation.models import VideoModel
from arena.boards import leaderboard
from arena.boards.boardquery import Query
from arena.models import Track
from arena.numerics import online
from arena.votes import columns
from arena.votes.tally import tally

MARKS = 40
"""Points of a history at most."""


@dataclass(frozen=True)
class Named:
    model: str
    name: str


@dataclass(frozen=True)
class Matrices:
    """Of the models a board shows, in its order; rows and columns are theirs."""

    models: list[Named]
    battles: list[list[int]]
    """Votes between two models, whichever side they were on; 0 on the diagonal."""
    win_fraction: list[list[float | None]]
    """The row's share of wins over the column, with half of the ties; None where they did not meet."""


@dataclass(frozen=True)
class Line:
    """A model's online Elo at the marks; the interval of the last is what other orders would give."""

    model: str
    name: str
    ratings: list[float | None]
    """None before the model's first vote."""
    low: float | None
    high: float | None


@dataclass(frozen=True)
class History:
    at: list[datetime]
    """Ends of the periods, in UTC."""
    votes: list[int]
    """Votes until then."""
    lines: list[Line]


def matrices(track: Track, query: Query) -> Matrices:
    key = f"arena:matrices:{track.pk}:{leaderboard.digest(query)}"
    found: Matrices = leaderboard.kept(key, columns.state(track), lambda: _matrices(track, query))
    return found


def history(track: Track, query: Query) -> History:
    key = f"arena:history:{track.pk}:{leaderboard.digest(query)}"
    found: History = leaderboard.kept(key, columns.state(track), lambda: _history(track, query))
    return found


def matrices_csv(found: Matrices) -> Iterator[str]:
    """A line for each two models that met, both ways round: model, opponent, votes, win_fraction."""
    yield _line(["model", "opponent", "votes", "win_fraction"])
    for i, one in enumerate(found.models):
        for j, other in enumerate(found.models):
            if found.battles[i][j]:
                yield _line([one.model, other.model, found.battles[i][j], found.win_fraction[i][j]])


def history_csv(found: History) -> Iterator[str]:
    """A line for each model and mark: at, votes, model, rating."""
    yield _line(["at", "votes", "model", "rating"])
    for place, at in enumerate(found.at):
        for line in found.lines:
            if line.ratings[place] is not None:
                yield _line([at.isoformat(), found.votes[place], line.model, line.ratings[place]])


def _matrices(track: Track, query: Query) -> Matrices:
    votes = columns.read(track)
    used = leaderboard.counted(track, query, votes)
    counts = tally(votes, used.among)
    rows = leaderboard.board(track, query).rows
    slugs = columns.slugs(votes)
    places = [slugs.index(row.model) for row in rows]
    met = (counts.met + counts.met.T)[np.ix_(places, places)]
    won = counts.won[np.ix_(places, places)]
    return Matrices(
        models=[Named(row.model, row.name) for row in rows],
        battles=met.astype(int).tolist(),
        win_fraction=[
            [float(w / m) if m else None for w, m in zip(wins, meetings, strict=True)]
            for wins, meetings in zip(won.tolist(), met.tolist(), strict=True)
        ],
    )


def _history(track: Track, query: Query) -> History:
    """Online Elo at ends of equal periods: of days, or longer ones so that there are `MARKS` at most."""
    votes = columns.read(track)
    used = leaderboard.counted(track, query, votes)
    (rows,) = used.among.nonzero()
    rows = rows[np.argsort(votes.at[rows], kind="stable")]
    if not len(rows):
        return History([], [], [])
    at, n = votes.at[rows], len(votes.models)
    day = 86_400_000_000
    first = int(at[0]) // day
    days = int(at[-1]) // day - first + 1
    length = day * -(-days // MARKS)
    if days == 1:  # within a day: hours
        day = length = 3_600_000_000
        first = int(at[0]) // day
    ends = np.arange(first * day + length, int(at[-1]) + length + 1, length)
    ends = ends[: np.searchsorted(ends, at[-1], "right") + 1]
    marks = np.searchsorted(at, ends)
    left, right, answer = votes.left[rows], votes.right[rows], votes.answer[rows]
    rated = online.history(left, right, answer, n, marks)
    low, high = online.interval(rated[-1], online.reordered(left, right, answer, n, rated[-1]))
    begun = np.full(n, len(rows))
    np.minimum.at(begun, left, np.arange(len(rows)))
    np.minimum.at(begun, right, np.arange(len(rows)))
    names = dict(VideoModel.objects.filter(pk__in=votes.models.tolist()).values_list("slug", "name"))
    shown = {row.model for row in leaderboard.board(track, query).rows}
    order = np.argsort(-rated[-1], kind="stable")
    slugs = columns.slugs(votes)
    return History(
        at=[_EPOCH + timedelta(microseconds=int(end)) for end in ends],
        votes=[int(mark) for mark in marks],
        lines=[
            Line(
                model=slugs[place],
                name=names[slugs[place]],
                ratings=[
                    float(value) if mark > begun[place] else None
                    for value, mark in zip(rated[:, place], marks, strict=True)
                ],
                low=float(low[place]),
                high=float(high[place]),
            )
            for place in order.tolist()
            if slugs[place] in shown and begun[place] < len(rows)
        ],
    )


def _line(values: list[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
