"""Items, who has them, and what was said of them. A judgement never changes: a correction supersedes it."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.models.campaigns import Campaign, Dimension
from annotation.models.clips import Clip
from annotation.models.ids import opaque_id
from annotation.models.prompts import Prompt


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
