"""From judgements to what a training step needs: clips as tensors, and the indices that the losses take.

1. The clips of all judgements are decoded once and kept as small bytes (`ClipStore`).
2. The training judgements come in a fresh order each epoch; batch `n` of a rank depends on (seed, rank, n)
   alone, so the data position is the number n (`Batches`).
3. What the answers say is turned into indices into the item's clips (`targets`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from annotation.labelling.bestworst import Check, Mark, Picks
from rewardmodels.judge.clips import SmallClip, read_clip, read_image, to_float
from rewardmodels.nets.build import PROMPTED
from rewardmodels.train.judgements import ItemJudgement


@dataclass(frozen=True, slots=True)
class Targets:
    """What a judgement says in one dimension; indices into its clips."""

    best: list[int]
    worst: list[int]
    weights: list[float]
    """Of the preference pairs (best, worst): 1 / (|B| |W|) each."""
    ties: list[tuple[int, int]]
    """All pairs of clips, if the dimension is a tie."""
    at_least: list[tuple[int, int]]
    """(b, w) of other dimensions' preference pairs: certainly not inferior here, and no pair of this one."""


def targets(judgement: ItemJudgement, dimension: str) -> Targets:
    """The entries that the losses of this dimension are averaged over; all empty if nothing is known."""
    place = {clip.id: index for index, clip in enumerate(judgement.clips)}
    own = [pair for pair in judgement.pairs if pair.dimension == dimension]
    tied = judgement.picks.get(dimension) is Mark.TIE
    pairs = {(place[pair.best], place[pair.worst]): pair.weight for pair in own}
    certain = {
        (place[pair.best], place[pair.worst])
        for pair in judgement.pairs
        if pair.checks.get(dimension) is Check.NOT_INFERIOR
    }
    return Targets(
        best=[best for best, _ in pairs],
        worst=[worst for _, worst in pairs],
        weights=list(pairs.values()),
        ties=list(combinations(range(len(place)), 2)) if tied else [],
        at_least=[] if tied else sorted(certain - pairs.keys()),
    )


def follows(judgement: ItemJudgement) -> list[int]:
    """The clips picked as best in following the prompt, whether or not their pairs break the constraint."""
    answer = judgement.rules.answer(PROMPTED) if PROMPTED in judgement.picks else None
    if not isinstance(answer, Picks):
        return []
    return [place for place, clip in enumerate(judgement.clips) if clip.id in answer.best]


class ClipStore:
    """The clips and first frames of judgements, decoded, cut down to `frames` x `size`, in memory."""

    def __init__(self, judgements: Sequence[ItemJudgement], inputs: Path, frames: int, size: int) -> None:
        """Raises ConfigError on a file that is missing or can't be decoded."""
        self._clips: dict[tuple[str, float], SmallClip] = {}
        self._images: dict[str, Tensor] = {}
        for judgement in judgements:
            for clip in judgement.clips:
                key = clip.file, judgement.fps
                if key not in self._clips:
                    self._clips[key] = read_clip(inputs / clip.file, frames, size, judgement.fps)
            if judgement.first_frame is not None and judgement.first_frame not in self._images:
                self._images[judgement.first_frame] = read_image(inputs / judgement.first_frame, size)

    def clips(self, judgement: ItemJudgement) -> list[SmallClip]:
        return [self._clips[clip.file, judgement.fps] for clip in judgement.clips]

    def first_frame(self, judgement: ItemJudgement) -> Tensor | None:
        """uint8 (3, S, S), or None for text-to-video."""
        return None if judgement.first_frame is None else self._images[judgement.first_frame]


@dataclass(frozen=True, slots=True)
class Group:
    """Clips that go through the network together: as many frames, the same rate, the same task."""

    places: list[int]
    """Where each stands among all that were asked for."""
    video: Tensor
    """float (B, T, 3, S, S) in [-1, 1]"""
    prompts: list[str]
    first_frames: Tensor | None
    fps: float


def groups(
    store: ClipStore, judgements: Sequence[ItemJudgement], shifts: Sequence[Shift] | None = None
) -> list[Group]:
    """All clips of the judgements, in order, in as few groups as they allow. `shifts`: one a judgement."""
    members: defaultdict[tuple[int, float, bool], list[tuple[int, Tensor, str, Tensor | None]]]
    members = defaultdict(list)
    place = 0
    for index, judgement in enumerate(judgements):
        image = store.first_frame(judgement)
        shown = None if image is None else to_float(image)
        for clip in store.clips(judgement):
            video = to_float(clip.frames)
            if shifts is not None:
                video = shifts[index].of(video)
            moved = shown if shown is None or shifts is None else shifts[index].of(shown)
            key = len(video), clip.fps, shown is not None
            members[key].append((place, video, judgement.prompt, moved))
            place += 1
    return [
        Group(
            places=[one[0] for one in of_key],
            video=torch.stack([one[1] for one in of_key]),
            prompts=[one[2] for one in of_key],
            first_frames=torch.stack([one[3] for one in of_key if one[3] is not None]) if has_image else None,
            fps=fps,
        )
        for (_, fps, has_image), of_key in members.items()
    ]


@dataclass(frozen=True, slots=True)
class Shift:
    """A change that leaves every judgement true if all of an item's clips get it: moved by some pixels, and
    (where no prompt speaks of left and right) mirrored."""

    down: int
    right: int
    mirrored: bool

    def of(self, frames: Tensor) -> Tensor:
        """Frames (..., 3, S, S), edges repeated."""
        reach = max(abs(self.down), abs(self.right))
        flat = frames.reshape(-1, *frames.shape[-3:])
        if reach:
            size = frames.shape[-1]
            padded = functional.pad(flat, (reach, reach, reach, reach), mode="replicate")
            top, left = reach - self.down, reach - self.right
            flat = padded[..., top : top + size, left : left + size]
        if self.mirrored:
            flat = flat.flip(-1)
        return flat.reshape(frames.shape)


@dataclass(frozen=True, slots=True)
class Batch:
    """The judgements of one step of one rank, and how each is shown."""

    judgements: list[ItemJudgement]
    shifts: list[Shift]


class Batches:
    """The batches of one rank: every epoch goes through all judgements in an order of its own."""

    def __init__(
        self,
        judgements: Sequence[ItemJudgement],
        *,
        batch_size: int,
        rank: int,
        ranks: int,
        seed: int,
        reach: int,
        mirror: bool,
    ) -> None:
        """`batch_size` is over all ranks; `reach` and `mirror` are what a `Shift` may do."""
        self._judgements, self._size, self._seed = list(judgements), batch_size, seed
        self._rank, self._ranks, self._reach, self._mirror = rank, ranks, reach, mirror
        self.drawn = 0

    def next(self) -> Batch:
        number, self.drawn = self.drawn, self.drawn + 1
        rng = np.random.default_rng([self._seed, 1, self._rank, number])
        own = range(self._rank, self._size, self._ranks)
        chosen = [self._at(number * self._size + place) for place in own]
        shifts = [
            Shift(
                down=int(rng.integers(-self._reach, self._reach + 1)),
                right=int(rng.integers(-self._reach, self._reach + 1)),
                mirrored=self._mirror and bool(rng.integers(2)),
            )
            for _ in chosen
        ]
        return Batch(chosen, shifts)

    def _at(self, position: int) -> ItemJudgement:
        epoch, place = divmod(position, len(self._judgements))
        order = np.random.default_rng([self._seed, 2, epoch]).permutation(len(self._judgements))
        return self._judgements[int(order[place])]
