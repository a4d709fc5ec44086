"""Which judgements train, which fit the tie threshold, which are kept for the test: by prompt, never by pair.

Clips of one prompt resemble each other, so a pair held out of a prompt that was trained on tests nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rewardmodels.train.judgements import ItemJudgement
from workbench.trainer.config import ConfigError

HELD_OUT, VALIDATION = 0.2, 0.1
"""Shares of the prompts; one prompt at least each."""


@dataclass(frozen=True, slots=True)
class Split:
    """The judgements, in three parts that share no prompt."""

    training: list[ItemJudgement]
    validation: list[ItemJudgement]
    held_out: list[ItemJudgement]


def by_prompt(judgements: Sequence[ItemJudgement], seed: int) -> Split:
    """Drawn by the seed, whatever the order of the judgements. Raises ConfigError below four prompts."""
    # Two prompts of the same words are one.
    prompts = sorted({judgement.prompt for judgement in judgements})
    if len(prompts) < 4:
        raise ConfigError(
            f"the judgements are of {len(prompts)} prompts, expected four or more: "
            "some are kept for the test, one at least for the tie threshold"
        )
    order = np.random.default_rng([seed, 0]).permutation(len(prompts))
    held = max(1, round(HELD_OUT * len(prompts)))
    validation = max(1, round(VALIDATION * len(prompts)))
    part = {prompts[place]: rank for rank, place in enumerate(order)}

    def between(low: int, high: int) -> list[ItemJudgement]:
        return [judgement for judgement in judgements if low <= part[judgement.prompt] < high]

    return Split(
        training=between(held + validation, len(prompts)),
        validation=between(held, held + validation),
        held_out=between(0, held),
    )
