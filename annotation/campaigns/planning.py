"""Which clips make an item: dealt from the ready clips of chosen prompts and video models.

Best/worst: a prompt's clips are dealt so that an item mixes sources and video models (a stage of a generator
is a video model of its own, §4.4.1); every clip is used, and items that would be short are filled up with
other clips of the same prompt. Likert: dealt likewise, but every clip is in one item, so that nobody scores
it twice, and items may be smaller. Good/same/bad: a clip of the model under test beside one of another.
"""

import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from annotation.models import Campaign, Clip, Prompt
from annotation.prompts.taxonomy import subtree
from workbench.refusals import Invalid

Protocol = Campaign.Protocol

Origin = tuple[str, int | None]
"""Where a clip is from: its source and its video model's id."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which clips a campaign is about. Nothing named means: all prompts, all video models, all clips.

    What is named narrows: prompts of these sets, in these categories or below them, with this text.
    """

    clips_per_item: int = 4
    prompt_sets: tuple[int, ...] = ()
    categories: tuple[int, ...] = ()
    text: str = ""
    prompts: tuple[int, ...] = ()
    video_models: tuple[int, ...] = ()
    clips: tuple[uuid.UUID, ...] = ()
    most_items: int | None = None
    seed: int = 0
    """Decides the dealing and the order of the items; the same selection gives the same items."""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "clips": [str(clip) for clip in self.clips]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        lists = ("prompt_sets", "categories", "prompts", "video_models")
        given: dict[str, Any] = {
            name: tuple(value) if name in lists else value for name, value in data.items()
        }
        given["clips"] = tuple(uuid.UUID(clip) for clip in data.get("clips", ()))
        return cls(**given)


@dataclass(frozen=True)
class Group:
    """The clips of one item."""

    prompt_id: int
    clips: tuple[uuid.UUID, ...]


@dataclass(frozen=True)
class Plan:
    """The items that a selection would give."""

    groups: list[Group]
    prompts: int
    prompts_short: int
    """Prompts left out because they have fewer ready clips than an item shows."""
    clips: int


def plan(
    selection: Selection, protocol: str = Protocol.BEST_WORST, model_under_test: int | None = None
) -> Plan:
    """Deal the clips into items, in the order they are judged. Reads only, every chosen clip once.

    In good/same/bad the model under test need not be among the chosen ones: they are its opponents.
    """
    if protocol == Protocol.GSB and model_under_test is None:  # not chosen yet
        return Plan(groups=[], prompts=0, prompts_short=0, clips=0)
    chance = random.Random(selection.seed)  # noqa: S311 (an order, not a secret)
    groups: list[Group] = []
    short = 0
    of_prompt = clips_by_prompt(selection, model_under_test)
    for prompt_id, clips in of_prompt.items():
        dealt = items_of(clips, selection.clips_per_item, chance, protocol, model_under_test)
        short += not dealt
        groups += [Group(prompt_id, clip_ids) for clip_ids in dealt]
    chance.shuffle(groups)
    groups = groups[: selection.most_items]
    return Plan(
        groups=groups,
        prompts=len(of_prompt) - short,
        prompts_short=short,
        clips=len({clip for group in groups for clip in group.clips}),
    )


def items_of(
    clips: Sequence[tuple[uuid.UUID, Origin]],
    size: int,
    chance: random.Random,
    protocol: str,
    model_under_test: int | None = None,
) -> list[tuple[uuid.UUID, ...]]:
    """The items that a prompt's clips make; none where there are too few."""
    if protocol == Protocol.GSB:
        return _against(clips, model_under_test)
    if protocol == Protocol.LIKERT:
        return deal(clips, size, chance, fill=False)
    return deal(clips, size, chance) if len(clips) >= size else []


def refuse_wrong_items(
    groups: Sequence[Group], protocol: str, size: int, model_under_test: int | None = None
) -> None:
    """Raise Invalid `wrong_clips` unless each item has as many ready clips of its own prompt as it should.

    Good/same/bad: one of the model under test and one of another video model.
    """
    wanted = {clip for group in groups for clip in group.clips}
    ready = Clip.objects.filter(pk__in=wanted, state=Clip.State.READY)
    known = {pk: (prompt, model) for pk, prompt, model in ready.values_list("pk", "prompt", "video_model")}
    gsb = protocol == Protocol.GSB
    fewest, most = (2, 2) if gsb else (1 if protocol == Protocol.LIKERT else size, size)
    for n, group in enumerate(groups):
        count = len(set(group.clips))
        of_prompt = all(known.get(clip, (None, None))[0] == group.prompt_id for clip in group.clips)
        if count < len(group.clips) or not fewest <= count <= most or not of_prompt:
            text = _("Item %(n)d: expected %(fewest)d to %(most)d different ready clips of its prompt.")
            raise Invalid("wrong_clips", text % {"n": n, "fewest": fewest, "most": most}, item=n)
        tested = sum(known[clip][1] == model_under_test for clip in group.clips)
        if gsb and (tested != 1 or None in {known[clip][1] for clip in group.clips}):
            text = _("Item %(n)d: expected one clip of the model under test and one of another video model.")
            raise Invalid("wrong_clips", text % {"n": n}, item=n)


