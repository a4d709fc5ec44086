"""Ratings out of votes, with the intervals that they deserve: the door to the numerics.

    counts (`counts.py`) -> the point of maximum likelihood (`fitting.py`, of the models in `outcomes.py`)
    -> intervals (`intervals.py`) -> ratings on the Elo scale

The input is aggregated, so a fit costs O(models²) however many votes there are. `online.py` has the
online Elo of a history, `covariates.py` what clips look like, `weighing.py` the weights of votes that
were not drawn alike.

Ratings are on the Elo scale, 400 / ln 10 x strength, and either centred (the models' mean is 1000) or
anchored: one model has a rating given and no interval, and the others' intervals are of the differences
to it, wider by what is not known of the anchor.

What is rated is the *marginal* strength: how a model fares over the board's prompts and voters, whatever clip
it happens to have for each. That is what the intervals cover. Strengths from which each clip's quality was
drawn lie further apart, since the spread between clips shrinks the scale.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from arena.numerics.counts import Counts, Floats, Ints, Numbers, comparable, counted, groups, split
from arena.numerics.fitting import PRIOR_VOTES, SIDE_PRIOR, Fit, fitted
from arena.numerics.intervals import bootstrap, percentiles, sandwich
from arena.numerics.outcomes import ELO, Ties

__all__ = [
    "CENTRE",
    "ELO",
    "PRIOR_VOTES",
    "SIDE_PRIOR",
    "Anchor",
    "Counts",
    "Fit",
    "Floats",
    "Intervals",
    "Ints",
    "Numbers",
    "Ratings",
    "Ties",
    "comparable",
    "counted",
    "fitted",
    "groups",
    "rate",
    "split",
]

CENTRE = 1000.0


class Intervals(StrEnum):
    SANDWICH = "sandwich"
    BOOTSTRAP = "bootstrap"


@dataclass(frozen=True)
class Anchor:
    """The model whose rating is given."""

    model: int
    rating: float = CENTRE


@dataclass(frozen=True)
class Ratings:
    """On the Elo scale; arrays (n,). `low` and `high` bound the 95 % intervals."""

    rating: Floats
    low: Floats
    high: Floats
    side: float
    """Elo points by which the left side is favoured, and its interval; 0 where it was not fitted."""
    side_low: float
    side_high: float
    effects: Floats
    """Elo points by standard deviation of each covariate's difference, and their intervals: (k,)."""
    effects_low: Floats
    effects_high: Floats
    covariance: Floats
    """Of the ratings, centred or anchored as they are, in Elo²: (n, n). Where intervals are the widest of
    several, that of the widest."""
    fit: Fit


def rate(
    counts: Counts,
    n: int,
    clustered: tuple[Counts, ...] = (),
    ties: Ties = Ties.HALF_WINS,
    side: bool = True,
    anchor: Anchor | None = None,
    intervals: Intervals = Intervals.SANDWICH,
    seed: int = 0,
) -> Ratings:
    """Ratings of n models that have all been compared, directly or through others (see `comparable`).

    `clustered` holds the same votes split by prompt, and by voter (two splits at most). Sandwich
    intervals are of each and of both at once, and never narrower than by either alone or by single votes,
    so one voter or one prompt does not make them vanish. Bootstrap intervals are percentiles of draws of
    the clusters of each split, the wider end of each; they need not be symmetric, and depend on `seed`.

    ValueError if the models were not all compared with each other, or a covariate can't be told from them.
    """
    fit = fitted(counts, n, ties, side)
    layout = fit.layout
    rows = np.eye(layout.size)  # what is shown, as combinations of the parameters: ratings first
    rows[:n, :n] -= 1 / n if anchor is None else rows[anchor.model, :n].copy()
    shown = ELO * rows @ fit.point
    shown[:n] += CENTRE if anchor is None else anchor.rating
    known = sandwich(fit, counts, clustered)
    covariance = ELO**2 * rows[:n] @ known.widest @ rows[:n].T
    if intervals is Intervals.SANDWICH:
        reach = ELO * known.reach(rows)
        low, high = shown - reach, shown + reach
    else:
        rng = np.random.default_rng(seed)
        spans = [
            percentiles(ELO * bootstrap(fit, counts, one, rng) @ rows.T) for one in (clustered or (None,))
        ]
        low, high = np.min([span[0] for span in spans], axis=0), np.max([span[1] for span in spans], axis=0)
        low[:n] += shown[:n] - ELO * rows[:n] @ fit.point
        high[:n] += shown[:n] - ELO * rows[:n] @ fit.point
    effects = layout.effects
    return Ratings(
        rating=shown[:n],
        low=low[:n],
        high=high[:n],
        side=float(shown[n]) if side else 0.0,
        side_low=float(low[n]) if side else 0.0,
        side_high=float(high[n]) if side else 0.0,
        effects=shown[effects],
        effects_low=low[effects],
        effects_high=high[effects],
        covariance=covariance,
        fit=fit,
    )
