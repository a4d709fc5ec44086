"""Webhooks and the outbox of what they are to be told."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Event(models.TextChoices):
    JUDGEMENT_CREATED = "judgement.created", _("A judgement was made")
    JUDGEMENT_CORRECTED = "judgement.corrected", _("A judgement was corrected")
    CAMPAIGN_OPENED = "campaign.opened", _("A campaign was opened")
    CAMPAIGN_PAUSED = "campaign.paused", _("A campaign was paused")
    CAMPAIGN_CLOSED = "campaign.closed", _("A campaign was closed")
    CAMPAIGN_FINISHED = "campaign.finished", _("A campaign has all judgements it asks for")
    ANNOTATOR_JOINED = "annotator.joined", _("Somebody took their first item of a campaign")
    ANNOTATOR_EXCLUDED = "annotator.excluded", _("Somebody's work in a campaign was excluded")


class Webhook(models.Model):
    """An address that is told of events, of one campaign or of all."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    url = models.URLField(max_length=500)
    secret = models.CharField(max_length=80)  # signs what is sent, so it can't be kept as a hash
    events = ArrayField(models.CharField(max_length=40, choices=Event))
    campaign = models.ForeignKey(
        "annotation.Campaign", on_delete=models.CASCADE, null=True, blank=True, related_name="webhooks"
    )
    active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    # Everything that was stamped before this moment is in the outbox (see outbox.py).
    read_to = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]


class WebhookDelivery(models.Model):
    """One event for one webhook: the outbox. The same event is here once for each webhook."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        GIVEN_UP = "given_up", _("Given up")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40)
    event_id = models.UUIDField()  # the same for all webhooks that are told of it
    payload = models.JSONField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)  # HTTP; null where none came
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["webhook", "event_id"], name="event_once_per_webhook")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="waiting"), name="delivery_due"),
            models.Index(fields=["webhook", "-created_at", "-id"], name="delivery_latest"),
        ]
