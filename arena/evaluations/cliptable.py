"""Which clips an evaluation has and which it lacks: a table of video model by prompt.

A clip that was made here belongs to its seed, and counts only with the sampling settings that the evaluation
asks for. Of an outside model's clips those with a wanted seed come first; what is still open is filled with
its other clips of the prompt, oldest first, for outside systems seldom tell their seeds.
"""

import csv
import io
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from annotation.models import Clip, Prompt, PromptCandidate, PromptSet, Task, VideoModel
from arena.models import Evaluation

MANIFEST_COLUMNS = ("path", "prompt_set", "prompt_id", "prompt", "task", "model", "seed")


@dataclass(slots=True)
class Cell:
    """A video model's clips of one prompt."""

    ready: dict[int, uuid.UUID] = field(default_factory=dict)
    """By seed."""
    pending: set[int] = field(default_factory=set)
    """Seeds whose clip is there and waits for its rendition."""
    broken: int = 0
    """Clips that can't be shown: they are passed over."""


@dataclass(frozen=True)
class ClipTable:
    """All cells of an evaluation."""

    seeds: tuple[int, ...]
    prompts: tuple[Prompt, ...]
    video_models: tuple[VideoModel, ...]
    cells: dict[tuple[int, int], Cell]
    """By (video model's id, prompt's id); every pair has one."""

    @cached_property
    def wanted(self) -> int:
        return len(self.seeds) * len(self.cells)

    @cached_property
    def ready(self) -> int:
        return sum(len(cell.ready) for cell in self.cells.values())

    @cached_property
    def pending(self) -> int:
        return sum(len(cell.pending) for cell in self.cells.values())

    @property
    def missing(self) -> int:
        return self.wanted - self.ready - self.pending

    @property
    def complete(self) -> bool:
        return self.wanted > 0 and self.ready == self.wanted

    def lacking(self) -> Iterator[tuple[VideoModel, Prompt, int]]:
        """Clips that are not there, by model, prompt and seed."""
        for model in self.video_models:
            for prompt in self.prompts:
                cell = self.cells[model.pk, prompt.pk]
                for seed in self.seeds:
                    if seed not in cell.ready and seed not in cell.pending:
                        yield model, prompt, seed

    def of_model(self, model: VideoModel) -> "ClipTable":
        """The table's row of one model."""
        cells = {key: cell for key, cell in self.cells.items() if key[0] == model.pk}
        return ClipTable(self.seeds, self.prompts, (model,), cells)


def usable_prompts(prompt_set: PromptSet, task: str) -> list[Prompt]:
    """The prompts that can be run, in a fixed order: an image-to-video prompt needs its first frame."""
    rows = prompt_set.prompts.filter(task=task).order_by("pk")
    return [row for row in rows if row.task != Task.I2V or row.first_frame]


def without_frame(prompt_set: PromptSet, task: str) -> list[Prompt]:
    """Image-to-video prompts of the set that can't be run, since they have no first frame."""
    if task != Task.I2V:
        return []
    return list(prompt_set.prompts.filter(task=task, first_frame="").order_by("pk"))


def of_evaluation(evaluation: Evaluation) -> ClipTable:
    """The clips an evaluation has now."""
    return table(
        usable_prompts(evaluation.prompt_set, evaluation.task),
        list(evaluation.video_models.order_by("name", "pk")),
        evaluation.seeds,
        evaluation.sampling,
    )


def table(
    prompts: Sequence[Prompt],
    video_models: Sequence[VideoModel],
    seeds: Sequence[int],
    sampling: Mapping[str, object],
) -> ClipTable:
    """The clips there are now. One statement, however many there are."""
    cells = {(model.pk, prompt.pk): Cell() for model in video_models for prompt in prompts}
    others: dict[tuple[int, int], list[tuple[uuid.UUID, str]]] = defaultdict(list)
    rows = Clip.objects.filter(prompt__in=prompts, video_model__in=video_models, degraded_from=None)
    told = rows.order_by("created_at", "pk").values_list(
        "pk", "prompt_id", "video_model_id", "seed", "state", "recipe"
    )
    for pk, prompt_id, model_id, seed, state, recipe in told.iterator(chunk_size=5000):
        assert prompt_id is not None
        assert model_id is not None
        key = model_id, prompt_id
        own = "checkpoint" in recipe
        if own and any(recipe.get(name) != value for name, value in sampling.items()):
            continue
        if state == Clip.State.BROKEN:
            cells[key].broken += 1
        elif seed is not None and seed in seeds and seed not in cells[key].ready:
            _put(cells[key], seed, pk, state)
        elif not own:
            others[key].append((pk, state))
    for key, clips in others.items():
        cell = cells[key]
        open_seeds = [seed for seed in seeds if seed not in cell.ready and seed not in cell.pending]
        for seed, (pk, state) in zip(open_seeds, clips, strict=False):
            _put(cell, seed, pk, state)
    return ClipTable(tuple(seeds), tuple(prompts), tuple(video_models), cells)


def manifest_of_missing(evaluation: Evaluation, found: ClipTable) -> str:
    """The CSV to fill in with paths and to import: a line for every clip that is missing."""
    named = PromptCandidate.objects.filter(prompt_set=evaluation.prompt_set).exclude(external_id="")
    names = {prompt: told for prompt, told in named.values_list("prompt_id", "external_id") if prompt}
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(MANIFEST_COLUMNS)
    writer.writerows(_manifest_lines(evaluation, found, names))
    return out.getvalue()


def _manifest_lines(
    evaluation: Evaluation, found: ClipTable, names: Mapping[int, str]
) -> Iterable[tuple[object, ...]]:
    for model, prompt, seed in found.lacking():
        known = names.get(prompt.pk, "")
        in_set = evaluation.prompt_set.slug if known else ""
        yield "", in_set, known, prompt.text("en"), prompt.task, model.name, seed


def _put(cell: Cell, seed: int, clip: uuid.UUID, state: str) -> None:
    if state == Clip.State.READY:
        cell.ready[seed] = clip
        cell.pending.discard(seed)
    else:
        cell.pending.add(seed)
