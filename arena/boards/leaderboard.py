"""The board of a track: ratings with intervals, computed from the votes when it is read.

Computing takes some hundredths of a second, and tenths at a million votes (`python -m tests.bench.boards`
measures it), so nothing derived is stored. What was computed is kept in Valkey until there is a new vote. Of
many who ask at once one computes; and for as long as computing took, what was computed before is good enough,
so that a board never takes more than half of a processor, and is never older than twice that time.
"""

import csv
import hashlib
import io
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import structlog
from django.core.cache import cache
from numpy.typing import NDArray
from redis.exceptions import RedisError

from annotation.models import VideoModel
from arena import ratings
from arena.boards import boardquery
from arena.boards.boardquery import Query, Scale, Voters, Weights
from arena.models import Track
from arena.numerics import weighing
from arena.ratings import Ties
from arena.votes import cliplooks, columns, filters
from arena.votes.cliplooks import Look
from arena.votes.columns import Columns
from arena.votes.filters import Reason
from arena.votes.tally import Tally, at_equal_looks, tally

log = structlog.get_logger(__name__)
_KEPT = 60
_LONG = 0.05  # seconds of computing from which a board may be a little old


@dataclass(frozen=True)
class Row:
    """A video model on a board. Not compared with the others, it has votes and no rating."""

    rank: int | None
    """1 + how many models are better for certain: their whole intervals lie above this one's."""
    rank_worst: int | None
    """The last place it can have: how many rated models there are, but for those worse for certain."""
    model: str
    name: str
    organisation: str
    rating: float | None
    low: float | None
    high: float | None
    delta: float | None
    """To the rating on the overall board; None on that board, and where one of them has no rating."""
    votes: int
    win_rate: float
    """Wins and half of the ties (both bad is one), by votes."""
    both_bad_share: float
    licence: str
    released: date | None
    price_per_second: float | None
    seconds_per_second: float | None
    deprecated: bool

    @property
    def minus(self) -> float | None:
        """How far the interval reaches below the rating; `plus`: above it."""
        return None if self.rating is None or self.low is None else self.rating - self.low

    @property
    def plus(self) -> float | None:
        return None if self.rating is None or self.high is None else self.high - self.rating


@dataclass(frozen=True)
class Sway:
    """What a look of the clips does to votes: Elo points for one standard deviation more of it."""

    look: Look
    elo: float | None
    """None, as are `low` and `high`: too alike within each model to be told from the models."""
    low: float | None
    high: float | None
    unit: float
    """That standard deviation: of the difference between the two clips of a vote, in what the look is
    measured in (`cliplooks.Look`)."""


@dataclass(frozen=True)
class Board:
    """What the page shows, the API serves and the file exports."""

    track: str
    method: Ties
    voters: Voters
    categories: tuple[str, ...]
    since: date | None
    until: date | None
    weights: Weights
    intervals: ratings.Intervals
    anchor: str | None
    """The model whose rating is fixed at 1000; None: centred, the models' mean is 1000."""
    votes: int
    """Votes that the ratings were computed from."""
    simulated: int
    """How many of them simulated voters gave."""
    any_simulated: bool
    """Whether simulated voters voted on this track at all."""
    left_out: dict[str, int]
    """Votes that were asked for and are left out, by reason (`filters.Reason`)."""
    up_to: datetime | None
    """When the latest of the votes was given."""
    left_bias: float | None
    """Elo points by which the left side is favoured; None without votes."""
    left_bias_low: float | None
    left_bias_high: float | None
    tie_parameter: float | None
    """Davidson's nu, or Rao and Kupper's theta."""
    prior: bool
    """True: a weak prior holds the ratings, since somebody won or lost everything, or nothing was decided."""
    both_bad_share: float | None
    hidden: int
    """Models that are not shown: deprecated, or with too few votes."""
    covariates: list[Sway]
    """Of the looks that were asked to be held equal."""
    unmeasured: int
    """Votes on a clip whose looks were not measured: they count as on two clips that look alike."""
    rows: list[Row]


@dataclass(frozen=True)
class Counted:
    """The votes that a query asks for and that count, with the reasons of the others."""

    votes: Columns
    among: NDArray[np.bool_]
    reasons: NDArray[np.int8]
    """Of the votes asked for; 0 too where a vote was not."""
    weights: ratings.Floats | None
    """One for each of all votes."""


OVERALL = Query()


