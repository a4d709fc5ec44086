"""What may be asked of a board: whose votes, on which prompts, given when, and how they are rated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from annotation.models import Category, Prompt
from annotation.prompts.taxonomy import subtree
from arena.ratings import Intervals, Ties
from arena.votes import columns
from arena.votes.cliplooks import Look
from arena.votes.columns import Columns

T = TypeVar("T", bound=StrEnum)


class Voters(StrEnum):
    """Whose votes count."""

    PEOPLE = "people"
    ACCOUNTS = "accounts"
    """People who were logged in."""
    ALL = "all"
    """People, and simulated voters."""


class Scale(StrEnum):
    CENTRED = "centred"
    """The models' mean is 1000."""
    ANCHORED = "anchored"
    """The track's anchor is 1000, where it has one and it is rated."""


class Weights(StrEnum):
    NONE = "none"
    INVERSE = "inverse"
    """By the inverse of the chance with which a battle's pair was drawn: as if pairs were drawn alike."""


@dataclass(frozen=True)
class Query:
    method: Ties = Ties.HALF_WINS
    voters: Voters = Voters.PEOPLE
    categories: tuple[str, ...] = ()
    """Slugs; prompts count that are in each of them, or in one below it."""
    since: date | None = None
    until: date | None = None
    """Days in UTC, both included."""
    scale: Scale = Scale.CENTRED
    weights: Weights = Weights.NONE
    intervals: Intervals = Intervals.SANDWICH
    """By a formula, symmetric; or by drawing prompts and voters anew, as long as they come out either way."""
    covariates: tuple[Look, ...] = ()
    """Looks at which models are compared as equals (style control); intervals are by the formula then."""
    deprecated: bool = False
    """Whether deprecated models are shown; they are rated with the others in any case."""
    least_votes: int | None = field(default=None)
    """Fewer: not shown; None: the track's own number."""

    @property
    def narrowed(self) -> bool:
        """True if votes are left out that the overall board counts."""
        return bool(self.categories or self.since or self.until)

    @property
    def apart(self) -> bool:
        """True if it is another board than the overall one: narrowed, or at equal looks."""
        return self.narrowed or bool(self.covariates)

    @property
    def overall(self) -> "Query":
        """The same without category, period and covariates."""
        return Query(
            self.method, self.voters, scale=self.scale, weights=self.weights, intervals=self.intervals
        )


def parsed(given: Mapping[str, str], categories: list[str], covariates: Sequence[str] = ()) -> Query:
    """A query out of an address's parameters; what makes no sense is as if it was not there."""

    def day(name: str) -> date | None:
        try:
            return date.fromisoformat(given.get(name, ""))
        except ValueError:
            return None

    least = given.get("least_votes", "")
    since, days = day("since"), given.get("days", "")
    if since is None and days.isascii() and days.isdigit() and 0 < int(days) < 100_000:
        since = datetime.now(UTC).date() - timedelta(days=int(days) - 1)
    return Query(
        method=_one_of(Ties, given.get("method"), Ties.HALF_WINS),
        voters=_one_of(Voters, given.get("voters"), Voters.PEOPLE),
        categories=tuple(sorted({slug for slug in categories if slug}))[:8],
        since=since,
        until=day("until"),
        scale=_one_of(Scale, given.get("scale"), Scale.CENTRED),
        weights=_one_of(Weights, given.get("weights"), Weights.NONE),
        intervals=_one_of(Intervals, given.get("intervals"), Intervals.SANDWICH),
        covariates=tuple(look for look in Look if look.value in covariates),
        deprecated=given.get("deprecated", "").lower() in {"on", "true", "1"},
        least_votes=int(least) if least.isascii() and least.isdigit() and len(least) < 9 else None,
    )


def asked_for(votes: Columns, query: Query) -> NDArray[np.bool_]:
    """Which votes a query asks for, before any is left out."""
    found = np.ones(votes.votes, bool)
    if query.voters is not Voters.ALL:
        found &= votes.flags & columns.SIMULATED == 0
    if query.voters is Voters.ACCOUNTS:
        found &= votes.flags & columns.VISITOR == 0
    if query.since is not None:
        found &= votes.at >= _microseconds(query.since)
    if query.until is not None:
        found &= votes.at < _microseconds(query.until + timedelta(days=1))
    if query.categories:
        found &= np.isin(votes.prompts, prompts_in(query.categories))[votes.prompt]
    return found


def prompts_in(categories: tuple[str, ...]) -> NDArray[np.int64]:
    """Ids of the prompts that are in each of the categories, or in one below it."""
    common: set[int] | None = None
    for slug in categories:
        below = subtree(Category.objects.filter(slug=slug).values_list("pk", flat=True))
        rows = Prompt.categories.through.objects.filter(category__in=below)
        prompts = set(rows.values_list("prompt_id", flat=True))
        common = prompts if common is None else common & prompts
    return np.array(sorted(common or ()), np.int64)


def _one_of(kind: type[T], given: str | None, default: T) -> T:
    return kind(given) if given in {str(one) for one in kind} else default


def _microseconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp()) * 1_000_000
