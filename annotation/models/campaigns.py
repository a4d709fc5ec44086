"""Campaigns: their settings, dimensions and examples, who takes part and how far they are."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from annotation.models.clips import Clip, VideoModel
from annotation.models.ids import opaque_id


class Campaign(models.Model):
    """One labelling effort over a fixed list of items."""

    class Protocol(models.TextChoices):
        """What is asked of an item: see bestworst.py for the first, scoring.py for the others."""

        BEST_WORST = "best_worst", _("Best and worst")
        LIKERT = "likert", _("Scores from 1 to 5")
        GSB = "gsb", _("Good, same or bad")

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        OPEN = "open", _("Open")
        PAUSED = "paused", _("Paused")
        CLOSED = "closed", _("Closed")

    id = models.UUIDField(primary_key=True, default=opaque_id, editable=False)
    name = models.CharField(max_length=120)
    guidelines = models.TextField(blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.DRAFT, db_index=True)
    protocol = models.CharField(
        max_length=10, choices=Protocol, default=Protocol.BEST_WORST, db_default=Protocol.BEST_WORST
    )
    # Good/same/bad says how the clip of this model does against the item's other one.
    model_under_test = models.ForeignKey(
        VideoModel, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Of a Likert campaign, at most: what is left of a prompt's clips makes a smaller item.
    clips_per_item = models.PositiveSmallIntegerField(
        default=4, validators=[MinValueValidator(1), MaxValueValidator(8)]
    )
    overlap = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    question_limit = models.PositiveSmallIntegerField(default=3, validators=[MaxValueValidator(20)])
    lease_minutes = models.PositiveSmallIntegerField(default=20, validators=[MinValueValidator(1)])
    min_play_seconds = models.FloatField(default=0, validators=[MinValueValidator(0), MaxValueValidator(60)])
    # Frame rate and length are judged as they are unless the campaign normalises them.
    normalise_fps = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(120)]
    )
    normalise_seconds = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0.1)])
    gold_feedback = models.BooleanField(default=False)  # a wrong gold answer is explained at once
    # The first items of a person are gold; 0: no qualification round. They pass with this share right.
    qualification_items = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(50)])
    qualification_pass = models.FloatField(
        default=0.7, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    # Items whose disagreement (disputes.py) is this or more wait for adjudication.
    dispute_from = models.FloatField(default=0.5, validators=[MinValueValidator(0), MaxValueValidator(1)])
    open_to_all = models.BooleanField(default=True)
    annotators = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="campaigns")
    # Of what a person is shown, how much is gold: items whose answer is known.
    gold_share = models.FloatField(default=0, validators=[MinValueValidator(0), MaxValueValidator(0.5)])
    # Items a person may judge, over all and in a day; null: as many as there are.
    most_per_annotator = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    most_per_day = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    # Below these, managers get a notice about a person; null: they don't.
    least_gold_accuracy = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    least_pace = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0)], help_text="judgements an hour on task"
    )
    selection = models.JSONField(default=dict)  # planning.Selection it was made from: to extend it by
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=0)  # optimistic lock: a stale form gets 409
    items_total = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(protocol="gsb", model_under_test__isnull=False)
                | (~Q(protocol="gsb") & Q(model_under_test=None)),
                name="campaign_tests_a_model_if_gsb",
            )
        ]

    @property
    def wanted(self) -> int:
        """Judgements the campaign asks for."""
        return self.items_total * self.overlap

    @property
    def normalised(self) -> tuple[float | None, float | None]:
        """The form its renditions have: frame rate and length, None where the clip's own are kept."""
        return self.normalise_fps, self.normalise_seconds

    @cached_property
    def progress(self) -> "Progress":
        """What all people have done, summed over their parts: read once, and again after `refresh_from_db`.

        `prefetch_related("participations")` reads those of many campaigns in one statement.
        """
        parts = self.participations.all()
        return Progress(
            judged=sum(part.judged for part in parts),
            surplus=sum(part.surplus for part in parts),
            skipped=sum(part.skipped for part in parts),
            seconds=sum(part.seconds for part in parts),
            wanted=self.wanted,
        )

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        self.__dict__.pop("progress", None)
        super().refresh_from_db(*args, **kwargs)


@dataclass(frozen=True)
class Progress:
    """How far a campaign is."""

    judged: int
    """Slots with a judgement."""
    surplus: int
    """Judgements beyond the overlap: late ones, kept all the same."""
    skipped: int
    seconds: float
    """Time on task."""
    wanted: int
    """Judgements that the campaign asks for."""

    @property
    def left(self) -> int:
        return max(0, self.wanted - self.judged)

    @property
    def percent(self) -> int:
        return round(100 * self.judged / self.wanted) if self.wanted else 0


