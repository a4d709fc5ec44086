"""Prompts, clips, campaigns and judgements. A judgement is never changed: a correction supersedes it."""

import uuid
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

# So that Django knows of these rows; whoever needs them imports them from their own module.
from annotation import models_data, models_webhooks  # noqa: F401


def opaque_id() -> uuid.UUID:
    """An identifier that says nothing about the row: for everything an annotator's page may show."""
    return uuid.uuid4()


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
    fingerprint = models.CharField(max_length=64)  # prompts.fingerprint
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
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["clip", "fps", "seconds"], name="rendition_once_per_form", nulls_distinct=False
            )
        ]


# --- Labelling --------------------------------------------------------------------------------------------


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
    selection = models.JSONField(default=dict)  # campaigns.Selection it was made from: to extend it by
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


class Item(models.Model):
    """What one judgement is about: a prompt and its clips. The queue keeps `open_slots`, in the database."""

    id = models.UUIDField(primary_key=True, default=opaque_id, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="items")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="items")
    position = models.PositiveIntegerField()
    # Judgements wanted and not leased: overlap - leased - judged. The queue's index is on open_slots > 0.
    open_slots = models.PositiveSmallIntegerField()
    # Has a known answer (`gold_answer`): no open slots, any number of judgements, no preference pairs.
    gold = models.BooleanField(db_default=False)
    clips: "models.ManyToManyField[Clip, ItemClip]" = models.ManyToManyField(Clip, through="ItemClip")

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["campaign", "position"], name="item_position_once_per_campaign")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["campaign", "position"], condition=Q(open_slots__gt=0), name="item_open")
        ]


class ItemClip(models.Model):
    """A clip's place in an item. `id` is the opaque address that annotators' pages use for the clip."""

    id = models.UUIDField(primary_key=True, default=opaque_id, editable=False)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="item_clips")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="item_clips")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["item", "clip"], name="clip_once_per_item")
        ]


class Assignment(models.Model):
    """An item leased to a person."""

    class State(models.TextChoices):
        # Reserved so that its clips can be fetched ahead; not yet seen, so it vanishes when it expires.
        HELD = "held", _("Held ready")
        LEASED = "leased", _("In work")
        SUBMITTED = "submitted", _("Submitted")
        SKIPPED = "skipped", _("Skipped")
        EXPIRED = "expired", _("Expired")
        # Open before somebody who adjudicates it: no slot, no lease (adjudication.py).
        DECIDING = "deciding", _("In adjudication")

    id = models.UUIDField(primary_key=True, default=opaque_id, editable=False)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="assignments")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="assignments")  # the item's
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments"
    )
    state = models.CharField(max_length=9, choices=State, default=State.LEASED)
    clip_order = models.JSONField()  # ids of ItemClip as this annotator sees them
    draft = models.JSONField(default=dict)
    draft_version = models.PositiveIntegerField(default=0)
    skip_reason = models.CharField(max_length=200, blank=True)
    leased_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    surplus = models.BooleanField(default=False)  # submitted after its slot had gone to somebody else

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["item", "annotator"], name="item_once_per_annotator"),
            models.UniqueConstraint(
                fields=["campaign", "annotator"], condition=Q(state="leased"), name="one_lease_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["campaign", "annotator"], condition=Q(state="held"), name="one_held_at_a_time"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["campaign", "expires_at"],
                condition=Q(state__in=["leased", "held"]),
                name="assignment_with_slot",
            ),
            models.Index(fields=["campaign", "annotator", "-leased_at"], name="assignment_latest"),
            # Ids are random: a stretch of this index is a random sample of what was judged.
            models.Index(fields=["campaign", "id"], condition=Q(state="submitted"), name="assignment_judged"),
            # For working-time exports; nothing but a skip writes to it.
            models.Index(fields=["ended_at"], condition=Q(state="skipped"), name="assignment_skipped"),
        ]


class Judgement(models.Model):
    """What a person said about an item. Never overwritten: the current one is the one nothing supersedes."""

    id = models.UUIDField(primary_key=True, default=opaque_id, editable=False)
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="judgements")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="judgements")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="judgements"
    )
    answers = models.JSONField()  # bestworst.to_json, or scoring.to_json
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    idempotency_key = models.UUIDField(unique=True)
    seconds = models.FloatField(null=True, blank=True)  # time on task as the page measured it
    simulated = models.BooleanField(default=False)
    # Decides an item that judges disagreed on: the pairs of the item's other judgements are overruled.
    adjudicates = models.BooleanField(db_default=False)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["item"], condition=Q(adjudicates=True), name="judgement_adjudicates")
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(supersedes=F("id")), name="judgement_not_its_own_predecessor")
        ]


