"""Columns of votes made in memory, and votes put into the database in bulk."""

import numpy as np
from numpy.typing import NDArray

from arena.votes.columns import Columns


def drawn(
    n: int = 200,
    models: int = 4,
    prompts: int = 6,
    voters: int = 9,
    seed: int = 0,
    **changes: NDArray[np.generic],
) -> Columns:
    """Votes at random, in the order they were given; facts about earlier ones as the arena notes them."""
    rng = np.random.default_rng(seed)
    left = rng.integers(0, models, n)
    right = (left + rng.integers(1, models, n)) % models
    prompt, voter = rng.integers(0, prompts, n), rng.integers(0, voters, n)
    at = np.sort(rng.integers(0, 5 * 86_400, n)) * 1_000_000 + 1_700_006_400_000_000  # from midnight on
    repeats, earlier = np.zeros(n, int), np.zeros(n, int)
    for i in range(n):
        own = [j for j in range(i) if voter[j] == voter[i]]
        pair = {left[i], right[i]}
        repeats[i] = sum(1 for j in own if prompt[j] == prompt[i] and {left[j], right[j]} == pair)
        earlier[i] = sum(1 for j in own if at[j] // 86_400_000_000 == at[i] // 86_400_000_000)
    arrays = {
        "models": np.arange(models) + 10,
        "prompts": np.arange(prompts) + 100,
        "voters": np.arange(voters) + 1000,
        "clips": np.arange(prompts * models) + 5000,
        "left": left.astype(np.int32),
        "right": right.astype(np.int32),
        "prompt": prompt.astype(np.int32),
        "voter": voter.astype(np.int32),
        "left_clip": (prompt * models + left).astype(np.int32),
        "right_clip": (prompt * models + right).astype(np.int32),
        "answer": rng.integers(0, 4, n).astype(np.int8),
        "at": at,
        "flags": rng.choice([0, 0, 0, 0, 1, 2, 4], n).astype(np.int8),
        "repeats": repeats.astype(np.int16),
        "earlier_today": earlier.astype(np.int16),
        "probability": rng.random(n).astype(np.float32) / 12 + 0.01,
    }
    return Columns(**(arrays | changes))  # type: ignore[arg-type]
