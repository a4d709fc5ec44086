"""Votes weighted by 1 / (the chance with which their battle was drawn), so that they speak for all
battles alike.

Matchmaking asks for some pairs and prompts more often than for others. Where models do not simply have a
strength each (A beats B, B beats C, C beats A), what a rating comes to depends on who met whom; weighted
votes estimate what uniform pairing would have come to. They cost precision, which the sandwich's
intervals show.
"""

import numpy as np

from arena.numerics.counts import Floats

CLIP = 10.0
"""Largest weight, in units of the median one: what a few battles of tiny chance may weigh."""


def inverse_probability(chance: Floats, clip: float = CLIP) -> Floats:
    """Weights of votes (N,) with mean 1, by their battles' chances; a chance of NaN (none was stored) gives
    the mean weight. Clipping biases the estimate towards the battles drawn often, and bounds its variance.

    ValueError: a chance is not above 0.
    """
    chance = np.asarray(chance, float)
    if (chance <= 0).any():
        none = int((chance <= 0).sum())
        raise ValueError(f"{none} chances are not above 0; expected those that the battles were drawn with")
    weight, known = np.ones(len(chance)), ~np.isnan(chance)
    if known.any():
        found = 1 / chance[known]
        found = np.minimum(found, clip * np.median(found))
        weight[known] = found / found.mean()
    return weight
