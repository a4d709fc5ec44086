"""The small vision-language model that the foundational reward starts from."""

from pathlib import Path

import numpy as np
import pytest
import torch

from generator.data import world
from generator.train import reader
from rewardmodels.judge import score, weights


def test_a_lesson_is_true() -> None:
    lesson = reader.draw_lesson(np.random.default_rng(0), 40, "training")
    assert lesson.whole.shape == lesson.broken.shape == (40, 9, 3, 64, 64)
    for text, wrong in zip(lesson.texts, lesson.wrong, strict=True):
        wanted = world.parse(text)
        assert not world.held_out(wanted.shape, wanted.colour, wanted.direction)  # type: ignore[arg-type]
        for other in map(world.parse, wrong):
            assert sum(getattr(wanted, n) != getattr(other, n) for n in wanted.__slots__) == 1
    changed = (lesson.whole - lesson.broken).abs().amax(dim=(1, 2, 3, 4)) > 0.1
    assert changed.float().mean() > 0.9


def test_the_reward_goes_on_from_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "reader.safetensors"
    reader.main(
        [
            "--out",
            str(path),
            "--looks",
            "2",
            "--look-size",
            "4",
            "--steps",
            "2",
            "--batch-size",
            "2",
            "--preset",
            "micro",
        ]
    )
    assert '"held_out"' in capsys.readouterr().out
    assert score.load(path).dimensions == reader.DIMENSIONS
    first, _ = weights.load(path)
    torch.manual_seed(3)
    names = ("first_frame_preservation", "structural_stability")
    again, described = weights.load_for(path, names)
    before, after = first.state_dict(), again.state_dict()
    assert torch.equal(after["special"][1], before["special"][1])
    assert not torch.equal(after["heads"][0], before["heads"][0])
    shared = [key for key in before if key.startswith("vlm.")]
    assert all(torch.equal(before[key], after[key]) for key in shared)
    assert described.net["size"] == 64
