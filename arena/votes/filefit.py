"""Ratings of a file of votes (`votesfile.py`), as `manage.py fit_ratings` prints them. No Django, no
database."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from arena import ratings
from arena.numerics import online
from arena.numerics.counts import BOTH_BAD, Counts, Ints, counted, groups, split
from arena.numerics.covariates import counted_with, standardised, told_apart
from arena.ratings import ELO, Anchor, Intervals, Ratings, Ties
from arena.votes.votesfile import Ballots
from workbench.csvtable import TableError


class Method(StrEnum):
    BRADLEY_TERRY = "bt"
    DAVIDSON = "davidson"
    RAO_KUPPER = "rao_kupper"
    ELO = "elo"


_TIES = {
    Method.BRADLEY_TERRY: Ties.HALF_WINS,
    Method.DAVIDSON: Ties.DAVIDSON,
    Method.RAO_KUPPER: Ties.RAO_KUPPER,
}


class UnknownNameError(TableError):
    """The file has no such model, or no such column."""


@dataclass(frozen=True)
class Options:
    method: Method = Method.BRADLEY_TERRY
    cluster: tuple[str, ...] = ()
    """Of `prompt` and `voter`."""
    anchor: tuple[str, float] | None = None
    side_bias: bool = False
    covariates: tuple[str, ...] = ()
    """Of the ballots' own: models are compared as if their clips were alike in these."""
    intervals: Intervals = Intervals.SANDWICH


@dataclass(frozen=True)
class Row:
    """In Elo points; None for a model that can't be compared with those rated."""

    model: str
    rating: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Report:
    method: Method
    ratings: list[Row]
    """Best first, those without a rating last."""
    tie: float | None
    """Davidson's nu (0 without a tie) or Rao and Kupper's theta (1 without); None for the other methods."""
    side_bias: dict[str, float] | None
    """`left`: Elo points by which the left side is favoured, with `low` and `high`."""
    covariates: list[dict[str, Any]]
    """`name`, and by how many Elo points a clip is favoured that has one standard deviation more of it: `elo`
    with `low` and `high`, null where it can't be told from the models; `unit` is that standard deviation,
    of the difference between the clips of a vote."""
    votes: int
    dropped: int
    both_bad: dict[str, float]
    """`count` and `share` of the votes."""
    groups: list[list[str]]
    """The models that votes connect with each other; those of the first are rated."""
    prior: bool
    """True: a weak prior holds the ratings, since the votes alone give no finite ones."""
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        rest = {name: value for name, value in vars(self).items() if name != "ratings"}
        return {"ratings": [vars(row) for row in self.ratings], **rest}


def fit(ballots: Ballots, options: Options) -> Report:
    """Raises UnknownNameError, and TableError for covariates with the bootstrap."""
    if options.covariates and options.intervals is Intervals.BOOTSTRAP:
        raise TableError("bootstrap intervals are of votes without covariates; take --intervals sandwich")
    n = len(ballots.models)
    for name in options.cluster:
        if name not in ballots.clusters:
            raise UnknownNameError(
                f"the file has no column {name}, which the intervals are to be clustered by"
            )
    if options.anchor is not None and options.anchor[0] not in ballots.models:
        models = ", ".join(ballots.models[:20]) + (", …" if n > 20 else "") if n else "none"
        raise UnknownNameError(
            f"the anchor {options.anchor[0]!r} is no model of the file; its models: {models}"
        )
    counts = counted(ballots.left, ballots.right, ballots.said, n, ballots.weight)
    parts = groups(counts, n)
    if options.anchor is not None:
        place = ballots.models.index(options.anchor[0])
        parts.sort(key=lambda part: place not in part)
    notes = _notes(ballots, options, parts)
    looks: list[dict[str, Any]] = []
    if options.method is Method.ELO:
        spans, tie, side, prior = _online(ballots, options, parts), None, None, False
    else:
        spans, tie, side, prior = {}, None, None, False
        if parts and len(parts[0]) > 1:
            found, looks = _rated(ballots, options, counts, parts[0])
            columns = (parts[0].tolist(), found.rating.tolist(), found.low.tolist(), found.high.tolist())
            spans = {model: tuple(span) for model, *span in zip(*columns, strict=True)}
            tie, prior = found.fit.tie, found.fit.prior or found.fit.side_prior
            if options.side_bias:
                side = {"left": found.side, "low": found.side_low, "high": found.side_high}
            notes += _notes_of(found, looks)
    both_bad = int((ballots.said == BOTH_BAD).sum())
    return Report(
        method=options.method,
        ratings=_rows(ballots.models, spans),
        tie=tie,
        side_bias=side,
        covariates=looks,
        votes=len(ballots.said),
        dropped=ballots.dropped,
        both_bad={"count": both_bad, "share": both_bad / len(ballots.said) if len(ballots.said) else 0.0},
        groups=[[ballots.models[model] for model in part] for part in parts],
        prior=prior,
        notes=notes,
    )