def board(track: Track, query: Query = OVERALL) -> Board:
    """The board as of now, or as of a moment earlier where it takes long to compute."""
    key = f"arena:board:{track.pk}:{digest(query)}"
    found: Board = kept(key, columns.state(track), lambda: _computed(track, query))
    return found


def digest(query: Query) -> str:
    """A query as part of a key."""
    return hashlib.sha256(repr(query).encode()).hexdigest()[:32]


def kept(key: str, state: str, compute: Any) -> Any:
    """What `compute` gives; what it gave before, if the state is the same or it was computed just now."""
    known = None
    try:
        known = cache.get(key)
        if known is not None:
            computed_for, until, value = known
            if computed_for == state or time.time() < until:
                return value
            if not cache.add(f"{key}:busy", 1, 10):  # somebody computes it
                return value
    except RedisError as error:
        log.warning("board_not_kept", error=str(error))
    start = time.perf_counter()
    value = compute()
    took = time.perf_counter() - start
    try:
        cache.set(key, (state, time.time() + (took if took > _LONG else 0), value), _KEPT)
        if known is not None:
            cache.delete(f"{key}:busy")
    except RedisError as error:
        log.warning("board_not_kept", error=str(error))
    return value


def counted(track: Track, query: Query, votes: Columns | None = None) -> Counted:
    """The votes that a board is computed from, and why others are not among them."""
    votes = columns.read(track) if votes is None else votes
    asked = boardquery.asked_for(votes, query)
    reasons = filters.reasons(votes, filters.rules(track, votes.prompts))
    reasons[~asked] = Reason.NONE
    among = asked & (reasons == Reason.NONE)
    weights = None
    if query.weights is Weights.INVERSE and among.any():
        chance = np.where(votes.probability > 0, votes.probability, np.nan).astype(np.float64)
        weights = np.zeros(votes.votes)
        weights[among] = weighing.inverse_probability(chance[among])
    return Counted(votes, among, reasons, weights)


def rated(
    counts: Tally, n: int, query: Query, anchor: int | None = None
) -> tuple[ratings.Ints, ratings.Ratings | None]:
    """Places of the models that votes compare, and their ratings; None where there are fewer than two.

    `anchor` is the place of the model that is fixed at 1000, where it is among them.
    """
    connected = ratings.comparable(counts.counts, n)
    if len(connected) < 2:
        return connected[:0], None
    splits = (counts.by_prompt, counts.by_voter)
    whole = counts.counts
    intervals = ratings.Intervals.SANDWICH if whole.covariates else query.intervals
    if len(connected) < n:
        splits = (splits[0].only(connected), splits[1].only(connected))
        whole = whole.only(connected)
    fixed = None
    if anchor is not None and anchor in connected:
        fixed = ratings.Anchor(int(np.searchsorted(connected, anchor)))
    return connected, ratings.rate(
        whole, len(connected), splits, query.method, anchor=fixed, intervals=intervals
    )


def as_csv(shown: Board) -> Iterator[str]:
    """The rows, a line at a time, under the names that the API uses."""
    names = [field.name for field in fields(Row)]
    for values in (names, *(list(asdict(row).values()) for row in shown.rows)):
        line = io.StringIO()
        csv.writer(line).writerow(["" if value is None else value for value in values])
        yield line.getvalue()


def _computed(track: Track, query: Query) -> Board:
    read = columns.read(track)
    used = counted(track, query, read)
    n = len(read.models)
    counts = tally(read, used.among, used.weights)
    if query.covariates:
        looks = cliplooks.by_clip(read, query.covariates)
        counts = at_equal_looks(counts, read, used.among, looks, used.weights)
    anchor = _anchor(track, query, read)
    connected, found = rated(counts, n, query, anchor)
    spans = _spans(connected, found)
    elsewhere: dict[int, tuple[float, float, float]] = {}
    if query.apart:
        overall = counted(track, query.overall, read)
        elsewhere = _spans(*rated(tally(read, overall.among, overall.weights), n, query, anchor))
    rows = _rows(read, counts, spans, elsewhere)
    least = track.least_votes if query.least_votes is None else query.least_votes
    shown = [row for row in rows if row.votes >= least and (query.deprecated or not row.deprecated)]
    anchored = anchor is not None and anchor in spans
    return Board(
        track=track.slug,
        method=query.method,
        voters=query.voters,
        categories=query.categories,
        since=query.since,
        until=query.until,
        weights=query.weights,
        intervals=ratings.Intervals.SANDWICH if counts.counts.covariates else query.intervals,
        anchor=track.anchor.slug if anchored and track.anchor else None,
        votes=counts.votes,
        simulated=int(np.count_nonzero(read.flags[used.among] & columns.SIMULATED)),
        any_simulated=bool((read.flags & columns.SIMULATED).any()),
        left_out=_by_reason(used.reasons),
        up_to=_latest(read, used.among),
        left_bias=found.side if found else None,
        left_bias_low=found.side_low if found else None,
        left_bias_high=found.side_high if found else None,
        tie_parameter=found.fit.tie if found and query.method is not Ties.HALF_WINS else None,
        prior=bool(found and found.fit.prior),
        both_bad_share=float(counts.both_bad.sum() / counts.votes) if counts.votes else None,
        hidden=len(rows) - len(shown),
        covariates=_sways(query, counts, found),
        unmeasured=counts.looks.unmeasured if counts.looks else 0,
        rows=shown,
    )


