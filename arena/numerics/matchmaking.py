"""Which pair of models is worth a vote most: chances of all pairs by expected information, no chance being 0.

One more vote between i and j, whose result is uncertain by h = p (1 - p), lowers the variances of all centred
strengths together, of covariance V, by (Sherman and Morrison 1950; A-optimal design)

    gain = h |V (e_i - e_j)|² / (1 + h (e_i - e_j)' V (e_i - e_j))

A new model, whose variance is large, takes part in most battles until it is known as well as the others;
pairs whose result is foreseen are seldom asked. A pair's chance is in proportion to its gain, and a share
of the battles, `EXPLORATION`, is drawn from all pairs alike. So every pair's chance is known and has a
floor: votes weighted by 1 / chance (`arena.numerics.weighing`) estimate what uniform pairing would have.

Pure numpy. Strengths are natural logarithms of odds, as everywhere in `arena.ratings`.
"""

import numpy as np
from numpy.typing import NDArray

from arena.ratings import ELO

Floats = NDArray[np.float64]

EXPLORATION = 0.1
"""Share of battles whose pair is drawn from all pairs alike, but for the weights."""
SHARPNESS = 2.0
"""Chances go with the gain to this power: 0 is uniform, 1 in proportion, and large takes the best pair
only. More saves a few votes more (`python -m tests.bench.matchmaking`), and costs as much where they are
weighted."""
SPREAD = 400 / ELO
"""Standard deviation of a strength before any vote: of models yet unknown, 400 Elo."""


def pair_probabilities(
    strength: Floats,
    covariance: Floats | None,
    counts: Floats,
    weights: Floats | None = None,
    allowed: NDArray[np.bool_] | None = None,
    exploration: float = EXPLORATION,
    sharpness: float = SHARPNESS,
) -> Floats:
    """The chance of each battle (left, right): (n, n), symmetric, 0 on the diagonal, with sum 1.

    `strength` (n,) may be NaN for a model not rated yet. `covariance` (n, n) is of the strengths, also NaN
    where unknown; None computes it from `counts` (n, n): how often models met, either way round, battles that
    wait for their vote included, so that many voters at once are not all sent to one pair. `weights` (n,)
    multiply the chances of a model's pairs; 0 retires it. `allowed` (n, n) is True where a battle can be had
    (both models have a clip of some prompt); it is read either way round. Only pairs that are not allowed or
    of weight 0 have chance 0; where no pair is left, all chances are 0.

    ValueError: a weight is negative or not finite.
    """
    n = len(strength)
    weights = np.ones(n) if weights is None else np.asarray(weights, float)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(
            f"weights are {weights.tolist()}; expected numbers of at least 0, one for each model"
        )
    possible = np.outer(weights, weights)
    np.fill_diagonal(possible, 0.0)
    if allowed is not None:
        possible *= allowed | allowed.T
    if not possible.sum() > 0:
        return np.zeros((n, n))
    known = np.nan_to_num(strength, nan=0.0)
    sharp = possible * gains(known, _covariance(known, covariance, counts)) ** sharpness
    uniform = possible / possible.sum()
    if not sharp.sum() > 0:
        return np.asarray(uniform)
    return np.asarray(exploration * uniform + (1 - exploration) * sharp / sharp.sum())


def gains(strength: Floats, covariance: Floats) -> Floats:
    """By how much one vote on a pair lowers the sum of the centred strengths' variances: (n, n),
    symmetric."""
    centred = covariance - covariance.mean(0)
    centred = centred - centred.mean(1, keepdims=True)
    chance = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
    result = chance * (1 - chance)
    reached = np.maximum(_of_differences(centred @ centred), 0)
    return np.asarray(result * reached / (1 + result * np.maximum(_of_differences(centred), 0)))


def covariance_of(strength: Floats, counts: Floats) -> Floats:
    """Of strengths before any vote (`SPREAD`) and after `counts` votes of each pair, (n, n) either way
    round."""
    chance = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
    told = (counts + counts.T) * chance * (1 - chance)
    np.fill_diagonal(told, 0.0)
    information = np.diag(told.sum(1) + SPREAD**-2) - told
    return np.asarray(np.linalg.inv(information), np.float64)


def prompt_probabilities(shown: Floats, weights: Floats | None = None) -> Floats:
    """The chance of each prompt, (m,) with sum 1: in proportion to its weight, and halved by each time
    that it was shown beyond its share, so that prompts stay balanced and none is certain.

    `shown` (m,) counts a prompt's battles. All weights 0, or no prompt: zeros.
    """
    weights = np.ones(len(shown)) if weights is None else np.asarray(weights, float)
    if not weights.sum() > 0:
        return np.zeros(len(shown))
    share = weights / weights.sum()
    beyond = np.asarray(shown, float) - share * np.sum(shown)
    chance = share * np.exp2(-np.clip(beyond - beyond[weights > 0].min(), 0, 60))
    return np.asarray(chance / chance.sum())


def _covariance(strength: Floats, given: Floats | None, counts: Floats) -> Floats:
    """What is known of it from the fit, else from the counts."""
    counted = covariance_of(strength, counts)
    if given is None:
        return counted
    known = np.isfinite(np.diag(given))
    covariance = counted.copy()
    covariance[np.ix_(known, known)] = given[np.ix_(known, known)]
    covariance[np.ix_(known, ~known)] = covariance[np.ix_(~known, known)] = 0.0
    return covariance


def _of_differences(matrix: Floats) -> Floats:
    """(e_i - e_j)' matrix (e_i - e_j) for all i, j."""
    own = np.diag(matrix)
    return np.asarray(own[:, None] + own[None, :] - matrix - matrix.T)
