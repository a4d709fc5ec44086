"""Making gold items: from degraded copies of clips, from items whose judges agreed, from known scores.

A degraded copy takes a clip's place among other clips of its prompt, as if a bad video model had made it; it
is worst in the dimensions that its degradation speaks of, and the gold answer says nothing of the others.
Where the prompt has no clips to spare, the copy stands beside its own clip. In good/same/bad it always does,
and the clip is one of the model under test, which is good beside it, and so overall.
"""

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Avg, Count, Max, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.campaigns.rubric import OVERALL, SCALE
from annotation.clips import intake
from annotation.clips.degrade import Kind
from annotation.clips.degraded_clips import degraded_copy
from annotation.labelling import bestworst, scoring
from annotation.labelling.scoring import Verdict
from annotation.models import Campaign, Clip, Dimension, GoldAnswer, Item, ItemClip, Judgement
from annotation.results.counting import counted
from workbench.models import Notice, User
from workbench.refusals import Conflict, Invalid, Missing, Refusal

FIRST_POSITION = 1_000_000_000
"""Gold items come after all others, so that a campaign can still be extended."""
STRENGTH = 0.8
TRIES = 4
"""Degradations tried on a prompt before it is given up: some can't be seen in some clips."""
Source = GoldAnswer.Source


@dataclass(frozen=True)
class Speaks:
    """What a degradation says of a clip, and how an annotator is told."""

    of: str
    """A reward of `Dimension.Reward`, or the key of a dimension."""
    scored: str
    """The dimension of good/same/bad."""
    en: str
    zh: str


DEGRADATIONS: dict[Kind, Speaks] = {
    "jitter": Speaks("motion", "motion_quality", "its frames jump about", "画面逐帧跳动"),
    "dropped_frames": Speaks(
        "motion", "motion_quality", "frames are missing, so that it stutters", "丢帧，运动不连贯"
    ),
    "freeze": Speaks(
        "motion", "motion_quality", "the picture stands still and then jumps on", "画面先停住，再突然跳到后面"
    ),
    "blur": Speaks("aesthetic", "aesthetic_quality", "the picture is out of focus", "画面失焦模糊"),
    "noise": Speaks("aesthetic", "aesthetic_quality", "the picture is full of noise", "画面布满噪点"),
    "compression": Speaks(
        "aesthetic", "aesthetic_quality", "the picture is compressed into blocks", "画面被过度压缩，出现色块"
    ),
    "colour_cast": Speaks("aesthetic", "aesthetic_quality", "the colours are off", "画面偏色"),
    "warp": Speaks("structural_stability", "motion_quality", "shapes wobble and bend", "物体的形状扭曲晃动"),
}


def make_many(
    campaign_id: uuid.UUID,
    wanted: int,
    kinds: Sequence[Kind] = (),
    strength: float = STRENGTH,
    seed: int = 0,
    by: User | None = None,
) -> list[Item]:
    """Make up to `wanted` gold items from prompts of the campaign drawn at random; `kinds` empty: all that
    speak of a dimension here. Who asked is told by a notice how many came of it. Seconds an item.
    """
    campaign = Campaign.objects.get(pk=campaign_id)
    possible = [kind for kind in kinds or DEGRADATIONS if spoken_of(campaign, kind)]
    made: list[Item] = []
    why = _("no degradation speaks of a dimension of this campaign") if not possible else ""
    chance = random.Random(seed)  # noqa: S311 (a sample, not a secret)
    for place in chance.sample(range(campaign.items_total), min(campaign.items_total, 3 * wanted)):
        if len(made) >= wanted or not possible:
            break
        item = campaign.items.filter(position=place, gold=False).first()
        if item is None:
            continue
        # In turn, so that every kind is used before one comes again.
        for kind in [possible[(len(made) + n) % len(possible)] for n in range(min(TRIES, len(possible)))]:
            try:
                made.append(from_clips(campaign, item.prompt_id, kind, strength, chance.getrandbits(31), by))
                break
            except Refusal as refusal:
                why = refusal.message
    if by is not None:
        text = ngettext("%(n)d gold item is made", "%(n)d gold items are made", len(made)) % {"n": len(made)}
        text += f" · {campaign.name}"
        if len(made) < wanted and why:
            text += f" · {why}"
        Notice.objects.create(user=by, text=text[:300], url=f"/campaigns/{campaign.pk}/gold/")
    return made


