"""The flow's conventions, and a sampler that finds a distribution whose velocity is known."""

import pytest
import torch
from torch import Tensor, nn

from generator.flow import levels, sampler


def test_the_clean_latents_come_back_from_the_velocity() -> None:
    clean, noise, level = torch.randn(4, 2, 3), torch.randn(4, 2, 3), torch.rand(4)
    noisy = levels.noised(clean, noise, level)
    torch.testing.assert_close(levels.clean_of(noisy, noise - clean, level), clean)


def test_the_shift_keeps_the_ends_and_grows_with_the_clip() -> None:
    assert levels.shift_of(4 * levels.BASE_TOKENS) == pytest.approx(2 * levels.shift_of(levels.BASE_TOKENS))
    grid = levels.grid(10, 2.5)
    assert grid[0] == 1
    assert grid[-1] == 0
    assert (grid.diff() < 0).all()
    assert grid[5] > levels.grid(10, 1.0)[5]
    # Signal to noise falls by the square of the shift: (1-t)/t becomes (1-t)/(s t).
    t = torch.tensor([0.3])
    moved = levels.shifted(t, 3.0)
    torch.testing.assert_close((1 - moved) / moved, (1 - t) / t / 3)


class Gaussian(nn.Module):
    """The exact velocity towards N(mean, deviation^2), whose mean the first word of the text says."""

    def forward(
        self, x: Tensor, given: Tensor, mask: Tensor, level: Tensor, text: Tensor, real: Tensor
    ) -> Tensor:
        t = level.view(-1, 1, 1, 1, 1)
        mean, deviation = text[:, :1, :1, None, None], 0.5
        spread = (1 - t) ** 2 * deviation**2 + t**2
        centred = x - (1 - t) * mean
        return t / spread * centred - (mean + (1 - t) * deviation**2 / spread * centred)


def _condition(count: int, mean: float) -> sampler.Condition:
    given = torch.zeros(count, 1, 3, 1, 1)
    return sampler.Condition(
        text=torch.full((count, 1, 1), mean),
        real=torch.ones(count, 1, dtype=torch.bool),
        empty=torch.zeros(1, 1, 1),
        empty_real=torch.ones(1, 1, dtype=torch.bool),
        given=given,
        mask=given.clone(),
    )


def test_euler_steps_reach_the_distribution() -> None:
    noise = torch.randn(4000, 1, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    found = sampler.sample(Gaussian(), noise, _condition(4000, 2.0), steps=200, guidance=1)  # type: ignore[arg-type]
    assert found.mean().item() == pytest.approx(2.0, abs=0.03)
    assert found.std().item() == pytest.approx(0.5, abs=0.03)


def test_guidance_goes_beyond_the_text() -> None:
    noise = torch.randn(500, 1, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    plain, guided = (
        sampler.sample(Gaussian(), noise, _condition(500, 1.0), steps=50, guidance=g)  # type: ignore[arg-type]
        for g in (1.0, 3.0)
    )
    # The velocity is linear in the mean, so guidance 3 is the model of mean 3.
    assert guided.mean().item() == pytest.approx(3 * plain.mean().item(), abs=0.05)


def test_what_is_given_stays() -> None:
    condition = _condition(2, 1.0)
    condition.given[:, :, 0], condition.mask[:, :, 0] = 7, 1
    found = sampler.sample(Gaussian(), torch.randn(2, 1, 3, 1, 1), condition, steps=3, guidance=1)  # type: ignore[arg-type]
    assert (found[:, :, 0] == 7).all()
    assert (found[:, :, 1:] != 7).all()


def test_a_sample_can_be_stopped_on_its_way() -> None:
    noise, condition = torch.randn(2, 1, 3, 1, 1), _condition(2, 1.0)
    half = sampler.sample(Gaussian(), noise, condition, steps=4, guidance=1, stop_after=2)  # type: ignore[arg-type]
    grid = levels.grid(4, levels.shift_of(3))
    x = noise
    for k in (0, 1):
        level = grid[k].expand(2)
        v = sampler.velocity(Gaussian(), x, level, condition, 1)  # type: ignore[arg-type]
        x = x + (grid[k + 1] - grid[k]) * v
    torch.testing.assert_close(half, x)
