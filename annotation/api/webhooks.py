"""API of webhooks: who is told what, and whether it arrived."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status
from pydantic import Field, StringConstraints, WithJsonSchema

from annotation.exchange import webhooks
from annotation.models import Campaign, Event, Webhook, WebhookDelivery
from workbench.access import audit, require
from workbench.answers import Misfits
from workbench.models import User
from workbench.refusals import Invalid

router = Router(tags=["webhooks"])

WebhookEvent = Annotated[Event, WithJsonSchema({"type": "string", "enum": Event.values, "title": "Event"})]
DeliveryState = Annotated[
    WebhookDelivery.State,
    WithJsonSchema({"type": "string", "enum": WebhookDelivery.State.values, "title": "Delivery state"}),
]


class WebhookIn(Schema):
    url: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x20]+$")]
    events: list[WebhookEvent] = Field(min_length=1, max_length=20)
    campaign: uuid.UUID | None = Field(None, description="null: all campaigns")


class WebhookOut(Schema):
    id: uuid.UUID
    url: str
    events: list[WebhookEvent]
    campaign: uuid.UUID | None
    active: bool
    created_at: datetime

    @staticmethod
    def resolve_campaign(webhook: Webhook) -> uuid.UUID | None:
        return webhook.campaign_id


class WebhookMade(WebhookOut):
    secret: str = Field(description="Signs what is sent; shown only now")


class WebhookChange(Schema):
    active: bool = Field(description="false pauses it: what happens meanwhile is not told")


class DeliveryOut(Schema):
    id: uuid.UUID
    event: str = Field(description="Also ping, a test")
    event_id: uuid.UUID
    payload: dict[str, Any]
    state: DeliveryState
    attempts: int
    last_status: int | None = Field(description="HTTP status of the last attempt; null where no answer came")
    last_error: str
    created_at: datetime
    next_attempt_at: datetime
    delivered_at: datetime | None


@router.get("", response=list[WebhookOut])
def list_webhooks(request: HttpRequest) -> Any:
    """All webhooks, newest first."""
    require(request.user, "campaigns.manage")
    return list(Webhook.objects.all())


@router.post("", response={201: WebhookMade, 422: Misfits})
def add(request: HttpRequest, payload: WebhookIn) -> Status[Webhook]:
    """Be told of events from now on. The address must be a public one."""
    require(request.user, "campaigns.manage")
    assert isinstance(request.user, User)
    campaign = None
    if payload.campaign is not None:
        campaign = Campaign.objects.filter(pk=payload.campaign).first()
        if campaign is None:
            message = _("There is no campaign %(id)s.") % {"id": payload.campaign}
            raise Invalid("no_such_campaign", message, where="body.campaign")
    made = webhooks.add(payload.url, list(payload.events), campaign, request.user)
    audit(request, "webhook.add", made, url=made.url, events=made.events)
    return Status(201, made)


@router.get("/{uuid:webhook_id}", response=WebhookOut)
def detail(request: HttpRequest, webhook_id: uuid.UUID) -> Webhook:
    require(request.user, "campaigns.manage")
    return get_object_or_404(Webhook, pk=webhook_id)


@router.patch("/{uuid:webhook_id}", response=WebhookOut)
def change(request: HttpRequest, webhook_id: uuid.UUID, payload: WebhookChange) -> Webhook:
    """Pause it, or let it go on."""
    require(request.user, "campaigns.manage")
    webhook = get_object_or_404(Webhook, pk=webhook_id)
    webhooks.set_active(webhook, payload.active)
    audit(request, "webhook.resume" if payload.active else "webhook.pause", webhook)
    return webhook


@router.delete("/{uuid:webhook_id}", response={204: None})
def remove(request: HttpRequest, webhook_id: uuid.UUID) -> Status[None]:
    """Remove it, with its deliveries."""
    require(request.user, "campaigns.manage")
    webhook = get_object_or_404(Webhook, pk=webhook_id)
    audit(request, "webhook.remove", webhook, url=webhook.url)
    webhook.delete()
    return Status(204, None)


@router.post("/{uuid:webhook_id}/test", response=DeliveryOut)
def test(request: HttpRequest, webhook_id: uuid.UUID) -> WebhookDelivery:
    """Send a ping; look at its delivery to see whether it arrived."""
    require(request.user, "campaigns.manage")
    return webhooks.ping(get_object_or_404(Webhook, pk=webhook_id))


@router.get("/{uuid:webhook_id}/deliveries", response=list[DeliveryOut])
def deliveries(
    request: HttpRequest,
    webhook_id: uuid.UUID,
    state: DeliveryState | None = None,
    limit: Annotated[int, Field(ge=1, le=500)] = 50,
) -> Any:
    """Its latest deliveries, newest first."""
    require(request.user, "campaigns.manage")
    rows = get_object_or_404(Webhook, pk=webhook_id).deliveries.order_by("-created_at", "-id")
    return list((rows.filter(state=state) if state else rows)[:limit])


@router.post("/deliveries/{uuid:delivery_id}/redeliver", response=DeliveryOut)
def redeliver(request: HttpRequest, delivery_id: uuid.UUID) -> WebhookDelivery:
    """Send it again, with the same event's id."""
    require(request.user, "campaigns.manage")
    return webhooks.redeliver(delivery_id)
