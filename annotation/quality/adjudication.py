"""Deciding items whose judges disagree (the list is `disputes.py`'s).

An adjudicator sees the clips as a judge does, blind and in an order of their own, and what the judges said,
under letters instead of names. Their judgement overwrites nobody's: it is one more, marked `adjudicates`; the
pairs of the item come from it, and those of the others stay, marked as overruled. Only the person who decided
can decide again, by a correction that supersedes.
"""

import random
import string
import uuid
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.labelling import bestworst
from annotation.labelling.feedback import problem_json
from annotation.labelling.judging import parsed
from annotation.models import Assignment, Campaign, Dispute, Item, ItemClip, Judgement, Rendition
from annotation.quality import disputes
from annotation.results import pairs
from annotation.results.counting import counted, independent
from annotation.results.pairs import rules_of
from workbench.models import User
from workbench.refusals import Conflict, Invalid, Missing

State = Assignment.State


@dataclass(frozen=True)
class Said:
    """What one judge said, under a letter that means nothing beyond this item."""

    letter: str
    answers: bestworst.Answers


@dataclass(frozen=True)
class Opened:
    """An item as its adjudicator sees it."""

    item: Item
    assignment: Assignment
    clips: list[dict[str, Any]]
    """In this person's order: id, number, src, width, height, duration, frame_times."""
    said: list[Said]
    dispute: Dispute | None
    own: Judgement | None
    """This person's decision, if there is one: deciding again corrects it."""


def open_item(item_id: uuid.UUID, person: User) -> Opened:
    """Open an item for this person to decide; opening takes no slot and keeps nobody else out.

    Raises Missing; Conflict `judged_yourself`, `decided` (by somebody else) or `too_few` judgements.
    """
    item = Item.objects.select_related("campaign", "prompt").filter(pk=item_id, gold=False).first()
    if item is None or item.campaign.protocol != Campaign.Protocol.BEST_WORST:
        raise Missing("no_such_item", _("There is no such item."))
    assignment = _assignment(item, person)
    current = _decision(item)
    if current is not None and current.annotator_id != person.pk:
        raise Conflict("decided", _("Somebody else has decided this item."))
    judged = list(independent(Judgement.objects.filter(item=item, superseded_by=None)).order_by("pk"))
    if len(judged) < 2:
        raise Conflict("too_few", _("An item needs two judgements before it can be adjudicated."))
    return Opened(
        item=item,
        assignment=assignment,
        clips=_clips(item, assignment.clip_order),
        # Ids are random, so the letters tell neither who nor when.
        said=[
            Said(letter, bestworst.from_json(judgement.answers))
            for letter, judgement in zip(string.ascii_uppercase, judged, strict=False)
        ],
        dispute=Dispute.objects.filter(item=item).first(),
        own=current,
    )


def decide(
    item_id: uuid.UUID, person: User, answers: object, key: uuid.UUID, seconds: float | None = None
) -> Judgement:
    """Store the decision, once for a key; the item's pairs follow it from now on.

    Raises Missing; Invalid `malformed` or `invalid_answers`; Conflict `decided`, `judged_yourself`, `too_few`
    or `key_reused`.
    """
    opened = open_item(item_id, person)
    given = parsed(answers)
    if not isinstance(given, bestworst.Answers):
        raise Invalid("malformed", _("This campaign takes answers that have “%(key)s”.") % {"key": "picks"})
    rules = rules_of(opened.item)
    problems = bestworst.validate(rules.judgement(given), rules.required)
    if problems:
        listed = [problem_json(problem, rules, opened.assignment.clip_order) for problem in problems]
        raise Invalid("invalid_answers", listed[0]["message"], problems=listed)
    try:
        with transaction.atomic():
            return _decide(opened, person, given, key, seconds)
    except IntegrityError as error:
        row = Judgement.objects.filter(idempotency_key=key).first()
        if row is None:
            raise
        raise Conflict("key_reused", _("This submission key was used for another item.")) from error


def own_decisions(campaign: Campaign, person: User, limit: int = 10) -> list[Judgement]:
    """This person's latest decisions in a campaign, which they can correct."""
    rows = Judgement.objects.filter(
        annotator=person, adjudicates=True, superseded_by=None, item__campaign=campaign
    )
    return list(rows.select_related("item__prompt").order_by("-created_at")[:limit])


def _decide(
    opened: Opened, person: User, given: bestworst.Answers, key: uuid.UUID, seconds: float | None
) -> Judgement:
    item = opened.item
    Item.objects.select_for_update(no_key=True).get(pk=item.pk)  # one decision at a time
    current = _decision(item)
    if current is not None and current.idempotency_key == key:
        return current
    if current is not None and current.annotator_id != person.pk:
        raise Conflict("decided", _("Somebody else has decided this item."))
    judgement = Judgement.objects.create(
        assignment=opened.assignment,
        item=item,
        annotator=person,
        answers=bestworst.to_json(given),
        supersedes=current,
        idempotency_key=key,
        seconds=seconds,
        simulated=person.simulated,
        adjudicates=True,
    )
    Assignment.objects.filter(pk=opened.assignment.pk).update(ended_at=timezone.now())
    judged = Judgement.objects.filter(item=item).values_list("pk", flat=True)
    pairs.derive(judged)
    if opened.dispute is None:
        disputes.measure([item.pk])
    Dispute.objects.update_or_create(
        item=item,
        defaults={"decision": judgement},
        create_defaults={
            "campaign": item.campaign,
            "score": 0.0,
            "by_dimension": {},
            "judgements": len(opened.said),
            "decision": judgement,
        },
    )
    return judgement


def _assignment(item: Item, person: User) -> Assignment:
    """This person's, made now if they have none. Raises Conflict `judged_yourself`."""
    keys = [str(pk) for pk in ItemClip.objects.filter(item=item).values_list("pk", flat=True)]
    random.shuffle(keys)
    now = timezone.now()
    assignment, _made = Assignment.objects.get_or_create(
        item=item,
        annotator=person,
        defaults={
            "campaign": item.campaign,
            "state": State.DECIDING,
            "clip_order": keys,
            "leased_at": now,
            "expires_at": now,
        },
    )
    own = Judgement.objects.filter(assignment=assignment, adjudicates=False).exists()
    if own or assignment.state in (State.LEASED, State.HELD):
        raise Conflict("judged_yourself", _("You judge this item yourself; somebody else has to decide it."))
    return assignment


def _decision(item: Item) -> Judgement | None:
    """The adjudication that counts: an excluded person's does not."""
    return counted(Judgement.objects.filter(item=item, adjudicates=True, superseded_by=None)).first()


def _clips(item: Item, order: list[str]) -> list[dict[str, Any]]:
    fps, seconds = item.campaign.normalised
    clip_of = {str(pk): clip for pk, clip in ItemClip.objects.filter(item=item).values_list("pk", "clip_id")}
    renditions = {
        rendition.clip_id: rendition
        for rendition in Rendition.objects.filter(clip__in=clip_of.values(), fps=fps, seconds=seconds)
    }
    return [
        {
            "id": key,
            "number": number,
            "src": reverse("label_media", args=[key]),
            "width": renditions[clip_of[key]].width,
            "height": renditions[clip_of[key]].height,
            "duration": renditions[clip_of[key]].duration,
            "frame_times": renditions[clip_of[key]].frame_times,
        }
        for number, key in enumerate(order, start=1)
    ]
