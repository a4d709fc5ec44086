"""Video models, their clips, and the renditions that people see."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.models.ids import opaque_id
from annotation.models.prompts import Prompt


class VideoModel(models.Model):
    """A system that makes clips: one of our checkpoints, or an outside one."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    organisation = models.CharField(max_length=120, blank=True)  # who made it
    # Its card, as far as somebody knows it.
    licence = models.CharField(max_length=80, blank=True)
    released = models.DateField(null=True, blank=True)
    # Of one second of video, by its API: in US dollars, and in seconds of waiting.
    price_per_second = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0)])
    seconds_per_second = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0)])
    deprecated = models.BooleanField(default=False)  # no new battles; boards hide it unless asked
    version = models.PositiveIntegerField(default=0)  # optimistic lock: a stale form gets 409
    created_at = models.DateTimeField(auto_now_add=True)


class Clip(models.Model):
    """A video. The original keeps its bytes; people see the judged rendition under an opaque address."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting for its rendition")
        READY = "ready", _("Ready")
        BROKEN = "broken", _("Broken")

    id = models.UUIDField(primary_key=True, default=opaque_id, editable=False)
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, null=True, blank=True, related_name="clips")
    video_model = models.ForeignKey(
        VideoModel, on_delete=models.PROTECT, null=True, blank=True, related_name="clips"
    )
    seed = models.BigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, unique=True)
    size = models.PositiveBigIntegerField()
    original = models.FileField(upload_to="clips/", max_length=200)
    original_name = models.CharField(max_length=255)
    poster = models.FileField(upload_to="posters/", max_length=200, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING, db_index=True)
    problem = models.TextField(blank=True)

    codec = models.CharField(max_length=20)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    frames = models.PositiveIntegerField()
    fps = models.FloatField(help_text="frames a second, measured from the decoded time stamps")
    duration = models.FloatField(help_text="seconds, measured")
    has_audio = models.BooleanField(default=False)
    source = models.CharField(max_length=200, blank=True)  # licence, origin: whatever the import says
    recipe = models.JSONField(default=dict)  # how a generated clip was made: every setting
    # A degraded copy for a gold item. It has no prompt and no video model: nothing else ever takes it.
    degraded_from = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="degraded_copies"
    )

    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "id"]


class Rendition(models.Model):
    """A clip as people see it: browser-playable, silent, without metadata, at the display size.

    Frame rate and length are the original's (both fields null) unless a campaign normalises them.
    """

    id = models.UUIDField(primary_key=True, default=opaque_id, editable=False)
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="renditions")
    fps = models.FloatField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    file = models.FileField(upload_to="renditions/", max_length=200)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    frames = models.PositiveIntegerField()
    # Presentation time of each frame in seconds: the player steps and seeks by these, not by time x fps.
    frame_times = models.JSONField()
    duration = models.FloatField()
    # How it looks, see `annotation.media.Looks`; null: not measured yet.
    brightness = models.FloatField(null=True)
    colourfulness = models.FloatField(null=True)
    motion = models.FloatField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["clip", "fps", "seconds"], name="rendition_once_per_form", nulls_distinct=False
            )
        ]
