"""Tracks, blind battles and the votes on them. A vote never changes; ratings are computed when read."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from annotation.models import Clip, Prompt, PromptSet, Task, VideoModel, opaque_id


class Track(models.Model):
    """A line of battles with a board of its own: which prompts, who may vote, what its board leaves out."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        CLOSED = "closed", _("Closed")

    class Entry(models.TextChoices):
        EVERYBODY = "everybody", _("Everybody with an account")
        INVITED = "invited", _("Invited people only")

    slug = models.SlugField(max_length=40, unique=True)
    task = models.CharField(max_length=3, choices=Task)
    name_en = models.CharField(max_length=80)
    name_zh = models.CharField(max_length=80)
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    entry = models.CharField(max_length=9, choices=Entry, default=Entry.EVERYBODY)
    invited = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="tracks")
    # Visitors without an account may vote and read the board, where the arena is open to them (ARENA_OPEN).
    anonymous = models.BooleanField(default=True)
    # Battles are over the prompts of these sets; without any, over every prompt of the task.
    prompt_sets = models.ManyToManyField(PromptSet, through="TrackPromptSet", related_name="tracks")
    # Models with fewer votes are not shown.
    least_votes = models.PositiveIntegerField(default=0)
    # Whose rating is fixed at 1000 where the board is read anchored; null: boards are centred.
    anchor = models.ForeignKey(VideoModel, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    # What ratings leave out (filters.py); null or 0: nothing.
    day_cap = models.PositiveIntegerField(null=True, blank=True)  # votes of a voter in a day that count
    prompt_cap = models.PositiveIntegerField(null=True, blank=True)  # votes on a prompt that count
    outlier_alpha = models.FloatField(default=0.05, validators=[MinValueValidator(0), MaxValueValidator(0.5)])
    leak_words = models.TextField(blank=True)  # beside the models' own names; one a line
    # Battles that are over may be watched on the models' pages.
    battles_shown = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=0)  # optimistic lock: a stale form gets 409
    # Counts up with what changes a board without a new vote: settings, rulings on voters.
    revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return self.slug

    @property
    def name(self) -> str:
        """In the reader's language."""
        return self.name_zh if (get_language() or "en").startswith("zh") else self.name_en


class TrackPromptSet(models.Model):
    """A set that a track's prompts come from, and how often: by weight, against the other sets."""

    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="track_prompt_sets")
    prompt_set = models.ForeignKey(PromptSet, on_delete=models.CASCADE, related_name="+")
    weight = models.FloatField(default=1.0, validators=[MinValueValidator(0), MaxValueValidator(1000)])

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["track", "prompt_set"], name="prompt_set_once_per_track")
        ]


class Voter(models.Model):
    """Whoever votes: a person with an account, or a visitor, whom a session remembers by this id."""

    id = models.UUIDField(primary_key=True, default=opaque_id, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="voter"
    )
    created_at = models.DateTimeField(auto_now_add=True)


class Battle(models.Model):
    """Two clips of one prompt, of two video models, shown blind to one voter."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        VOTED = "voted", _("Voted")
        PASSED = "passed", _("Passed over")
        EXPIRED = "expired", _("Expired")

    id = models.UUIDField(primary_key=True, default=opaque_id, editable=False)
    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="battles")
    voter = models.ForeignKey(Voter, on_delete=models.PROTECT, related_name="battles")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="battles")
    left = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    right = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    # The clips' video models: what ratings group by.
    left_model = models.ForeignKey(VideoModel, on_delete=models.PROTECT, related_name="+")
    right_model = models.ForeignKey(VideoModel, on_delete=models.PROTECT, related_name="+")
    # Addresses of the two clips that say nothing about them.
    left_address = models.UUIDField(unique=True, default=opaque_id, editable=False)
    right_address = models.UUIDField(unique=True, default=opaque_id, editable=False)
    state = models.CharField(max_length=7, choices=State, default=State.OPEN)
    # The chance that matchmaking gave this pair, these sides: what weighting by inverse propensity needs.
    # Null for battles from before it was kept.
    probability = models.FloatField(null=True, blank=True)
    shown_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["voter", "track"], condition=Q(state="open"), name="one_open_battle_per_track"
            ),
            models.CheckConstraint(
                condition=~Q(left_model=F("right_model")), name="battle_of_two_video_models"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["track", "left_model", "right_model"], name="battle_line_up"),
            models.Index(fields=["voter", "track", "-shown_at"], name="battle_of_voter"),
            models.Index(fields=["track", "expires_at"], condition=Q(state="open"), name="battle_open"),
        ]

    @property
    def over(self) -> bool:
        return self.state != self.State.OPEN or self.expires_at <= timezone.now()


class Answer(models.TextChoices):
    LEFT = "left", _("Left is better")
    RIGHT = "right", _("Right is better")
    TIE = "tie", _("Tie")
    BOTH_BAD = "both_bad", _("Both bad")


class Vote(models.Model):
    """What a voter said of a battle. The database refuses to change one (migration 0002)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    battle = models.OneToOneField(Battle, on_delete=models.PROTECT, related_name="vote")
    answer = models.CharField(max_length=8, choices=Answer)
    idempotency_key = models.UUIDField(unique=True)
    seconds = models.FloatField(help_text="from showing the battle to the vote, by the server's clock")
    too_fast = models.BooleanField(default=False)  # kept, and left out of every rating
    # Votes of this voter before: on this prompt with these two models; on this day (UTC) and track.
    repeats = models.PositiveIntegerField(default=0, db_default=0)
    earlier_today = models.PositiveIntegerField(default=0, db_default=0)
    simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)


class VoteBlock(models.Model):
    """Votes of a track in columns, packed (columns.py): derived from votes, never changed, only replaced."""

    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="blocks")
    votes = models.PositiveIntegerField()
    packed = models.BinaryField()


class UnpackedVote(models.Model):
    """A vote that is in no block yet. The database makes the row with the vote (migration 0003)."""

    vote = models.OneToOneField(Vote, on_delete=models.CASCADE, primary_key=True, related_name="+")
    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="+")


class Ruling(models.Model):
    """What was found of a voter on a track, or decided by a manager: whether their votes count."""

    class Verdict(models.TextChoices):
        OUTLIER = "outlier", _("Votes unlike everybody else's")
        EXCLUDED = "excluded", _("Excluded by a manager")
        CLEARED = "cleared", _("Counts, by a manager's word")

    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="rulings")
    voter = models.ForeignKey(Voter, on_delete=models.CASCADE, related_name="rulings")
    kind = models.CharField(max_length=8, choices=Verdict)
    votes = models.PositiveIntegerField(default=0)  # looked at when it was found
    p_value = models.FloatField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["track", "voter"], name="one_ruling_per_voter_and_track")
        ]
