"""Example clips of a campaign's guidelines: which there are, and who may look at them."""

import uuid
from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils.translation import gettext as _

from annotation.campaigns.lifecycle import labelled_by
from annotation.clips.intake import want_renditions
from annotation.models import Campaign, Clip, Dimension, GuidelineExample, Rendition
from workbench.access import may
from workbench.models import User
from workbench.refusals import Conflict, Invalid, Missing

MOST = 40
"""Examples of one campaign: they stand beside the work."""


def of_campaign(campaign: Campaign) -> Sequence[GuidelineExample]:
    """The examples for all dimensions first, then those of each dimension in the campaign's order."""
    rows = GuidelineExample.objects.filter(campaign=campaign).select_related("dimension")
    return list(rows.order_by(F("dimension__position").asc(nulls_first=True), "position"))


def add(
    campaign: Campaign,
    clip_id: uuid.UUID,
    *,
    kind: str,
    dimension: str = "",
    caption_en: str = "",
    caption_zh: str = "",
) -> GuidelineExample:
    """Put a clip beside the guidelines; `dimension` is a key of the campaign's, "" means all of them.

    Raises Invalid `no_such_clip`, `no_such_dimension` or `too_many`; Conflict `example_twice`.
    """
    clip = Clip.objects.filter(pk=clip_id, state=Clip.State.READY).first()
    if clip is None:
        message = _("There is no ready clip %(id)s.") % {"id": clip_id}
        raise Invalid("no_such_clip", message, where="body.clip")
    row = Dimension.objects.filter(campaign=campaign, key=dimension).first()
    if dimension and row is None:
        message = _("%(dimension)s is not a dimension of this campaign.") % {"dimension": dimension}
        raise Invalid("no_such_dimension", message, where="body.dimension")
    last = GuidelineExample.objects.filter(campaign=campaign).aggregate(last=Max("position"))["last"]
    if GuidelineExample.objects.filter(campaign=campaign).count() >= MOST:
        raise Invalid("too_many", _("A campaign has at most %(n)d examples.") % {"n": MOST})
    try:
        with transaction.atomic():
            made = GuidelineExample.objects.create(
                campaign=campaign,
                dimension=row,
                clip=clip,
                kind=kind,
                caption_en=caption_en,
                caption_zh=caption_zh,
                position=0 if last is None else last + 1,
            )
    except IntegrityError as error:
        raise Conflict("example_twice", _("This clip is an example of this dimension already.")) from error
    want_renditions([clip.pk])
    return made


def remove(campaign: Campaign, example_id: uuid.UUID) -> None:
    """Take an example away; the clip stays. Raises Missing."""
    gone, _rows = GuidelineExample.objects.filter(campaign=campaign, pk=example_id).delete()
    if not gone:
        raise Missing("no_such_example", _("There is no such example."))


def rendition_for(example_id: uuid.UUID, user: User) -> Rendition | None:
    """The example's rendition, for those who label in its campaign or look after campaigns; else None."""
    rows = GuidelineExample.objects.filter(pk=example_id)
    if not may(user, "campaigns.view"):
        rows = rows.filter(labelled_by(user, "campaign__")).exclude(campaign__state=Campaign.State.DRAFT)
    clip = rows.values_list("clip", flat=True).first()
    return Rendition.objects.filter(clip=clip, fps=None, seconds=None).first() if clip else None