def _anchor(track: Track, query: Query, votes: Columns) -> int | None:
    if query.scale is not Scale.ANCHORED or track.anchor_id is None or track.anchor_id not in votes.models:
        return None
    return int(np.searchsorted(votes.models, track.anchor_id))


def _spans(connected: ratings.Ints, found: ratings.Ratings | None) -> dict[int, tuple[float, float, float]]:
    """Rating, low and high by place."""
    if found is None:
        return {}
    values = zip(found.rating.tolist(), found.low.tolist(), found.high.tolist(), strict=True)
    return dict(zip(connected.tolist(), values, strict=True))


def _sways(query: Query, counts: Tally, found: ratings.Ratings | None) -> list[Sway]:
    if counts.looks is None:
        return []
    sways = {
        look: Sway(look, None, None, None, unit)
        for look, unit in zip(query.covariates, counts.looks.unit.tolist(), strict=True)
    }
    told = [look for look, one in zip(query.covariates, counts.looks.told.tolist(), strict=True) if one]
    if found is not None:
        effects = (found.effects.tolist(), found.effects_low.tolist(), found.effects_high.tolist())
        for look, elo, low, high in zip(told, *effects, strict=True):
            sways[look] = Sway(look, elo, low, high, sways[look].unit)
    return list(sways.values())


def _rows(
    votes: Columns,
    counts: Tally,
    spans: dict[int, tuple[float, float, float]],
    elsewhere: dict[int, tuple[float, float, float]],
) -> list[Row]:
    """Best first; those without a rating last. Models without a vote among these are no rows."""
    given = (counts.met + counts.met.T).sum(1)
    won = counts.won.sum(1)
    bad = (counts.both_bad + counts.both_bad.T).sum(1)
    models = VideoModel.objects.in_bulk(votes.models.tolist())
    rows = []
    for place, pk in enumerate(votes.models.tolist()):
        if not given[place]:
            continue
        model = models[pk]
        rating, low, high = spans.get(place, (None, None, None))
        before = elsewhere.get(place)
        first, last = None, None
        if low is not None and high is not None:
            first = 1 + sum(1 for other in spans.values() if other[1] > high)
            last = len(spans) - sum(1 for other in spans.values() if other[2] < low)
        rows.append(
            Row(
                rank=first,
                rank_worst=last,
                model=model.slug,
                name=model.name,
                organisation=model.organisation,
                rating=rating,
                low=low,
                high=high,
                delta=rating - before[0] if rating is not None and before else None,
                votes=int(given[place]),
                win_rate=float(won[place] / given[place]),
                both_bad_share=float(bad[place] / given[place]),
                licence=model.licence,
                released=model.released,
                price_per_second=model.price_per_second,
                seconds_per_second=model.seconds_per_second,
                deprecated=model.deprecated,
            )
        )
    return sorted(rows, key=lambda row: (row.rating is None, -(row.rating or 0), row.name))


def _by_reason(reasons: NDArray[np.int8]) -> dict[str, int]:
    numbers = np.bincount(reasons, minlength=len(Reason))
    return {why.key: int(numbers[why]) for why in Reason if why and numbers[why]}


def _latest(votes: Columns, among: NDArray[np.bool_]) -> datetime | None:
    if not among.any():
        return None
    return _EPOCH + timedelta(microseconds=int(votes.at[among].max()))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
