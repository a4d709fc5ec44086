"""The motion and the aesthetic network at work on pixels: floor, pyramid, keyframes."""

import numpy as np
import torch
from torch import Tensor

from generator.data import world
from rewardmodels.nets.aesthetic import AestheticClips
from rewardmodels.nets.frames import even_frames, keyframes
from rewardmodels.nets.motion import PENALTY, MotionReward


def clip(pace: world.Pace = "quick") -> Tensor:
    """A scene of the world, (1, 9, 3, 64, 64)."""
    scene = world.place(np.random.default_rng(0), world.Wanted(direction="left", camera="still"))
    moved = world.render(world.Scene(**{n: getattr(scene, n) for n in scene.__slots__} | {"pace": pace}))
    return torch.from_numpy(moved).permute(0, 3, 1, 2)[None].float() / 127.5 - 1


def net() -> MotionReward:
    torch.manual_seed(0)
    return MotionReward(dimensions=1, width=4, frames=9, size=32)


@torch.no_grad()
def test_a_clip_that_stands_still_falls_below_the_floor() -> None:
    moving, model = clip(), net()
    still = moving[:, :1].expand_as(moving)
    half = torch.cat([moving[:, :5], moving[:, 4:5].expand(-1, 4, -1, -1, -1)], dim=1)

    def penalty(video: Tensor) -> float:
        model.floor.fill_(0.0)
        free = model(video, ["p"], None, 8.0)
        model.floor.copy_(0.8 * model.motion(moving)[0])
        return float(free - model(video, ["p"], None, 8.0))

    assert penalty(moving) == 0
    assert abs(penalty(still) - PENALTY) < 1e-4
    assert 0.2 * PENALTY < penalty(half) < 0.6 * PENALTY


@torch.no_grad()
def test_noise_is_hardly_motion() -> None:
    model, moving = net(), clip("slow")
    noise = 0.02 * torch.randn(moving.shape, generator=torch.Generator().manual_seed(0))
    noisy = moving[:, :1] + noise  # a still picture under sensor noise
    assert model.motion(noisy) < 0.5 * model.motion(moving)
    assert model.motion(clip("quick")) > 1.2 * model.motion(moving)


def test_the_floor_lifts_a_still_clip() -> None:
    """Gradient ascent on the score alone makes a still clip move."""
    model = net()
    model.floor.fill_(0.05)
    video = (clip()[:, :1].expand(1, 9, 3, 64, 64) + 1e-3 * torch.randn(1, 9, 3, 64, 64)).requires_grad_()
    before = float(model.motion(video.detach()))
    (gradient,) = torch.autograd.grad(model(video, ["p"], None, 8.0).sum(), video)
    after = float(model.motion(video.detach() + 0.05 * gradient.sign()))
    assert after > 2 * before


def test_keyframes_are_where_the_content_changes() -> None:
    video = torch.zeros(2, 12, 3, 16, 16)
    video[0, 7:, :, 1:] = 0.8  # a cut
    video[1, 3, :, 1:] = 0.5
    video[:, :, 0, 0, 0] = 0.01 * torch.arange(12)  # the frame's number, in a corner
    found = (keyframes(video, 4)[:, :, 0, 0, 0] * 100).round()
    assert 7 in found[0].tolist()
    assert {3, 4} <= set(found[1].tolist())
    assert found.diff(dim=1).gt(0).all()  # in order, none twice
    assert {0, 11} <= set(found[0].tolist())  # the even half
    assert keyframes(video[:, :2], 4).shape == (2, 4, 3, 16, 16)


def test_even_frames_reach_both_ends() -> None:
    assert even_frames(9, 4) == [0, 3, 5, 8]
    assert even_frames(9, 9) == list(range(9))
    assert even_frames(2, 4) == [0, 0, 1, 1]
    assert even_frames(9, 1) == [4]


def test_the_aesthetic_score_is_that_of_its_keyframes() -> None:
    torch.manual_seed(0)
    model = AestheticClips(dimensions=2, width=4, keyframes=4, size=64)
    video = torch.rand(2, 9, 3, 64, 64) * 2 - 1
    found = model(video, ["p"] * 2, None, 8.0)
    chosen = keyframes(video, 4)
    for column, encoder in enumerate(model.encoders):
        scores = torch.stack([encoder(one) for one in chosen])  # (B, K)
        expected = 0.5 * scores.mean(dim=1) + 0.5 * scores.amin(dim=1)
        assert torch.allclose(found[:, column], expected, atol=1e-6)
