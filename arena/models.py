"""Blind battles and the votes on them. A vote is never changed; ratings are computed from votes when read."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.models import Clip, Prompt, Task, VideoModel, opaque_id

# So that Django knows of these rows; whoever needs them imports them from their own module.
from arena import models_evaluations  # noqa: F401


class Voter(models.Model):
    """Whoever votes: a person with an account, or a visitor, whom a session remembers by this id."""

    id = models.UUIDField(primary_key=True, default=opaque_id, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="voter"
    )
    created_at = models.DateTimeField(auto_now_add=True)


class Battle(models.Model):
    """Two clips of one prompt, of two video models, shown blind to one voter. `task` names the board."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        VOTED = "voted", _("Voted")
        PASSED = "passed", _("Passed over")
        EXPIRED = "expired", _("Expired")

    id = models.UUIDField(primary_key=True, default=opaque_id, editable=False)
    task = models.CharField(max_length=3, choices=Task)
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
    shown_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["voter", "task"], condition=Q(state="open"), name="one_open_battle_per_board"
            ),
            models.CheckConstraint(
                condition=~Q(left_model=F("right_model")), name="battle_of_two_video_models"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["task", "left_model", "right_model"], name="battle_line_up"),
            models.Index(fields=["voter", "task", "-shown_at"], name="battle_of_voter"),
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
    simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
