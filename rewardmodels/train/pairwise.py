"""Pairwise accuracy of a scorer, with an interval that respects where the pairs come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

CHANCE = 0.5
"""Accuracy of a scorer that knows nothing."""

_PULL = 1e-3

# Two-sided 95 % points of Student's t for 1 to 29 degrees of freedom.
_T95 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145),
    *(
        2.131,
        2.120,
        2.110,
        2.101,
        2.093,
        2.086,
        2.080,
        2.074,
        2.069,
        2.064,
        2.060,
        2.056,
        2.052,
        2.048,
        2.045,
    ),
)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The share of pairs whose better member scores higher; an equal pair counts half."""

    value: float
    low: float
    high: float
    pairs: int
    clusters: int


def bradley_terry_loss(better: Tensor, worse: Tensor) -> Tensor:
    """Mean of -log P(better above worse), P = sigmoid(difference of the scores (N,)); ln 2 if equal."""
    return -functional.logsigmoid(better - worse).mean()


def anchored_loss(better: Tensor, worse: Tensor) -> Tensor:
    """Bradley–Terry loss plus a thousandth of the mean square of the scores, (N,) each.

    Within a pair only the difference counts, so the scores of different pictures would drift apart at will
    (to +-170 where a pair differs by 10); the pull keeps them on one scale around 0.
    """
    return bradley_terry_loss(better, worse) + _PULL * torch.cat([better, worse]).square().mean()


def pair_credits(better: Tensor, worse: Tensor) -> Tensor:
    """1 where the better member of a pair scores higher, 0 where lower, 0.5 where equal; shapes broadcast."""
    return (better > worse).double() + 0.5 * (better == worse).double()


def accuracy(credits_: Sequence[float], clusters: Sequence[str]) -> Accuracy:
    """Accuracy with a 95 % interval over clusters (clips): pairs of one clip are not independent.

    The interval is Student's t on the clusters' own accuracies (equally many pairs a cluster, as here, make
    their mean the accuracy), cut to 0–1. One cluster alone tells nothing of the spread: then it is 0–1.
    """
    by_cluster: dict[str, list[float]] = {}
    for credit, cluster in zip(credits_, clusters, strict=True):
        by_cluster.setdefault(cluster, []).append(credit)
    value, count = float(np.mean(credits_)), len(by_cluster)
    if count < 2:
        return Accuracy(value, 0.0, 1.0, len(credits_), count)
    means = [float(np.mean(values)) for values in by_cluster.values()]
    t = _T95[count - 2] if count - 2 < len(_T95) else 1.96
    reach = t * float(np.std(means, ddof=1)) / count**0.5
    return Accuracy(value, max(0.0, value - reach), min(1.0, value + reach), len(credits_), count)
