"""Started by torchrun: two ranks with half a batch each get the gradient of the whole batch."""

import sys
from pathlib import Path

import torch
from torch import nn

from workbench.trainer import distributed

world = distributed.start()
torch.manual_seed(0)
inputs, targets = torch.randn(8, 3), torch.randn(8, 1)
distributed.seed_everything(0, world)
model = nn.Linear(3, 1)
own = model.weight.detach().clone()
world.copy_from_first(model)
unused = nn.Parameter(torch.ones(2))
model.register_parameter("unused", unused)

part = slice(4 * world.rank, 4 * world.rank + 4)
nn.functional.mse_loss(model(inputs[part]), targets[part]).backward()  # type: ignore[no-untyped-call]
assert model.weight.grad is not None
half = model.weight.grad.clone()
world.average_gradients(model)
averaged = model.weight.grad.clone()
model.zero_grad()
nn.functional.mse_loss(model(inputs), targets).backward()  # type: ignore[no-untyped-call]
assert model.weight.grad is not None

report = {
    "size": world.size,
    "initial weights differed": world.gather(own.tolist())[0] != world.gather(own.tolist())[1],
    "halves differ": bool((half - model.weight.grad).abs().max() > 1e-3),
    "average is the whole": torch.allclose(averaged, model.weight.grad, atol=1e-6),
    "one flag is enough": world.any(world.rank == 1) and not world.any(False),
    "mean": world.average([float(world.rank), 2.0]),
}
if world.writes:
    Path(sys.argv[1]).write_text(repr(report))
distributed.finish()
