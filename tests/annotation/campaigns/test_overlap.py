"""Changing the overlap midway: slots add up at any moment, and nothing that was judged is lost."""

import random
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.db.models import Count, F, Q

from annotation.campaigns import overlap
from annotation.labelling import judging, queue
from annotation.labelling.judging import Submission
from annotation.models import Assignment, Campaign, Judgement
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid

State = Assignment.State


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


def changed(campaign: Campaign, n: int) -> None:
    overlap.change(campaign.pk, campaign.version, n)
    campaign.refresh_from_db()


def slots_add_up_now(campaign: Campaign) -> None:
    """In one statement, so while others work: what `rows.slots_add_up` looks at in several."""
    in_slot = Q(assignments__state__in=(State.LEASED, State.HELD)) | Q(
        assignments__state=State.SUBMITTED, assignments__surplus=False
    )
    for item in campaign.items.annotate(
        used=Count("assignments", filter=in_slot), wanted=F("campaign__overlap")
    ):
        assert item.open_slots + item.used == item.wanted


def test_fewer_takes_open_slots_then_leases_then_the_latest_judgements(manager: User) -> None:
    campaign = rows.campaign(manager, items=1, overlap=4)
    people = [rows.person(f"person-{n}") for n in range(3)]
    first = rows.submit(rows.taken(campaign, people[0]))
    second = rows.submit(rows.taken(campaign, people[1]))
    leased = rows.taken(campaign, people[2])
    changed(campaign, 3)
    rows.slots_add_up(campaign)
    assert Assignment.objects.get(pk=leased.pk).state == State.LEASED, "the open slot went first"
    changed(campaign, 1)
    rows.slots_add_up(campaign)
    assert [Assignment.objects.get(pk=row.assignment_id).surplus for row in (first, second)] == [False, True]
    assert (campaign.progress.judged, campaign.progress.surplus, campaign.wanted) == (1, 1, 1)
    with pytest.raises(Conflict, match="no longer reserved"):
        queue.heartbeat(leased.pk, people[2])
    rows.submit(leased)
    rows.slots_add_up(campaign)
    assert campaign.progress.surplus == 2, "what was being marked is kept all the same"

    changed(campaign, 3)
    rows.slots_add_up(campaign)
    assert (campaign.progress.judged, campaign.progress.surplus) == (3, 0), "surplus judgements count again"
    assert rows.next_item(campaign, rows.person("late")) is None
    gold = campaign.items.create(prompt=campaign.items.get().prompt, position=9, open_slots=0, gold=True)
    changed(campaign, 5)
    gold.refresh_from_db()
    assert (gold.open_slots, campaign.items.get(gold=False).open_slots) == (0, 2), "gold has no slots"
    gold.delete()
    rows.slots_add_up(campaign)


def test_a_hold_that_goes_was_never_seen(manager: User) -> None:
    campaign = rows.campaign(manager, items=2, overlap=2)
    one, other = rows.person("one"), rows.person("other")
    rows.taken(campaign, one)
    held = queue.hold_next(campaign.pk, one)
    assert held is not None
    rows.taken(campaign, other)
    changed(campaign, 1)
    rows.slots_add_up(campaign)
    assert Assignment.objects.filter(pk=held.pk).count() == 1, "the other item had an open slot to give"
    holding = queue.hold_next(campaign.pk, other)
    assert holding is None


def test_refused_where_it_can_not_be(manager: User) -> None:
    campaign = rows.campaign(manager, items=1)
    with pytest.raises(Invalid):
        overlap.change(campaign.pk, campaign.version, 21)
    with pytest.raises(Conflict) as conflict:
        overlap.change(campaign.pk, campaign.version - 1, 2)
    assert conflict.value.code == "stale"
    Campaign.objects.filter(pk=campaign.pk).update(state="closed")
    with pytest.raises(Conflict) as conflict:
        overlap.change(campaign.pk, campaign.version, 2)
    assert conflict.value.code == "closed"


@pytest.mark.django_db(transaction=True)
def test_slots_add_up_while_people_claim_submit_and_skip() -> None:
    """Eight people work as fast as they can while the overlap goes up and down; leases expire meanwhile."""
    manager = rows.person("manager", Role.MANAGER)
    campaign = rows.campaign(manager, items=12, overlap=3)
    people = [rows.person(f"person-{n}") for n in range(8)]
    over = threading.Event()
    answered: list[uuid.UUID] = []

    def work(person: User, seed: int) -> None:
        chance = random.Random(seed)
        try:
            while not over.is_set():
                assignment = rows.next_item(campaign, person)
                if assignment is None:
                    if over.wait(0.01):
                        return
                    continue
                queue.hold_next(campaign.pk, person)
                if chance.random() < 0.2:
                    Assignment.objects.filter(pk=assignment.pk).update(expires_at="2020-01-01T00:00Z")
                    queue.release_expired(campaign.pk)
                if chance.random() < 0.15:
                    try:
                        queue.skip(assignment.pk, person, "no")
                    except Conflict:
                        continue
                else:
                    key = uuid.uuid4()
                    answers = rows.picks(assignment)
                    judging.submit(assignment.pk, person, Submission(answers=answers, idempotency_key=key))
                    answered.append(key)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(work, person, n) for n, person in enumerate(people)]
        for n in (1, 4, 2, 5, 1, 3, 6, 2):
            changed(campaign, n)
            slots_add_up_now(campaign)
        over.set()
        for future in done:
            future.result()
    rows.slots_add_up(campaign)
    assert set(Judgement.objects.values_list("idempotency_key", flat=True)) == set(answered)