class PreferencePair(models.Model):
    """Derived from a judgement by `bestworst.py`; can be deleted and derived again at any time."""

    judgement = models.ForeignKey(Judgement, on_delete=models.CASCADE, related_name="pairs")
    # Its index is the one below that begins with it.
    dimension = models.ForeignKey(Dimension, on_delete=models.CASCADE, related_name="pairs", db_index=False)
    best = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    worst = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    weight = models.FloatField(validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    broken_by = models.JSONField(default=list)  # dimension keys in which the best is inferior to the worst
    unchecked = models.JSONField(default=list)  # dimension keys the constraint could not be checked in
    overruled = models.BooleanField(db_default=False)  # an adjudication of the item decides instead

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["judgement", "dimension", "best", "worst"], name="pair_once_per_judgement"
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["dimension", "id"], name="pair_of_dimension"),
            models.Index(fields=["dimension", "id"], condition=~Q(broken_by=[]), name="pair_broken"),
            models.Index(fields=["dimension", "id"], condition=~Q(unchecked=[]), name="pair_unchecked"),
            models.Index(fields=["dimension", "id"], condition=Q(overruled=True), name="pair_overruled"),
        ]


# --- Beside the work --------------------------------------------------------------------------------------


class ClipFlag(models.Model):
    """Somebody says that a clip is broken, at the place in an item where they saw it."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="clip_flags")  # the item's
    item_clip = models.ForeignKey(ItemClip, on_delete=models.CASCADE, related_name="flags")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="clip_flags"
    )
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["item_clip", "annotator"], name="clip_flag_once_per_annotator")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["campaign", "-created_at"], name="clip_flag_latest")
        ]


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


# --- Quality ----------------------------------------------------------------------------------------------


class GoldAnswer(models.Model):
    """The known answer of a gold item, for the dimensions it speaks of (gold.py)."""

    class Source(models.TextChoices):
        DEGRADED = "degraded", _("A degraded copy")
        CONSENSUS = "consensus", _("A judged item")
        KNOWN = "known", _("Scores that a manager knows")

    item = models.OneToOneField(Item, on_delete=models.CASCADE, primary_key=True, related_name="gold_answer")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="gold_answers")
    # By dimension key: {"best": [ItemClip, ...], "worst": [...]} with either side or both, or {"tie": true};
    # of a Likert campaign {"expected": {ItemClip: score}, "tolerance": points}.
    answers = models.JSONField()
    explanation_en = models.TextField(blank=True)
    explanation_zh = models.TextField(blank=True)
    source = models.CharField(max_length=9, choices=Source)
    # The judged item it repeats: who judged that one is not asked again.
    repeats = models.ForeignKey(
        Item, on_delete=models.SET_NULL, null=True, blank=True, related_name="gold_repeats"
    )
    active = models.BooleanField(default=True)  # False: no longer dealt
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["campaign", "item"], condition=Q(active=True), name="gold_dealt")
        ]

    def explanation(self, language: str) -> str:
        """The explanation in a language, or in the other one where it has none."""
        zh, en = self.explanation_zh, self.explanation_en
        return (zh or en) if language.startswith("zh") else (en or zh)


class GoldJudgement(models.Model):
    """How a person's first answer to a gold item compares with the known one."""

    judgement = models.OneToOneField(
        Judgement, on_delete=models.CASCADE, primary_key=True, related_name="gold"
    )
    gold = models.ForeignKey(GoldAnswer, on_delete=models.CASCADE, related_name="judged")
    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="gold_judgements")
    right = models.JSONField()  # by dimension key: true or false; only those the gold answer speaks of
    share = models.FloatField()  # of those, how many are right: 0..1
    trial = models.BooleanField(default=False)  # part of the qualification round


class Dispute(models.Model):
    """An item whose judges disagree (disputes.py): found off-request, decided by an adjudication."""

    item = models.OneToOneField(Item, on_delete=models.CASCADE, primary_key=True, related_name="dispute")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="disputes")  # the item's
    score = models.FloatField()  # the most disputed dimension's, 0..1
    by_dimension = models.JSONField()  # key: score
    judgements = models.PositiveSmallIntegerField()
    computed_at = models.DateTimeField(default=timezone.now)
    decision = models.OneToOneField(
        Judgement, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["campaign", "-score", "item"], condition=Q(decision=None), name="dispute_open"
            )
        ]


class DisputesFound(models.Model):
    """Up to when judgements have been looked through for disputes. One row."""

    through = models.DateTimeField()


class QualityReport(models.Model):
    """A campaign's annotators as quality.py found them, by a task; the latest only."""

    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, primary_key=True, related_name="quality_report"
    )
    asked_at = models.DateTimeField(null=True, blank=True)  # while a task is to compute it anew
    computed_at = models.DateTimeField(null=True, blank=True)
    judgements = models.PositiveIntegerField(default=0)  # that it rests on
    report = models.JSONField(default=dict)  # quality.Report
