"""The leaderboard of a board (a task): ratings with intervals, computed from the votes when it is read.

It costs one statement, which grows with the votes, and a fit of milliseconds (`python -m tests.bench.ratings`
measures both), so nothing derived is stored. What was computed is kept in Valkey until there is a new vote;
where computing takes long, also for twenty times as long as it took, so that reading a board never takes more
than a twentieth of the server.
"""

import csv
import io
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum

import numpy as np
import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

from annotation.models import Task, VideoModel
from arena import ratings
from arena.models import Vote
from arena.ratings import Counts, Ties
from arena.tally import Tally, left_out, tally

log = structlog.get_logger(__name__)
_LONG = 0.25  # seconds of computing from which a board may be a little old
_KEPT_TIMES = 20
_KEPT_AT_MOST = 60


class Voters(StrEnum):
    """Whose votes count."""

    PEOPLE = "people"
    ALL = "all"


@dataclass(frozen=True)
class Row:
    """A video model on a board. Not compared with the others, it has votes and no rating."""

    rank: int | None
    """1 + how many models are better for certain: their whole intervals lie above this one's."""
    model: str
    name: str
    organisation: str
    rating: float | None
    low: float | None
    high: float | None
    votes: int
    win_rate: float
    """Wins and half of the ties (both bad is one), by votes."""
    both_bad_share: float


@dataclass(frozen=True)
class Board:
    """What the page shows, the API serves and the file exports."""

    task: Task
    method: Ties
    voters: Voters
    votes: int
    """Votes that the ratings were computed from."""
    simulated: int
    """How many of them simulated voters gave."""
    too_fast: int
    """Votes left out since they came before the clips can have been seen."""
    up_to: datetime | None
    """When the latest of the votes was given."""
    left_bias: float | None
    """Elo points by which the left side is favoured; None without votes."""
    left_bias_low: float | None
    left_bias_high: float | None
    tie_parameter: float | None
    """Davidson's nu."""
    prior: bool
    """True: a weak prior holds the ratings, since somebody won or lost everything, or nothing was decided."""
    both_bad_share: float | None
    rows: list[Row]


def board(task: Task, method: Ties = Ties.HALF_WINS, voters: Voters = Voters.PEOPLE) -> Board:
    """The leaderboard as of now, or as of a little earlier where it takes long to compute."""
    key = f"arena:board:{task}:{method}:{voters}"
    latest = Vote.objects.order_by("-created_at").values_list("pk", flat=True).first()
    try:
        kept = cache.get(key)
        if kept is not None and (kept[0] == latest or time.time() < kept[1]):
            found: Board = kept[2]
            return found
    except RedisError as error:
        log.warning("board_not_kept", error=str(error))
    start = time.perf_counter()
    computed = _computed(task, method, voters)
    took = time.perf_counter() - start
    until = time.time() + (_KEPT_TIMES * took if took > _LONG else 0)
    try:
        cache.set(key, (latest, until, computed), _KEPT_AT_MOST)
    except RedisError as error:
        log.warning("board_not_kept", error=str(error))
    return computed


def ratings_by_model(task: Task) -> dict[int, float]:
    """Ratings by the video model's id, of those that have one; by everybody's votes."""
    found = {row.model: row.rating for row in board(task, voters=Voters.ALL).rows if row.rating is not None}
    ids = VideoModel.objects.filter(slug__in=found).values_list("slug", "pk")
    return {pk: found[slug] for slug, pk in ids}


def as_csv(shown: Board) -> Iterator[str]:
    """The rows, a line at a time, under the names that the API uses."""
    names = [field.name for field in fields(Row)]
    for values in (names, *(list(asdict(row).values()) for row in shown.rows)):
        line = io.StringIO()
        csv.writer(line).writerow(["" if value is None else value for value in values])
        yield line.getvalue()


def _computed(task: Task, method: Ties, voters: Voters) -> Board:
    counted = tally(task, voters is Voters.ALL)
    connected = ratings.comparable(counted.counts, len(counted.models))
    rated = None
    if len(connected) > 1:
        splits = (counted.by_prompt.only(connected), counted.by_voter.only(connected))
        rated = ratings.rate(counted.counts.only(connected), len(connected), splits, method)
    both_bad = counted.both_bad.sum() / counted.votes if counted.votes else None
    return Board(
        task=task,
        method=method,
        voters=voters,
        votes=counted.votes,
        simulated=counted.simulated,
        too_fast=left_out(task, voters is Voters.ALL),
        up_to=counted.up_to,
        left_bias=rated.side if rated else None,
        left_bias_low=rated.side_low if rated else None,
        left_bias_high=rated.side_high if rated else None,
        tie_parameter=rated.fit.nu if rated and method is Ties.DAVIDSON else None,
        prior=bool(rated and rated.fit.prior),
        both_bad_share=both_bad,
        rows=_rows(
            counted, {} if rated is None else dict(zip(connected.tolist(), _spans(rated), strict=True))
        ),
    )


def _spans(rated: ratings.Ratings) -> list[tuple[float, float, float]]:
    return list(zip(rated.rating.tolist(), rated.low.tolist(), rated.high.tolist(), strict=True))


def _rows(counted: Tally, rated: dict[int, tuple[float, float, float]]) -> list[Row]:
    """Best first; those without a rating last."""
    votes, wins, both_bad = _by_model(counted.counts, counted.both_bad, len(counted.models))
    models = VideoModel.objects.in_bulk(counted.models)
    rows = []
    for place, pk in enumerate(counted.models):
        model = models[pk]
        rating, low, high = rated.get(place, (None, None, None))
        above = None if high is None else 1 + sum(1 for other in rated.values() if other[1] > high)
        rows.append(
            Row(
                rank=above,
                model=model.slug,
                name=model.name,
                organisation=model.organisation,
                rating=rating,
                low=low,
                high=high,
                votes=int(votes[place]),
                win_rate=float(wins[place] / votes[place]),
                both_bad_share=float(both_bad[place] / votes[place]),
            )
        )
    return sorted(rows, key=lambda row: (row.rating is None, -(row.rating or 0), row.name))


def _by_model(
    counts: Counts, both_bad: ratings.Floats, n: int
) -> tuple[ratings.Floats, ratings.Floats, ratings.Floats]:
    """Votes, wins (half of a tie each) and "both bad" of each model."""

    def add(left: ratings.Floats, right: ratings.Floats) -> ratings.Floats:
        return np.asarray(np.bincount(counts.left, left, n) + np.bincount(counts.right, right, n), np.float64)

    half = counts.ties / 2
    return (
        add(counts.votes, counts.votes),
        add(counts.left_wins + half, counts.right_wins + half),
        add(both_bad, both_bad),
    )
