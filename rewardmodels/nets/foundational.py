"""The foundational reward (§4.4.2): a vision-language model with one special token a dimension.

The network is Qwen2.5-VL of transformers, at any size: built from a config, or loaded from a folder
(`FoundationalReward.from_pretrained`). A linear head reads each dimension's score off the last hidden state
of its own token. The tokens of visual quality (structural stability, first-frame preservation) stand before
the prompt, so causal masking makes them blind to it; that of prompt following stands after it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

from rewardmodels.nets import lora
from rewardmodels.nets.build import PROMPTED
from rewardmodels.nets.frames import even_frames, resized
from rewardmodels.nets.qwen import VIDEO, Patching, Sequences, SpecialIds, patches, sequences


class FoundationalReward(nn.Module):
    """Scores clips (B, T, 3, H, W), RGB in [-1, 1], with their prompts as (B, D), one column a dimension."""

    def __init__(
        self, *, dimensions: tuple[str, ...], config: dict[str, Any], tokenizer: str, frames: int, size: int
    ) -> None:
        """`config` is a Qwen2_5_VLConfig as a dictionary, `tokenizer` a tokenizer of the `tokenizers` package
        as JSON; `frames` and `size` are what a clip is cut down to."""
        super().__init__()
        self.config, self.frames, self.size = config, frames, size
        built = Qwen2_5_VLConfig.from_dict(config)
        self.tokenizer = Tokenizer.from_str(tokenizer)
        self.vlm = Qwen2_5_VLModel._from_config(  # type: ignore[no-untyped-call]
            built, attn_implementation="sdpa", dtype=torch.float32
        )
        vision: Any = built.vision_config
        text: Any = built.text_config
        self._patching = Patching(vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size)
        self._patching.grid(frames, size, size)  # refuses a size that can't be cut
        pad = text.pad_token_id
        self._tokens = SpecialIds(
            image=built.image_token_id,
            video=built.video_token_id,
            start=built.vision_start_token_id,
            end=built.vision_end_token_id,
            pad=built.vision_end_token_id if pad is None else pad,
        )
        hidden = text.hidden_size
        order = sorted(range(len(dimensions)), key=lambda d: dimensions[d] == PROMPTED)
        self._after = sum(name == PROMPTED for name in dimensions)
        self._columns = torch.tensor(order).argsort()
        # In the order of `dimensions`, whatever the order in the sequence.
        self.special = nn.Parameter(torch.randn(len(dimensions), hidden) * text.initializer_range)
        self.heads = nn.Parameter(torch.randn(len(dimensions), hidden) / hidden**0.5)
        self.biases = nn.Parameter(torch.zeros(len(dimensions)))
        self._order = order

    @classmethod
    def from_pretrained(
        cls, folder: Path, *, dimensions: tuple[str, ...], frames: int, size: int
    ) -> FoundationalReward:
        """Starts from a Qwen2.5-VL folder (config.json, safetensors, tokenizer.json): the language part is
        frozen under LoRA, the vision tower frozen, special tokens and heads are new.

        Raises ValueError on a folder that holds another model, or lacks a file.
        """
        if not (folder / "tokenizer.json").is_file():
            raise ValueError(f"{folder} has no tokenizer.json; give the folder of a whole Qwen2.5-VL model")
        config = Qwen2_5_VLConfig.get_config_dict(folder)[0]
        if config.get("model_type") != "qwen2_5_vl":
            raise ValueError(f"{folder} holds a {config.get('model_type')!r} model, expected 'qwen2_5_vl'")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json")).to_str()
        vlm = Qwen2_5_VLModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
        net = cls(
            dimensions=dimensions,
            config=vlm.config.to_dict(),
            tokenizer=tokenizer,
            frames=frames,
            size=size,
        )
        net.vlm = vlm
        for parameter in vlm.parameters():
            parameter.requires_grad_(False)
        lora.wrap(vlm.language_model)
        return net

    def forward(self, video: Tensor, prompts: list[str], first_frames: Tensor | None, fps: float) -> Tensor:
        hidden, laid = self._run(video, prompts, first_frames, fps)
        return self._scores(hidden, laid)

    def read(
        self, video: Tensor, prompts: list[str], first_frames: Tensor | None, fps: float
    ) -> tuple[Tensor, Tensor]:
        """The scores, and how surprising each prompt is after its clip, (B,): mean -log P of its tokens from
        the second on, each predicted from what stands before it (embeddings are also the output layer).

        There may be k times as many prompts as clips: prompt i is then of clip i modulo B, and the clips go
        through the vision tower once.
        """
        hidden, laid = self._run(video, prompts, first_frames, fps)
        told = laid.prompt[:, 1:].bool() & laid.prompt[:, :-1].bool()  # (B, L-1)
        logits = hidden[:, :-1][told] @ self.vlm.get_input_embeddings().weight.T
        surprise = functional.cross_entropy(logits, laid.ids[:, 1:][told], reduction="none")
        sums = hidden.new_zeros(len(prompts)).index_add(0, told.nonzero()[:, 0], surprise)
        return self._scores(hidden, laid), sums / told.sum(dim=1).clamp(min=1)

    def meanings(self, video: Tensor, texts: list[str], fps: float) -> tuple[Tensor, Tensor]:
        """What clips (B, T, 3, H, W) and texts say, each read alone: unit vectors (B, hidden), (N, hidden).

        They are the means of the language part's last hidden states over a clip's, or a text's, tokens; an
        empty text has none and gets zeros.
        """
        hidden, laid = self._run(video, [""] * len(video), None, fps)
        ids = [
            encoding.ids or [self._tokens.pad]
            for encoding in self.tokenizer.encode_batch(texts, add_special_tokens=False)
        ]
        longest = max(map(len, ids))
        padded = [row + [self._tokens.pad] * (longest - len(row)) for row in ids]
        real = torch.tensor([[n < len(row) for n in range(longest)] for row in ids], device=video.device)
        read = self.vlm.language_model(
            inputs_embeds=self.vlm.get_input_embeddings()(torch.tensor(padded, device=video.device)),
            attention_mask=real.long(),
            use_cache=False,
        ).last_hidden_state
        return _direction(hidden, laid.kinds == VIDEO), _direction(read, real)

    def _scores(self, hidden: Tensor, laid: Sequences) -> Tensor:
        rows = torch.arange(len(hidden), device=hidden.device)[:, None]
        states = hidden[rows, laid.special][:, self._columns]  # (B, D, hidden), in the order of `dimensions`
        score: Tensor = (states * self.heads).sum(dim=2) + self.biases
        return score

    def _run(
        self, video: Tensor, prompts: list[str], first_frames: Tensor | None, fps: float
    ) -> tuple[Tensor, Sequences]:
        """Last hidden states (B, L, hidden), and how the sequences are laid out."""
        device, total = video.device, video.shape[1]
        batch, times = len(prompts), len(prompts) // len(video)
        if times * len(video) != batch:
            raise ValueError(f"{batch} prompts for {len(video)} clips, expected as many or a multiple")
        shown = resized(video[:, even_frames(total, self.frames)], self.size)
        grid = self._patching.grid(self.frames, self.size, self.size)
        inputs: dict[str, Any] = {
            "mm_encoder_outputs": {"video": self._seen(shown, grid, times)},
            "video_grid_thw": torch.tensor([grid] * batch, device=device),
            # Positions in time follow the clock, whatever the frame rate.
            "second_per_grid_ts": [self._patching.temporal * total / (fps * self.frames)] * batch,
        }
        image_tokens = 0
        if first_frames is not None:
            image_grid = self._patching.grid(1, self.size, self.size)
            image_tokens = self._patching.tokens(image_grid)
            shown = resized(first_frames, self.size)[:, None]
            inputs["mm_encoder_outputs"]["image"] = self._seen(shown, image_grid, times)
            inputs["image_grid_thw"] = torch.tensor([image_grid] * batch, device=device)
        laid = sequences(
            [encoding.ids for encoding in self.tokenizer.encode_batch(prompts, add_special_tokens=False)],
            image=image_tokens,
            video=self._patching.tokens(grid),
            before=len(self._order) - self._after,
            after=self._after,
            tokens=self._tokens,
        ).to(device)
        rows = torch.arange(batch, device=device)[:, None]
        embedded = self.vlm.get_input_embeddings()(laid.ids).index_put(
            (rows, laid.special), self.special[self._order].expand(batch, -1, -1)
        )
        hidden: Tensor = self.vlm(
            input_ids=laid.ids,
            inputs_embeds=embedded,
            attention_mask=laid.mask,
            mm_token_type_ids=laid.kinds,
            use_cache=False,
            **inputs,
        ).last_hidden_state
        return hidden, laid

    def _seen(self, video: Tensor, grid: tuple[int, int, int], times: int) -> BaseModelOutputWithPooling:
        """What the vision tower makes of clips (or images, clips of one frame), each `times` times over."""
        grids = torch.tensor([grid] * len(video), device=video.device)
        states = self.vlm.visual(patches(video, self._patching), grid_thw=grids).pooler_output
        return BaseModelOutputWithPooling(pooler_output=states.chunk(len(video)) * times)


def _direction(hidden: Tensor, counts: Tensor) -> Tensor:
    """The mean (B, hidden) of the states (B, L, hidden) that count (B, L), at length 1."""
    return functional.normalize((hidden * counts[..., None]).sum(dim=1), dim=-1)
