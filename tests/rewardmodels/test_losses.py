"""The losses on best/worst judgements, against plain definitions and finite differences."""

import math
from itertools import permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardmodels.train import losses

_SCORE = st.floats(-4, 4, width=32)


@given(st.lists(_SCORE, min_size=2, max_size=6), st.data())
def test_maxdiff_is_its_definition(scores: list[float], data: st.DataObject) -> None:
    best, worst = data.draw(st.sampled_from(list(permutations(range(len(scores)), 2))))
    below = sum(math.exp((x - y) / 2) for x, y in permutations(scores, 2))
    plain = -math.log(math.exp((scores[best] - scores[worst]) / 2) / below)
    found = losses.maxdiff(
        torch.tensor(scores, dtype=torch.float64), torch.tensor([best]), torch.tensor([worst])
    )
    assert found.item() == pytest.approx(plain, abs=1e-9)


@given(_SCORE, _SCORE)
def test_maxdiff_of_two_clips_is_bradley_terry(x: float, y: float) -> None:
    scores = torch.tensor([x, y], dtype=torch.float64)
    found = losses.maxdiff(scores, torch.tensor([0]), torch.tensor([1]))
    assert found.item() == pytest.approx(-math.log(1 / (1 + math.exp(y - x))), abs=1e-9)


@given(st.floats(-6, 6), st.floats(0.01, 3))
def test_win_tie_and_loss_are_all_there_is(difference: float, eta: float) -> None:
    d, e = torch.tensor(difference, dtype=torch.float64), torch.tensor(eta, dtype=torch.float64)
    win, tie, loss = losses.log_win(d, e).exp(), losses.log_tie(d, e).exp(), losses.log_win(-d, e).exp()
    assert (win + tie + loss).item() == pytest.approx(1, abs=1e-9)
    assert losses.log_not_inferior(d, e).exp().item() == pytest.approx(1 - loss.item(), abs=1e-9)
    # Rao and Kupper's own form, theta = exp(eta).
    p, theta = math.exp(difference), math.exp(eta)
    assert win.item() == pytest.approx(p / (p + theta), abs=1e-9)
    assert tie.item() == pytest.approx((theta**2 - 1) * p / ((p + theta) * (theta * p + 1)), abs=1e-9)


def test_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    scores = torch.randn(4, dtype=torch.float64, requires_grad=True)
    eta = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)

    def loss(r: torch.Tensor, e: torch.Tensor) -> torch.Tensor:
        pairs = losses.maxdiff(r, torch.tensor([0, 1]), torch.tensor([3, 3])).mean()
        d = r[:2] - r[2:]
        return pairs - losses.log_tie(d, e).mean() - losses.log_not_inferior(d, e).mean()

    assert torch.autograd.gradcheck(loss, (scores, eta))


def test_nothing_overflows_far_apart() -> None:
    far = torch.tensor([300.0, -300.0], requires_grad=True)
    eta = torch.tensor(0.5)
    total = losses.maxdiff(far, torch.tensor([1]), torch.tensor([0])).sum()
    total = total - losses.log_tie(far[0] - far[1], eta) - losses.log_not_inferior(far[1] - far[0], eta)
    total.backward()  # type: ignore[no-untyped-call]
    assert total.isfinite()
    assert far.grad is not None
    assert far.grad.isfinite().all()
