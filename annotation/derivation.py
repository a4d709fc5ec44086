"""Preference pairs of chosen judgements derived anew: after an exclusion, its end, or an adjudication."""

import uuid
from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction

from annotation import bestworst
from annotation.counting import counted
from annotation.models import Dimension, ItemClip, Judgement, PreferencePair
from annotation.pairs import ItemRules, pairs_of


def derive(judgement_ids: Iterable[uuid.UUID]) -> int:
    """Delete the pairs of these judgements and derive those that are due; gives how many there are now.

    A judgement that does not count (`counting.counted`) or was superseded has none; those of an item that
    was adjudicated are marked as overruled, but for the adjudication's own. One transaction: call it with
    some hundreds at a time.
    """
    wanted = list(judgement_ids)
    with transaction.atomic():
        PreferencePair.objects.filter(judgement__in=wanted).delete()
        rows = counted(Judgement.objects.filter(pk__in=wanted, superseded_by=None))
        judgements = list(rows.select_related("item__campaign"))
        items = {judgement.item_id for judgement in judgements}
        current = Judgement.objects.filter(item__in=items, adjudicates=True, superseded_by=None)
        decided = set(counted(current).values_list("item_id", flat=True))
        rules = _rules(judgements)
        pairs = []
        for judgement in judgements:
            answers = bestworst.from_json(judgement.answers)
            for pair in pairs_of(judgement, rules[judgement.item_id], answers):
                pair.overruled = judgement.item_id in decided and not judgement.adjudicates
                pairs.append(pair)
        return len(PreferencePair.objects.bulk_create(pairs))


def _rules(judgements: list[Judgement]) -> dict[uuid.UUID, ItemRules]:
    items = {judgement.item_id: judgement.item for judgement in judgements}
    clips: dict[uuid.UUID, list[ItemClip]] = defaultdict(list)
    for clip in ItemClip.objects.filter(item__in=items).order_by("item", "position"):
        clips[clip.item_id].append(clip)
    dimensions: dict[uuid.UUID, list[Dimension]] = defaultdict(list)
    campaigns = {item.campaign_id for item in items.values()}
    for dimension in Dimension.objects.filter(campaign__in=campaigns).order_by("campaign", "position"):
        dimensions[dimension.campaign_id].append(dimension)
    return {
        key: ItemRules(item, tuple(clips[key]), tuple(dimensions[item.campaign_id]))
        for key, item in items.items()
    }
