"""The generator's sizes, from seconds on one core to the paper's scale."""

from __future__ import annotations

from dataclasses import dataclass

from generator.nets.dit import DiTConfig
from generator.nets.text import TextConfig
from generator.nets.vae import VAEConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorConfig:
    """One generator: its three networks."""

    vae: VAEConfig
    text: TextConfig
    dit: DiTConfig


PRESETS: dict[str, GeneratorConfig] = {
    # For tests: trains a step in milliseconds and draws nothing worth seeing.
    "micro": GeneratorConfig(
        vae=VAEConfig(latent_channels=16, widths=(8, 16, 16)),
        text=TextConfig(vocabulary=400, width=32, layers=1, heads=2),
        dit=DiTConfig(latent_channels=16, text_width=32, width=48, pairs=1, heads=2, rope_base=100.0),
    ),
    # Trains on two CPU cores in hours; ships as a checkpoint.
    "tiny": GeneratorConfig(
        vae=VAEConfig(),
        text=TextConfig(vocabulary=512, width=128, layers=2, heads=4),
        dit=DiTConfig(text_width=128, width=128, pairs=4, heads=4, rope_base=100.0),
    ),
}


def preset(name: str) -> GeneratorConfig:
    """The preset of that name. Raises ValueError that names the known ones."""
    if name not in PRESETS:
        raise ValueError(f"{name!r} is no preset of the generator; known are {', '.join(PRESETS)}")
    return PRESETS[name]
