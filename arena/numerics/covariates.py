"""What clips look like, taken out of their ratings: length, motion, brightness, any number of a clip.

A covariate of a vote is the left clip's value less the right one's, in standard deviations of that difference
over the votes. Its effect is fitted beside the strengths, which then compare models at equal looks.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from arena.numerics.counts import BOTH_BAD, LEFT, RIGHT, TIE, Counts, Floats, Ints, Numbers
from arena.numerics.fitting import Layout, held, information
from arena.numerics.outcomes import Slopes

_FAR = 4.0  # standard deviations beyond which a value is an outlier, and taken to be at the end
_SAME = 1e-4  # part of a covariate's variance that models and sides must leave unexplained


def standardised(difference: Floats) -> tuple[Floats, Floats]:
    """Differences (N, k) in units of their root mean square, and these units (k,). A value that is missing
    (NaN) counts as no difference; so does a covariate that never differs, whose unit is 0.
    """
    known = np.nan_to_num(np.asarray(difference, float), nan=0.0)
    unit = np.sqrt((known**2).mean(0)) if len(known) else np.zeros(known.shape[1])
    return np.clip(known / np.where(unit > 0, unit, 1.0), -_FAR, _FAR), unit


def counted_with(
    design: Floats,
    left: Numbers,
    right: Numbers,
    said: Numbers,
    alike: Ints | None = None,
    cluster: Numbers | None = None,
    weight: Floats | None = None,
) -> Counts:
    """Votes with covariates (N, k) and, if it is given, cluster: what `counted` and `split` are without.

    `alike` (N,) numbers votes, from 0 and without a gap, that have everything but the answer in common: they
    become one row. Without it each vote is a row.
    """
    kinds = [said == LEFT, said == RIGHT, (said == TIE) | (said == BOTH_BAD)]
    weights = np.ones(len(left)) if weight is None else weight
    wins, losses, ties = (kind * weights for kind in kinds)
    squares = None if weight is None else np.stack([kind * weight**2 for kind in kinds])
    single = Counts(left, right, wins, losses, ties, cluster, squares, design)
    if alike is None:
        return single
    first = np.unique(alike, return_index=True)[1]

    def summed(values: Floats) -> Floats:
        return np.asarray(np.bincount(alike, values, len(first)))

    return replace(
        single,
        left=left[first],
        right=right[first],
        left_wins=summed(wins),
        right_wins=summed(losses),
        ties=summed(ties),
        cluster=None if cluster is None else cluster[first],
        squares=None if squares is None else np.stack([summed(one) for one in squares]),
        design=design[first],
    )


def told_apart(counts: Counts, n: int) -> NDArray[np.bool_]:
    """Which covariates (k,) can be told from n models, the sides, and the covariates before them.

    One that is the same in all clips of each model can't: it is part of the models.
    """
    k = counts.covariates
    layout, nothing = Layout(n, side=True, covariates=k, tie=False), np.zeros(0)
    slopes = Slopes(0.0, nothing, 0.0, counts.votes, nothing, 0.0)
    moments = held(information(counts, slopes, layout, side_prior=False), n)
    known, told = list(range(n + 1)), np.zeros(k, bool)
    for place in range(k):
        column = moments[known, n + 1 + place]
        whole = moments[n + 1 + place, n + 1 + place]
        inside = np.linalg.pinv(moments[np.ix_(known, known)], rcond=1e-10, hermitian=True)
        told[place] = whole > 0 and whole - column @ inside @ column > _SAME * whole
        if told[place]:
            known.append(n + 1 + place)
    return told
