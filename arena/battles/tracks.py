"""Which tracks there are, and who may see and vote on them."""

from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils.translation import gettext as _

from annotation.models import Task
from arena.models import Track
from workbench.access import may
from workbench.refusals import Missing

STANDARD = {Task.T2V: ("Text to video", "文生视频"), Task.I2V: ("Image to video", "图生视频")}
"""Tracks that every arena has, by slug: one for each task, over all of its prompts."""
RESERVED = frozenset({"battles", "first-frame", "media", "models", "prompts", "suggest", "tracks", "watch"})
"""Slugs that are words of addresses."""


def standard(task: Task) -> Track:
    """The task's own track; made where it is not there."""
    name_en, name_zh = STANDARD[task]
    named = {"task": task, "name_en": name_en, "name_zh": name_zh}
    return Track.objects.get_or_create(slug=str(task), defaults=named)[0]


def seen_by(user: Any) -> list[Track]:
    """The tracks that somebody (a user, or a visitor) may look at: the standard ones first."""
    for task in STANDARD:
        standard(task)
    return [track for track in Track.objects.select_related("anchor") if may_see(user, track)]


def find(user: Any, slug: str) -> Track:
    """The track of that slug. Raises Missing where there is none, or this user may not see it."""
    if slug in STANDARD:
        standard(Task(slug))
    track = Track.objects.select_related("anchor").filter(slug=slug).first()
    if track is None or not may_see(user, track):
        raise Missing(
            "no_such_track", _("There is no such track, or you are not invited."), where="path.track"
        )
    return track


def may_see(user: Any, track: Track) -> bool:
    """Read its board: everybody who may vote anywhere, but for tracks of invited people."""
    if not user.is_authenticated:
        return bool(settings.ARENA_OPEN) and track.entry == Track.Entry.EVERYBODY
    if not may(user, "vote"):
        return False
    invited_only = track.entry == Track.Entry.INVITED
    return not invited_only or may(user, "campaigns.manage") or track.invited.filter(pk=user.pk).exists()


def may_vote(user: Any, track: Track) -> bool:
    """True if this user, or visitor, gets battles of a track that they may see."""
    if track.state != Track.State.OPEN or not may_see(user, track):
        return False
    return bool(user.is_authenticated) or track.anonymous


def changed(track: Track) -> None:
    """Something changed that boards are computed from, other than a new vote."""
    Track.objects.filter(pk=track.pk).update(revision=F("revision") + 1)
