"""Degradations do what their name says, the stronger the more, and the same for the same seed."""

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from annotation.clips.degrade import (
    IMAGE_KINDS,
    STRUCTURE_KINDS,
    TIME_KINDS,
    Kind,
    Video,
    degrade,
    measure_change,
)

KINDS: tuple[Kind, ...] = (*IMAGE_KINDS, *TIME_KINDS, *STRUCTURE_KINDS)
STRENGTHS = (0.1, 0.4, 0.7, 1.0)


@pytest.fixture
def moving() -> Video:
    """A textured square crossing a wavy ground, 16 frames of 64x80."""
    y, x = np.mgrid[:64, :80]
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 256, (20, 20, 3))
    frames = []
    for t in range(16):
        frame = np.repeat((120 + 40 * np.sin(x / 3) * np.cos(y / 4))[:, :, None], 3, axis=2)
        frame[20:40, 2 + 3 * t : 22 + 3 * t] = texture
        frames.append(frame)
    return np.stack(frames).astype(np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_change_grows_with_strength(kind: Kind, moving: Video) -> None:
    found = [degrade(moving, kind, strength, seed=3) for strength in STRENGTHS]
    for result in found:
        assert result.video.shape == moving.shape
        assert result.video.dtype == np.uint8
        assert result.change == measure_change(moving, result.video)
    absolute = [result.change.mean_absolute for result in found]
    structural = [result.change.structural for result in found]
    assert absolute == sorted(absolute)
    assert structural == sorted(structural)
    assert 0 < absolute[0] < absolute[-1]
    assert 0 < structural[0] < structural[-1]


@pytest.mark.clips
@pytest.mark.parametrize("kind", KINDS)
def test_change_grows_on_a_real_clip(kind: Kind, real_clips: Path) -> None:
    with av.open(str(real_clips / "bbb_bunny_5s.mp4")) as container:
        frames = [f.reformat(256, 144, "rgb24").to_ndarray() for f in container.decode(video=0)][40:64]
    clip = np.stack(frames).astype(np.uint8)
    found = [degrade(clip, kind, strength, seed=1).change for strength in STRENGTHS]
    assert [c.mean_absolute for c in found] == sorted(c.mean_absolute for c in found)
    assert [c.structural for c in found] == sorted(c.structural for c in found)
    assert found[-1].structural > 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_alone_decides(kind: Kind, moving: Video) -> None:
    first, second = (degrade(moving, kind, 0.5, seed=7).video for _ in range(2))
    assert np.array_equal(first, second)
    if kind not in ("blur", "compression"):
        others = [degrade(moving, kind, 0.5, seed=seed).video for seed in range(4)]
        assert any(not np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("kind", IMAGE_KINDS)
def test_an_image_is_a_clip_of_one_frame(kind: Kind, moving: Video) -> None:
    odd = moving[:1, :63, :79]
    assert degrade(odd, kind, 1.0, seed=0).video.shape == (1, 63, 79, 3)


@pytest.mark.parametrize("kind", TIME_KINDS)
def test_motion_needs_two_frames(kind: Kind, moving: Video) -> None:
    with pytest.raises(ValueError, match=f"{kind} changes the motion and needs two frames or more; .* has 1"):
        degrade(moving[:1], kind, 0.5, seed=0)


@pytest.mark.parametrize("kind", ["dropped_frames", "freeze"])
def test_frames_are_only_repeated(kind: Kind, moving: Video) -> None:
    changed = degrade(moving, kind, 0.6, seed=2).video
    shown = [next(i for i, f in enumerate(moving) if np.array_equal(f, frame)) for frame in changed]
    assert shown == sorted(shown)
    assert shown[0] == 0 or kind == "freeze"
    assert len(set(shown)) < len(shown)


def test_a_freeze_of_a_still_clip_is_measured_as_nothing(moving: Video) -> None:
    still = np.repeat(moving[:1], 8, axis=0)
    change = degrade(still, "freeze", 1.0, seed=0).change
    assert change.mean_absolute == 0
    assert abs(change.structural) < 1e-6


def test_mild_compression_keeps_the_colours(moving: Video) -> None:
    """A shift of all colours would give a degraded clip away without its faults."""
    smooth = np.full((4, 32, 32, 3), (150, 110, 80), np.uint8)
    changed = degrade(smooth, "compression", 0.1, seed=0).video
    assert np.abs(changed.astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("strength", [0.0, -0.1, 1.01, float("nan")])
def test_a_strength_out_of_range(strength: float, moving: Video) -> None:
    with pytest.raises(ValueError, match=r"strength is .*, expected above 0 and at most 1"):
        degrade(moving, "blur", strength, seed=0)


@pytest.mark.parametrize("shape", [(4, 8, 8), (4, 8, 8, 4), (0, 8, 8, 3)])
def test_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \(T, H, W, 3\)"):
        degrade(np.zeros(shape, np.uint8), "blur", 0.5, seed=0)


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.uint8, (2, 17, 26, 3)), hnp.arrays(np.uint8, (2, 17, 26, 3)), st.booleans())
def test_the_measure_against_plain_loops(first: Video, second: Video, same: bool) -> None:
    if same:
        second = first
    change = measure_change(first, second)
    weights = np.array([0.299, 0.587, 0.114])
    similarities = []
    for old, new in zip(first.astype(float) @ weights, second.astype(float) @ weights, strict=True):
        for top in (0, 8):
            for left in (0, 8, 16):
                x, y = (image[top : top + 8, left : left + 8].ravel() for image in (old, new))
                (var_x, cov), (_, var_y) = np.cov(x, y, bias=True)
                luminance = (2 * x.mean() * y.mean() + 6.5025) / (x.mean() ** 2 + y.mean() ** 2 + 6.5025)
                similarities.append(luminance * (2 * cov + 58.5225) / (var_x + var_y + 58.5225))
    assert change.structural == pytest.approx(1 - np.mean(similarities), abs=1e-4)
    assert change.mean_absolute == pytest.approx(np.abs(first.astype(int) - second).mean() / 255, abs=1e-6)
