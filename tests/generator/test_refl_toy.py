"""Reward feedback learning in two dimensions, where the true reward is known: what stops its running away.

The base model is the exact flow to N(0, 1). People's true reward prefers points near (1, 0); the reward model
that is optimised agrees with it on nine of ten pairs of base samples, and is wrong beyond them: it goes on
rising. The same objective as in training is minimised, with and without its bound and its reference.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from generator.feedback.refl import objective
from generator.flow import levels

STEPS = 10
GRID = levels.grid(STEPS, 1.0)


def true_reward(x: Tensor) -> Tensor:
    return -(x - torch.tensor([1.0, 0.0])).square().sum(dim=1)


def proxy_reward(x: Tensor) -> Tensor:
    return 2.0 * x[:, 0] - 0.45 * x[:, 1].abs() - 0.2 * x[:, 1].square().clamp(max=4)


class Toy(nn.Module):
    """The base flow's velocity and a small correction, nothing at the start."""

    def __init__(self) -> None:
        super().__init__()
        last = nn.Linear(32, 2)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.correction = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), last)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        out: Tensor = base_velocity(x, t) + self.correction(torch.cat([x, t.expand(len(x), 1)], dim=1))
        return out


def base_velocity(x: Tensor, t: Tensor) -> Tensor:
    return (2 * t - 1) / ((1 - t) ** 2 + t**2) * x


@dataclass(frozen=True)
class Outcome:
    proxy: float
    true: float
    farthest: float


def train(*, tau: float, beta: float, steps: int = 250) -> Outcome:
    torch.manual_seed(0)
    toy = Toy()
    optimizer = torch.optim.Adam(toy.parameters(), lr=1e-2)
    mean, deviation = _moments()
    for _ in range(steps):
        k = int(torch.randint(STEPS // 2, STEPS, ()))
        with torch.no_grad():
            x = _roll(toy, torch.randn(128, 2), k)
        v = toy(x, GRID[k])
        clean = x - GRID[k] * v
        scores = ((proxy_reward(clean) - mean) / deviation)[:, None]
        short, distance = objective(scores, torch.ones(1), torch.tensor([tau]), v, base_velocity(x, GRID[k]))
        optimizer.zero_grad()
        (short + beta * distance).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        made = _roll(toy, torch.randn(2000, 2), STEPS)
    return Outcome(float(proxy_reward(made).mean()), float(true_reward(made).mean()), float(made.abs().max()))


def _roll(toy: Toy, x: Tensor, k: int) -> Tensor:
    for step in range(k):
        here, there = GRID[step], GRID[step + 1]
        x = x + (there - here) * toy(x, here)
    return x


def _moments() -> tuple[Tensor, Tensor]:
    samples = proxy_reward(torch.randn(4000, 2))
    return samples.mean(), samples.std()


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def base() -> Outcome:
    return train(tau=1.0, beta=1.0, steps=0)


def test_the_reward_model_is_as_good_as_real_ones() -> None:
    torch.manual_seed(1)
    one, other = torch.randn(2, 4000, 2)
    agrees = (proxy_reward(one) > proxy_reward(other)) == (true_reward(one) > true_reward(other))
    assert 0.85 < agrees.double().mean() < 0.93


def test_without_bound_and_reference_the_true_reward_collapses(base: Outcome) -> None:
    free = train(tau=1e6, beta=0.0)
    assert free.proxy > base.proxy + 5
    assert free.true < base.true - 5


def test_the_bound_alone_is_not_enough(base: Outcome) -> None:
    assert train(tau=1.0, beta=0.0).true < base.true


def test_with_both_the_true_reward_rises(base: Outcome) -> None:
    held = train(tau=1.0, beta=1.0)
    assert held.proxy > base.proxy
    assert held.true > base.true + 0.2
    assert held.farthest < 1.5 * base.farthest
