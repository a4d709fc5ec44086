"""What clips look like, taken out of their ratings: length, motion, brightness, any number of a clip.

A covariate of a vote is the left clip's value less the right one's, in standard deviations of that difference
over the votes. Its effect is fitted beside the strengths, which then compare models at equal looks.

Votes are counted by pair and by the covariates, rounded to steps of `STEP`, so that a fit costs as much
as there are different rows, and never more than votes. Rounding to an eighth weakens an effect by 0.13 %
(STEP² / 12); `step=0` leaves values as they are, in up to a row a vote.
"""

import numpy as np

from arena.numerics.counts import BOTH_BAD, LEFT, RIGHT, TIE, Counts, Floats, Numbers

STEP = 1 / 8
_FAR = 4.0  # standard deviations beyond which a value is an outlier, and taken to be at the end


def standardised(difference: Floats) -> tuple[Floats, Floats]:
    """Differences (N, k) in units of their root mean square, and these units (k,). A value that is
    missing (NaN) counts as no difference. ValueError: a covariate never differs.
    """
    known = np.nan_to_num(np.asarray(difference, float), nan=0.0)
    unit = np.sqrt((known**2).mean(0))
    if not (unit > 0).all():
        raise ValueError(f"covariate {int(np.argmin(unit))} is the same in both clips of every vote")
    return np.clip(known / unit, -_FAR, _FAR), unit


def counted_with(
    design: Floats,
    left: Numbers,
    right: Numbers,
    said: Numbers,
    n: int,
    cluster: Numbers | None = None,
    weight: Floats | None = None,
    step: float = STEP,
) -> Counts:
    """Votes by pair, covariates (N, k) and, if it is given, cluster: what `counted` and `split` are
    without."""
    rounded = design if step == 0 else np.round(design / step) * step
    keys = [left.astype(np.int64) * n + right, *([] if cluster is None else [cluster]), *rounded.T]
    row = np.zeros(len(left), np.int64)
    for key in keys:  # numbered anew after each, so that the numbers stay small
        values, place = np.unique(key, return_inverse=True)
        row = np.unique(row * len(values) + place, return_inverse=True)[1]
    first = np.unique(row, return_index=True)[1]
    weights = np.ones(len(left)) if weight is None else weight

    def summed(values: Floats) -> Floats:
        kinds = [said == LEFT, said == RIGHT, (said == TIE) | (said == BOTH_BAD)]
        return np.stack([np.bincount(row, values * kind, len(first)) for kind in kinds])

    wins, losses, ties = summed(weights)
    return Counts(
        left[first],
        right[first],
        wins,
        losses,
        ties,
        None if cluster is None else cluster[first],
        None if weight is None else summed(weight**2),
        rounded[first],
    )