def clips_by_prompt(
    selection: Selection, besides: int | None = None
) -> dict[int, list[tuple[uuid.UUID, Origin]]]:
    """The ready clips of a selection with their origins, by prompt, in a fixed order; also those of the video
    model `besides`.
    """
    rows = _clips(selection, besides).order_by("prompt_id", "id")
    of_prompt: dict[int, list[tuple[uuid.UUID, Origin]]] = defaultdict(list)
    named = rows.values_list("prompt_id", "id", "source", "video_model_id")
    for prompt_id, clip_id, source, model_id in named.iterator(chunk_size=5000):
        of_prompt[prompt_id].append((clip_id, (source, model_id)))
    return of_prompt


def deal(
    clips: Sequence[tuple[uuid.UUID, Origin]],
    size: int,
    chance: random.Random,
    filler: Sequence[tuple[uuid.UUID, Origin]] = (),
    fill: bool = True,
) -> list[tuple[uuid.UUID, ...]]:
    """Cut clips into items of `size`, no clip twice in one, their origins mixed.

    The clips are laid out by source, then by video model, and dealt round like cards: of each source and of
    each model, two items get the same number or differ by one. What is missing at the end is filled up with
    other clips of the same list, or of `filler`: of origins that the item lacks first; or, without `fill`,
    left out.
    """
    origin_of = dict(clips)
    rank: dict[object, float] = {}
    for clip_id, origin in clips:
        for part in (origin[0], origin, clip_id):
            rank.setdefault(part, chance.random())
    laid_out = sorted(origin_of, key=lambda clip: [rank[part] for part in (*_parts(origin_of[clip]), clip)])
    count = -(-len(laid_out) // size)
    dealt = [laid_out[start::count] for start in range(count)]
    origin_of |= dict(filler)
    others = list(origin_of)
    chance.shuffle(others)
    filled: Counter[uuid.UUID] = Counter()
    for item in dealt:
        while fill and len(item) < size:
            had = Counter(origin_of[clip] for clip in item)
            left = [clip for clip in others if clip not in item]
            best = min(left, key=lambda clip: (had[origin_of[clip]], filled[clip]))
            filled[best] += 1
            item.append(best)
    return [tuple(item) for item in dealt]


def _against(
    clips: Sequence[tuple[uuid.UUID, Origin]], model_under_test: int | None
) -> list[tuple[uuid.UUID, ...]]:
    """The model's first clip beside each other model's first, its second beside their second, and so on."""
    by_model: dict[int | None, list[uuid.UUID]] = defaultdict(list)
    for clip_id, (_source, model) in clips:
        by_model[model].append(clip_id)
    own = by_model.pop(model_under_test, [])
    by_model.pop(None, None)
    return [pair for theirs in by_model.values() for pair in zip(own, theirs, strict=False)]


def _parts(origin: Origin) -> tuple[object, object]:
    return origin[0], origin


def chosen_prompts(selection: Selection) -> QuerySet[Prompt]:
    """The prompts that a selection names, with or without clips."""
    prompts = Prompt.objects.all()
    if selection.prompt_sets:
        in_set = Prompt.prompt_sets.through.objects.filter(promptset__in=selection.prompt_sets)
        prompts = prompts.filter(pk__in=in_set.values("prompt"))
    if selection.categories:
        in_category = Prompt.categories.through.objects.filter(category__in=subtree(selection.categories))
        prompts = prompts.filter(pk__in=in_category.values("prompt"))
    if selection.text:
        prompts = prompts.filter(Q(text_en__icontains=selection.text) | Q(text_zh__icontains=selection.text))
    if selection.prompts:
        prompts = prompts.filter(pk__in=selection.prompts)
    return prompts


def _clips(selection: Selection, besides: int | None) -> QuerySet[Clip]:
    clips = Clip.objects.filter(state=Clip.State.READY, prompt__isnull=False)
    if selection.prompt_sets or selection.categories or selection.text or selection.prompts:
        clips = clips.filter(prompt__in=chosen_prompts(selection).values("pk"))
    if selection.video_models:
        models = [*selection.video_models, *([besides] if besides is not None else [])]
        clips = clips.filter(video_model__in=models)
    if selection.clips:
        clips = clips.filter(pk__in=selection.clips)
    return clips
