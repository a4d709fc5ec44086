"""Campaigns: which items they have, who may label, open, paused, closed and opened again.

Items are made from the ready clips of chosen prompts and video models. A prompt's clips are dealt so that an
item mixes sources and video models (a stage of a generator is a video model of its own, §4.4.1); every clip
is used, and items that would be short are filled up with other clips of the same prompt. What changes later
is in `editing.py`, `extending.py` and `overlap.py`.
"""

import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation import webhooks
from annotation.clips import want_renditions
from annotation.dimensions import DimensionSpec
from annotation.models import Campaign, Clip, Dimension, Item, ItemClip, Prompt, Rendition
from annotation.taxonomy import subtree
from workbench.models import User
from workbench.refusals import Conflict, Invalid, Missing

BATCH = 1000
State = Campaign.State
MOVES: dict[str, tuple[str, ...]] = {
    State.DRAFT: (State.OPEN,),
    State.OPEN: (State.PAUSED, State.CLOSED),
    State.PAUSED: (State.OPEN, State.CLOSED),
    State.CLOSED: (State.OPEN,),
}

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


def plan(selection: Selection) -> Plan:
    """Deal the clips into items, in the order they are judged. Reads only, every chosen clip once."""
    chance = random.Random(selection.seed)  # noqa: S311 (an order, not a secret)
    groups: list[Group] = []
    short = 0
    of_prompt = clips_by_prompt(selection)
    for prompt_id, clips in of_prompt.items():
        if len(clips) < selection.clips_per_item:
            short += 1
            continue
        groups += [Group(prompt_id, dealt) for dealt in deal(clips, selection.clips_per_item, chance)]
    chance.shuffle(groups)
    groups = groups[: selection.most_items]
    return Plan(
        groups=groups,
        prompts=len(of_prompt) - short,
        prompts_short=short,
        clips=len({clip for group in groups for clip in group.clips}),
    )


def clips_by_prompt(selection: Selection) -> dict[int, list[tuple[uuid.UUID, Origin]]]:
    """The ready clips of a selection with their origins, by prompt, in a fixed order."""
    rows = _clips(selection).order_by("prompt_id", "id")
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
) -> list[tuple[uuid.UUID, ...]]:
    """Cut clips into items of `size`, no clip twice in one, their origins mixed.

    The clips are laid out by source, then by video model, and dealt round like cards: of each source and of
    each model, two items get the same number or differ by one. What is missing at the end is filled up with
    other clips of the same list, or of `filler`: of origins that the item lacks first.
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
        while len(item) < size:
            had = Counter(origin_of[clip] for clip in item)
            left = [clip for clip in others if clip not in item]
            best = min(left, key=lambda clip: (had[origin_of[clip]], filled[clip]))
            filled[best] += 1
            item.append(best)
    return [tuple(item) for item in dealt]


def _parts(origin: Origin) -> tuple[object, object]:
    return origin[0], origin


@dataclass(frozen=True, kw_only=True)
class CampaignSpec:
    """What a manager asks for."""

    name: str
    dimensions: tuple[DimensionSpec, ...]
    selection: Selection
    guidelines: str = ""
    overlap: int = 1
    question_limit: int = 3
    lease_minutes: int = 20
    min_play_seconds: float = 0
    normalise_fps: float | None = None
    normalise_seconds: float | None = None
    gold_share: float = 0
    """Of what a person is shown, how much is gold: in [0, 0.5]."""
    most_per_annotator: int | None = None
    most_per_day: int | None = None
    least_gold_accuracy: float | None = None
    """In [0, 1]. Managers get a notice about a person who is below it, or below the pace."""
    least_pace: float | None = None
    """Judgements an hour on task."""
    annotators: tuple[int, ...] = field(default=())
    """Users who may label; nobody named means everybody with the right to label."""
    groups: tuple[int, ...] = field(default=())
    """Groups whose members are named with them."""


def create(spec: CampaignSpec, created_by: User) -> Campaign:
    """Make a campaign in the state draft, with its dimensions and items, and ask for missing renditions.

    Raises Invalid `no_items`, `no_dimensions` or `dimension_twice`.
    """
    keys = [dimension.key for dimension in spec.dimensions]
    if not keys:
        raise Invalid("no_dimensions", _("A campaign needs at least one dimension."))
    if len(set(keys)) < len(keys):
        raise Invalid("dimension_twice", _("Two dimensions have the same key: %s.") % ", ".join(sorted(keys)))
    planned = plan(spec.selection)
    if not planned.groups:
        raise Invalid(
            "no_items",
            _("No prompt has %(n)d ready clips of the chosen video models, so there is nothing to judge.")
            % {"n": spec.selection.clips_per_item},
        )
    people = who_labels(spec.annotators, spec.groups)
    with transaction.atomic():
        campaign = Campaign(
            **{name: getattr(spec, name) for name in _COPIED},
            clips_per_item=spec.selection.clips_per_item,
            selection=spec.selection.to_json(),
            open_to_all=not (spec.annotators or spec.groups),
            created_by=created_by,
            items_total=len(planned.groups),
        )
        campaign.save(force_insert=True)
        campaign.annotators.set(people)
        Dimension.objects.bulk_create(
            dimension.row(campaign, position) for position, dimension in enumerate(spec.dimensions)
        )
        add_items(campaign, planned.groups, first_position=0)
        want_renditions({clip for group in planned.groups for clip in group.clips}, *campaign.normalised)
    return campaign


_COPIED = (
    "name",
    "guidelines",
    "overlap",
    "question_limit",
    "lease_minutes",
    "min_play_seconds",
    "normalise_fps",
    "normalise_seconds",
    "gold_share",
    "most_per_annotator",
    "most_per_day",
    "least_gold_accuracy",
    "least_pace",
)


def who_labels(annotators: Iterable[int], groups: Collection[int]) -> set[int]:
    """These people and the members of these groups. Raises Invalid `nobody` for groups without members."""
    people = set(annotators)
    if groups:
        people |= set(User.objects.filter(annotator_groups__in=groups).values_list("pk", flat=True))
        if not people:
            raise Invalid("nobody", _("The chosen groups have no members, so nobody could label."))
    return people


def locked(campaign_id: uuid.UUID, version: int) -> Campaign:
    """The campaign, locked against other changes of it. Raises Missing, or Conflict `stale`.

    To be called in a transaction. Those who label don't wait for it.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).filter(pk=campaign_id).first()
    if campaign is None:
        raise Missing("no_such_campaign", _("There is no such campaign."))
    if campaign.version != version:
        raise Conflict(
            "stale",
            _("The campaign was changed meanwhile; it is %(state)s now. Look again, then decide.")
            % {"state": campaign.get_state_display()},
            version=campaign.version,
            state=campaign.state,
        )
    return campaign


