"""Reward models and their scores. Both are derived: from judgements, by runs that can be done again."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from annotation.models import Campaign, Clip, Dimension, PairVersion
from workbench.models import Artifact, Run


class RewardModel(models.Model):
    """A trained reward model. Its weights are the run's file `reward.safetensors`, in storage by SHA-256."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=12, choices=Dimension.Reward)
    name = models.CharField(max_length=120)
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="reward_model")
    weights = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="+")
    dimensions = models.JSONField()  # keys, in the order of the model's outputs
    # What the training ended with, by the names of rewardmodels/train/report.py: "accuracy/motion_quality" …
    metrics = models.JSONField(default=dict)
    # What it learnt from: the current judgements of these campaigns at that time.
    campaigns = models.ManyToManyField(Campaign, related_name="reward_models")
    until = models.DateTimeField()
    # Exactly the pairs it learnt from; null for models that were trained before there were versions.
    pairs = models.ForeignKey(
        PairVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="reward_models"
    )
    judgements = models.PositiveIntegerField()
    simulated = models.PositiveIntegerField(help_text="judgements among them that no person made")
    start = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="successors"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["-created_at", "-id"])]

    @property
    def sha256(self) -> str:
        """Of the weights file."""
        return str(self.weights.sha256)

    def figure(self, name: str, dimension: str) -> Any:
        """A figure of one dimension, e.g. `figure("accuracy", "motion_quality")`; None if there is none."""
        return self.metrics.get(f"{name}/{dimension}")


class Score(models.Model):
    """What a reward model gives a clip in one dimension: 0 and 1 are mean and deviation of base samples."""

    id = models.BigAutoField(primary_key=True)
    reward_model = models.ForeignKey(RewardModel, on_delete=models.CASCADE, related_name="scores")
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="scores")
    dimension = models.SlugField(max_length=40)
    value = models.FloatField()
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="+")  # that gave it last
    scored_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["reward_model", "clip", "dimension"], name="score_once_per_dimension"
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["reward_model", "dimension", "value"], name="score_best_and_worst")
        ]
