"""The outbox of webhooks: events are found in the rows that people's work leaves, and sent until they arrive.

Nothing is written where a judgement is submitted: `collect` reads what is new. A row's time stamp is older
than its commit, so reading "everything after the last one" would lose rows that commit late. `collect` reads
from a moment before which nothing can still commit: the start of the oldest transaction that has written
something and is open, less `SKEW` for clocks that differ and for the time between a stamp and the first
write. Rows behind that moment are met again the next time; that an event is in the outbox once for each
webhook is a unique index's business. So no event is lost, and none is twice in the outbox.

What was judged elsewhere and imported is no event: it happened there.

`deliver` claims what is due, sends it, and writes down what came of it. A worker that dies in between leaves
a delivery that is sent again: a receiver may get an event twice, and knows it by its id.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Max, Q, QuerySet, Sum
from django.utils import timezone

from annotation.exchange.export import told_answers
from annotation.exchange.webhooks import message, payload
from annotation.models import Campaign, Event, ItemClip, Judgement, Participation, Webhook, WebhookDelivery
from workbench import posting

SKEW = timedelta(seconds=30)
MOST_ATTEMPTS = 12
"""The last one comes about 40 hours after the first."""
CLAIMED = timedelta(minutes=5)
"""How long a claim holds: longer than `TURN`, and the last answer."""
TURN = 60.0
"""Seconds after which a webhook's turn is over."""
DUE_AT_ONCE = 40
KEPT = timedelta(days=30)
_BATCH = 500
_NAMESPACE = uuid.UUID("5c1f0a52-6d0e-4a57-9c43-2a8f7f0f1c11")

State = WebhookDelivery.State


def collect() -> int:
    """Put new events into the outbox; returns how many. Where there is no webhook it costs one statement."""
    if not Webhook.objects.filter(active=True).exists():
        return 0
    with transaction.atomic():
        if not _alone():
            return 0
        horizon = _horizon()
        webhooks = list(Webhook.objects.filter(active=True).select_related("campaign"))
        found = sum(_collect(webhook) for webhook in webhooks)
        for webhook in webhooks:
            Webhook.objects.filter(pk=webhook.pk, read_to__lt=horizon).update(read_to=horizon)
    return found


def deliver() -> int:
    """Send what is due, several webhooks at a time, each one's in turn; returns how many arrived."""
    claimed = _claim()
    by_webhook: dict[uuid.UUID, list[WebhookDelivery]] = defaultdict(list)
    for delivery in claimed:
        by_webhook[delivery.webhook_id].append(delivery)
    if not by_webhook:
        return 0
    with ThreadPoolExecutor(max_workers=min(8, len(by_webhook))) as threads:
        sent = list(threads.map(_send, by_webhook.values()))
    return sum(_write_down(delivery, answer) for results in sent for delivery, answer in results)


def forget() -> int:
    """Delete deliveries that are over and old; returns how many."""
    old = WebhookDelivery.objects.filter(created_at__lt=timezone.now() - KEPT).exclude(state=State.WAITING)
    return old.filter(pk__in=list(old.values_list("pk", flat=True)[:5000])).delete()[0]


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: 10 s, four times longer each time, 6 hours at most."""
    return timedelta(seconds=min(10 * 4 ** (attempts - 1), 6 * 3600))


# --- Finding events ---------------------------------------------------------------------------------------


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('annotation.outbox'))")
        row = cursor.fetchone()
    return bool(row and row[0])


def _horizon() -> datetime:
    """Nothing that is stamped before this can still commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT LEAST(clock_timestamp(), min(xact_start)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL"
        )
        (oldest,) = cursor.fetchone() or (None,)
    assert isinstance(oldest, datetime)
    return oldest - SKEW


Found = tuple[str, uuid.UUID, dict[str, Any]]
"""Event, its id, what is sent."""


def _collect(webhook: Webhook) -> int:
    wanted = set(webhook.events)
    found = 0
    if wanted & {Event.JUDGEMENT_CREATED, Event.JUDGEMENT_CORRECTED}:
        found += sum(_put(webhook, batch) for batch in _judgements(webhook, wanted))
    if wanted & {Event.ANNOTATOR_JOINED, Event.ANNOTATOR_EXCLUDED}:
        found += _put(webhook, _people(webhook, wanted))
    if Event.CAMPAIGN_FINISHED in wanted:
        found += _put(webhook, _finished(webhook))
    return found


def _put(webhook: Webhook, events: Iterable[Found]) -> int:
    new = {event_id: (event, sent) for event, event_id, sent in events}
    there = WebhookDelivery.objects.filter(webhook=webhook, event_id__in=new).values_list(
        "event_id", flat=True
    )
    for event_id in list(there):
        del new[event_id]
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(webhook=webhook, event=event, event_id=event_id, payload=sent)
        for event_id, (event, sent) in new.items()
    )
    return len(new)


def _judgements(webhook: Webhook, wanted: set[str]) -> Iterator[list[Found]]:
    """Judgements in the order of their time stamps, a batch at a time."""
    rows = Judgement.objects.filter(created_at__gt=webhook.read_to, item__campaign__judgement_import=None)
    if webhook.campaign_id is not None:
        rows = rows.filter(item__campaign=webhook.campaign_id)
    if Event.JUDGEMENT_CORRECTED not in wanted:
        rows = rows.filter(supersedes=None)
    if Event.JUDGEMENT_CREATED not in wanted:
        rows = rows.exclude(supersedes=None)
    last: Judgement | None = None
    while True:
        after = (
            Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk) if last else Q()
        )
        batch = list(
            rows.filter(after)
            .select_related("item__campaign", "annotator")
            .order_by("created_at", "pk")[:_BATCH]
        )
        if batch:
            yield _told(batch)
        if len(batch) < _BATCH:
            return
        last = batch[-1]