class Participation(models.Model):
    """A person's part in a campaign. The queue keeps it with each change, so progress never counts rows.

    Everybody has a row of their own, so people who submit at the same time never wait for each other.
    """

    class Qualification(models.TextChoices):
        PASSED = "passed", _("Passed")
        FAILED = "failed", _("Not passed")
        LET_IN = "let_in", _("Let in")

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="participations")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="participations"
    )
    judged = models.PositiveIntegerField(db_default=0)  # slots with a judgement
    surplus = models.PositiveIntegerField(db_default=0)  # judgements beyond the overlap
    skipped = models.PositiveIntegerField(db_default=0)
    seconds = models.FloatField(db_default=0.0)  # time on task, as the pages measured it
    position = models.PositiveIntegerField(
        db_default=0
    )  # of the item taken last: the next one is ahead of it
    first_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())
    excluded_at = models.DateTimeField(null=True, blank=True)  # this person's work here does not count
    excluded_why = models.CharField(max_length=200, blank=True, db_default="")
    # True until the pairs of this person's judgements have followed an exclusion or its end (exclusion.py).
    pairs_due = models.BooleanField(db_default=False)
    slots_due = models.BooleanField(db_default=False)  # an exclusion gives the slots back: not all are yet
    gold_judged = models.PositiveIntegerField(db_default=0)  # gold items; they are in no other counter
    gold_right = models.FloatField(db_default=0.0)  # sum over them of the share of dimensions that were right
    trial_judged = models.PositiveSmallIntegerField(db_default=0)  # the same, of the qualification round
    trial_right = models.FloatField(db_default=0.0)
    qualification = models.CharField(max_length=6, choices=Qualification, blank=True, db_default="")
    # Judgements on the latest day with any, for a daily limit.
    day = models.DateField(null=True, blank=True)
    day_judged = models.PositiveIntegerField(db_default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["campaign", "annotator"], name="one_part_in_a_campaign")
        ]


class AnnotatorGroup(models.Model):
    """People chosen for a campaign at once. Choosing copies the members: a later change moves nobody."""

    name = models.CharField(max_length=80, unique=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="annotator_groups")
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=0)  # optimistic lock

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]


class CampaignTally(models.Model):
    """What a campaign's pages show that has to be counted: counted behind them (tally.py), never on one."""

    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, primary_key=True, related_name="tally"
    )
    counted_at = models.DateTimeField()
    took = models.FloatField()  # seconds the counting took: the longer, the rarer it is done
    version = models.PositiveIntegerField()  # of the campaign as counted
    figures = models.JSONField()  # tally.Figures


class Shortfall(models.Model):
    """A person's gold accuracy or pace is below what the campaign wants; managers were told once.

    It ends when the figure has recovered, and a later fall is another row.
    """

    class Kind(models.TextChoices):
        GOLD = "gold", _("Gold accuracy")
        PACE = "pace", _("Pace")

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="shortfalls")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="shortfalls"
    )
    kind = models.CharField(max_length=4, choices=Kind)
    value = models.FloatField()  # when it was raised: a share of gold right, or judgements an hour
    least = models.FloatField()  # what the campaign wanted
    raised_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["campaign", "annotator", "kind"],
                condition=Q(ended_at=None),
                name="one_open_shortfall_of_a_kind",
            )
        ]


class Dimension(models.Model):
    """What clips are compared by within a campaign, and which reward model it trains."""

    class Reward(models.TextChoices):
        FOUNDATIONAL = "foundational", _("Foundational")
        MOTION = "motion", _("Motion")
        AESTHETIC = "aesthetic", _("Aesthetic")

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="dimensions")
    key = models.SlugField(max_length=40)
    name_en = models.CharField(max_length=80)
    name_zh = models.CharField(max_length=80)
    definition_en = models.TextField(blank=True)
    definition_zh = models.TextField(blank=True)
    reward = models.CharField(max_length=12, choices=Reward, blank=True)
    required = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["campaign", "key"], name="dimension_key_once_per_campaign")
        ]

    def name(self, language: str) -> str:
        return self.name_zh if language.startswith("zh") else self.name_en

    def definition(self, language: str) -> str:
        return self.definition_zh if language.startswith("zh") else self.definition_en


class GuidelineExample(models.Model):
    """A clip that shows annotators what is meant; `dimension` null: it speaks for all of them."""

    class Shows(models.TextChoices):
        GOOD = "good", _("Good")
        BAD = "bad", _("Bad")

    id = models.UUIDField(primary_key=True, default=opaque_id, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="examples")
    dimension = models.ForeignKey(
        Dimension, on_delete=models.CASCADE, null=True, blank=True, related_name="examples"
    )
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=4, choices=Shows, default=Shows.GOOD)
    caption_en = models.CharField(max_length=300, blank=True)
    caption_zh = models.CharField(max_length=300, blank=True)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["campaign", "dimension", "clip"], name="example_once", nulls_distinct=False
            )
        ]

    def caption(self, language: str) -> str:
        """The caption in a language, or in the other one where it has none."""
        zh, en = self.caption_zh, self.caption_en
        return (zh or en) if language.startswith("zh") else (en or zh)
