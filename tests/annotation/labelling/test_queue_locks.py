"""Nobody's answer is the victim of a deadlock: in which order rows are locked, looked at one lock at a time.

A `Holder` is somebody else's transaction that stands still with rows locked. What the queue does meanwhile
runs in a thread, and once it waits for the holder, the rows that it must not have locked yet are tried.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from django.utils import timezone

from annotation.labelling import queue
from annotation.models import Assignment, Campaign, GoldAnswer, Item, Participation
from annotation.quality import exclusion
from tests.annotation import rows
from workbench.models import Role, User

pytestmark = pytest.mark.django_db(transaction=True)
State = Assignment.State


class Holder:
    """Another transaction. Ends without a trace when the test does."""

    def __init__(self, stack: ExitStack) -> None:
        settings = connection.get_connection_params()
        known = ("host", "port", "dbname", "user", "password")
        self.psycopg = psycopg.connect(**{key: settings[key] for key in known if settings.get(key)})
        stack.callback(self.psycopg.close)

    def lock(self, row: Item | Assignment | Participation) -> "Holder":
        table = row._meta.db_table
        self.psycopg.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR NO KEY UPDATE NOWAIT", [row.pk])
        return self

    def take_slot(self, item: Item) -> "Holder":
        self.psycopg.execute("UPDATE annotation_item SET open_slots = 0 WHERE id = %s", [item.pk])
        return self

    def waited_for(self, doing: "Future[Any]") -> "Holder":
        """Until somebody waits for this transaction."""
        deadline = time.monotonic() + 30
        with connection.cursor() as cursor:
            while time.monotonic() < deadline and not doing.done():
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))",
                    [self.psycopg.info.backend_pid],
                )
                if cursor.fetchone()[0]:
                    return self
        raise AssertionError("Nobody waits for the lock." if not doing.done() else f"Done: {doing.result()}")


Holders = Callable[[], Holder]
Start = Callable[..., "Future[Any]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Do something in a thread."""
    with ThreadPoolExecutor(1) as pool:

        def closing(do: Callable[..., Any], *args: Any) -> Any:
            try:
                return do(*args)
            finally:
                connections.close_all()

        yield lambda *args: pool.submit(closing, *args)


@pytest.fixture
def holders(start: Start) -> Iterator[Holders]:
    """They end before the thread that may wait for them."""
    with ExitStack() as stack:
        yield lambda: Holder(stack)


@pytest.fixture
def campaign() -> Campaign:
    return rows.campaign(rows.person("manager", Role.MANAGER), items=3, overlap=2)


@pytest.fixture
def ann() -> User:
    return rows.person("ann")


def ran_out(*assignments: Assignment) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Assignment.objects.filter(pk__in=[a.pk for a in assignments]).update(expires_at=past)
    queue.release_expired()


def test_a_claim_that_waited_in_vain_lets_the_item_go(
    campaign: Campaign, ann: User, holders: Holders, start: Start
) -> None:
    """Two that go round the campaign's end hold its last items in opposite order if they don't."""
    first, last = campaign.items.order_by("position")[0], campaign.items.order_by("-position")[0]
    Participation.objects.create(campaign=campaign, annotator=ann, position=last.position)
    campaign.items.exclude(pk__in=[first.pk, last.pk]).update(open_slots=0)
    ahead, behind = holders().take_slot(last), holders().lock(first)
    claim = start(queue.next_item, campaign.pk, ann)
    ahead.waited_for(claim).psycopg.commit()
    behind.waited_for(claim)
    holders().lock(last)
    behind.psycopg.rollback()
    assert Assignment.objects.get(pk=claim.result(30)).item_id == first.pk


@pytest.mark.parametrize("gold", [False, True])
def test_a_claim_waits_for_a_late_answer_without_its_item(
    campaign: Campaign, ann: User, holders: Holders, start: Start, gold: bool
) -> None:
    """The late answer locks its assignment, then its item and the person's part."""
    if gold:
        item = campaign.items.order_by("position")[0]
        Item.objects.filter(pk=item.pk).update(gold=True, open_slots=0)
        GoldAnswer.objects.create(campaign=campaign, item=item, answers={})
        Campaign.objects.filter(pk=campaign.pk).update(gold_share=1.0)
    lease = rows.taken(campaign, ann)
    assert lease.item.gold == gold
    ran_out(lease)
    late = holders().lock(lease)
    claim = start(queue.next_item, campaign.pk, ann)
    late.waited_for(claim)
    late.lock(lease.item).lock(Participation.objects.get(annotator=ann)).psycopg.rollback()
    assert claim.result(30) == lease.pk


def test_a_lease_taken_up_again_does_not_wait_for_the_hold(
    campaign: Campaign, ann: User, holders: Holders, start: Start
) -> None:
    """Who releases the hold has it locked, and may wait for the item that the lease takes."""
    lease = rows.taken(campaign, ann)
    hold = queue.hold_next(campaign.pk, ann)
    assert hold is not None
    ran_out(lease)
    holders().lock(hold)
    beat = start(queue.heartbeat, lease.pk, ann)
    assert beat.result(30).state == State.LEASED
    lease.refresh_from_db()
    assert lease.expires_at > timezone.now() + timedelta(minutes=campaign.lease_minutes - 1)


@pytest.mark.parametrize("prolonging", [False, True])
def test_a_lease_and_a_hold_are_locked_in_one_order(
    campaign: Campaign, ann: User, holders: Holders, start: Start, prolonging: bool
) -> None:
    pair = [rows.taken(campaign, ann), queue.hold_next(campaign.pk, ann)]
    lower, higher = sorted((a for a in pair if a is not None), key=lambda a: a.pk.bytes)
    holder = holders().lock(lower)
    if prolonging:
        doing = start(queue.heartbeat, pair[0].pk, ann)  # type: ignore[union-attr]
    else:
        doing = start(queue.give_back_untouched, campaign.pk)
    holder.waited_for(doing).lock(higher).psycopg.rollback()
    doing.result(30)


@pytest.mark.parametrize("reopen_slots", [False, True])
def test_following_an_exclusion_locks_as_an_answer_does(
    campaign: Campaign, ann: User, holders: Holders, start: Start, reopen_slots: bool
) -> None:
    """A correction locks its assignment and then the person's part; a claim the item and then the part."""
    judged = rows.judge(campaign, ann)
    part = Participation.objects.get(annotator=ann)
    exclusion.exclude(campaign.pk, ann.pk, "careless", reopen_slots=reopen_slots)
    Participation.objects.filter(pk=part.pk).update(pairs_due=True, slots_due=reopen_slots)
    held = judged.item if reopen_slots else judged.assignment
    holder = holders().lock(held)
    following = start(exclusion.follow, part.pk)
    holder.waited_for(following).lock(part).psycopg.rollback()
    assert following.result(30) == 1
    judged.assignment.refresh_from_db()
    assert judged.assignment.surplus == reopen_slots


def test_a_holder_tries_a_row_and_does_not_wait(campaign: Campaign, holders: Holders) -> None:
    """What the tests above lean on."""
    item = campaign.items.all()[0]
    holders().lock(item)
    with pytest.raises(psycopg.errors.LockNotAvailable):
        holders().lock(item)
