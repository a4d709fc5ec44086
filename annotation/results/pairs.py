"""Preference pairs: what judgements say, by the best/worst rules. Never edited, always derivable again."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from annotation.labelling import bestworst
from annotation.models import Dimension, Item, ItemClip, Judgement, PreferencePair
from annotation.results.counting import best_worst, counted


@dataclass(frozen=True)
class ItemRules:
    """What the rules need to know of an item: its clips and dimensions, in the item's own order."""

    item: Item
    clips: tuple[ItemClip, ...]
    dimensions: tuple[Dimension, ...]

    def judgement(self, answers: bestworst.Answers) -> bestworst.Judgement:
        return bestworst.Judgement(
            clips=tuple(str(clip.pk) for clip in self.clips),
            dimensions=tuple(dimension.key for dimension in self.dimensions),
            answers=answers,
            question_limit=self.item.campaign.question_limit,
        )

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(dimension.key for dimension in self.dimensions if dimension.required)


def rules_of(item: Item) -> ItemRules:
    """Read an item's clips and dimensions (two statements; `item.campaign` should be there already)."""
    return ItemRules(
        item=item,
        clips=tuple(ItemClip.objects.filter(item=item).order_by("position")),
        dimensions=tuple(Dimension.objects.filter(campaign=item.campaign_id).order_by("position")),
    )


def pairs_of(judgement: Judgement, rules: ItemRules, answers: bestworst.Answers) -> list[PreferencePair]:
    """The pairs that follow from a judgement, the broken ones marked; not stored."""
    clip_of = {str(clip.pk): clip.clip_id for clip in rules.clips}
    dimension_of = {dimension.key: dimension.pk for dimension in rules.dimensions}
    return [
        PreferencePair(
            judgement_id=judgement.pk,
            dimension_id=dimension_of[pair.dimension],
            best_id=clip_of[pair.best],
            worst_id=clip_of[pair.worst],
            weight=pair.weight,
            broken_by=list(pair.broken_by),
            unchecked=list(pair.unchecked),
        )
        for pair in bestworst.preference_pairs(rules.judgement(answers), include_broken=True)
    ]


def derive(judgement_ids: Iterable[uuid.UUID]) -> int:
    """Delete the pairs of these judgements and derive those that are due; gives how many there are now.

    For some hundreds at a time, after an exclusion, its end, or an adjudication: one transaction.
    """
    wanted = list(judgement_ids)
    with transaction.atomic():
        PreferencePair.objects.filter(judgement__in=wanted).delete()
        rows = counted(best_worst(Judgement.objects.filter(pk__in=wanted, superseded_by=None)))
        return _store(list(rows.select_related("item__campaign")))


def derive_all(campaign_id: uuid.UUID | None = None, batch: int = 500) -> tuple[int, int]:
    """Delete all pairs and derive those of the judgements that count again; gives (judgements, pairs).

    One transaction: readers see the old pairs or the new.
    """
    with transaction.atomic():
        old = PreferencePair.objects.all()
        current = counted(best_worst(Judgement.objects.filter(superseded_by=None)))
        if campaign_id is not None:
            old = old.filter(judgement__item__campaign=campaign_id)
            current = current.filter(item__campaign=campaign_id)
        old.delete()
        n_judgements = n_pairs = 0
        last: uuid.UUID | None = None
        while True:
            page = current.filter(pk__gt=last) if last else current
            rows = list(page.select_related("item__campaign").order_by("pk")[:batch])
            if not rows:
                return n_judgements, n_pairs
            last = rows[-1].pk
            n_judgements += len(rows)
            n_pairs += _store(rows)


def _store(judgements: Sequence[Judgement]) -> int:
    """Store the pairs of judgements that count; where an item was adjudicated, the others' are overruled."""
    items = {judgement.item_id: judgement.item for judgement in judgements}
    clips: dict[uuid.UUID, list[ItemClip]] = {key: [] for key in items}
    for clip in ItemClip.objects.filter(item__in=items).order_by("item", "position"):
        clips[clip.item_id].append(clip)
    dimensions: dict[uuid.UUID, list[Dimension]] = {}
    campaigns = {item.campaign_id for item in items.values()}
    for dimension in Dimension.objects.filter(campaign__in=campaigns).order_by("campaign", "position"):
        dimensions.setdefault(dimension.campaign_id, []).append(dimension)
    adjudications = Judgement.objects.filter(item__in=items, adjudicates=True, superseded_by=None)
    decided = set(counted(adjudications).values_list("item_id", flat=True))
    found: list[PreferencePair] = []
    for judgement in judgements:
        item = items[judgement.item_id]
        rules = ItemRules(item, tuple(clips[item.pk]), tuple(dimensions.get(item.campaign_id, ())))
        for pair in pairs_of(judgement, rules, bestworst.from_json(judgement.answers)):
            pair.overruled = judgement.item_id in decided and not judgement.adjudicates
            found.append(pair)
    return len(PreferencePair.objects.bulk_create(found))
