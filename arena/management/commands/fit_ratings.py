"""``manage.py fit_ratings VOTES.csv``: ratings of a file of votes. Needs no server and no database."""

import math
from argparse import ArgumentTypeError
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.management.base import CommandParser

from arena.ratings import Intervals
from arena.votes import filefit, votesfile
from arena.votes.filefit import Method, Options
from workbench.csvtable import Column, Table
from workbench.tablecommand import TableCommand


class Command(TableCommand):
    help = (
        "Ratings of video models out of a CSV file of votes: columns left, right, winner (left, right, tie or"
        " both_bad), and if there are any prompt, voter, weight, and numbers of the clips (--covariates)."
        " Needs no server and no database. Exit code 1: some rows were bad and left out; 2: no ratings."
    )

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--method",
            type=Method,
            choices=list(Method),
            default=Method.BRADLEY_TERRY,
            help="bt: Bradley-Terry, ties are half wins (the default); davidson, rao_kupper: ties have a"
            " parameter; elo: online, in the file's order",
        )
        parser.add_argument(
            "--cluster",
            type=_clusters,
            default=(),
            metavar="prompt,voter",
            help="the intervals allow for votes on one prompt, or of one voter, that say the same",
        )
        parser.add_argument(
            "--anchor", type=_anchor, metavar="NAME=1000", help="the model whose rating is given"
        )
        parser.add_argument(
            "--side-bias", action="store_true", help="fit by how much the left side is favoured"
        )
        parser.add_argument(
            "--covariates",
            type=_names,
            default=(),
            metavar="NAME,NAME",
            help="compare models as if their clips were alike in these: columns NAME_left and NAME_right hold"
            " a number for either clip, such as its length",
        )
        parser.add_argument(
            "--intervals",
            type=Intervals,
            choices=list(Intervals),
            default=Intervals.SANDWICH,
            help="sandwich (the default), or bootstrap, whose intervals need not be symmetric",
        )

    def columns(self, options: dict[str, Any]) -> Sequence[Column]:
        return votesfile.columns(options["covariates"])

    def computed(self, table: Table, options: dict[str, Any]) -> dict[str, Any]:
        names = ("method", "cluster", "anchor", "side_bias", "covariates", "intervals")
        chosen = {name: options[name] for name in names}
        report = filefit.fit(votesfile.ballots(table, options["covariates"]), Options(**chosen))
        for note in report.notes:
            self.stderr.write(f"note: {note}")
        return report.to_json()

    def lines(self, found: dict[str, Any]) -> Iterable[str]:
        yield f"{'rating':>8} {'low':>8} {'high':>8}  model"
        for row in found["ratings"]:
            numbers = (row["rating"], row["low"], row["high"])
            shown = (f"{value:8.1f}" if value is not None else f"{'–':>8}" for value in numbers)
            yield f"{' '.join(shown)}  {row['model']}"
        yield f"{found['votes']} votes, {found['dropped']} bad rows left out"
        both_bad = found["both_bad"]
        yield f"both bad: {both_bad['count']:.0f}, {both_bad['share']:.1%} of the votes"
        if found["tie"] is not None:
            yield f"tie parameter: {found['tie']:.4f}"
        if side := found["side_bias"]:
            yield f"left side: {side['left']:+.1f} Elo, from {side['low']:+.1f} to {side['high']:+.1f}"
        for look in found["covariates"]:
            if look["elo"] is not None:
                yield (
                    f"{look['name']}, {look['unit']:.3g} more: {look['elo']:+.1f} Elo,"
                    f" from {look['low']:+.1f} to {look['high']:+.1f}"
                )
        for place, group in enumerate(found["groups"][1:], 2):
            yield f"group {place}: {', '.join(group)}"


def _clusters(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if not set(names) <= {"prompt", "voter"}:
        raise ArgumentTypeError(f"{text!r}; expected prompt, voter or prompt,voter")
    return names


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",")))
    if not all(names):
        raise ArgumentTypeError(f"{text!r}; expected names of covariates, as in length,motion")
    return names


def _anchor(text: str) -> tuple[str, float]:
    name, given, rating = text.rpartition("=")
    try:
        at = float(rating)
    except ValueError:
        at = math.nan
    if not given or not name.strip() or not math.isfinite(at):
        raise ArgumentTypeError(f"{text!r}; expected a model's name and its rating, as in NAME=1000")
    return name.strip(), at
