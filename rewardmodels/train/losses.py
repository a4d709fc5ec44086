"""The losses of one dimension of one reward model on best/worst judgements (§4.4.1, §4.4.2).

All scores `r` are of the clips of one item, (N,). With d = r_i - r_j and a tie parameter eta > 0 (Rao and
Kupper 1967, eta = ln theta):

    P(win) = sigmoid(d - eta),  P(loss) = sigmoid(-d - eta),  P(tie) = 1 - P(win) - P(loss)

MaxDiff has the half in its exponents so that for two clips it is Bradley–Terry: its scores are on the scale
of the tie terms.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def maxdiff(scores: Tensor, best: Tensor, worst: Tensor) -> Tensor:
    """-log P(best, worst) of each pair of clips, (P,); `best` and `worst` are indices into `scores`, (P,).

    P(b, w) = exp((r_b - r_w) / 2) / sum over all i != j of exp((r_i - r_j) / 2)    (Marley and Louviere 2005)
    """
    halves = (scores[:, None] - scores[None, :]) / 2  # (N, N)
    others = ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    return torch.logsumexp(halves[others], dim=0) - halves[best, worst]


def log_win(difference: Tensor, eta: Tensor) -> Tensor:
    """log P(the first wins) under the tie model; `difference` is first minus second."""
    return functional.logsigmoid(difference - eta)


def log_tie(difference: Tensor, eta: Tensor) -> Tensor:
    """log P(tie): (e^(2 eta) - 1) sigmoid(d - eta) sigmoid(-d - eta), without cancellation."""
    return (
        torch.log(torch.expm1(2 * eta))
        + functional.logsigmoid(difference - eta)
        + functional.logsigmoid(-difference - eta)
    )


def log_not_inferior(difference: Tensor, eta: Tensor) -> Tensor:
    """log(1 - P(loss)) = log sigmoid(d + eta): the first is not worse than the second."""
    return functional.logsigmoid(difference + eta)
