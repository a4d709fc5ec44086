"""Low-rank adapters (Hu et al. 2021) on the attention of a language model, and folding them back in."""

from __future__ import annotations

import torch
from torch import Tensor, nn

RANK, ALPHA = 16, 32.0
_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj")


class LoraLinear(nn.Module):
    """`base(x) + (alpha / rank) B A x`; B starts at zero, so nothing changes before the first step."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.randn(RANK, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, RANK))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.base(x)
        return y + (ALPHA / RANK) * (x @ self.down.T) @ self.up.T


def wrap(model: nn.Module) -> None:
    """Puts an adapter around each attention projection; freezing the rest is the caller's."""
    for module in list(model.modules()):
        for name in _PROJECTIONS:
            if isinstance(base := getattr(module, name, None), nn.Linear):
                setattr(module, name, LoraLinear(base))


def merged(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dictionary of a wrapped model as one of the plain model, adapters folded in."""
    out = {}
    for key, value in state.items():
        if key.endswith((".down", ".up")) and f"{_stem(key)}.base.weight" in state:
            continue
        stem, _, tail = key.rpartition(".base.")
        if stem and f"{stem}.up" in state:
            if tail == "weight":
                value = value + (ALPHA / RANK) * state[f"{stem}.up"] @ state[f"{stem}.down"]
            key = f"{stem}.{tail}"
        out[key] = value
    return out


def _stem(key: str) -> str:
    return key.rpartition(".")[0]
