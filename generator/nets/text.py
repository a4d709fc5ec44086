"""The text model: a decoder-only language model whose last hidden states condition the DiT (§2.2).

At our own sizes it is a small Qwen2 with a byte-level BPE tokenizer made from the world's captions, so any
text can be read; it is trained together with the DiT. Both travel in the generator's one file. With
`TextConfig.pretrained` a language model of transformers takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, Qwen2Config, Qwen2Model

_PAD, _START = "<|pad|>", "<|start|>"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextConfig:
    """Sizes of the text model."""

    vocabulary: int = 512
    width: int = 128
    layers: int = 2
    heads: int = 4
    most_tokens: int = 96
    """Texts are cut to this many tokens."""
    pretrained: str | None = None
    """A folder (or hub name) of a decoder-only model of transformers, in place of the sizes above."""


class TextModel(nn.Module):
    """Texts to hidden states."""

    def __init__(self, config: TextConfig, tokenizer: str) -> None:
        """`tokenizer` is the JSON of `make_tokenizer` or `pretrained_tokenizer`."""
        super().__init__()
        self.config = config
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(config.most_tokens - 1)
        if config.pretrained is not None:
            self.model = AutoModel.from_pretrained(config.pretrained, dtype=torch.float32)
        else:
            sizes = Qwen2Config(
                vocab_size=self._tokenizer.get_vocab_size(),
                hidden_size=config.width,
                intermediate_size=4 * config.width,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                num_key_value_heads=config.heads,
                max_position_embeddings=config.most_tokens,
            )
            # On a CPU the fused attention's backward pass takes longer than the plain one's on so few tokens.
            sizes._attn_implementation = "eager"
            self.model = Qwen2Model(sizes)
            # At the usual 0.02 all words are alike at first.
            nn.init.normal_(self.model.embed_tokens.weight, std=0.5)
        self.model.config.use_cache = False

    @property
    def width(self) -> int:
        """Numbers in a hidden state."""
        return int(self.model.config.hidden_size)

    def forward(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Hidden states (B, L, width), and which are real tokens (B, L, bool); L fits the longest text.

        The empty text is one token, the start.
        """
        start = self._tokenizer.token_to_id(_START)
        first = [] if start is None else [start]
        rows = [first + encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        rows = [row or [0] for row in rows]
        length = max(map(len, rows))
        device = next(self.parameters()).device
        ids = torch.tensor([row + [0] * (length - len(row)) for row in rows], device=device)
        real = torch.tensor([[i < len(row) for i in range(length)] for row in rows], device=device)
        # Padding follows the text and attention is causal, so no real token sees it.
        hidden: Tensor = self.model(input_ids=ids, attention_mask=real.long()).last_hidden_state
        return hidden, real


def mean_of_real(hidden: Tensor, real: Tensor) -> Tensor:
    """The mean (B, width) of the hidden states (B, L, width) that are `real` (B, L)."""
    share = real.to(hidden.dtype) / real.sum(dim=1, keepdim=True)
    return (hidden * share[..., None]).sum(dim=1)


def make_tokenizer(texts: Iterable[str], vocabulary: int) -> str:
    """A byte-level BPE tokenizer of at most `vocabulary` tokens (256 at least), as JSON."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[_PAD, _START],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return str(tokenizer.to_str())


def pretrained_tokenizer(name: str) -> str:
    """The JSON of the tokenizer in a folder of transformers."""
    return str(AutoTokenizer.from_pretrained(name).backend_tokenizer.to_str())
