"""Prompts, what came in for their sets, and the taxonomy's categories."""

from pathlib import PurePosixPath
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Task(models.TextChoices):
    T2V = "t2v", _("Text to video")
    I2V = "i2v", _("Image to video")


class Category(models.Model):
    """A node of the taxonomy (§7.2.1), by slug and parent, named in both languages."""

    slug = models.SlugField(max_length=60, unique=True)
    parent = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="children"
    )
    name_en = models.CharField(max_length=80)
    name_zh = models.CharField(max_length=80)

    class Meta:
        verbose_name_plural = "categories"
        ordering: ClassVar[list[str]] = ["slug"]


class PromptSet(models.Model):
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)


class Prompt(models.Model):
    text_en = models.TextField(blank=True)
    text_zh = models.TextField(blank=True)
    task = models.CharField(max_length=3, choices=Task, default=Task.T2V)
    # The picture an image-to-video clip starts from: a PNG named by its SHA-256 (see firstframes.py).
    first_frame = models.FileField(upload_to="first_frames/", max_length=200, blank=True)
    # What that picture shows: a benchmark says it where the picture itself comes later.
    first_frame_en = models.TextField(blank=True)
    first_frame_zh = models.TextField(blank=True)
    # SHA-256 of task, texts and first frame: the same prompt is one row however often it is imported.
    fingerprint = models.CharField(max_length=64, unique=True)
    categories = models.ManyToManyField(Category, blank=True, related_name="prompts")
    prompt_sets = models.ManyToManyField(PromptSet, blank=True, related_name="prompts")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(text_en="", text_zh=""), name="prompt_has_a_text"),
            models.CheckConstraint(
                condition=Q(task="i2v") | Q(first_frame=""), name="first_frame_only_image_to_video"
            ),
        ]

    @property
    def first_frame_sha256(self) -> str:
        """Of the first frame's bytes; "" where there is none."""
        return PurePosixPath(self.first_frame.name).stem if self.first_frame.name else ""

    @property
    def lacks_first_frame(self) -> bool:
        """No clip can be made of it until it has a picture to start from."""
        return self.task == Task.I2V and not self.first_frame

    def text(self, language: str) -> str:
        """The text in a language, or in the other one where it has none."""
        return (self.text_zh or self.text_en) if language.startswith("zh") else (self.text_en or self.text_zh)


class PromptSketch(models.Model):
    """Keys by which near-duplicates of a prompt are found (nearduplicates.py); made when first needed."""

    prompt = models.OneToOneField(Prompt, on_delete=models.CASCADE, primary_key=True, related_name="sketch")
    bands = ArrayField(models.BigIntegerField())

    class Meta:
        indexes: ClassVar[list[models.Index]] = [GinIndex(fields=["bands"], name="prompt_sketch_bands")]


class PromptCandidate(models.Model):
    """A prompt that came in for a set, and what was decided about it. The filter's word can be overruled."""

    prompt_set = models.ForeignKey(PromptSet, on_delete=models.CASCADE, related_name="candidates")
    text_en = models.TextField(blank=True)
    text_zh = models.TextField(blank=True)
    task = models.CharField(max_length=3, choices=Task, default=Task.T2V)
    first_frame_en = models.TextField(blank=True)
    first_frame_zh = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=64)  # identity.fingerprint
    categories = models.JSONField(default=list)  # slugs
    source = models.CharField(max_length=200, blank=True)  # of the file: its name
    external_id = models.CharField(max_length=200, blank=True)  # what the prompt is called there
    # Why the filter left it out: "near_duplicate" or a rule's name of ambiguity.py; "" where it did not.
    reason = models.CharField(max_length=40, blank=True)
    evidence = models.CharField(max_length=200, blank=True)  # the words that the rule met
    alike = models.ForeignKey(Prompt, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    resemblance = models.FloatField(null=True, blank=True)  # to `alike`, in [0, 1]
    # Its prompt in the set; null while it is left out.
    prompt = models.ForeignKey(
        Prompt, on_delete=models.SET_NULL, null=True, blank=True, related_name="candidates"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)  # by a person; null: as the filter said
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["prompt_set", "fingerprint"], name="candidate_once_per_set")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["prompt_set", "id"], condition=Q(prompt=None), name="candidate_left_out"),
            models.Index(fields=["prompt_set", "reason", "id"], name="candidate_by_reason"),
        ]

    @property
    def lacks_first_frame(self) -> bool:
        """It is in the set, and no clip can be made of it yet."""
        return self.prompt is not None and self.prompt.lacks_first_frame

    def text(self, language: str) -> str:
        """The text in a language, or in the other one where it has none."""
        return (self.text_zh or self.text_en) if language.startswith("zh") else (self.text_en or self.text_zh)
