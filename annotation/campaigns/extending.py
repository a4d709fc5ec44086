"""More items for a campaign that is there: of clips that came in since, of other prompts, or dealt anew.

No two items of a campaign show the same clips. Reads the clips of the campaign's items once, so it costs what
the campaign has items: half a minute for a million. Those who label go on meanwhile.
"""

import random
import uuid
from collections import defaultdict
from dataclasses import dataclass, replace
from enum import StrEnum

from django.db import transaction
from django.db.models import F, Max
from django.utils.translation import gettext as _

from annotation.campaigns.editing import refuse_closed
from annotation.campaigns.lifecycle import add_items, locked, refuse_unrendered
from annotation.campaigns.planning import Group, Origin, Selection, clips_by_prompt, deal, items_of
from annotation.models import Campaign, ItemClip
from workbench.refusals import Conflict, Missing

TRIES = 20


class Way(StrEnum):
    """Which items an extension makes."""

    FRESH = "fresh"
    """Of clips that no item of the campaign shows yet; used ones only fill up a last item."""
    ANEW = "anew"
    """Of all clips, used or not, dealt in other company."""


@dataclass(frozen=True)
class Extension:
    """What an extension would add."""

    groups: list[Group]
    prompts: int
    clips: int


def planned(
    campaign: Campaign, selection: Selection | None = None, way: Way = Way.FRESH, most: int | None = None
) -> Extension:
    """The items that would come, at most `most`. Reads only.

    Of a Likert campaign these show clips that are not in it yet, of a good/same/bad one pairs that are not,
    whichever the way.
    Without a selection the campaign's own is used again; of another one, clips per item and seed don't count.
    """
    chosen = selection or Selection.from_json(campaign.selection)
    chosen = replace(chosen, clips_per_item=campaign.clips_per_item, most_items=None)
    used, shown = _used(campaign)
    chance = random.Random(f"{chosen.seed} {campaign.items_total}")  # noqa: S311 (an order, not a secret)
    groups: list[Group] = []
    protocol, tested = campaign.protocol, campaign.model_under_test_id
    for prompt_id, clips in clips_by_prompt(chosen, tested).items():
        fresh = [pair for pair in clips if pair[0] not in used[prompt_id]]
        if protocol != Campaign.Protocol.BEST_WORST:
            # A clip of the model under test may meet another opponent; nobody scores a clip twice.
            some = clips if protocol == Campaign.Protocol.GSB else fresh
            dealt = items_of(some, chosen.clips_per_item, chance, protocol, tested)
        elif len(clips) < chosen.clips_per_item:
            continue
        elif way is Way.FRESH:
            dealt = deal(fresh, chosen.clips_per_item, chance, clips) if fresh else []
        else:
            dealt = _in_other_company(clips, chosen.clips_per_item, chance, shown)
        for clip_ids in dealt:
            company = frozenset(clip_ids)
            if company not in shown:
                shown.add(company)
                groups.append(Group(prompt_id, clip_ids))
    chance.shuffle(groups)
    groups = groups[:most]
    clips_ = {clip for group in groups for clip in group.clips}
    return Extension(groups, len({group.prompt_id for group in groups}), len(clips_))


def extend(
    campaign_id: uuid.UUID,
    version: int,
    selection: Selection | None = None,
    way: Way = Way.FRESH,
    most: int | None = None,
) -> tuple[Campaign, Extension]:
    """Add items as `planned`; gives the campaign and what came.

    Raises Missing; Conflict `stale`, `closed`, `nothing_new` or `renditions_missing`.
    """
    campaign = Campaign.objects.filter(pk=campaign_id).first()
    if campaign is None:
        raise Missing("no_such_campaign", _("There is no such campaign."))
    refuse_closed(campaign)
    # Takes long, so before the lock, which refuses if anything changed meanwhile.
    found = planned(campaign, selection, way, most)
    if not found.groups:
        raise Conflict(
            "nothing_new",
            _("There is nothing to add: every item that these clips would give is there already."),
        )
    refuse_unrendered(campaign, {clip for group in found.groups for clip in group.clips})
    with transaction.atomic():
        campaign = locked(campaign_id, version)
        # Gold items have places of their own, far behind.
        last = campaign.items.filter(gold=False).aggregate(last=Max("position"))["last"]
        add_items(campaign, found.groups, first_position=0 if last is None else last + 1)
        Campaign.objects.filter(pk=campaign.pk).update(
            items_total=F("items_total") + len(found.groups), version=F("version") + 1
        )
    campaign.refresh_from_db()
    return campaign, found


def _used(campaign: Campaign) -> tuple[dict[int, set[uuid.UUID]], set[frozenset[uuid.UUID]]]:
    """Clips shown, by prompt; and each item's company of clips."""
    used: dict[int, set[uuid.UUID]] = defaultdict(set)
    companies: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
    rows = ItemClip.objects.filter(item__campaign=campaign, item__gold=False).order_by()
    for item_id, prompt_id, clip_id in rows.values_list("item_id", "item__prompt_id", "clip_id").iterator(
        chunk_size=10_000
    ):
        used[prompt_id].add(clip_id)
        companies[item_id].add(clip_id)
    return used, {frozenset(company) for company in companies.values()}


def _in_other_company(
    clips: list[tuple[uuid.UUID, Origin]],
    size: int,
    chance: random.Random,
    shown: set[frozenset[uuid.UUID]],
) -> list[tuple[uuid.UUID, ...]]:
    """The deal, of some, that has the most items that are new."""
    best: list[tuple[uuid.UUID, ...]] = []
    for _try in range(TRIES):
        dealt = [item for item in deal(clips, size, chance) if frozenset(item) not in shown]
        if len(dealt) > len(best):
            best = dealt
        if len(best) * size >= len(clips):
            break
    return best
