"""Checkpoints: a folder with `model.safetensors` and `state.pt`, complete or not there at all.

`state.pt` holds what resuming needs beside the weights: step, optimizer, and per rank the random number
generators and the data position. It also holds the SHA-256 of its `model.safetensors`, so that files of two
checkpoints are never mixed. It is read with `weights_only=True`: a checkpoint can't run code.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from workbench.trainer.distributed import World

MODEL_FILE = "model.safetensors"
STATE_FILE = "state.pt"
_FORMAT = 1


class CheckpointError(RuntimeError):
    """A checkpoint can't be used: damaged, or not of this model or this number of processes."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands on one rank; plain values only (numbers, strings, lists, dictionaries, tensors)."""

    step: int
    """Steps done."""
    data: dict[str, Any]
    """Where the data stands."""
    window: dict[str, Any]
    """What the loop has summed up since it last wrote metrics."""


def save(
    run_dir: Path, position: Position, model: nn.Module, optimizer: torch.optim.Optimizer, world: World
) -> str:
    """Writes `checkpoints/step-NNNNNN` and returns that path, relative to `run_dir`.

    Every rank calls it; rank 0 writes. The folder appears under its name only once all is on the disk.
    """
    name = f"checkpoints/step-{position.step:06d}"
    ranks = world.gather({"rng": _rng_state(), "data": position.data, "window": position.window})
    if world.writes:
        folder = run_dir / name
        if folder.exists():
            raise FileExistsError(f"{folder} exists already; give every attempt a run folder of its own")
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        weights = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
        save_file(weights, partial / MODEL_FILE, metadata={"step": str(position.step)})
        state = {
            "format": _FORMAT,
            "step": position.step,
            "model_sha256": sha256_of(partial / MODEL_FILE),
            "optimizer": optimizer.state_dict(),
            "ranks": ranks,
        }
        with (partial / STATE_FILE).open("wb") as file:
            torch.save(state, file)
        for path in (partial / MODEL_FILE, partial / STATE_FILE, partial):
            _sync(path)
        partial.rename(folder)
        _sync(folder.parent)
    world.wait()
    return name


def load(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, world: World) -> Position:
    """Puts a checkpoint's weights, optimizer and generators in place and tells where the run stood.

    Raises CheckpointError with the file, what is wrong with it and what was expected.
    """
    model_path, state_path = folder / MODEL_FILE, folder / STATE_FILE
    for path in (model_path, state_path):
        if not path.is_file():
            raise CheckpointError(f"{path} is missing; a checkpoint has {MODEL_FILE} and {STATE_FILE}")
    state = _read_state(state_path)
    if (digest := sha256_of(model_path)) != state["model_sha256"]:
        raise CheckpointError(
            f"{model_path} is damaged or of another checkpoint: its SHA-256 is {digest}, "
            f"{STATE_FILE} of step {state['step']} expects {state['model_sha256']}; fetch both files again"
        )
    if len(state["ranks"]) != world.size:
        raise CheckpointError(
            f"{state_path} was saved by {len(state['ranks'])} processes and this run has {world.size}; "
            "resume with the same number of processes"
        )
    load_weights(model_path, model)
    try:
        optimizer.load_state_dict(state["optimizer"])
    except (ValueError, KeyError) as error:
        raise CheckpointError(f"{state_path} holds the state of another optimizer: {error}") from error
    own = state["ranks"][world.rank]
    _set_rng_state(own["rng"])
    return Position(state["step"], own["data"], own["window"])


def load_weights(path: Path, model: nn.Module) -> None:
    """Reads a `model.safetensors` into `model`; names and shapes must be the same."""
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} can't be read as safetensors: {error}") from error
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in weights.items()}
    if expected != found:
        differing = sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
        key = differing[0]
        raise CheckpointError(
            f"{path} is of another model: {len(differing)} of {len(expected)} tensors differ, first {key!r}: "
            f"{found.get(key, 'missing')} in the file, {expected.get(key, 'missing')} in the model; "
            "resume with the config the checkpoint was trained with"
        )
    model.load_state_dict(weights)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_state(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            _check_archive(file)
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch.load reports damage as any of a dozen types, from EOFError to UnpicklingError.
        raise CheckpointError(f"{path} is damaged: {error}; fetch the checkpoint's files again") from error
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        found = state.get("format") if isinstance(state, dict) else type(state).__name__
        raise CheckpointError(f"{path} has format {found!r}, this version reads {_FORMAT}")
    return state


def _check_archive(file: BinaryIO) -> None:
    """torch.load itself does not notice a flipped bit in a tensor; the archive's checksums do."""
    with zipfile.ZipFile(file) as archive:
        if (member := archive.testzip()) is not None:
            raise zipfile.BadZipFile(f"wrong checksum of {member}")
    file.seek(0)


def _rng_state() -> dict[str, Any]:
    _, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": [torch.from_numpy(np.asarray(keys, np.int64)), int(position), int(has_gauss), float(gauss)],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def _set_rng_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    random.setstate(state["python"])
    keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


def _sync(path: Path) -> None:
    """fsync of a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
