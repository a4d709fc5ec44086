"""Campaigns: which items they have, who may label, open, paused and closed.

Items are made once, from the ready clips of chosen prompts and video models. A prompt's clips are dealt so
that an item mixes video models; every clip is used, and a last item that would be short is filled up with
clips of the same prompt that were dealt before.
"""

import random
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.clips import want_renditions
from annotation.dimensions import DimensionSpec
from annotation.models import Campaign, Clip, Dimension, Item, ItemClip, Judgement, Rendition
from workbench.models import User
from workbench.refusals import Conflict, Invalid, Missing

BATCH = 1000
State = Campaign.State
MOVES: dict[str, tuple[str, ...]] = {
    State.DRAFT: (State.OPEN,),
    State.OPEN: (State.PAUSED, State.CLOSED),
    State.PAUSED: (State.OPEN, State.CLOSED),
    State.CLOSED: (),
}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which clips a campaign is about. Nothing named means: all prompts, all video models, all clips."""

    clips_per_item: int = 4
    prompt_sets: tuple[int, ...] = ()
    prompts: tuple[int, ...] = ()
    video_models: tuple[int, ...] = ()
    clips: tuple[uuid.UUID, ...] = ()
    seed: int = 0
    """Decides the dealing and the order of the items; the same selection gives the same items."""


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
    """Deal the clips into items, in the order they are judged. Reads only."""
    rows = _clips(selection).order_by("prompt_id", "id").values_list("prompt_id", "id", "video_model_id")
    of_prompt: dict[int, list[tuple[uuid.UUID, int | None]]] = defaultdict(list)
    for prompt_id, clip_id, model_id in rows.iterator(chunk_size=5000):
        of_prompt[prompt_id].append((clip_id, model_id))
    chance = random.Random(selection.seed)  # noqa: S311 (an order, not a secret)
    groups: list[Group] = []
    short = 0
    for prompt_id, clips in of_prompt.items():
        if len(clips) < selection.clips_per_item:
            short += 1
            continue
        groups += [Group(prompt_id, dealt) for dealt in deal(clips, selection.clips_per_item, chance)]
    chance.shuffle(groups)
    return Plan(
        groups=groups,
        prompts=len(of_prompt) - short,
        prompts_short=short,
        clips=len({clip for group in groups for clip in group.clips}),
    )


def deal(
    clips: Sequence[tuple[uuid.UUID, int | None]], size: int, chance: random.Random
) -> list[tuple[uuid.UUID, ...]]:
    """Cut (clip, video model) pairs into items of `size` clips, no clip twice in one, models mixed."""
    by_model: dict[int | None, list[uuid.UUID]] = defaultdict(list)
    for clip_id, model_id in clips:
        by_model[model_id].append(clip_id)
    hands = list(by_model.values())
    for hand in hands:
        chance.shuffle(hand)
    chance.shuffle(hands)
    # One of each model in turn, so that a cut anywhere takes neighbours of different models.
    turns = [hand[n] for n in range(max(map(len, hands))) for hand in hands if n < len(hand)]
    dealt = [tuple(turns[start : start + size]) for start in range(0, len(turns), size)]
    missing = size - len(dealt[-1])
    if missing:
        filler = [clip for clip in turns[: -len(dealt[-1])] if clip not in dealt[-1]]
        dealt[-1] += tuple(filler[:missing])
    return dealt


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
    annotators: tuple[int, ...] = field(default=())
    """Users who may label; nobody named means everybody with the right to label."""


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
    with transaction.atomic():
        campaign = Campaign(
            name=spec.name,
            guidelines=spec.guidelines,
            clips_per_item=spec.selection.clips_per_item,
            overlap=spec.overlap,
            question_limit=spec.question_limit,
            lease_minutes=spec.lease_minutes,
            min_play_seconds=spec.min_play_seconds,
            normalise_fps=spec.normalise_fps,
            normalise_seconds=spec.normalise_seconds,
            open_to_all=not spec.annotators,
            created_by=created_by,
            items_total=len(planned.groups),
        )
        campaign.save(force_insert=True)
        campaign.annotators.set(spec.annotators)
        Dimension.objects.bulk_create(
            dimension.row(campaign, position) for position, dimension in enumerate(spec.dimensions)
        )
        _make_items(campaign, planned.groups)
        want_renditions({clip for group in planned.groups for clip in group.clips}, *campaign.normalised)
    return campaign


def set_state(campaign_id: uuid.UUID, state: str, version: int) -> Campaign:
    """Open, pause or close. Raises Missing; Conflict `stale`, `not_from_here` or `renditions_missing`."""
    with transaction.atomic():
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
        if state not in MOVES[campaign.state]:
            raise Conflict(
                "not_from_here",
                _("A campaign that is %(now)s can't become %(wanted)s.")
                % {"now": campaign.get_state_display(), "wanted": state},
                state=campaign.state,
            )
        if state == State.OPEN:
            _refuse_unrendered(campaign)
        changed: dict[str, Any] = {"state": state, "version": F("version") + 1}
        Campaign.objects.filter(pk=campaign.pk).update(**changed)
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


def simulated_judgements(campaign: Campaign) -> int:
    """How many of the campaign's current judgements no person made."""
    rows = Judgement.objects.filter(item__campaign=campaign, simulated=True, superseded_by=None)
    return rows.count()


def _clips(selection: Selection) -> QuerySet[Clip]:
    clips = Clip.objects.filter(state=Clip.State.READY, prompt__isnull=False)
    if selection.prompt_sets:
        in_set = Clip.objects.filter(prompt__prompt_sets__in=selection.prompt_sets).values("pk")
        clips = clips.filter(pk__in=in_set)
    if selection.prompts:
        clips = clips.filter(prompt__in=selection.prompts)
    if selection.video_models:
        clips = clips.filter(video_model__in=selection.video_models)
    if selection.clips:
        clips = clips.filter(pk__in=selection.clips)
    return clips


def _make_items(campaign: Campaign, groups: Sequence[Group]) -> None:
    for start in range(0, len(groups), BATCH):
        some = groups[start : start + BATCH]
        items = Item.objects.bulk_create(
            Item(
                campaign=campaign,
                prompt_id=group.prompt_id,
                position=start + n,
                open_slots=campaign.overlap,
            )
            for n, group in enumerate(some)
        )
        ItemClip.objects.bulk_create(
            ItemClip(item=item, clip_id=clip_id, position=position)
            for item, group in zip(items, some, strict=True)
            for position, clip_id in enumerate(group.clips)
        )


def _refuse_unrendered(campaign: Campaign) -> None:
    missing = list(unrendered(campaign).values_list("pk", "state"))
    if not missing:
        return
    want_renditions([pk for pk, _state in missing], *campaign.normalised)
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
