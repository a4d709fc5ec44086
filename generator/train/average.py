"""The exponential moving average of weights."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class Averaged(nn.Module, Generic[Network]):
    """A network in training and the moving average of its weights: one state, saved together."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.live = network
        self.average = copy.deepcopy(network).requires_grad_(requires_grad=False)

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Move the average towards the weights in training: it keeps the share `decay` of itself."""
        for mean, parameter in zip(self.average.parameters(), self.live.parameters(), strict=True):
            mean.lerp_(parameter, 1 - decay)
