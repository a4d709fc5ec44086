"""What an annotator's page shows of an item: nothing that tells who made a clip.

A clip is its `ItemClip` id: an address of its own in every item. Names, files, hashes, sizes and sources of
clips stay on this side.
"""

import uuid
from typing import Any

from django.db.models.fields.files import FieldFile
from django.urls import reverse
from django.utils.translation import get_language

from annotation.models import Assignment, Campaign, Dimension, ItemClip, Judgement, Rendition
from workbench.access import may
from workbench.models import User


def shown(assignment: Assignment, correcting: Judgement | None = None) -> dict[str, Any]:
    """The item of an assignment as its person sees it; `correcting` opens their own judgement again."""
    item, campaign = assignment.item, assignment.campaign
    language = get_language() or "en"
    answers = assignment.draft or (correcting.answers if correcting else {})
    return {
        "assignment": str(assignment.pk),
        "state": assignment.state,
        "expires_at": assignment.expires_at.isoformat(),
        "draft": answers or {"picks": {}, "comparisons": []},
        "draft_version": assignment.draft_version,
        "supersedes": str(correcting.pk) if correcting else None,
        "campaign": {
            "id": str(campaign.pk),
            "name": campaign.name,
            "lease_seconds": campaign.lease_minutes * 60,
            "min_play_seconds": campaign.min_play_seconds,
            "judged": campaign.progress.judged,
            "wanted": campaign.wanted,
        },
        "prompt": {
            "text_en": item.prompt.text_en,
            "text_zh": item.prompt.text_zh,
            "first_frame": reverse("label_first_frame", args=[assignment.pk])
            if item.prompt.first_frame
            else None,
        },
        "clips": _clips(assignment, campaign),
        "dimensions": [
            {
                "key": dimension.key,
                "name": dimension.name(language),
                "definition": dimension.definition(language),
                "required": dimension.required,
            }
            for dimension in Dimension.objects.filter(campaign=campaign).order_by("position")
        ],
    }


def media_addresses(assignment: Assignment) -> list[str]:
    """Where the clips of an assignment are served, in the order they are shown."""
    return [reverse("label_media", args=[key]) for key in assignment.clip_order]


def rendition_for(item_clip_id: uuid.UUID, user: User) -> Rendition | None:
    """The judged rendition of a clip of an item, for those who may see it; None for anybody else.

    That is whoever has the item assigned or held, and people who look after campaigns.
    """
    rows = ItemClip.objects.filter(pk=item_clip_id)
    if not may(user, "campaigns.view"):
        rows = rows.filter(item__assignments__annotator=user)
    found = rows.select_related("item__campaign").first()
    if found is None:
        return None
    fps, seconds = found.item.campaign.normalised
    return Rendition.objects.filter(clip=found.clip_id, fps=fps, seconds=seconds).first()


def first_frame_for(assignment_id: uuid.UUID, user: User) -> FieldFile | None:
    """The picture that an assignment's clips start from, for those who may see it, as above."""
    rows = Assignment.objects.filter(pk=assignment_id)
    if not may(user, "campaigns.view"):
        rows = rows.filter(annotator=user)
    found = rows.select_related("item__prompt").first()
    return found.item.prompt.first_frame if found and found.item.prompt.first_frame else None


def _clips(assignment: Assignment, campaign: Campaign) -> list[dict[str, Any]]:
    fps, seconds = campaign.normalised
    clip_of = dict(ItemClip.objects.filter(item=assignment.item_id).values_list("pk", "clip_id"))
    of_clip = {
        rendition.clip_id: rendition
        for rendition in Rendition.objects.filter(clip__in=clip_of.values(), fps=fps, seconds=seconds)
    }
    clips = []
    for key in assignment.clip_order:
        rendition = of_clip[clip_of[uuid.UUID(key)]]
        clips.append(
            {
                "id": key,
                "src": reverse("label_media", args=[key]),
                "width": rendition.width,
                "height": rendition.height,
                "duration": rendition.duration,
                "frame_times": rendition.frame_times,
            }
        )
    return clips
