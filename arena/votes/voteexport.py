"""Votes as a CSV file: columns that `manage.py fit_ratings` reads, and what else is known of a vote.

A line a vote: left, right (slugs of video models), winner (left, right, tie, both_bad), prompt (its id),
voter (a pseudonym: the same voter has the same one in every export, and nobody can tell who it is), weight;
then at (UTC), probability (of its pair and sides; empty where it is not known), simulated, account (whether
the voter was logged in), left_out (why no board counts it; empty where it counts). Where looks are held
equal, their values for the left and the right clip follow, as `--covariates` of that command takes them.
"""

import hashlib
import hmac
from collections.abc import Iterator

import numpy as np
from django.conf import settings

from arena.boards import boardquery, leaderboard
from arena.boards.boardquery import Query
from arena.models import Track
from arena.numerics.counts import Floats
from arena.votes import cliplooks, columns
from arena.votes.columns import ANSWERS, Columns
from arena.votes.filters import Reason

COLUMNS = (
    "left",
    "right",
    "winner",
    "prompt",
    "voter",
    "weight",
    "at",
    "probability",
    "simulated",
    "account",
    "left_out",
)
_PAGE = 5_000


def lines(track: Track, query: Query, with_left_out: bool) -> Iterator[str]:
    """Pages of lines. Without those left out, a fit of the file gives the ratings of this query's board."""
    looks = query.covariates
    header = [*COLUMNS, *(f"{look}_{side}" for look in looks for side in ("left", "right"))]
    yield ",".join(header) + "\r\n"
    votes = columns.read(track)
    by_clip = cliplooks.by_clip(votes, looks) if looks else None
    used = leaderboard.counted(track, query, votes)
    chosen = boardquery.asked_for(votes, query) if with_left_out else used.among
    (rows,) = chosen.nonzero()
    slugs, prompts, reasons = columns.slugs(votes), votes.prompts.tolist(), [one.key for one in Reason]
    for start in range(0, len(rows), _PAGE):
        page = rows[start : start + _PAGE]
        names = {
            place: pseudonym(int(votes.voters[place])) for place in np.unique(votes.voter[page]).tolist()
        }
        times = votes.at[page].astype("datetime64[us]").astype(str)
        weights = None if used.weights is None else used.weights[page]
        text = []
        for place, row in enumerate(page.tolist()):
            chance = float(votes.probability[row])
            flags = int(votes.flags[row])
            text.append(
                f"{slugs[votes.left[row]]},{slugs[votes.right[row]]},{ANSWERS[votes.answer[row]].value},"
                f"{prompts[votes.prompt[row]]},{names[int(votes.voter[row])]},"
                f"{1 if weights is None else repr(float(weights[place]))},{times[place]}Z,"
                f"{f'{chance:.8g}' if chance else ''},"
                f"{str(bool(flags & columns.SIMULATED)).lower()},"
                f"{str(not flags & columns.VISITOR).lower()},{reasons[used.reasons[row]]}"
                f"{'' if by_clip is None else _looks(by_clip, votes, row)}\r\n"
            )
        yield "".join(text)


def _looks(by_clip: Floats, votes: Columns, row: int) -> str:
    both = zip(by_clip[votes.left_clip[row]].tolist(), by_clip[votes.right_clip[row]].tolist(), strict=True)
    return "".join(f",{'' if value != value else repr(value)}" for sides in both for value in sides)


def pseudonym(key: int) -> str:
    """Of a voter, by their key in columns."""
    secret = settings.SECRET_KEY.encode()
    return hmac.new(secret, b"arena voter %d" % key, hashlib.sha256).hexdigest()[:16]
