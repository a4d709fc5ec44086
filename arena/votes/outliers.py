"""Voters who vote unlike everybody else: a sequential test of each voter, as Chatbot Arena's paper proposes.

For a vote on a pair of models, everybody's answers on that pair say how unusual it is: p is the share of
answers, its own among them, that are given as rarely or more rarely. If a voter is like the others, their
votes on a pair are exchangeable with theirs, and P(p <= x) <= x. Fisher's statistic of their first j
votes, -2 sum log p, is then no larger than a chi-square variable of 2j degrees of freedom; it is looked
at after 5, 10, 20, 40 and 80 votes, each time at a fifth of alpha. So of honest voters at most alpha are
found, whenever one looks; fewer in fact, since answers are few and p is coarse.

It finds those who contradict what is clear to everybody, by malice or by pressing keys; who answers at
random on pairs that are close does no harm and is not found.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from arena.models import Answer
from arena.votes.columns import ANSWERS, Columns

LOOKS = (5, 10, 20, 40, 80)
"""Numbers of votes after which a voter is looked at; nobody with fewer than the first."""
LEAST_OTHERS = 10
"""Votes of others on a pair, before a vote on it says anything of its voter."""


@dataclass(frozen=True)
class Outlier:
    voter: int
    """Place in `Columns.voters`."""
    votes: int
    """After how many votes it was found."""
    p_value: float
    """Chance that a voter like the others looks so unusual at that look; below alpha / 5."""


def outliers(votes: Columns, among: NDArray[np.bool_], alpha: float) -> list[Outlier]:
    """Who is found among these votes. `alpha` in (0, 1): the share of honest voters found, at most."""
    (rows,) = among.nonzero()
    rows = rows[np.lexsort((votes.at[rows], votes.voter[rows]))]
    voter = votes.voter[rows]
    unusual = _unusual(votes, rows)
    told = unusual <= 1  # NaN where too few others voted on the pair
    voter, logs = voter[told], -2 * np.log(unusual[told])
    starts = np.flatnonzero(np.r_[True, voter[1:] != voter[:-1]]) if len(voter) else np.zeros(0, np.int64)
    ends = np.r_[starts[1:], len(voter)]
    sums = np.r_[0.0, np.cumsum(logs)]
    found: dict[int, Outlier] = {}
    for look in LOOKS:
        long = ends - starts >= look
        statistic = sums[starts[long] + look] - sums[starts[long]]
        chance = chdtrc(2 * look, statistic)
        for place in np.flatnonzero(chance < alpha / len(LOOKS)):
            who = int(voter[starts[long][place]])
            found.setdefault(who, Outlier(who, look, float(chance[place])))
    return list(found.values())


def _unusual(votes: Columns, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The p of each vote of `rows`; NaN where fewer than `LEAST_OTHERS` others voted on its pair."""
    n, kinds = max(len(votes.models), 1), len(ANSWERS)
    left, right, answer = (array[rows].astype(np.int64) for array in (votes.left, votes.right, votes.answer))
    # Answers by the pair's first and second model, whichever side they were on.
    first = left < right
    swapped = np.array([ANSWERS.index(_SWAPPED.get(one, one)) for one in ANSWERS])
    answer = np.where(first, answer, swapped[answer])
    pair = np.where(first, left * n + right, right * n + left)
    everybody = np.bincount(pair * kinds + answer, minlength=n * n * kinds).reshape(-1, kinds)
    # The voter's own votes on the pair are no measure of them.
    key = votes.voter[rows].astype(np.int64) * (n * n) + pair
    _keys, own = np.unique(key, return_inverse=True)
    mine = np.bincount(own * kinds + answer, minlength=(int(own.max(initial=-1)) + 1) * kinds)
    others = everybody[pair] - mine.reshape(-1, kinds)[own]
    pooled = others.copy()
    place = np.arange(len(rows))
    pooled[place, answer] += 1
    rarer = pooled <= pooled[place, answer][:, None]
    p = (pooled * rarer).sum(1) / np.maximum(pooled.sum(1), 1)
    return np.where(others.sum(1) >= LEAST_OTHERS, p, np.nan)


_SWAPPED = {Answer.LEFT: Answer.RIGHT, Answer.RIGHT: Answer.LEFT}
