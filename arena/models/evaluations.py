"""Benchmark evaluations (§7.2): which clips of which video models experts score, and how far that is."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.models import Campaign, PromptSet, Task, VideoModel
from workbench.models import Run


class Evaluation(models.Model):
    """A prompt set's clips of some video models, scored by experts. `lifecycle.advance` moves it on."""

    class State(models.TextChoices):
        AWAITING = "awaiting", _("Awaiting clips")
        SCORING = "scoring", _("Scoring")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    state = models.CharField(max_length=9, choices=State, default=State.AWAITING, db_index=True)
    problem = models.TextField(blank=True)  # why it does not go on by itself
    prompt_set = models.ForeignKey(PromptSet, on_delete=models.PROTECT, related_name="evaluations")
    task = models.CharField(max_length=3, choices=Task)  # of the set's prompts, those that are evaluated
    video_models = models.ManyToManyField(VideoModel, related_name="evaluations")
    likert = models.BooleanField(default=True)
    gsb = models.BooleanField(default=False)
    # GSB: the one that the others are compared with.
    under_test = models.ForeignKey(
        VideoModel, on_delete=models.PROTECT, null=True, blank=True, related_name="evaluations_under_test"
    )
    seeds = models.JSONField()  # a clip of each prompt and model for each; ints
    side_by_side = models.BooleanField(default=False)  # Likert: an item is all of a model's clips of a prompt
    overlap = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    experts = models.JSONField(default=dict)  # {"annotators": [user ids], "groups": [group ids]}; none: all
    sampling = models.JSONField(default=dict)  # for clips that are made here: {"steps": n, "guidance": x}
    likert_campaign = models.OneToOneField(
        Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="evaluation_likert"
    )
    gsb_campaign = models.OneToOneField(
        Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="evaluation_gsb"
    )
    # The latest report (reports.Report), and how many judgements it was computed from.
    report = models.JSONField(default=dict)
    report_judgements = models.PositiveIntegerField(default=0)
    report_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)  # optimistic lock: a stale page gets 409

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(likert=True) | Q(gsb=True), name="evaluation_has_a_protocol"),
            models.CheckConstraint(
                condition=Q(gsb=False) | Q(under_test__isnull=False), name="gsb_has_a_model_under_test"
            ),
        ]

    @property
    def campaigns(self) -> list[Campaign]:
        """Its campaigns, once there are: Likert first."""
        return [row for row in (self.likert_campaign, self.gsb_campaign) if row is not None]

    @property
    def ended(self) -> bool:
        return self.state in (self.State.DONE, self.State.CANCELLED)


class EvaluationRun(models.Model):
    """A run that makes clips for an evaluation; written by whoever launches it, together with the run."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="runs")
    video_model = models.ForeignKey(VideoModel, on_delete=models.PROTECT, related_name="+")
    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="evaluation_run")

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
