"""Checkpoints of the generator, the clips they made, what the judge said of clips, and rounds."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.models import Campaign, Clip, Prompt, VideoModel
from rewardmodels.models import RewardModel
from workbench.models import Run, User


class Checkpoint(models.Model):
    """The weights of a generator: one safetensors file, kept under a name of its own in storage.

    A file that was brought in is one checkpoint, however often; a run makes one of its own.
    """

    class Stage(models.TextChoices):
        AUTOENCODER = "autoencoder", _("Autoencoder")
        PRETRAINING = "pretraining", _("Pre-training")
        REFL = "refl", _("Reward feedback learning")
        IMPORTED = "imported", _("Imported")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    video_model = models.OneToOneField(VideoModel, on_delete=models.PROTECT, related_name="checkpoint")
    preset = models.CharField(max_length=40, blank=True)  # the sizes' name; "" where they are of no preset
    stage = models.CharField(max_length=12, choices=Stage)
    file = models.FileField(upload_to="checkpoints/", max_length=200)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()
    parent = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children"
    )
    run = models.OneToOneField(
        Run, on_delete=models.PROTECT, null=True, blank=True, related_name="generator_checkpoint"
    )
    settings = models.JSONField(default=dict)  # what the file says of itself: sizes, and how it was trained
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["sha256"], condition=Q(run=None), name="imported_checkpoint_once_per_file"
            )
        ]


class GeneratedClip(models.Model):
    """Which clip a `generate` run made at which place of its list."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="generated")
    position = models.PositiveIntegerField()
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="generated")

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "position"], name="generated_once_per_position")
        ]


class JudgeScore(models.Model):
    """What the judge that is never optimised measured in a clip, 0 (bad) to 1 (good)."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="judge_scores")
    dimension = models.SlugField(max_length=40)
    value = models.FloatField()
    version = models.PositiveSmallIntegerField()  # of the judge's measures
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["clip", "dimension", "version"], name="judged_once_per_version")
        ]


class Round(models.Model):
    """One turn of the loop (§4.4.3). `rounds.py` moves it on; everything it needs to know is in rows."""

    class State(models.TextChoices):
        WORKING = "working", _("At work")
        PROMOTED = "promoted", _("Promoted")
        REJECTED = "rejected", _("Rejected")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    class Step(models.TextChoices):
        SAMPLE = "sample", _("Sample clips")
        JUDGE = "judge", _("Collect judgements")
        REWARDS = "rewards", _("Train reward models")
        FEEDBACK = "feedback", _("Learn from the rewards")
        RESAMPLE = "resample", _("Sample again")
        EVALUATE = "evaluate", _("Compare before and after")

    id = models.BigAutoField(primary_key=True)
    state = models.CharField(max_length=9, choices=State, default=State.WORKING, db_index=True)
    step = models.CharField(max_length=8, choices=Step, default=Step.SAMPLE)
    problem = models.TextField(blank=True)  # why it failed
    preset = models.CharField(max_length=20)
    settings = models.JSONField()  # the preset as it was at the start: round_presets.RoundPreset
    base = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="rounds_from")
    trained = models.ForeignKey(
        Checkpoint, on_delete=models.PROTECT, null=True, blank=True, related_name="rounds_to"
    )
    prompts: "models.ManyToManyField[Prompt, RoundPrompt]" = models.ManyToManyField(
        Prompt, through="RoundPrompt", related_name="rounds"
    )
    campaign = models.OneToOneField(
        Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="round"
    )
    reward_models = models.ManyToManyField(RewardModel, blank=True, related_name="rounds")
    report = models.JSONField(default=dict)  # evaluation.Report, once there is one
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="rounds")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]

    @property
    def ended(self) -> bool:
        """Over for good: a failed round can still go on."""
        return self.state in {self.State.PROMOTED, self.State.REJECTED, self.State.CANCELLED}


class RoundPrompt(models.Model):
    """A prompt of a round: one to learn from, or one that is held out for the comparison."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="round_prompts")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="round_prompts")
    held_out = models.BooleanField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["round", "prompt"], name="prompt_once_per_round")
        ]


class RoundRun(models.Model):
    """A run that a round launched, by its step and part in it; written together with the run itself."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="round_runs")
    step = models.CharField(max_length=8, choices=Round.Step)
    role = models.CharField(max_length=20)
    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="round_run")

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["round", "step", "role"],
                condition=~Q(role="simulate"),
                name="one_run_per_step_and_role",
            )
        ]
