"""Checkpoints are whole, go together, hold every generator, and can't run code."""

import os
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from workbench.trainer import checkpoints
from workbench.trainer.checkpoints import CheckpointError, Position
from workbench.trainer.distributed import World

ALONE = World(0, 1, torch.device("cpu"))


def _model(width: int = 5) -> tuple[nn.Module, torch.optim.Optimizer]:
    model = nn.Sequential(nn.Linear(3, width), nn.Linear(width, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    model(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    model, optimizer = _model()
    position = Position(7, {"drawn": 9}, {"steps": 2, "sums": {"loss": 0.25}})
    return tmp_path / checkpoints.save(tmp_path, position, model, optimizer, ALONE)


def test_everything_comes_back(tmp_path: Path) -> None:
    model, optimizer = _model()
    position = Position(7, {"drawn": 9}, {"steps": 2, "sums": {"loss": 0.25}})
    np.random.standard_normal()  # leaves half of a pair of normal numbers in the state
    folder = tmp_path / checkpoints.save(tmp_path, position, model, optimizer, ALONE)
    drawn = [torch.rand(3).tolist(), np.random.standard_normal(3).tolist(), random.random(), random.gauss()]

    other, other_optimizer = _model()
    assert checkpoints.load(folder, other, other_optimizer, ALONE) == position
    again = [torch.rand(3).tolist(), np.random.standard_normal(3).tolist(), random.random(), random.gauss()]
    assert again == drawn
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)
    ours, theirs = optimizer.state_dict()["state"], other_optimizer.state_dict()["state"]
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[i]["exp_avg_sq"], theirs[i]["exp_avg_sq"]) for i in ours)


@pytest.mark.parametrize("name", ["model.safetensors", "state.pt"])
def test_any_damaged_byte_is_noticed(saved: Path, name: str) -> None:
    whole = (saved / name).read_bytes()
    checkpoints.load(saved, *_model(), ALONE)
    drawn_before = torch.get_rng_state()
    generator = random.Random(0)
    places = generator.sample(range(len(whole)), 60)
    noticed = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        (saved / name).write_bytes(damaged)
        position, told = _try_to_load(saved)
        if position is None:
            noticed += 1
            assert str(saved) in told
        else:
            # A zip header has fields that no reader needs (dates); nothing that was stored may differ.
            assert name == "state.pt"
            assert position == Position(7, {"drawn": 9}, {"steps": 2, "sums": {"loss": 0.25}})
            assert torch.equal(torch.get_rng_state(), drawn_before)
    assert noticed >= 40


def _try_to_load(folder: Path) -> tuple[Position | None, str]:
    try:
        return checkpoints.load(folder, *_model(), ALONE), ""
    except CheckpointError as error:
        return None, str(error)


@pytest.mark.parametrize("name", ["model.safetensors", "state.pt"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_cut_file_is_noticed(saved: Path, name: str, share: float) -> None:
    whole = (saved / name).read_bytes()
    (saved / name).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match=name):
        checkpoints.load(saved, *_model(), ALONE)


def test_a_missing_file(saved: Path) -> None:
    (saved / "state.pt").unlink()
    with pytest.raises(CheckpointError, match=r"state\.pt is missing"):
        checkpoints.load(saved, *_model(), ALONE)


def test_files_of_two_checkpoints_are_not_mixed(tmp_path: Path) -> None:
    model, optimizer = _model()
    first = tmp_path / checkpoints.save(tmp_path, Position(1, {}, {}), model, optimizer, ALONE)
    second = tmp_path / checkpoints.save(tmp_path, Position(2, {}, {}), *_model(), ALONE)
    shutil.copy(first / "model.safetensors", second / "model.safetensors")
    with pytest.raises(CheckpointError, match="of another checkpoint"):
        checkpoints.load(second, model, optimizer, ALONE)


def test_another_model_is_refused_with_both_shapes(saved: Path) -> None:
    with pytest.raises(CheckpointError, match=r"3 of 4 tensors differ.*\(5,\) in the file, \(6,\) in the"):
        checkpoints.load(saved, *_model(width=6), ALONE)


def test_another_number_of_processes_is_refused(saved: Path) -> None:
    with pytest.raises(CheckpointError, match="saved by 1 processes and this run has 2"):
        checkpoints.load(saved, *_model(), World(0, 2, torch.device("cpu")))


class _Command:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def test_a_checkpoint_can_not_run_code(saved: Path, tmp_path: Path) -> None:
    target = tmp_path / "made-by-the-checkpoint"
    torch.save({"format": 1, "step": _Command(target)}, saved / "state.pt")
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.load(saved, *_model(), ALONE)
    assert not target.exists()
    torch.load(saved / "state.pt", weights_only=False)  # the trap is a live one
    assert target.exists()


def test_a_half_written_folder_is_in_nobodys_way(tmp_path: Path) -> None:
    left = tmp_path / "checkpoints/.step-000003.partial"
    left.mkdir(parents=True)
    (left / "state.pt").write_bytes(b"half")
    model, optimizer = _model()
    folder = tmp_path / checkpoints.save(tmp_path, Position(3, {}, {}), model, optimizer, ALONE)
    assert checkpoints.load(folder, model, optimizer, ALONE).step == 3
    assert not left.exists()
    with pytest.raises(FileExistsError, match="step-000003 exists already"):
        checkpoints.save(tmp_path, Position(3, {}, {}), model, optimizer, ALONE)