def set_state(campaign_id: uuid.UUID, state: str, version: int) -> Campaign:
    """Open, pause, close or open again. Raises Missing; Conflict `stale`, `not_from_here`,
    `renditions_missing`.
    """
    campaign = Campaign.objects.filter(pk=campaign_id).first()
    if campaign and state == State.OPEN and state in MOVES[campaign.state]:
        refuse_unrendered(campaign)  # outside of the transaction, whose end sends what it asks for
    with transaction.atomic():
        campaign = locked(campaign_id, version)
        if state not in MOVES[campaign.state]:
            raise Conflict(
                "not_from_here",
                _("A campaign that is %(now)s can't become %(wanted)s.")
                % {"now": campaign.get_state_display(), "wanted": state},
                state=campaign.state,
            )
        changed: dict[str, Any] = {"state": state, "version": F("version") + 1}
        Campaign.objects.filter(pk=campaign.pk).update(**changed)
        campaign.state = state
        webhooks.campaign_changed(campaign)
    campaign.refresh_from_db()
    return campaign


def open_to(user: User) -> QuerySet[Campaign]:
    """The campaigns in which this person may label now, oldest first."""
    invited = Campaign.annotators.through.objects.filter(campaign=OuterRef("pk"), user=user)
    allowed = Q(open_to_all=True) | Q(Exists(invited))
    rows = Campaign.objects.filter(allowed, state=State.OPEN).prefetch_related("participations")
    return rows.order_by("created_at")


def unrendered(campaign: Campaign) -> QuerySet[Clip]:
    """Clips of the campaign's items that lack the rendition it shows."""
    fps, seconds = campaign.normalised
    there = Rendition.objects.filter(clip=OuterRef("pk"), fps=fps, seconds=seconds)
    used = ItemClip.objects.filter(item__campaign=campaign).values("clip")
    return Clip.objects.filter(~Exists(there), pk__in=used)


def add_items(campaign: Campaign, groups: Sequence[Group], first_position: int) -> None:
    """Make the items of these groups, at positions from `first_position` on."""
    for start in range(0, len(groups), BATCH):
        some = groups[start : start + BATCH]
        items = Item.objects.bulk_create(
            Item(
                campaign=campaign,
                prompt_id=group.prompt_id,
                position=first_position + start + n,
                open_slots=campaign.overlap,
            )
            for n, group in enumerate(some)
        )
        ItemClip.objects.bulk_create(
            ItemClip(item=item, clip_id=clip_id, position=position)
            for item, group in zip(items, some, strict=True)
            for position, clip_id in enumerate(group.clips)
        )


def refuse_unrendered(campaign: Campaign, clips: Collection[uuid.UUID] | None = None) -> None:
    """Raise Conflict `renditions_missing`, and ask for them, where clips lack the form the campaign shows.

    Of all its items, or of these clips, for a campaign that is about to show them.
    """
    fps, seconds = campaign.normalised
    lacking = unrendered(campaign)
    if clips is not None:
        there = Rendition.objects.filter(clip=OuterRef("pk"), fps=fps, seconds=seconds)
        lacking = Clip.objects.filter(~Exists(there), pk__in=clips)
    missing = list(lacking.values_list("pk", "state"))
    if not missing:
        return
    want_renditions([pk for pk, _state in missing], fps, seconds)
    broken = sum(1 for _pk, state in missing if state == Clip.State.BROKEN)
    raise Conflict(
        "renditions_missing",
        ngettext(
            "%(n)d clip has no rendition in this campaign's form yet. It is being made; try again soon.",
            "%(n)d clips have no rendition in this campaign's form yet. They are being made; try again soon.",
            len(missing),
        )
        % {"n": len(missing)},
        missing=len(missing),
        broken=broken,
    )


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


def _clips(selection: Selection) -> QuerySet[Clip]:
    clips = Clip.objects.filter(state=Clip.State.READY, prompt__isnull=False)
    if selection.prompt_sets or selection.categories or selection.text or selection.prompts:
        clips = clips.filter(prompt__in=chosen_prompts(selection).values("pk"))
    if selection.video_models:
        clips = clips.filter(video_model__in=selection.video_models)
    if selection.clips:
        clips = clips.filter(pk__in=selection.clips)
    return clips
