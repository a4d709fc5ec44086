"""Finding clips: the one filter behind the page and the API."""

import uuid
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from annotation.models import Clip
from workbench.refusals import Invalid


@dataclass(frozen=True, kw_only=True)
class ClipFilter:
    """Empty means: any."""

    state: str = ""
    video_model: str = ""  # slug
    prompt_set: str = ""  # slug
    text: str = ""  # in the prompt, the original's name, or the beginning of the SHA-256


def find_clips(
    wanted: ClipFilter, after: uuid.UUID | None = None, limit: int = 100
) -> tuple[list[Clip], uuid.UUID | None]:
    """A page of clips, newest first, from behind the clip `after`; and what to pass for the next page.

    Raises Invalid `no_such_clip` for an `after` that is no clip.
    """
    rows = Clip.objects.select_related("prompt", "video_model").order_by("-created_at", "id")
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.video_model:
        rows = rows.filter(video_model__slug=wanted.video_model)
    if wanted.prompt_set:
        in_set = Clip.objects.filter(prompt__prompt_sets__slug=wanted.prompt_set).values("pk")
        rows = rows.filter(pk__in=in_set)
    if wanted.text:
        rows = rows.filter(
            Q(prompt__text_en__icontains=wanted.text)
            | Q(prompt__text_zh__icontains=wanted.text)
            | Q(original_name__icontains=wanted.text)
            | Q(sha256__startswith=wanted.text.lower())
        )
    if after is not None:
        start = Clip.objects.filter(pk=after).values_list("created_at", flat=True).first()
        if start is None:
            message = _("There is no clip %(id)s.") % {"id": after}
            raise Invalid("no_such_clip", message, where="query.after")
        rows = rows.filter(Q(created_at__lt=start) | Q(created_at=start, pk__gt=after))
    found = list(rows[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None
