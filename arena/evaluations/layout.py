"""The items of an evaluation, blind and balanced: pure, the same for the same cells and seed.

Items are laid out in passes. In a pass every prompt comes once, and the video models take turns from prompt
to prompt; in the next pass each prompt gets the next model. So any stretch of the list as long as there are
models has each of them once, people who judge a part of it see all models equally often, and clips of one
prompt are far apart.
"""

import random
import uuid
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

from annotation.campaigns.planning import Group

ClipsBySeed = Mapping[int, uuid.UUID]
Cells = Mapping[tuple[int, int], ClipsBySeed]
"""By (video model, prompt)."""
T = TypeVar("T", bound=Hashable)


def likert_items(
    prompts: Sequence[int],
    video_models: Sequence[int],
    seeds: Sequence[int],
    cells: Cells,
    draw: int,
    side_by_side: bool = False,
) -> list[Group]:
    """One item for each clip there is, or, side by side, for all of a model's clips of a prompt."""
    if side_by_side:
        found = [
            Group(prompt, tuple(clip for seed in seeds if (clip := cells[model, prompt].get(seed))))
            for prompt, model, _seed in rotated(prompts, video_models, seeds[:1], draw)
        ]
        return [group for group in found if group.clips]
    return [
        Group(prompt, (clip,))
        for prompt, model, seed in rotated(prompts, video_models, seeds, draw)
        if (clip := cells[model, prompt].get(seed)) is not None
    ]


def gsb_items(
    prompts: Sequence[int],
    under_test: int,
    opponents: Sequence[int],
    seeds: Sequence[int],
    cells: Cells,
    draw: int,
) -> list[Group]:
    """One item for each pair there is: the model under test and an opponent, same prompt, same seed."""
    found = []
    for prompt, opponent, seed in rotated(prompts, opponents, seeds, draw):
        own, other = cells[under_test, prompt].get(seed), cells[opponent, prompt].get(seed)
        if own is not None and other is not None:
            found.append(Group(prompt, (own, other)))
    return found


def rotated(
    prompts: Sequence[int], video_models: Sequence[int], seeds: Sequence[int], draw: int
) -> Iterator[tuple[int, int, int]]:
    """Every (prompt, video model, seed) once, in passes."""
    chance = random.Random(draw)  # noqa: S311 (an order, not a secret)
    in_turn = _shuffled(video_models, chance)
    order = _shuffled(prompts, chance)
    for seed in seeds:
        for turn in range(len(in_turn)):
            for place, prompt in enumerate(order):
                yield prompt, in_turn[(place + turn) % len(in_turn)], seed


def _shuffled(values: Sequence[T], chance: random.Random) -> list[T]:
    found = list(values)
    chance.shuffle(found)
    return found
