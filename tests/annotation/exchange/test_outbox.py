"""Webhooks: every event is told once to everybody who asked, signed, also when rows commit late."""

import hashlib
import hmac
import http.server
import json
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from annotation.campaigns import lifecycle
from annotation.exchange import judgementimport, outbox, webhooks
from annotation.labelling import judging
from annotation.labelling.judging import Submission
from annotation.models import Campaign, Event, Judgement, Participation, Webhook, WebhookDelivery
from tests.annotation import rows
from workbench.models import Role, User

BACKEND = "django.contrib.auth.backends.ModelBackend"
State = WebhookDelivery.State


class Receiver(http.server.ThreadingHTTPServer):
    """An address of the outside: keeps what it is sent, and answers as told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?a=1"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    with Receiver() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def hook(receiver: Receiver, events: list[str], campaign: Campaign | None = None) -> Webhook:
    by = User.objects.filter(role=Role.MANAGER).first() or rows.person("manager", Role.MANAGER)
    return webhooks.add(receiver.url, events, campaign, by)


def told(webhook: Webhook) -> list[str]:
    return list(webhook.deliveries.order_by("created_at").values_list("event", flat=True))


def work(campaign: Campaign) -> Judgement:
    """Two judgements and a correction of the first; gives the correction."""
    ann, bob = rows.person("ann"), rows.person("bob")
    first = rows.judge(campaign, ann)
    rows.judge(campaign, bob)
    again = rows.picks(first.assignment, best=1)
    return judging.submit(
        first.assignment_id,
        ann,
        Submission(answers=again, idempotency_key=uuid.uuid4(), supersedes=first.pk),
    ).judgement


@pytest.mark.django_db
def test_each_asks_for_what_it_wants_and_gets_it_once(receiver: Receiver) -> None:
    manager = rows.person("manager", Role.MANAGER)
    mine = rows.campaign(manager, items=2, overlap=1)
    other = rows.campaign(manager, overlap=1)
    everything = hook(receiver, list(Event.values))
    new = hook(receiver, [Event.JUDGEMENT_CREATED], mine)
    corrected = hook(receiver, [Event.JUDGEMENT_CORRECTED], other)
    correction = work(mine)
    lifecycle.set_state(mine.pk, "paused", Campaign.objects.get(pk=mine.pk).version)
    lifecycle.set_state(mine.pk, "closed", Campaign.objects.get(pk=mine.pk).version)
    for _n in range(3):
        outbox.collect()
    assert sorted(told(everything)) == [
        "annotator.joined",
        "annotator.joined",
        "campaign.closed",
        "campaign.finished",
        "campaign.paused",
        "judgement.corrected",
        "judgement.created",
        "judgement.created",
    ]
    assert told(new) == ["judgement.created"] * 2
    assert told(corrected) == []
    [sent] = everything.deliveries.filter(event=Event.JUDGEMENT_CORRECTED).values_list("payload", flat=True)
    assert sent["judgement"]["id"] == str(correction.pk)
    assert sent["judgement"]["supersedes"] == str(correction.supersedes_id)
    assert sent["judgement"]["annotator"] == correction.annotator.pseudonym
    assert sent["campaign"]["id"] == str(mine.pk)
    shown = {str(clip) for clip in correction.item.item_clips.values_list("clip", flat=True)}
    assert set(sent["judgement"]["answers"]["motion_quality"]["best"]) <= shown
    assert '"ann"' not in json.dumps(list(everything.deliveries.values("payload")))
    shared = set(everything.deliveries.values_list("event_id", flat=True))
    assert set(new.deliveries.values_list("event_id", flat=True)) < shared

    Participation.objects.filter(campaign=mine).update(excluded_at=timezone.now())
    outbox.collect()
    outbox.collect()
    assert told(everything).count("annotator.excluded") == 2
    Campaign.objects.filter(pk=mine.pk).update(overlap=2)  # asks for more, and is given it
    Participation.objects.filter(campaign=mine).update(judged=2)
    outbox.collect()
    assert told(everything).count("campaign.finished") == 2


@pytest.mark.django_db
def test_an_import_is_no_flood_of_events(receiver: Receiver) -> None:
    manager = rows.person("manager", Role.MANAGER)
    webhook = hook(receiver, list(Event.values))
    rows.clips(1, 2)
    name = "hidden-name-0-secret-model-{}.mp4"
    table = f"path_A,path_B,prompt,VQ\n{name.format(0)},{name.format(1)},,A\n".encode()
    judgementimport.bring_in("video_align", table, "pairs.csv", manager)
    assert Judgement.objects.count() == 1
    outbox.collect()
    assert told(webhook) == []


@pytest.mark.django_db
def test_a_submission_costs_no_statement_more(receiver: Receiver) -> None:
    manager = rows.person("manager", Role.MANAGER)
    campaign = rows.campaign(manager, items=2)
    ann = rows.person("ann")

    def statements() -> int:
        assignment = rows.taken(campaign, ann)
        with CaptureQueriesContext(connection) as captured:
            rows.submit(assignment, answers=rows.picks(assignment))
        return len(captured)

    before = statements()
    hook(receiver, list(Event.values))
    assert statements() == before
    Webhook.objects.all().delete()
    with CaptureQueriesContext(connection) as captured:
        assert outbox.collect() == 0
    assert len(captured) == 1


@pytest.mark.django_db(transaction=True)
def test_rows_that_commit_late_are_told_too(receiver: Receiver) -> None:
    """A judgement is stamped, others commit and are told, the clock goes on: then the first one commits."""
    campaign = rows.campaign(rows.person("manager", Role.MANAGER), items=3)
    late, early = rows.taken(campaign, rows.person("ann")), rows.taken(campaign, rows.person("bob"))
    webhook = hook(receiver, [Event.JUDGEMENT_CREATED])
    stamped, commit = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                made = rows.submit(late)
                long_ago = timezone.now() - timedelta(hours=1)  # the transaction began then
                Judgement.objects.filter(pk=made.pk).update(created_at=long_ago)
                stamped.set()
                assert commit.wait(20)
        finally:
            connections.close_all()

    Webhook.objects.update(read_to=timezone.now() - timedelta(hours=2))
    thread = threading.Thread(target=slow)
    thread.start()
    assert stamped.wait(20)
    rows.submit(early)
    assert outbox.collect() == 1
    webhook.refresh_from_db()
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(xact_start) FROM pg_stat_activity WHERE backend_xid IS NOT NULL")
        [(began,)] = cursor.fetchall()
    assert webhook.read_to < began  # it will look again behind the open transaction's start
    Webhook.objects.update(read_to=timezone.now() - timedelta(hours=2))  # as if it had begun that long ago
    commit.set()
    thread.join()
    assert outbox.collect() == 1
    assert outbox.collect() == 0
    assert told(webhook) == ["judgement.created"] * 2


@pytest.mark.django_db
def test_what_is_sent_is_signed_and_named(receiver: Receiver) -> None:
    webhook = hook(receiver, [Event.CAMPAIGN_OPENED])
    rows.campaign(rows.person("other-manager", Role.MANAGER))
    assert outbox.deliver() == 1
    assert outbox.deliver() == 0
    [(headers, body)] = receiver.got
    delivery = webhook.deliveries.get()
    assert (delivery.state, delivery.attempts, delivery.last_status) == (State.DELIVERED, 1, 204)
    assert json.loads(body) == delivery.payload
    assert headers["Webhook-Id"] == str(delivery.event_id) == delivery.payload["id"]
    assert headers["Host"] == f"127.0.0.1:{receiver.server_port}"
    at, signed = (part.partition("=")[2] for part in headers["Webhook-Signature"].split(","))
    assert abs(int(at) - time.time()) < 60
    expected = hmac.new(webhook.secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert signed == expected


@pytest.mark.django_db
def test_what_does_not_arrive_is_sent_again_and_then_given_up(receiver: Receiver) -> None:
    webhook = hook(receiver, [Event.JUDGEMENT_CREATED])
    receiver.status = 302  # is not followed, and is no success
    first, second = webhooks.ping(webhook), webhooks.ping(webhook)
    assert outbox.deliver() == 0
    assert len(receiver.got) == 1  # the second is not tried behind a failure
    first.refresh_from_db()
    assert (first.state, first.attempts, first.last_status) == (State.WAITING, 1, 302)
    assert 8 < (first.next_attempt_at - timezone.now()).total_seconds() < 11
    assert [outbox.pause_after(n).total_seconds() for n in (1, 2, 3, 9)] == [10, 40, 160, 6 * 3600]

    receiver.status = 200
    WebhookDelivery.objects.update(next_attempt_at=timezone.now())
    assert outbox.deliver() == 2
    second.refresh_from_db()
    assert (second.state, second.attempts) == (State.DELIVERED, 1)

    receiver.status = 500
    third = webhooks.ping(webhook)
    WebhookDelivery.objects.filter(pk=third.pk).update(attempts=outbox.MOST_ATTEMPTS - 1)
    outbox.deliver()
    third.refresh_from_db()
    assert third.state == State.GIVEN_UP
    receiver.status = 200
    webhooks.redeliver(third.pk)
    assert outbox.deliver() == 1
    assert receiver.got[-1][0]["Webhook-Id"] == str(third.event_id)


@pytest.mark.django_db
def test_a_paused_webhook_is_told_nothing_of_the_pause(receiver: Receiver) -> None:
    campaign = rows.campaign(rows.person("manager", Role.MANAGER))
    webhook = hook(receiver, [Event.JUDGEMENT_CREATED])
    webhooks.set_active(webhook, False)
    rows.judge(campaign, rows.person("ann"))
    assert outbox.collect() == 0
    webhooks.set_active(webhook, True)
    rows.judge(campaign, rows.person("bob"))
    assert outbox.collect() == 1


@pytest.mark.django_db
def test_pages_and_api_for_managers(receiver: Receiver, client: Client) -> None:
    client.force_login(rows.person("manager", Role.MANAGER), backend=BACKEND)
    form = {"url": receiver.url, "events": ["judgement.created", "campaign.opened"]}
    answer = client.post("/webhooks/", form)
    webhook = Webhook.objects.get()
    assert answer["Location"] == f"/webhooks/{webhook.pk}/"
    assert webhook.secret in client.get(answer["Location"]).text
    assert webhook.secret not in client.get(answer["Location"]).text
    assert webhook.secret not in client.get(f"/api/webhooks/{webhook.pk}").text
    client.post(f"/webhooks/{webhook.pk}/change/", {"do": "test"})
    outbox.deliver()
    page = client.get(f"/webhooks/{webhook.pk}/").text
    assert "HTTP status 204" in page
    [delivery] = client.get(f"/api/webhooks/{webhook.pk}/deliveries").json()
    assert (delivery["event"], delivery["state"]) == ("ping", "delivered")
    client.post(f"/webhooks/deliveries/{delivery['id']}/redeliver/")
    assert outbox.deliver() == 1
    client.post(f"/webhooks/{webhook.pk}/change/", {"do": "pause"})
    assert not client.get(f"/api/webhooks/{webhook.pk}").json()["active"]
    made = client.post(
        "/api/webhooks", {"url": receiver.url, "events": ["campaign.closed"]}, "application/json"
    )
    assert made.json()["secret"].startswith("whsec_")
    assert client.post("/webhooks/", {**form, "url": "ftp://example.org"}).status_code == 422
    client.post(f"/webhooks/{webhook.pk}/change/", {"do": "remove"})
    assert client.get(f"/webhooks/{webhook.pk}/").status_code == 404


@pytest.mark.django_db
def test_old_deliveries_are_forgotten(receiver: Receiver) -> None:
    webhook = hook(receiver, [Event.JUDGEMENT_CREATED])
    done, waiting = webhooks.ping(webhook), webhooks.ping(webhook)
    WebhookDelivery.objects.update(created_at=timezone.now() - outbox.KEPT - timedelta(hours=1))
    WebhookDelivery.objects.filter(pk=done.pk).update(state=State.DELIVERED)
    assert outbox.forget() == 1
    assert set(WebhookDelivery.objects.all()) == {waiting}
