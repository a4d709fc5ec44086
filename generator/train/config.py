"""The configs of the generator's training stages, checked as a whole when they are made."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.trainer.config import require


@dataclass(frozen=True, slots=True, kw_only=True)
class StageConfig:
    """What every stage needs to know."""

    start: str | None = None
    """Weights to go on from, a file name under `inputs/`; without it the networks start at random."""
    preset: str = "tiny"
    """Sizes of the networks where there are no weights to start from."""
    steps: int = 1000
    """Optimizer steps."""
    batch_size: int = 16
    """Clips a step, over all processes."""
    learning_rate: float = 2e-3
    """AdamW's peak rate."""
    weight_decay: float = 0.01
    log_every: int = 20
    eval_every: int = 500
    checkpoint_every: int = 500
    seed: int = 0
    processes: int = 1
    """Data-parallel processes (torchrun's --nproc-per-node), 1–8."""
    autocast: bool = True
    """Matrix products in bfloat16; about twice as fast on CPUs that have it."""

    def __post_init__(self) -> None:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoencoderConfig(StageConfig):
    """Stage `autoencoder` (§2.1)."""

    kl_weight: float = 1e-6
    """Of the KL divergence, summed over a latent and averaged over clips, beside the pixels' mean error."""
    square_weight: float = 5.0
    """Of the pixels' mean squared error, beside their mean absolute error."""
    edge_weight: float = 1.0
    """Of the mean error of the differences between neighbouring pixels, which keeps rims sharp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStageConfig(StageConfig):
    """Stage `text`."""

    steps: int = 300
    batch_size: int = 128
    learning_rate: float = 1e-3
    temperature: float = 0.07
    """What the cosines are divided by."""

    def __post_init__(self) -> None:
        super(TextStageConfig, self).__post_init__()
        require(0 < self.temperature <= 10, f"temperature is {self.temperature}, expected in (0, 10]")
        require(
            self.batch_size >= 2 * self.processes,
            f"batch_size is {self.batch_size}, expected two texts or more for each process to tell apart",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingConfig(StageConfig):
    """Stage `pretraining` (§4.1): image, text-to-video and image-to-video in one model."""

    batch_size: int = 64
    learning_rate: float = 1e-3
    bank: int = 16384
    """Clips that are rendered and encoded once, at the start."""
    image_share: float = 0.05
    """Share of the batch trained on the first frame alone (text-to-image)."""
    first_frame_share: float = 0.2
    """Share of the batch that is given its first frame (image-to-video), 20 % in the paper."""
    caption_dropout: float = 0.1
    """Share of captions left empty, for classifier-free guidance."""
    average: float = 0.999
    """Decay of the exponential moving average of the weights, which is what is kept."""

    def __post_init__(self) -> None:
        super(PretrainingConfig, self).__post_init__()
        require(self.bank >= 16, f"bank is {self.bank}, expected 16 clips or more")
        for name in ("image_share", "first_frame_share", "caption_dropout", "average"):
            value = getattr(self, name)
            require(0 <= value < 1, f"{name} is {value}, expected in [0, 1)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardInput:
    """One reward model's part in the composite reward."""

    file: str
    """Its weights under `inputs/`."""
    weight: float = 1.0
    tau: float = 1.0
    """Where its reward ends, in standard deviations of the base model's samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflConfig:
    """Stage `refl`: reward feedback learning (§4.4.3)."""

    checkpoint: str
    """The generator to start from, a file under `inputs/`; it is the reference too."""
    rewards: tuple[RewardInput, ...]
    prompts: tuple[str, ...]
    first_frames: tuple[str | None, ...] = ()
    """A picture under `inputs/` for each prompt, or None; empty where all are text-to-video."""
    eval_prompts: tuple[str, ...] = ()
    """Held-out prompts that are sampled and measured at each evaluation; empty takes the first prompts."""
    steps: int = 60
    batch_size: int = 8
    learning_rate: float = 1e-4
    reward_scale: float = 1.0
    """lambda: of the bounded reward in the loss."""
    beta: float = 1.0
    """Of the squared distance between the velocity and the reference's."""
    sampling_steps: int = 20
    guidance: float = 3.0
    window: tuple[int, ...] = (10, 18)
    """First and last sampling step after which the clip may be completed in one go, to be rewarded."""
    average: float = 0.95
    """Decay of the exponential moving average of the weights, which is what is kept."""
    log_every: int = 5
    eval_every: int = 20
    checkpoint_every: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        require(len(self.rewards) > 0, "config.rewards is empty: name a reward model")
        require(any(r.weight > 0 for r in self.rewards), "no reward has a weight above 0")
        require(len(self.prompts) > 0, "config.prompts is empty: name the prompts to train on")
        require(
            len(self.first_frames) in (0, len(self.prompts)),
            f"first_frames has {len(self.first_frames)} entries, expected none or one for each of the "
            f"{len(self.prompts)} prompts",
        )
        for name in ("steps", "batch_size", "log_every", "eval_every", "checkpoint_every"):
            value = getattr(self, name)
            require(value >= 1, f"{name} is {value}, expected 1 or more")
        require(
            len(self.window) == 2 and 0 <= self.window[0] <= self.window[1] < self.sampling_steps,
            f"window is {list(self.window)}, expected two steps in order, below {self.sampling_steps}",
        )
        require(0 < self.learning_rate <= 1, f"learning_rate is {self.learning_rate}, expected in (0, 1]")
        require(self.beta >= 0, f"beta is {self.beta}, expected 0 or more")
        require(0 <= self.average < 1, f"average is {self.average}, expected in [0, 1)")
        require(0 <= self.seed < 2**31, f"seed is {self.seed}, expected 0 to 2147483647")
