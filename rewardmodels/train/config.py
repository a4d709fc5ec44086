"""Configs of the reward models' training runs: what `DIR/config.json` holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, get_args

from workbench.trainer.config import require


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipInput:
    """A video file of the run."""

    path: str
    """Relative to `DIR/inputs`."""
    sha256: str
    """Of the file, hexadecimal; checked before decoding."""

    def __post_init__(self) -> None:
        path = PurePosixPath(self.path)
        require(
            self.path != "" and not path.is_absolute() and ".." not in path.parts,
            f"clip path {self.path!r} must stay inside the run's inputs folder",
        )
        require(
            re.fullmatch(r"[0-9a-f]{64}", self.sha256) is not None,
            f"sha256 of {self.path!r} is {self.sha256!r}, expected 64 lower-case hexadecimal digits",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AestheticConfig:
    """The aesthetic reward's encoder learns to score a keyframe above a degraded copy of itself."""

    clips: tuple[ClipInput, ...]
    """Four clips or more; one in three, drawn by `seed`, is held out for the evaluation."""
    steps: int = 400
    """Optimizer steps."""
    batch_size: int = 24
    """Pairs a step, over all processes; a multiple of `processes`."""
    learning_rate: float = 2e-3
    """AdamW's peak rate: a rise over the first twentieth of the steps, then half a cosine down to 0."""
    weight_decay: float = 0.01
    """AdamW's."""
    width: int = 16
    """Channels of the encoder's first layer."""
    image_size: int = 64
    """Side of the square crops, in pixels."""
    keyframes_per_clip: int = 8
    """At most; half are spread evenly, half are where the content changes most."""
    checkpoint_every: int = 100
    """Steps between checkpoints."""
    log_every: int = 10
    """Steps between metrics."""
    eval_every: int = 100
    """Steps between evaluations on the held-out clips."""
    seed: int = 0
    """Of the split, the initial weights, the crops and the degradations."""
    processes: int = 1
    """Data-parallel processes (torchrun's --nproc-per-node), 1–8."""

    def __post_init__(self) -> None:
        require(len(self.clips) >= 4, f"{len(self.clips)} clips given; a split by clip needs 4 or more")
        twice = {c.sha256 for c in self.clips if sum(o.sha256 == c.sha256 for o in self.clips) > 1}
        require(not twice, f"the same file is given more than once, sha256 {sorted(twice)}; keep one of each")
        for name in (
            "steps",
            "batch_size",
            "keyframes_per_clip",
            "checkpoint_every",
            "log_every",
            "eval_every",
        ):
            value = getattr(self, name)
            require(value >= 1, f"{name} is {value}, expected 1 or more")
        require(1 <= self.processes <= 8, f"processes is {self.processes}, expected 1 to 8")
        require(
            self.batch_size % self.processes == 0,
            f"batch_size {self.batch_size} must be divisible by processes {self.processes}",
        )
        require(
            self.processes <= len(self.clips) - self.held_out,
            f"processes {self.processes} exceeds the {len(self.clips) - self.held_out} training clips; "
            "each process trains on clips of its own",
        )
        require(0 < self.learning_rate <= 1, f"learning_rate is {self.learning_rate}, expected in (0, 1]")
        require(0 <= self.weight_decay <= 1, f"weight_decay is {self.weight_decay}, expected in [0, 1]")
        require(4 <= self.width <= 256, f"width is {self.width}, expected 4 to 256")
        require(32 <= self.image_size <= 512, f"image_size is {self.image_size}, expected 32 to 512")
        require(0 <= self.seed < 2**31, f"seed is {self.seed}, expected 0 to 2147483647")

    @property
    def held_out(self) -> int:
        """How many clips are kept for the evaluation: a third, two at least."""
        return max(2, round(len(self.clips) / 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardConfig:
    """A reward model learns from judgements (§4.4.2)."""

    reward: str
    """foundational, motion or aesthetic."""
    dimensions: tuple[str, ...]
    """Keys of the campaigns' dimensions that it gives scores for."""
    data: str = "judgements.jsonl"
    """The judgements, relative to `DIR/inputs`; see `rewardmodels.train.judgements`."""
    steps: int = 300
    """Optimizer steps."""
    batch_size: int = 8
    """Judgements a step, over all processes; a multiple of `processes`."""
    learning_rate: float = 2e-3
    """AdamW's peak rate: a rise over the first twentieth of the steps, then half a cosine down to 0."""
    weight_decay: float = 0.01
    """AdamW's."""
    preset: str = "tiny"
    """The network's size: micro (seconds, for tests) or tiny."""
    pretrained: str | None = None
    """Foundational only: folder of a Qwen2.5-VL model to start from, under LoRA, instead of a preset."""
    start: str | None = None
    """An earlier reward model of the same kind and dimensions to go on from, relative to `DIR/inputs`."""
    log_every: int = 10
    """Steps between metrics."""
    eval_every: int = 100
    """Steps between evaluations on the held-out prompts."""
    checkpoint_every: int = 100
    """Steps between checkpoints."""
    seed: int = 0
    """Of the split, the initial weights and the batches."""
    processes: int = 1
    """Data-parallel processes (torchrun's --nproc-per-node), 1–8."""

    def __post_init__(self) -> None:
        kinds, presets = get_args(RewardKind), get_args(RewardPreset)
        require(self.reward in kinds, f"reward is {self.reward!r}, expected one of {', '.join(kinds)}")
        require(self.preset in presets, f"preset is {self.preset!r}, expected one of {', '.join(presets)}")
        require(self.dimensions != (), "dimensions is empty, expected the key of one dimension or more")
        require(
            len(set(self.dimensions)) == len(self.dimensions),
            f"dimensions {list(self.dimensions)} names one of them twice",
        )
        for name in ("steps", "batch_size", "log_every", "eval_every", "checkpoint_every"):
            value = getattr(self, name)
            require(value >= 1, f"{name} is {value}, expected 1 or more")
        require(1 <= self.processes <= 8, f"processes is {self.processes}, expected 1 to 8")
        require(
            self.batch_size % self.processes == 0,
            f"batch_size {self.batch_size} must be divisible by processes {self.processes}",
        )
        require(0 < self.learning_rate <= 1, f"learning_rate is {self.learning_rate}, expected in (0, 1]")
        require(0 <= self.weight_decay <= 1, f"weight_decay is {self.weight_decay}, expected in [0, 1]")
        require(0 <= self.seed < 2**31, f"seed is {self.seed}, expected 0 to 2147483647")
        require(
            self.pretrained is None or self.reward == "foundational",
            f"pretrained is a vision-language model's folder, and reward is {self.reward}",
        )
        require(
            self.pretrained is None or self.start is None,
            "pretrained and start are both given; a training starts from one of them",
        )
        for name in ("data", "start"):
            path = PurePosixPath(getattr(self, name) or "-")
            require(
                not path.is_absolute() and ".." not in path.parts,
                f"{name} {str(path)!r} must stay inside the run's inputs folder",
            )


RewardKind = Literal["foundational", "motion", "aesthetic"]
RewardPreset = Literal["micro", "tiny"]
