"""A generator as one file: its networks' tensors, and in the file's metadata what it takes to build them.

One file travels through storage under its SHA-256 and can't be put together wrongly.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from generator.nets.presets import GeneratorConfig
from workbench.trainer.config import ConfigError, parse

_FORMAT = 1
_KEY = "workbench"


class WeightsError(ConfigError):
    """A weights file can't be used; the text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a file holds. `tensors` are named vae.*, text.*, dit.*; a stage may have written only some."""

    config: GeneratorConfig
    tensors: dict[str, Tensor]
    tokenizer: str | None = None
    """The tokenizer's JSON, as the library `tokenizers` writes it."""
    history: tuple[dict[str, Any], ...] = ()
    """The stages that made it, oldest first: name, settings, figures."""

    def holds(self, part: str) -> bool:
        """Whether an earlier stage wrote this part."""
        return any(name.startswith(f"{part}.") for name in self.tensors)

    def fill(self, part: str, network: nn.Module) -> None:
        """Load the tensors of one part into its network. Raises WeightsError if they aren't those."""
        own = {
            name.removeprefix(f"{part}."): t
            for name, t in self.tensors.items()
            if name.startswith(f"{part}.")
        }
        if not own:
            raise WeightsError(f"the weights hold no {part!r}; an earlier stage trains it")
        try:
            network.load_state_dict({name: tensor.float() for name, tensor in own.items()})
        except RuntimeError as error:
            raise WeightsError(f"the weights' {part!r} does not fit its own config: {error}") from error

    def with_part(self, part: str, network: nn.Module) -> Weights:
        """A copy in which one part is the network's present state."""
        kept = {name: tensor for name, tensor in self.tensors.items() if not name.startswith(f"{part}.")}
        new = {
            f"{part}.{name}": tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()
        }
        return replace(self, tensors=kept | new)

    def with_stage(self, name: str, settings: dict[str, Any], figures: dict[str, Any]) -> Weights:
        """A copy whose history has one stage more."""
        return replace(
            self, history=(*self.history, {"stage": name, "settings": settings, "figures": figures})
        )


def save(weights: Weights, path: Path, *, dtype: torch.dtype = torch.float32) -> None:
    """Writes the file whole or not at all; `dtype` bfloat16 halves it."""
    about = {
        "format": _FORMAT,
        "config": asdict(weights.config),
        "tokenizer": weights.tokenizer,
        "history": list(weights.history),
    }
    tensors = {name: tensor.to(dtype).contiguous() for name, tensor in sorted(weights.tensors.items())}
    temporary = path.with_name(f".{path.name}.part")
    save_file(tensors, temporary, metadata={_KEY: json.dumps(about, ensure_ascii=False, sort_keys=True)})
    temporary.replace(path)


def load(path: Path) -> Weights:
    """Reads a file that `save` wrote. Raises WeightsError."""
    if not path.is_file():
        raise WeightsError(f"{path} is missing; expected the weights of a generator")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get(_KEY, "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, ValueError) as error:
        raise WeightsError(f"{path} can't be read as weights of a generator: {error}") from error
    if not isinstance(about, dict) or about.get("format") != _FORMAT or "config" not in about:
        raise WeightsError(f"{path} holds tensors but no generator of this version in its metadata")
    config = parse(GeneratorConfig, about["config"], f"{path.name}'s config")
    return Weights(
        config=config, tensors=tensors, tokenizer=about["tokenizer"], history=tuple(about["history"])
    )