def from_clips(
    campaign: Campaign,
    prompt_id: int,
    kind: Kind,
    strength: float = STRENGTH,
    seed: int = 0,
    by: User | None = None,
) -> Item:
    """A gold item of a prompt's clips in the campaign, one of them in a degraded copy.

    Raises Invalid `says_nothing` (no dimension here that the degradation speaks of), `too_few_clips`,
    `not_visible` or `too_long`.
    """
    dimensions = spoken_of(campaign, kind)
    if not dimensions:
        raise Invalid("says_nothing", _("This degradation speaks of no dimension of the campaign."))
    used = ItemClip.objects.filter(item__campaign=campaign, item__prompt=prompt_id, item__gold=False)
    rows = Clip.objects.filter(pk__in=used.values("clip"), state=Clip.State.READY)
    beside_itself = campaign.protocol == Campaign.Protocol.GSB
    ready = list(
        (rows.filter(video_model=campaign.model_under_test) if beside_itself else rows).order_by("pk")
    )
    size = campaign.clips_per_item
    if len(ready) < size - 1:
        text = _("The prompt has %(there)d clips in the campaign; a gold item needs %(least)d at least.")
        raise Invalid("too_few_clips", text % {"there": len(ready), "least": size - 1})
    chance = random.Random(seed)  # noqa: S311
    chance.shuffle(ready)
    worsened, others = ready[-1], ready[-1:] if beside_itself else ready[: size - 1]
    copy = degraded_copy(worsened, kind, strength, seed, by)
    if any(campaign.normalised):
        intake.make_rendition(copy.pk, *campaign.normalised)
    shown = [*others, copy]
    chance.shuffle(shown)
    speaks = DEGRADATIONS[kind]
    names = {
        language: ", ".join(dimension.name(language) for dimension in dimensions)
        for language in ("en", "zh-hans")
    }
    with transaction.atomic():
        item, places = _item(campaign, prompt_id, [clip.pk for clip in shown])
        GoldAnswer.objects.create(
            item=item,
            campaign=campaign,
            answers={
                dimension.key: {"verdict": Verdict.GOOD}
                if beside_itself
                else {"worst": [str(places[copy.pk])]}
                for dimension in dimensions
            },
            explanation_en=f"One clip was made worse on purpose: {speaks.en}. "
            f"{'Worse' if beside_itself else 'Worst'} in: {names['en']}.",
            explanation_zh=f"其中一个片段被故意改差：{speaks.zh}。"
            f"{'较差' if beside_itself else '最差'}的方面：{names['zh-hans']}。",
            source=Source.DEGRADED,
            created_by=by,
        )
    return item


def from_consensus(item_id: uuid.UUID, explanation_en: str, explanation_zh: str, by: User | None) -> Item:
    """A gold item that repeats a judged one, with what its judges agreed on as the known answer.

    An adjudication decides; else the dimensions count in which all judgements, two at least, say the same.
    Experts' and managers' alone count where two of them judged it. Raises Missing, Conflict `gold_already`,
    Invalid `no_agreement` or `no_explanation`.
    """
    item = _repeatable(item_id, explanation_en, explanation_zh)
    if item.campaign.protocol == Campaign.Protocol.LIKERT:
        raise Invalid("no_agreement", _("Gold items of this campaign are made from known scores."))
    known = agreed_answers(item)
    if not known:
        raise Invalid(
            "no_agreement",
            _("The item needs two judgements that say the same in a dimension, or an adjudication."),
        )
    with transaction.atomic():
        copy, there = _copied(item)
        GoldAnswer.objects.create(
            item=copy,
            campaign=item.campaign,
            answers={
                dimension: {side: [there[key] for key in keys] for side, keys in answer.items()}
                if "best" in answer
                else answer
                for dimension, answer in known.items()
            },
            explanation_en=explanation_en.strip(),
            explanation_zh=explanation_zh.strip(),
            source=Source.CONSENSUS,
            repeats=item,
            created_by=by,
        )
    return copy


def from_scores(
    item_id: uuid.UUID,
    scores: Mapping[str, Sequence[int]],
    tolerance: int,
    explanation_en: str,
    explanation_zh: str,
    by: User | None,
) -> Item:
    """A gold item that repeats an item of a Likert campaign, with scores that are known.

    `scores` has by dimension those of the item's clips in their order; an answer is right where each is met,
    give or take `tolerance` points. Raises Missing, Conflict `gold_already`, Invalid `no_explanation` or
    `wrong_scores`.
    """
    item = _repeatable(item_id, explanation_en, explanation_zh)
    count = item.item_clips.count()
    known = set(item.campaign.dimensions.values_list("key", flat=True))
    fitting = all(len(given) == count and set(given) <= set(SCALE) for given in scores.values())
    if item.campaign.protocol != Campaign.Protocol.LIKERT or not scores or set(scores) - known or not fitting:
        text = _("Expected, in one dimension at least, a score from 1 to 5 for each of the %(n)d clips.")
        raise Invalid("wrong_scores", text % {"n": count})
    with transaction.atomic():
        copy, there = _copied(item)
        GoldAnswer.objects.create(
            item=copy,
            campaign=item.campaign,
            answers={
                dimension: {
                    "expected": dict(zip(there.values(), given, strict=True)),
                    "tolerance": tolerance,
                }
                for dimension, given in scores.items()
            },
            explanation_en=explanation_en.strip(),
            explanation_zh=explanation_zh.strip(),
            source=Source.KNOWN,
            repeats=item,
            created_by=by,
        )
    return copy