def _told(judgements: Sequence[Judgement]) -> list[Found]:
    items = {judgement.item_id for judgement in judgements}
    clip_of = {
        str(pk): str(clip) for pk, clip in ItemClip.objects.filter(item__in=items).values_list("pk", "clip")
    }
    told: list[Found] = []
    for one in judgements:
        event = Event.JUDGEMENT_CREATED if one.supersedes_id is None else Event.JUDGEMENT_CORRECTED
        event_id = _id(f"judgement:{one.pk}")
        said = {
            "id": str(one.pk),
            "item": str(one.item_id),
            "annotator": one.annotator.pseudonym,
            "seconds": one.seconds,
            "simulated": one.simulated,
            "supersedes": str(one.supersedes_id) if one.supersedes_id else None,
            "answers": told_answers(one.answers, clip_of),
        }
        sent = payload(event, event_id, one.created_at, one.item.campaign, judgement=said)
        told.append((event, event_id, sent))
    return told


def _people(webhook: Webhook, wanted: set[str]) -> Iterator[Found]:
    parts = Participation.objects.filter(campaign__judgement_import=None)
    rows = _of_webhook(webhook, parts.select_related("annotator", "campaign"), "campaign")
    for event, stamp in (
        (Event.ANNOTATOR_JOINED, "first_at"),
        (Event.ANNOTATOR_EXCLUDED, "excluded_at"),
    ):
        for part in rows.filter(**{f"{stamp}__gt": webhook.read_to}) if event in wanted else ():
            at: datetime = getattr(part, stamp)
            event_id = _id(f"{event}:{part.pk}:{at.isoformat() if stamp == 'excluded_at' else ''}")
            who = {"annotator": part.annotator.pseudonym, "simulated": part.annotator.simulated}
            yield event, event_id, payload(event, event_id, at, part.campaign, annotator=who)


def _finished(webhook: Webhook) -> Iterator[Found]:
    at_work = Campaign.objects.filter(items_total__gt=0, judgement_import=None)
    rows = _of_webhook(webhook, at_work, "pk")
    full = rows.annotate(done=Sum("participations__judged"), last=Max("participations__last_at"))
    for campaign in full.filter(done__gte=F("items_total") * F("overlap"), last__gt=webhook.created_at):
        # Asked for more later, it finishes once more.
        event_id = _id(f"finished:{campaign.pk}:{campaign.wanted}")
        done: Any = campaign
        sent = payload(Event.CAMPAIGN_FINISHED, event_id, done.last, campaign, judgements=done.done)
        yield Event.CAMPAIGN_FINISHED, event_id, sent


def _of_webhook(webhook: Webhook, rows: QuerySet[Any], campaign: str) -> QuerySet[Any]:
    return rows.filter(**{campaign: webhook.campaign_id}) if webhook.campaign_id is not None else rows


def _id(name: str) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, name)


# --- Sending ----------------------------------------------------------------------------------------------


def _claim() -> list[WebhookDelivery]:
    now = timezone.now()
    with transaction.atomic():
        due = WebhookDelivery.objects.filter(
            state=State.WAITING, next_attempt_at__lte=now, webhook__active=True
        )
        claimed = list(
            due.select_related("webhook")
            .select_for_update(of=("self",), skip_locked=True)
            .order_by("next_attempt_at")[:DUE_AT_ONCE]
        )
        WebhookDelivery.objects.filter(pk__in=[delivery.pk for delivery in claimed]).update(
            next_attempt_at=now + CLAIMED
        )
    return claimed


def _send(deliveries: Sequence[WebhookDelivery]) -> list[tuple[WebhookDelivery, posting.Answer | None]]:
    """One webhook's, in turn; after one that does not arrive, or is late, the others wait (None)."""
    results: list[tuple[WebhookDelivery, posting.Answer | None]] = []
    working, started = True, time.monotonic()
    for delivery in deliveries:
        answer = None
        if working and time.monotonic() - started < TURN:
            body, headers = message(delivery, int(time.time()))
            answer = posting.post(delivery.webhook.url, body, headers)
            working = answer.fine
        results.append((delivery, answer))
    return results


def _write_down(delivery: WebhookDelivery, answer: posting.Answer | None) -> bool:
    now = timezone.now()
    changes: dict[str, Any]
    if answer is None:
        changes = {"next_attempt_at": now + pause_after(1)}
    else:
        attempts = delivery.attempts + 1
        changes = {"attempts": attempts, "last_status": answer.status, "last_error": answer.error}
        if answer.fine:
            changes |= {"state": State.DELIVERED, "delivered_at": now}
        elif attempts >= MOST_ATTEMPTS:
            changes |= {"state": State.GIVEN_UP}
        else:
            changes |= {"next_attempt_at": now + pause_after(attempts)}
    WebhookDelivery.objects.filter(pk=delivery.pk, state=State.WAITING).update(**changes)
    return bool(answer and answer.fine)
