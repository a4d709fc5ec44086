"""The three reward models at named sizes, and how one is rebuilt from what its weights file says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn

from rewardmodels.nets.aesthetic import AestheticClips
from rewardmodels.nets.motion import MotionReward

Kind = Literal["foundational", "motion", "aesthetic"]
PROMPTED = "prompt_following"
"""The dimension that is asked after the prompt; every other one is visual quality."""
PRESERVED = "first_frame_preservation"
"""The dimension that only image-to-video clips have."""
KINDS: tuple[Kind, ...] = ("foundational", "motion", "aesthetic")
PresetName = Literal["micro", "tiny"]
PRESETS: tuple[PresetName, ...] = ("micro", "tiny")


class RewardNet(Protocol):
    """What the three networks have in common: raw scores of clips, one column a dimension."""

    frames: int
    """How many frames, evenly spread, of a clip the network looks at; at least."""
    size: int
    """The side it looks at them with, pixels."""

    def __call__(
        self, video: Tensor, prompts: list[str], first_frames: Tensor | None, fps: float
    ) -> Tensor: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VlmSize:
    """A Qwen2.5-VL small enough to be trained from nothing."""

    frames: int
    size: int
    patch: int
    hidden: int
    layers: int
    heads: int
    vision_hidden: int
    vision_layers: int
    vision_heads: int
    vocabulary: int
    """Most tokens of the tokenizer, the 256 bytes among them."""


_VLM = {
    "micro": VlmSize(
        frames=4, size=64, patch=8, hidden=32, layers=2, heads=2,
        vision_hidden=32, vision_layers=2, vision_heads=2, vocabulary=384,
    ),
    "tiny": VlmSize(
        frames=6, size=64, patch=8, hidden=64, layers=2, heads=4,
        vision_hidden=48, vision_layers=2, vision_heads=4, vocabulary=512,
    ),
}  # fmt: skip
_MOTION = {
    "micro": {"width": 6, "frames": 9, "size": 32},
    "tiny": {"width": 12, "frames": 9, "size": 64},
}
_AESTHETIC = {
    "micro": {"width": 8, "keyframes": 2, "size": 64},
    "tiny": {"width": 16, "keyframes": 4, "size": 64},
}


def describe(kind: Kind, preset: PresetName, prompts: Sequence[str]) -> dict[str, Any]:
    """What a weights file says of its network beside its dimensions; `prompts` teach the tokenizer."""
    if kind == "foundational":
        tokenizer = train_tokenizer(prompts, _VLM[preset].vocabulary)
        size = _VLM[preset]
        return {
            "config": _qwen_config(size, tokenizer.get_vocab_size()),
            "tokenizer": tokenizer.to_str(),
            "frames": size.frames,
            "size": size.size,
        }
    return dict((_MOTION if kind == "motion" else _AESTHETIC)[preset])


def build(kind: Kind, dimensions: tuple[str, ...], settings: dict[str, Any]) -> nn.Module:
    """The network that `settings` (from `describe`, or from a weights file) describe, with new weights."""
    if kind == "foundational":
        # transformers takes seconds to import: only where it is used.
        from rewardmodels.nets.foundational import FoundationalReward

        return FoundationalReward(dimensions=dimensions, **settings)
    if kind == "motion":
        return MotionReward(dimensions=len(dimensions), **settings)
    return AestheticClips(dimensions=len(dimensions), **settings)


def train_tokenizer(prompts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Byte-level BPE on the prompts: any text of any language can be told in its tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sorted(set(prompts)), trainer)
    return tokenizer


def _qwen_config(size: VlmSize, vocabulary: int) -> dict[str, Any]:
    """A Qwen2.5-VL config: its own structure, with the sizes given and five ids after the tokenizer's."""
    half = size.hidden // size.heads // 2  # rotary pairs of a head: a quarter of them tell the time
    time = half // 4
    high = (half - time) // 2
    return {
        "model_type": "qwen2_5_vl",
        "text_config": {
            "vocab_size": vocabulary + 5,
            "hidden_size": size.hidden,
            "intermediate_size": 4 * size.hidden,
            "num_hidden_layers": size.layers,
            "num_attention_heads": size.heads,
            "num_key_value_heads": size.heads,
            "max_position_embeddings": 4096,
            "initializer_range": size.hidden**-0.5,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1000.0,
                "mrope_section": [time, high, half - time - high],
            },
            "bos_token_id": None,
            "eos_token_id": None,
            "pad_token_id": vocabulary + 4,
        },
        "vision_config": {
            "depth": size.vision_layers,
            "hidden_size": size.vision_hidden,
            "intermediate_size": 4 * size.vision_hidden,
            "num_heads": size.vision_heads,
            "patch_size": size.patch,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "tokens_per_second": 4,
            "window_size": 4 * size.patch,
            "fullatt_block_indexes": list(range(size.vision_layers)),
            "out_hidden_size": size.hidden,
            "initializer_range": size.vision_hidden**-0.5,
        },
        "image_token_id": vocabulary,
        "video_token_id": vocabulary + 1,
        "vision_start_token_id": vocabulary + 2,
        "vision_end_token_id": vocabulary + 3,
    }  # fmt: skip
