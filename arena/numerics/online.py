"""Online Elo, for the history: ratings that move with each vote, in the order in which the votes came.

After a vote on (i, j), rating_i += K (s - e) and rating_j -= K (s - e), where s is 1, 1/2 or 0 and e is
i's chance by the ratings so far, 1 / (1 + 10^((rating_j - rating_i) / 400)). It follows a model that
changes, and depends on the order of the votes: the interval is of that, from votes drawn anew in random
order.
"""

import math

import numpy as np

from arena.numerics.counts import LEFT, RIGHT, Floats, Ints, Numbers

K = 4.0
"""Points that a vote can move at most: public arenas' choice, about a thousand battles of memory."""
FIRST = 1000.0
"""Of a model before its first vote."""
REPLICATES = 200
_SCALE = math.log(10) / 400
_BLOCK = 1024


def history(
    left: Numbers,
    right: Numbers,
    said: Numbers,
    n: int,
    after: Ints,
    weight: Floats | None = None,
    k: float = K,
) -> Floats:
    """The n models' ratings after the first `after[i]` votes (rising): (len(after), n). A weight
    multiplies K."""
    rating = [FIRST] * n
    score = (0.5 + 0.5 * (said == LEFT) - 0.5 * (said == RIGHT)).tolist()
    steps = [k] * len(score) if weight is None else (k * weight).tolist()
    rows, done = [], 0
    votes = list(zip(left.tolist(), right.tolist(), score, steps, strict=True))
    for mark in after.tolist():
        for one, other, won, step in votes[done:mark]:
            move = step * (won - 1 / (1 + math.exp(_SCALE * (rating[other] - rating[one]))))
            rating[one] += move
            rating[other] -= move
        done = max(done, mark)
        rows.append(list(rating))
    return np.array(rows).reshape(len(after), n)


def reordered(
    left: Numbers,
    right: Numbers,
    said: Numbers,
    n: int,
    last: Floats,
    weight: Floats | None = None,
    k: float = K,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Floats:
    """Ratings after as many votes, drawn from these with replacement, in random order: (replicates, n).

    Of many votes only the last are drawn, 1000 for each model and at least 20 000, starting from the ratings
    `last`: earlier ones are forgotten by then.
    """
    rng = np.random.default_rng(seed)
    votes = min(len(left), max(20_000, 1000 * n))
    rating = np.full(replicates * n, FIRST) if votes == len(left) else np.tile(last, replicates)
    score = 0.5 + 0.5 * (said == LEFT) - 0.5 * (said == RIGHT)
    steps = np.full(len(left), k) if weight is None else k * weight
    base = np.arange(replicates) * n
    for first in range(0, votes, _BLOCK):
        drawn = rng.integers(0, len(left), (min(_BLOCK, votes - first), replicates))
        rows = zip(base + left[drawn], base + right[drawn], score[drawn], steps[drawn], strict=True)
        for one, other, won, step in rows:
            move = step * (won - 1 / (1 + np.exp(_SCALE * (rating[other] - rating[one]))))
            rating[one] += move
            rating[other] -= move
    return rating.reshape(replicates, n)


def interval(rating: Floats, drawn: Floats) -> tuple[Floats, Floats]:
    """95 % of the draws (replicates, n) about their median, laid about the ratings (n,): low and high."""
    low, middle, high = np.quantile(drawn, [0.025, 0.5, 0.975], axis=0)
    return rating + low - middle, rating + high - middle
