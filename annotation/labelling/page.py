"""What an annotator's page shows of an item: nothing that tells who made a clip.

A clip is its `ItemClip` id: an address of its own in every item. Names, files, hashes, sizes and sources of
clips stay on this side.
"""

import json
import uuid
from typing import Any

from django.db.models.fields.files import FieldFile
from django.urls import reverse
from django.utils.translation import get_language

from annotation.campaigns import rubric
from annotation.labelling.scored import as_said
from annotation.models import Assignment, Campaign, ItemClip, Judgement, Rendition
from workbench import prepared
from workbench.access import may
from workbench.models import User


def shown(assignment_id: uuid.UUID, correcting: Judgement | None = None) -> dict[str, Any]:
    """The item of an assignment as its person sees it; `correcting` opens their own judgement again.

    One statement. Raises Assignment.DoesNotExist.
    """
    with prepared.cursor() as cursor:
        cursor.execute(_SHOWN, [assignment_id])
        row = cursor.fetchone()
    if row is None:
        raise Assignment.DoesNotExist
    state, expires_at, draft, draft_version, order, prompt, campaign, clips, dimensions = map(_decoded, row)
    language = "zh" if (get_language() or "en").startswith("zh") else "en"
    answers = draft or (correcting.answers if correcting else {})
    scored = campaign["protocol"] != Campaign.Protocol.BEST_WORST
    if scored:
        answers = draft or (as_said(correcting.answers, order) if correcting else {})
        dimensions = [one for one in dimensions if rubric.asked(one["key"], prompt["task"])]
    if prompt.pop("has_first_frame"):
        prompt["first_frame"] = reverse("label_first_frame", args=[assignment_id])
    media = reverse("label_media", args=[_ANY])
    return {
        "assignment": str(assignment_id),
        "state": state,
        "expires_at": expires_at.isoformat(),
        "draft": answers or EMPTY[campaign["protocol"]],
        "draft_version": draft_version,
        "supersedes": str(correcting.pk) if correcting else None,
        "campaign": campaign,
        "prompt": prompt,
        "clips": [{"id": key, "src": media.replace(str(_ANY), key), **clips[key]} for key in order],
        "dimensions": [
            {
                "key": dimension["key"],
                "name": dimension[f"name_{language}"],
                "definition": dimension[f"definition_{language}"],
                "required": dimension["required"],
                **(rubric.shown(dimension["key"], language) if scored else NO_RUBRIC),
            }
            for dimension in dimensions
        ],
    }


EMPTY: dict[str, dict[str, Any]] = {
    Campaign.Protocol.BEST_WORST: {"picks": {}, "comparisons": []},
    Campaign.Protocol.LIKERT: {"scores": {}, "marks": []},
    Campaign.Protocol.GSB: {"verdicts": {}},
}
"""A draft with nothing in it, by protocol."""
NO_RUBRIC: dict[str, Any] = {"aspects": [], "anchors": []}


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


def _decoded(value: object) -> Any:
    """JSON comes as text: Django's connections leave it to the fields that know it."""
    return json.loads(value) if isinstance(value, str) and value[:1] in "{[" else value


_ANY = uuid.UUID(int=0)

_SHOWN = """
SELECT a.state, a.expires_at, a.draft, a.draft_version, a.clip_order,
    json_build_object('text_en', p.text_en, 'text_zh', p.text_zh, 'task', p.task, 'first_frame', NULL,
        'has_first_frame', p.first_frame <> '',
        'categories', (SELECT COALESCE(json_agg(k ORDER BY k.slug), '[]') FROM (
            SELECT slug, name_en, name_zh FROM annotation_category
            JOIN annotation_prompt_categories pc ON pc.category_id = annotation_category.id
            WHERE pc.prompt_id = p.id) k)),
    json_build_object('id', c.id, 'name', c.name, 'protocol', c.protocol,
        'lease_seconds', 60 * c.lease_minutes,
        'min_play_seconds', c.min_play_seconds, 'wanted', c.items_total * c.overlap,
        'judged', (SELECT COALESCE(sum(judged), 0) FROM annotation_participation WHERE campaign_id = c.id)),
    (SELECT json_object_agg(ic.id, json_build_object('width', r.width, 'height', r.height,
            'duration', r.duration, 'frame_times', r.frame_times))
        FROM annotation_itemclip ic JOIN annotation_rendition r ON r.clip_id = ic.clip_id
            AND r.fps IS NOT DISTINCT FROM c.normalise_fps
            AND r.seconds IS NOT DISTINCT FROM c.normalise_seconds
        WHERE ic.item_id = a.item_id),
    (SELECT json_agg(d ORDER BY d.position) FROM annotation_dimension d WHERE d.campaign_id = c.id)
FROM annotation_assignment a
JOIN annotation_item i ON i.id = a.item_id
JOIN annotation_prompt p ON p.id = i.prompt_id
JOIN annotation_campaign c ON c.id = a.campaign_id
WHERE a.id = %s
"""
