"""A reward model as one safetensors file: the weights, and in its metadata all that is needed to use them.

    metadata["workbench"] = JSON of {"what": "reward", "version": 1, "kind": "motion", "dimensions": [...],
                                     "net": {...}, "mean": {DIMENSION: …}, "std": {DIMENSION: …}}

`mean` and `std` are those of the raw scores on base-model samples: a score that is given out is standardised
by them, once and for all.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from rewardmodels.nets import lora
from rewardmodels.nets.build import KINDS, Kind, build

VERSION = 1


class WeightsError(ValueError):
    """A file can't be used as a reward model; the text says what it is and what was expected."""


@dataclass(frozen=True, slots=True)
class Described:
    """What the metadata says."""

    kind: Kind
    dimensions: tuple[str, ...]
    net: dict[str, Any]
    """The settings that `rewardmodels.nets.build.build` takes."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Of the raw scores on base-model samples, one a dimension, above 0."""


def save(path: Path, model: nn.Module, described: Described) -> None:
    """Writes the file; it appears under its name only once it is whole. Adapters are folded in."""
    text = {
        "what": "reward",
        "version": VERSION,
        "kind": described.kind,
        "dimensions": list(described.dimensions),
        "net": described.net,
        "mean": dict(zip(described.dimensions, described.mean, strict=True)),
        "std": dict(zip(described.dimensions, described.std, strict=True)),
    }
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    partial = path.with_name(f".{path.name}.partial")
    save_file(lora.merged(state), partial, metadata={"workbench": json.dumps(text, ensure_ascii=False)})
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.rename(path)


def describe(path: Path) -> Described:
    """Reads the metadata alone. Raises WeightsError."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} can't be read as safetensors: {error}") from error
    if "workbench" not in metadata:
        raise WeightsError(
            f"{path} has no metadata of ours: it is no reward model, or a bare checkpoint; "
            "give the reward.safetensors that a training of a reward model ends with"
        )
    text = json.loads(metadata["workbench"])
    if text.get("what") != "reward" or text.get("kind") not in KINDS:
        raise WeightsError(
            f"{path} holds {text.get('what')!r} of kind {text.get('kind')!r}, expected a reward model: "
            f"{', '.join(KINDS)}"
        )
    if text["version"] != VERSION:
        raise WeightsError(f"{path} has version {text['version']}, this program reads {VERSION}")
    names = tuple(text["dimensions"])
    return Described(
        kind=text["kind"],
        dimensions=names,
        net=text["net"],
        mean=tuple(text["mean"][name] for name in names),
        std=tuple(text["std"][name] for name in names),
    )


def load(path: Path) -> tuple[nn.Module, Described]:
    """The network with its weights, on the CPU, and what the file says of it. Raises WeightsError."""
    described = describe(path)
    model = build(described.kind, described.dimensions, described.net)
    state: dict[str, Tensor] = load_file(path)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"{path} does not hold the weights its metadata tells of: {error}") from error
    return model, described


def load_for(path: Path, dimensions: tuple[str, ...]) -> tuple[nn.Module, Described]:
    """A foundational network for these dimensions: the vision-language model is the file's, and so are token
    and head of a dimension that the file knows; those of others are new. Raises WeightsError."""
    earlier, described = load(path)
    if described.kind != "foundational":
        raise WeightsError(f"{path} is a {described.kind} reward model, expected a foundational one")
    model = build("foundational", dimensions, described.net)
    state = earlier.state_dict()
    own = model.state_dict()
    for key, value in own.items():
        if key in _BY_DIMENSION:
            for row, name in enumerate(dimensions):
                if name in described.dimensions:
                    value[row] = state[key][described.dimensions.index(name)]
        else:
            value.copy_(state[key])
    return model, described


_BY_DIMENSION = ("special", "heads", "biases")


def standardised(raw: Tensor, described: Described) -> Tensor:
    """Raw scores (B, D) with mean 0 and deviation 1 on base-model samples."""
    mean, std = (torch.tensor(v, device=raw.device, dtype=raw.dtype) for v in (described.mean, described.std))
    return (raw - mean) / std
