"""The qualification round from a manager's side: who passed, letting somebody in, and letting them try again.

The round itself is `gold.py`'s: a person's first gold items are counted as they are submitted, and with the
last of them the result is there.
"""

import uuid

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Campaign, GoldAnswer, GoldJudgement, Participation
from workbench.refusals import Conflict, Missing

Qualification = Participation.Qualification


def let_in(campaign_id: uuid.UUID, annotator_id: int) -> Participation:
    """Let a person work who has not passed, or not yet. Raises Missing, Conflict `passed_already`."""
    with transaction.atomic():
        part = _part(campaign_id, annotator_id)
        if part.qualification in (Qualification.PASSED, Qualification.LET_IN):
            raise Conflict("passed_already", _("This person may work in the campaign already."))
        part.qualification = Qualification.LET_IN
        part.save(update_fields=["qualification"])
    return part


def reset(campaign_id: uuid.UUID, annotator_id: int) -> Participation:
    """Let a person take the round again from its start, on gold items they have not met.

    Raises Missing; Conflict `no_gold_left` where too few such items are left for a whole round.
    """
    with transaction.atomic():
        part = _part(campaign_id, annotator_id)
        wanted, left = part.campaign.qualification_items, unmet(part)
        if left < wanted:
            text = _(
                "A round takes %(wanted)d gold items that the person has not met; %(left)d are left. "
                "Make some first."
            )
            raise Conflict("no_gold_left", text % {"wanted": wanted, "left": left})
        part.qualification, part.trial_judged, part.trial_right = "", 0, 0.0
        part.save(update_fields=["qualification", "trial_judged", "trial_right"])
        GoldJudgement.objects.filter(participation=part, trial=True).update(trial=False)
    return part


def unmet(part: Participation) -> int:
    """Gold items that this person can still get."""
    dealt = GoldAnswer.objects.filter(campaign=part.campaign_id, active=True)
    met = dealt.filter(item__assignments__annotator=part.annotator_id)
    judged = dealt.filter(repeats__assignments__annotator=part.annotator_id)
    return dealt.exclude(pk__in=met.values("pk")).exclude(pk__in=judged.values("pk")).count()


def lacking(campaign: Campaign) -> int:
    """Gold items that a newcomer's qualification round lacks; 0 where there are enough."""
    there = GoldAnswer.objects.filter(campaign=campaign, active=True).count()
    return max(0, campaign.qualification_items - there)


def _part(campaign_id: uuid.UUID, annotator_id: int) -> Participation:
    rows = Participation.objects.select_for_update(no_key=True, of=("self",)).select_related("campaign")
    part = rows.filter(campaign=campaign_id, annotator=annotator_id).first()
    if part is None:
        raise Missing("no_such_part", _("This person has done nothing in this campaign."))
    return part
