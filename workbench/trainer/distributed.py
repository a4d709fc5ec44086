"""The processes of one training run: started by torchrun, or a single one started by hand.

Gloo on the CPU, NCCL on GPUs. A model that fits one device is replicated: `World.average_gradients` after
the backward pass is all that data parallelism needs here, and its sum is the same on every rank.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.utils import deterministic


@dataclass(frozen=True, slots=True)
class World:
    """The place of this process among `size` processes; rank 0 alone writes."""

    rank: int
    size: int
    device: torch.device

    @property
    def writes(self) -> bool:
        return self.rank == 0

    def any(self, flag: bool) -> bool:
        """True on every rank if `flag` is true on one: signals reach ranks at different steps."""
        if self.size == 1:
            return flag
        raised = torch.tensor(int(flag), device=self.device)
        dist.all_reduce(raised, op=dist.ReduceOp.MAX)
        return bool(raised.item())

    def average_gradients(self, model: nn.Module) -> None:
        """Replaces every gradient by its mean over the ranks; a missing gradient counts as zero."""
        if self.size == 1:
            return
        parameters = [p for p in model.parameters() if p.requires_grad]
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        for parameter, mean in zip(
            parameters, torch.split(flat, [p.numel() for p in parameters]), strict=True
        ):
            parameter.grad = mean.view_as(parameter).clone()

    def average(self, values: list[float]) -> list[float]:
        """The mean of each number over the ranks; every rank passes the same count of numbers."""
        if self.size == 1:
            return values
        mean = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(mean)
        result: list[float] = (mean / self.size).tolist()
        return result

    def gather(self, value: Any) -> list[Any]:
        """The picklable `value` of every rank, in the order of ranks, on every rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def copy_from_first(self, model: nn.Module) -> None:
        """Gives every rank the parameters and buffers of rank 0."""
        if self.size > 1:
            for tensor in model.state_dict().values():
                dist.broadcast(tensor, src=0)

    def wait(self) -> None:
        """Returns when every rank has come here."""
        if self.size > 1:
            dist.barrier()


def start() -> World:
    """Joins the processes that torchrun's environment names; alone without it.

    On the CPU every process computes on one thread and with deterministic kernels, so that figures do not
    depend on the machine's number of cores: more cores are used by more processes.
    """
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    else:
        device = torch.device("cpu")
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        # Else NaN is written into every new tensor before its use: 15 % of a step, to catch nothing of ours.
        setattr(deterministic, "fill_uninitialized_memory", False)  # noqa: B010 - the module's type lacks it
    if size > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return World(rank, size, device)


def finish() -> None:
    """Leaves the process group, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def seed_everything(seed: int, world: World) -> None:
    """Seeds torch, numpy and Python; each rank draws its own numbers."""
    torch.manual_seed(seed + world.rank)
    np.random.seed(seed + world.rank)
    random.seed(seed + world.rank)