def _repeatable(item_id: uuid.UUID, explanation_en: str, explanation_zh: str) -> Item:
    item = Item.objects.select_related("campaign").filter(pk=item_id, gold=False).first()
    if item is None:
        raise Missing("no_such_item", _("There is no such item."))
    if GoldAnswer.objects.filter(repeats=item).exists():
        raise Conflict("gold_already", _("There is a gold item that repeats this one."))
    if not (explanation_en.strip() or explanation_zh.strip()):
        raise Invalid("no_explanation", _("Say why the answer is right: annotators are shown it."))
    return item


def _copied(item: Item) -> tuple[Item, dict[str, str]]:
    """A gold item of the same clips, and where each clip of the old one is in it, in their order."""
    shown = dict(ItemClip.objects.filter(item=item).order_by("position").values_list("pk", "clip_id"))
    copy, places = _item(item.campaign, item.prompt_id, list(shown.values()))
    return copy, {str(old): str(places[clip]) for old, clip in shown.items()}


def agreed_answers(item: Item) -> dict[str, dict[str, Any]]:
    """By dimension what the item's judges agree on, in the form of `GoldAnswer.answers`; {} for nothing."""
    rows = counted(Judgement.objects.filter(item=item, superseded_by=None))
    judged = list(rows.select_related("annotator"))
    deciding = [judgement for judgement in judged if judgement.adjudicates]
    if not deciding:
        experts = [judgement for judgement in judged if judgement.annotator.role in ("expert", "manager")]
        deciding = experts if len(experts) > 1 else judged
        if len(deciding) < 2:
            return {}
    if item.campaign.protocol == Campaign.Protocol.GSB:
        verdicts = [scoring.verdicts_from_json(judgement.answers) for judgement in deciding]
        return {
            dimension: {"verdict": verdict}
            for dimension, verdict in verdicts[0].items()
            if all(one.get(dimension) == verdict for one in verdicts[1:])
        }
    said = [bestworst.from_json(judgement.answers) for judgement in deciding]
    first: Any = bestworst.to_json(said[0])["picks"]
    return {
        dimension: answer
        for dimension, answer in first.items()
        if "cant_judge" not in answer
        and all(one.picks.get(dimension) == said[0].picks[dimension] for one in said[1:])
    }


def spoken_of(campaign: Campaign, kind: Kind) -> list[Dimension]:
    """The dimensions of the campaign in which a clip degraded so is worse for certain."""
    speaks = DEGRADATIONS[kind]
    match campaign.protocol:
        case Campaign.Protocol.BEST_WORST:
            rows = campaign.dimensions.filter(Q(key=speaks.of) | Q(reward=speaks.of))
        case Campaign.Protocol.GSB:
            rows = campaign.dimensions.filter(key__in=(speaks.scored, OVERALL.key))
            if not rows.filter(key=speaks.scored).exists():
                return []
        case _:
            return []  # how many points a degradation costs is not known
    return list(rows.order_by("position"))


def listed(campaign: Campaign, after: int = 0, limit: int = 50) -> tuple[list[GoldAnswer], int | None]:
    """The gold items by position behind `after`, each with how many `times` it was judged and
    the `share` that was right; and the next page's `after`."""
    rows = GoldAnswer.objects.filter(campaign=campaign, item__position__gt=after)
    rows = (
        rows.select_related("item__prompt")
        .prefetch_related("item__item_clips__clip")
        .annotate(times=Count("judged"), share=Avg("judged__share"))
    )
    rows = rows.order_by("item__position")
    found: list[GoldAnswer] = list(rows[: limit + 1])
    return found[:limit], found[limit - 1].item.position if len(found) > limit else None


def retire(item_id: uuid.UUID, active: bool) -> GoldAnswer:
    """Deal a gold item no longer, or again. Who has it open may finish it. Raises Missing."""
    gold = GoldAnswer.objects.filter(item=item_id).first()
    if gold is None:
        raise Missing("no_such_gold", _("There is no such gold item."))
    gold.active = active
    gold.save(update_fields=["active"])
    return gold


def _item(
    campaign: Campaign, prompt_id: int, shown: Sequence[uuid.UUID]
) -> tuple[Item, dict[uuid.UUID, uuid.UUID]]:
    """A gold item, without its answer yet, and the ItemClip of each clip."""
    Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)  # one position each
    late = Item.objects.filter(campaign=campaign, position__gte=FIRST_POSITION)
    last = late.aggregate(last=Max("position"))["last"]
    position = FIRST_POSITION if last is None else last + 1
    item = Item.objects.create(
        campaign=campaign, prompt_id=prompt_id, position=position, open_slots=0, gold=True
    )
    made = ItemClip.objects.bulk_create(
        ItemClip(item=item, clip_id=clip, position=place) for place, clip in enumerate(shown)
    )
    return item, {one.clip_id: one.pk for one in made}
