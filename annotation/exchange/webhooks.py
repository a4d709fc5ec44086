"""Webhooks: who is told what, what is sent and how it is signed. `outbox.py` finds the events and sends them.

A delivery is a POST of JSON, ``{"id", "event", "at", "campaign", …}``, with the headers

    Webhook-Id: the event's id, the same however often it is sent: take it once
    Webhook-Event: judgement.created
    Webhook-Signature: t=1717236000,v1=hex

where v1 is HMAC-SHA256, keyed by the webhook's secret, of ``t``, a dot, and the body's bytes. Whoever gets it
compares that, and turns away a ``t`` that is minutes old.
"""

import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import Campaign, Event, Webhook, WebhookDelivery
from workbench import posting
from workbench.models import User
from workbench.refusals import Invalid, Missing

PING = "ping"
MOST = 50
_OF_STATE = {
    Campaign.State.OPEN: Event.CAMPAIGN_OPENED,
    Campaign.State.PAUSED: Event.CAMPAIGN_PAUSED,
    Campaign.State.CLOSED: Event.CAMPAIGN_CLOSED,
}


def add(url: str, events: Sequence[str], campaign: Campaign | None, by: User) -> Webhook:
    """Make a webhook; it is told of what happens from now on.

    Raises Invalid: `address` (no address, or one that is not posted to), `events`, `too_many`.
    """
    try:
        parts = posting.checked(url)
        posting.public_addresses(parts)
    except posting.AddressRefusedError as refused:
        raise Invalid("address", str(refused), where="body.url") from refused
    except OSError:
        pass  # a name that is not there yet may be there when it is needed
    chosen = [event for event in Event.values if event in set(events)]
    if not chosen or set(events) - set(chosen):
        known = ", ".join(Event.values)
        raise Invalid("events", _("Choose events out of %(known)s.") % {"known": known}, where="body.events")
    if Webhook.objects.count() >= MOST:
        raise Invalid("too_many", _("There are %(n)d webhooks, and more are not kept.") % {"n": MOST})
    secret = f"whsec_{secrets.token_urlsafe(32)}"
    return Webhook.objects.create(
        url=url.strip(), events=chosen, campaign=campaign, secret=secret, created_by=by
    )


def set_active(webhook: Webhook, active: bool) -> None:
    """Pause a webhook, or let it go on: it is not told of what happened while it was paused."""
    if active and not webhook.active:
        webhook.read_to = timezone.now()
    webhook.active = active
    webhook.save(update_fields=["active", "read_to"])


def ping(webhook: Webhook) -> WebhookDelivery:
    """Put a test into the outbox."""
    event_id, now = uuid.uuid4(), timezone.now()
    return WebhookDelivery.objects.create(
        webhook=webhook, event=PING, event_id=event_id, payload=payload(PING, event_id, now, None)
    )


def redeliver(delivery_id: uuid.UUID) -> WebhookDelivery:
    """Send it again, from the first attempt on; it keeps its event's id. Raises Missing."""
    delivery = WebhookDelivery.objects.select_related("webhook").filter(pk=delivery_id).first()
    if delivery is None:
        raise Missing("no_such_delivery", _("There is no such delivery."))
    delivery.state, delivery.attempts = WebhookDelivery.State.WAITING, 0
    delivery.next_attempt_at = timezone.now()
    delivery.save(update_fields=["state", "attempts", "next_attempt_at"])
    return delivery


def campaign_changed(campaign: Campaign) -> None:
    """Put a campaign's new state into the outbox, in the transaction that changes it: never lost or early."""
    event = _OF_STATE.get(Campaign.State(campaign.state))
    if event is None:
        return
    told = list(
        Webhook.objects.filter(Q(campaign=None) | Q(campaign=campaign), active=True, events__contains=[event])
    )
    event_id = uuid.uuid4()
    sent = payload(event, event_id, timezone.now(), campaign)
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(webhook=webhook, event=event, event_id=event_id, payload=sent) for webhook in told
    )


def payload(
    event: str, event_id: uuid.UUID, at: datetime, campaign: Campaign | None, **more: Any
) -> dict[str, Any]:
    """The body that is sent, as JSON values."""
    about = campaign and {"id": str(campaign.pk), "name": campaign.name, "state": campaign.state}
    return {"id": str(event_id), "event": event, "at": at.isoformat(), "campaign": about, **more}


def message(delivery: WebhookDelivery, now: int) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a delivery, signed at `now` (seconds since 1970)."""
    body = json.dumps(delivery.payload, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "video-workbench",
        "Webhook-Id": str(delivery.event_id),
        "Webhook-Event": delivery.event,
        "Webhook-Signature": f"t={now},v1={signature(delivery.webhook.secret, now, body)}",
    }
    return body, headers


def signature(secret: str, at: int, body: bytes) -> str:
    """HMAC-SHA256 of the time, a dot and the body, in hex."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
