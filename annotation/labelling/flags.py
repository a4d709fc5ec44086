"""Clips that people call broken while they judge: kept by place and person, shown to managers."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max
from django.utils.translation import gettext as _

from annotation.models import Assignment, Campaign, ClipFlag
from workbench.models import User
from workbench.refusals import Invalid, Missing

SHOWN = 50
"""Clips on a campaign's page."""


@dataclass(frozen=True)
class FlaggedClip:
    """A clip with what was said of it in a campaign."""

    clip: uuid.UUID
    people: int
    reasons: list[str]
    latest: datetime


def flag(assignment_id: uuid.UUID, annotator: User, item_clip: uuid.UUID, reason: str) -> ClipFlag:
    """Keep that a clip of this person's item is broken. Said again: the same flag, with the newer reason.

    Raises Missing `no_such_assignment`; Invalid `foreign_clip` for a clip that the item does not have.
    """
    rows = Assignment.objects.filter(pk=assignment_id, annotator=annotator)
    assignment = rows.exclude(state=Assignment.State.HELD).first()
    if assignment is None:
        raise Missing("no_such_assignment", _("There is no such item in your work."))
    if str(item_clip) not in assignment.clip_order:
        message = _("Clip %(id)s is not part of this item.") % {"id": item_clip}
        raise Invalid("foreign_clip", message, where="body.clip")
    return ClipFlag.objects.update_or_create(
        item_clip_id=item_clip,
        annotator=annotator,
        defaults={"reason": reason},
        create_defaults={"campaign_id": assignment.campaign_id, "reason": reason},
    )[0]


def flagged(campaign: Campaign, limit: int = SHOWN) -> list[FlaggedClip]:
    """The clips flagged in a campaign, those that most people flagged first. Reads its flags only."""
    rows = ClipFlag.objects.filter(campaign=campaign)
    counted = rows.values("item_clip__clip").annotate(
        people=Count("annotator", distinct=True), latest=Max("created_at")
    )
    found = list(counted.order_by("-people", "-latest")[:limit])
    reasons: dict[uuid.UUID, list[str]] = {}
    clips = [row["item_clip__clip"] for row in found]
    said = rows.filter(item_clip__clip__in=clips).values_list("item_clip__clip", "reason").distinct()
    for clip, reason in said.order_by("reason"):
        reasons.setdefault(clip, []).append(reason)
    return [
        FlaggedClip(row["item_clip__clip"], row["people"], reasons[row["item_clip__clip"]], row["latest"])
        for row in found
    ]
