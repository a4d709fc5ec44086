"""How large a round is: named sizes, copied into each round when it begins."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundPreset:
    """Everything about a round but its prompts and its base."""

    prompts: int
    """Prompts to learn from."""
    held_out: int
    """Prompts for the comparison, never shown to labellers of a round nor to the training."""
    clips_per_item: int
    """Clips of a prompt, each with its own seed, compared in one item."""
    held_out_seeds: int
    """Clips of a held-out prompt, before and after."""
    overlap: int
    """Judgements an item."""
    sampling_steps: int
    guidance: float
    generate_batch: int
    reward_preset: str
    """The reward models' size."""
    reward_steps: int
    reward_batch: int
    refl_steps: int
    refl_batch: int
    refl_learning_rate: float
    refl_beta: float
    """Weight of the distance to the base."""
    refl_window: tuple[int, int]
    """The sampling steps, first and last, at which rewards act."""
    refl_eval_every: int
    tau: float = 2.0
    """The standardised score from which on a reward gains nothing more."""
    foundational: float = 1.0
    """Weight in the sum of the rewards, in training and in the composite."""
    motion: float = 1.0
    aesthetic: float = 1.0

    def stored(self) -> dict[str, Any]:
        return {**asdict(self), "refl_window": list(self.refl_window)}

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "RoundPreset":
        return cls(**{**stored, "refl_window": tuple(stored["refl_window"])})

    @property
    def weights(self) -> dict[str, float]:
        return {"foundational": self.foundational, "motion": self.motion, "aesthetic": self.aesthetic}


PRESETS: dict[str, RoundPreset] = {
    # For tests and a first look: about a minute of computing on two cores; its figures mean nothing.
    "micro": RoundPreset(
        prompts=6,
        held_out=3,
        clips_per_item=4,
        held_out_seeds=2,
        overlap=1,
        sampling_steps=6,
        guidance=3.0,
        generate_batch=12,
        reward_preset="micro",
        reward_steps=20,
        reward_batch=4,
        refl_steps=4,
        refl_batch=2,
        refl_learning_rate=1e-4,
        refl_beta=1.0,
        refl_window=(3, 5),
        refl_eval_every=2,
    ),
    # The smallest that means something: tens of minutes on two cores.
    "tiny": RoundPreset(
        prompts=24,
        held_out=12,
        clips_per_item=4,
        held_out_seeds=4,
        overlap=2,
        sampling_steps=20,
        guidance=3.0,
        generate_batch=16,
        reward_preset="tiny",
        reward_steps=300,
        reward_batch=8,
        refl_steps=150,
        refl_batch=8,
        refl_learning_rate=1e-4,
        refl_beta=1.0,
        refl_window=(10, 19),
        refl_eval_every=25,
    ),
}
