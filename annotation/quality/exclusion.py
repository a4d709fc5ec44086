"""Excluding a person's work in a campaign, and taking that back.

Nothing they judged is lost: their judgements stay, and don't count (`counting.py`). From the moment of the
exclusion agreement, reliability, exports and new training runs leave them out, and they get no further items.
What is stored follows in batches by a task: their preference pairs go, or come back; disputes of their items
are measured anew; and if the manager asks, the slots they filled are open again, so that others judge those
items. A judgement whose slot was given back counts as surplus if the person is taken back.
"""

import uuid
from functools import partial

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import Assignment, Dispute, Item, Judgement, Participation, PreferencePair
from annotation.quality import disputes
from annotation.results import pairs
from workbench.refusals import Conflict, Invalid, Missing

BATCH = 500
State = Assignment.State


def exclude(
    campaign_id: uuid.UUID, annotator_id: int, why: str, *, reopen_slots: bool = False
) -> Participation:
    """Leave a person's work out of the campaign, from now on; what is stored follows by a task.

    Raises Missing; Conflict `excluded_already`; Invalid `no_reason`.
    """
    if not why.strip():
        raise Invalid("no_reason", _("Say why the work is excluded; it goes into the audit trail."))
    with transaction.atomic():
        part = _part(campaign_id, annotator_id)
        if part.excluded_at is not None:
            raise Conflict("excluded_already", _("This person's work is excluded already."))
        part.excluded_at = timezone.now()
        part.excluded_why = why.strip()[:200]
        part.slots_due = reopen_slots
        _changed(part)
    return part


def take_back(campaign_id: uuid.UUID, annotator_id: int) -> Participation:
    """Let a person's work count again. Raises Missing, Conflict `not_excluded`."""
    with transaction.atomic():
        part = _part(campaign_id, annotator_id)
        if part.excluded_at is None:
            raise Conflict("not_excluded", _("This person's work is not excluded."))
        part.excluded_at, part.excluded_why, part.slots_due = None, "", False
        _changed(part)
    return part


def follow(participation_id: int | None = None, batch: int = BATCH) -> int:
    """Bring what is stored in line with exclusions that ended or began; gives how many judgements it took.

    A batch is a transaction of its own. Safe to repeat, to interrupt, and to run twice at once.
    """
    due = Participation.objects.filter(Q(pairs_due=True) | Q(slots_due=True))
    if participation_id is not None:
        due = due.filter(pk=participation_id)
    return sum(_follow(part, batch) for part in due.order_by("pk"))


def _follow(part: Participation, batch: int) -> int:
    work = Assignment.objects.filter(campaign=part.campaign_id, annotator=part.annotator_id)
    ended = work.filter(state__in=(State.SUBMITTED, State.DECIDING))
    done = list(ended.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(done), batch):
        some = done[start : start + batch]
        rows = Judgement.objects.filter(assignment__in=some, superseded_by=None, item__gold=False)
        judgements = list(rows.values_list("pk", "item_id", "adjudicates"))
        with transaction.atomic():  # locked in the queue's order: assignments, items, the person's part
            filled = _locked(some, items=part.slots_due)
            now = Participation.objects.select_for_update(no_key=True).get(pk=part.pk)
            if part.slots_due and now.slots_due:
                _reopen(now, filled)
            pairs.derive([pk for pk, _item, _adjudicates in judgements])
            _adjudications({item: pk for pk, item, adjudicates in judgements if adjudicates}, now)
            disputes.measure({item for _pk, item, _adjudicates in judgements})
    # Unless it turned round meanwhile: then it is due once more.
    same = Participation.objects.filter(pk=part.pk, excluded_at=part.excluded_at)
    same.update(pairs_due=False, slots_due=False)
    return len(done)


def _locked(assignments: list[uuid.UUID], *, items: bool) -> list[Assignment]:
    """Those of these assignments that fill a slot, with all submitted ones, and items if asked, locked."""
    rows = Assignment.objects.filter(pk__in=assignments, state=State.SUBMITTED)
    rows = rows.select_for_update(of=("self",), no_key=True).select_related("item").order_by("pk")
    filled = [row for row in rows if not row.surplus and not row.item.gold]
    if items:
        with connection.cursor() as cursor:
            # One at a time takes several items, as queue.release_expired does: no two wait crosswise.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('annotation.release_expired'))")
        list(Item.objects.select_for_update(no_key=True).filter(pk__in=[row.item_id for row in filled]))
    return filled


def _reopen(part: Participation, filled: list[Assignment]) -> None:
    Assignment.objects.filter(pk__in=[row.pk for row in filled]).update(surplus=True)
    Item.objects.filter(pk__in=[row.item_id for row in filled]).update(open_slots=F("open_slots") + 1)
    Participation.objects.filter(pk=part.pk).update(
        judged=F("judged") - len(filled), surplus=F("surplus") + len(filled)
    )


def _adjudications(by_item: dict[uuid.UUID, uuid.UUID], part: Participation) -> None:
    """What this person adjudicated: excluded, it decides nothing and the disputes wait again."""
    others = PreferencePair.objects.filter(judgement__item__in=by_item, judgement__adjudicates=False)
    others.update(overruled=part.excluded_at is None)
    for item, judgement in by_item.items():
        if part.excluded_at is None:
            Dispute.objects.filter(item=item, decision=None).update(decision=judgement)
        else:
            Dispute.objects.filter(item=item, decision=judgement).update(decision=None)


def _part(campaign_id: uuid.UUID, annotator_id: int) -> Participation:
    rows = Participation.objects.select_for_update(no_key=True, of=("self",))
    part = rows.filter(campaign=campaign_id, annotator=annotator_id).first()
    if part is None:
        raise Missing("no_such_part", _("This person has done nothing in this campaign."))
    return part


def _changed(part: Participation) -> None:
    from annotation import tasks

    part.pairs_due = True
    part.save(update_fields=["excluded_at", "excluded_why", "pairs_due", "slots_due"])
    transaction.on_commit(partial(tasks.soon, tasks.follow_exclusions, part.pk))