def _rated(
    ballots: Ballots, options: Options, counts: Counts, part: Ints
) -> tuple[Ratings, list[dict[str, Any]]]:
    """The ratings of the models `part`, and what its covariates do, as `Report.covariates`."""
    n = len(ballots.models)
    columns = (ballots.left, ballots.right, ballots.said)
    counts, clusters = counts.only(part), [ballots.clusters[name] for name in options.cluster]
    told, unit = np.zeros(0, bool), np.zeros(0)
    if options.covariates:
        difference = np.stack([ballots.covariates[name] for name in options.covariates], axis=1)
        design, unit = standardised(difference)
        told = told_apart(counted_with(design, *columns, weight=ballots.weight).only(part), len(part))
    if told.any():
        alike = (design[:, told], *columns)
        counts = counted_with(*alike, weight=ballots.weight).only(part)
        splits = [counted_with(*alike, cluster=one, weight=ballots.weight).only(part) for one in clusters]
    else:
        splits = [split(*columns, n, one, ballots.weight).only(part) for one in clusters]
    anchor = None
    if options.anchor is not None:
        place = ballots.models.index(options.anchor[0])
        anchor = Anchor(int(np.searchsorted(part, place)), options.anchor[1])
    ties = _TIES[options.method]
    found = ratings.rate(counts, len(part), tuple(splits), ties, options.side_bias, anchor, options.intervals)
    effects = np.full((3, len(told)), np.nan)
    effects[:, told] = found.effects, found.effects_low, found.effects_high
    rows = zip(options.covariates, *effects.tolist(), unit.tolist(), strict=True)
    return found, [
        {"name": name, "elo": _finite(elo), "low": _finite(low), "high": _finite(high), "unit": one}
        for name, elo, low, high, one in rows
    ]


def _online(ballots: Ballots, options: Options, parts: list[Ints]) -> dict[int, tuple[float, ...]]:
    if not parts or len(parts[0]) < 2:
        return {}
    votes = (ballots.left, ballots.right, ballots.said, len(ballots.models))
    last = online.history(*votes, np.array([len(ballots.said)]), ballots.weight)[-1]
    drawn = online.reordered(*votes, last, ballots.weight)
    if options.anchor is not None:
        place, at = ballots.models.index(options.anchor[0]), options.anchor[1]
        last, drawn = last - last[place] + at, drawn - drawn[:, [place]] + at
    low, high = online.interval(last, drawn)
    return {int(model): (float(last[model]), float(low[model]), float(high[model])) for model in parts[0]}


def _rows(models: list[str], spans: dict[int, tuple[float, ...]]) -> list[Row]:
    rows = [Row(name, *map(_finite, spans.get(place, (None,) * 3))) for place, name in enumerate(models)]
    return sorted(rows, key=lambda row: (row.rating is None, -(row.rating or 0), row.model))


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else value


def _notes(ballots: Ballots, options: Options, parts: list[Ints]) -> list[str]:
    """What whoever reads the ratings must know, and the numbers don't say."""
    notes = []
    if len(parts) > 1:
        others = sum(len(part) for part in parts[1:])
        notes.append(
            f"votes connect the models in {len(parts)} groups, and say nothing of models of different groups:"
            f" the {len(parts[0])} of one group are rated, the {others} others are not"
        )
    for name in options.cluster:
        if empty := ballots.unnamed[name]:
            notes.append(f"{empty} votes name no {name}; each is taken to have one of its own")
        if options.method is not Method.ELO and len(np.unique(ballots.clusters[name])) == 1:
            notes.append(
                f"all votes are of one {name}: how {name}s differ can't be seen, and no interval covers it"
            )
    if options.method is Method.ELO and options.cluster:
        notes.append("the interval of online Elo is of the order of single votes; it is not clustered")
    if options.method is Method.ELO and options.side_bias:
        notes.append("online Elo knows no side bias; it was not fitted")
    if options.method is Method.ELO and options.covariates:
        notes.append("online Elo knows no covariates; they were not fitted")
    missing = {name: int(np.isnan(ballots.covariates[name]).sum()) for name in options.covariates}
    notes += [
        f"{empty} votes lack the {name} of a clip; both are taken to be alike in it"
        for name, empty in missing.items()
        if empty
    ]
    return notes


def _notes_of(found: Ratings, looks: list[dict[str, Any]]) -> list[str]:
    notes = [
        f"{look['name']} can't be told from the models, or from the covariates before it: it differs too"
        " little between clips of one model; it was not fitted"
        for look in looks
        if look["elo"] is None
    ]
    if found.fit.prior:
        everything = f"{ratings.PRIOR_VOTES:g} wins were added for either model of each pair that met"
        notes.append(f"somebody won or lost everything, or nothing was decided: {everything}")
    elif found.fit.side_prior:
        notes.append(
            "the side bias can't be told from the ratings, each pair being shown one way round, or one side"
            f" always winning: it is held near 0 (standard deviation {ratings.SIDE_PRIOR * ELO:.0f} Elo)"
        )
    if found.fit.ties is not Ties.HALF_WINS and found.fit.tie in {0.0, 1.0}:
        notes.append("there was no tie")
    return notes
