"""The learning rate over a run."""

import math


def warm_cosine(step: int, total: int, peak: float) -> float:
    """A rise to `peak` over the first twentieth of `total` steps, then half a cosine to 0; `step` from 1."""
    rise = max(1, total // 20)
    if step <= rise:
        return peak * step / rise
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total - rise)))
