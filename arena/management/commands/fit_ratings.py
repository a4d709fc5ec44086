"""``manage.py fit_ratings VOTES.csv``: ratings of a file of votes. Needs no server and no database.

Exit codes: 0, ratings of all rows; 1, ratings without the bad rows, which stderr names; 2, no ratings:
the file can't be read, or has no such model or column, or the options are wrong.
"""

import json
import math
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from arena import filefit, votesfile
from arena.filefit import Method, Options, Report
from arena.ratings import Intervals

SHOWN = 1000
"""Bad rows named on stderr; the rest are counted."""


class Command(BaseCommand):
    help = (
        "Ratings of video models out of a CSV file of votes: columns left, right, winner (left, right, tie or"
        " both_bad), and if there are any prompt, voter, weight. Needs no server and no database. Exit code"
        " 1: some rows were bad and left out; 2: no ratings."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("votes", type=Path, metavar="VOTES.csv")
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
            "--intervals",
            type=Intervals,
            choices=list(Intervals),
            default=Intervals.SANDWICH,
            help="sandwich (the default), or bootstrap, whose intervals need not be symmetric",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = {name: options[name] for name in ("method", "cluster", "anchor", "side_bias", "intervals")}
        try:
            ballots = votesfile.read(options["votes"])
            report = filefit.fit(ballots, Options(**chosen))
        except (votesfile.VotesFileError, filefit.UnknownNameError) as error:
            raise CommandError(str(error), returncode=2) from error
        for problem in ballots.problems[:SHOWN]:
            self.stderr.write(f"line {problem.line}, column {problem.column}: {problem.text}")
        if len(ballots.problems) > SHOWN:
            self.stderr.write(f"… and {len(ballots.problems) - SHOWN} more")
        for note in report.notes:
            self.stderr.write(f"note: {note}")
        if options["json"]:
            self.stdout.write(json.dumps(report.to_json(), ensure_ascii=False, indent=2, allow_nan=False))
        else:
            self.stdout.write(_table(report))
        if ballots.dropped:
            raise SystemExit(1)


def _clusters(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if not set(names) <= {"prompt", "voter"}:
        raise ArgumentTypeError(f"{text!r}; expected prompt, voter or prompt,voter")
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


def _table(report: Report) -> str:
    """For people."""
    lines = [f"{'rating':>8} {'low':>8} {'high':>8}  model"]
    for row in report.ratings:
        numbers = (
            f"{value:8.1f}" if value is not None else f"{'–':>8}" for value in (row.rating, row.low, row.high)
        )
        lines.append(f"{' '.join(numbers)}  {row.model}")
    lines.append(f"{report.votes} votes, {report.dropped} bad rows left out")
    if report.votes:
        lines.append(f"both bad: {report.both_bad['count']:.0f}, {report.both_bad['share']:.1%} of the votes")
    if report.tie is not None:
        lines.append(f"tie parameter: {report.tie:.4f}")
    if report.side_bias is not None:
        side = report.side_bias
        lines.append(f"left side: {side['left']:+.1f} Elo, from {side['low']:+.1f} to {side['high']:+.1f}")
    lines += [
        f"group {place}: {', '.join(group)}" for place, group in enumerate(report.groups, 1) if place > 1
    ]
    return "\n".join(lines)
