"""Who judges which item next: each slot given exactly once, nothing that was judged lost."""

import threading
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.campaigns import lifecycle
from annotation.labelling import judging, queue
from annotation.labelling.judging import Submission
from annotation.models import Assignment, Campaign, GoldAnswer, Item, Participation
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict, Missing

State = Assignment.State


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def ann(db: None) -> User:
    return rows.person("ann")


@pytest.fixture
def bob(db: None) -> User:
    return rows.person("bob")


def run_out(*assignments: Assignment) -> None:
    Assignment.objects.filter(pk__in=[a.pk for a in assignments]).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )


def test_a_person_goes_through_the_items_in_order_and_is_then_done(manager: User, ann: User) -> None:
    campaign = rows.campaign(manager, items=3)
    seen = []
    while assignment := rows.next_item(campaign, ann):
        seen.append(assignment.item.position)
        rows.submit(assignment)
    assert seen == [0, 1, 2]
    assert queue.why_nothing(campaign, ann) == "done"
    rows.slots_add_up(campaign)


def test_a_lease_comes_back_with_its_order_and_draft(manager: User, ann: User) -> None:
    campaign = rows.campaign(manager)
    first = rows.taken(campaign, ann)
    queue.save_draft(first.pk, ann, rows.picks(first), first.draft_version)
    again = rows.taken(campaign, ann)
    assert again.pk == first.pk
    assert again.clip_order == first.clip_order
    assert again.draft == rows.picks(first)


def test_the_order_is_shuffled_for_each_person_and_holds_each_clip_once(manager: User) -> None:
    campaign = rows.campaign(manager, items=1, overlap=12)
    orders = [tuple(rows.taken(campaign, rows.person(f"p{n}")).clip_order) for n in range(12)]
    assert len(set(orders)) > 1
    clips = {str(pk) for pk in Item.objects.get().item_clips.values_list("pk", flat=True)}
    assert all(len(order) == 4 and set(order) == clips for order in orders)


def test_overlap_gives_an_item_to_as_many_people_as_asked(manager: User, ann: User, bob: User) -> None:
    campaign = rows.campaign(manager, items=1, overlap=2)
    assert rows.taken(campaign, ann).item_id == rows.taken(campaign, bob).item_id
    carl = rows.person("carl")
    assert queue.next_item(campaign.pk, carl) is None
    assert queue.why_nothing(campaign, carl) == "others_have_it"


def test_only_people_of_the_campaign_get_items_and_only_while_it_is_open(
    manager: User, ann: User, bob: User
) -> None:
    campaign = rows.campaign(manager, annotators=(ann.pk,))
    assert queue.next_item(campaign.pk, bob) is None
    assert queue.why_nothing(campaign, bob) == "not_invited"
    lease = rows.taken(campaign, ann)
    paused = lifecycle.set_state(campaign.pk, Campaign.State.PAUSED, campaign.version)
    assert rows.taken(campaign, ann).pk == lease.pk, "what is in work is finished"
    rows.submit(lease)
    assert queue.next_item(campaign.pk, ann) is None
    assert queue.why_nothing(paused, ann) == "paused"


def test_a_hold_is_not_seen_and_vanishes_when_it_expires(manager: User, ann: User, bob: User) -> None:
    campaign = rows.campaign(manager, items=2)
    rows.taken(campaign, ann)
    held = queue.hold_next(campaign.pk, ann)
    assert held is not None
    assert queue.next_item(campaign.pk, bob) is None, "the slot is ann's for now"
    run_out(held)
    assert rows.taken(campaign, bob).item_id == held.item_id
    assert not Assignment.objects.filter(pk=held.pk).exists()
    rows.slots_add_up(campaign)


def test_a_hold_becomes_the_next_lease(manager: User, ann: User) -> None:
    campaign = rows.campaign(manager)
    rows.submit(rows.taken(campaign, ann))
    taken_now = rows.taken(campaign, ann)
    held = queue.hold_next(campaign.pk, ann)
    assert held is not None
    assert queue.hold_next(campaign.pk, ann) == held
    with pytest.raises(Missing):
        judging.submit(held.pk, ann, Submission(answers={}, idempotency_key=uuid.uuid4()))
    rows.submit(taken_now)
    assert rows.taken(campaign, ann).pk == held.pk
    rows.slots_add_up(campaign)


def test_an_expired_lease_gives_its_slot_back(manager: User, ann: User, bob: User) -> None:
    campaign = rows.campaign(manager, items=1)
    lease = rows.taken(campaign, ann)
    assert queue.release_expired() == 0
    run_out(lease)
    assert queue.release_expired() == 1
    rows.slots_add_up(campaign)
    assert rows.taken(campaign, bob).item_id == lease.item_id


def test_an_expired_lease_is_taken_up_again_with_its_draft(manager: User, ann: User) -> None:
    campaign = rows.campaign(manager, items=2)
    lease = rows.taken(campaign, ann)
    queue.save_draft(lease.pk, ann, rows.picks(lease), 0)
    run_out(lease)
    queue.release_expired()
    again = rows.taken(campaign, ann)
    assert (again.pk, again.draft) == (lease.pk, rows.picks(lease))
    rows.slots_add_up(campaign)


def test_a_heartbeat_prolongs_and_takes_an_expired_lease_up_again(
    manager: User, ann: User, bob: User
) -> None:
    campaign = rows.campaign(manager, items=1)
    lease = rows.taken(campaign, ann)
    before = lease.expires_at
    assert queue.heartbeat(lease.pk, ann).expires_at > before
    run_out(lease)
    queue.release_expired()
    assert queue.heartbeat(lease.pk, ann).state == State.LEASED
    run_out(lease)
    queue.release_expired()
    rows.taken(campaign, bob)
    with pytest.raises(Conflict) as conflict:
        queue.heartbeat(lease.pk, ann)
    assert conflict.value.code == "lease_lost"
    rows.slots_add_up(campaign)


def test_a_late_submission_takes_the_open_slot(manager: User, ann: User, bob: User) -> None:
    campaign = rows.campaign(manager, items=1)
    lease = rows.taken(campaign, ann)
    run_out(lease)
    queue.release_expired()
    rows.submit(lease)
    assert queue.next_item(campaign.pk, bob) is None
    rows.slots_add_up(campaign)
    assert (campaign.progress.judged, campaign.progress.surplus) == (1, 0)


@pytest.mark.parametrize("gold", [False, True])
def test_what_ran_out_is_not_held_ahead_of_itself_and_can_still_be_submitted(
    manager: User, ann: User, gold: bool
) -> None:
    campaign = rows.campaign(manager, items=1)
    if gold:
        campaign.items.update(gold=True, open_slots=0)
        GoldAnswer.objects.create(item=campaign.items.get(), campaign=campaign, answers={}, source="known")
        Campaign.objects.update(gold_share=0.5, qualification_items=2)
    lease = rows.taken(campaign, ann)
    run_out(lease)
    queue.release_expired()
    assert queue.hold_next(campaign.pk, ann) is None
    rows.submit(lease)
    assert Assignment.objects.get().state == State.SUBMITTED


def test_a_late_submission_is_kept_where_somebody_else_has_the_slot(
    manager: User, ann: User, bob: User
) -> None:
    campaign = rows.campaign(manager, items=1)
    lease = rows.taken(campaign, ann)
    run_out(lease)
    other = rows.taken(campaign, bob)
    late = rows.submit(lease)
    rows.submit(other)
    rows.slots_add_up(campaign)
    assert (campaign.progress.judged, campaign.progress.surplus) == (1, 1)
    assert late.pairs.count() == 4


def test_a_skipped_item_goes_to_others_and_never_comes_back(manager: User, ann: User, bob: User) -> None:
    campaign = rows.campaign(manager, items=1)
    lease = rows.taken(campaign, ann)
    assert queue.skip(lease.pk, ann, "A clip does not play").state == State.SKIPPED
    assert queue.skip(lease.pk, ann, "again").skip_reason == "A clip does not play"
    assert queue.next_item(campaign.pk, ann) is None
    rows.slots_add_up(campaign)
    assert rows.taken(campaign, bob).item_id == lease.item_id
    with pytest.raises(Conflict):
        rows.submit(lease)


def test_after_the_end_a_person_gets_items_that_came_back(manager: User, ann: User, bob: User) -> None:
    campaign = rows.campaign(manager, items=3)
    first = rows.taken(campaign, ann)
    for _n in range(2):
        rows.submit(rows.taken(campaign, bob))
    queue.skip(first.pk, ann, "no")
    assert rows.taken(campaign, bob).item_id == first.item_id


def test_drafts_of_two_windows_conflict(manager: User, ann: User) -> None:
    lease = rows.taken(rows.campaign(manager), ann)
    saved = queue.save_draft(lease.pk, ann, rows.picks(lease), 0)
    assert saved.draft_version == 1
    with pytest.raises(Conflict) as conflict:
        queue.save_draft(lease.pk, ann, {"picks": {}, "comparisons": []}, 0)
    assert conflict.value.code == "draft_conflict"
    assert conflict.value.detail["draft"] == rows.picks(lease)


def test_nobody_touches_what_is_not_theirs(manager: User, ann: User, bob: User) -> None:
    lease = rows.taken(rows.campaign(manager), ann)
    for act in (
        lambda: queue.heartbeat(lease.pk, bob),
        lambda: queue.skip(lease.pk, bob, "no"),
        lambda: queue.save_draft(lease.pk, bob, {}, 0),
        lambda: judging.check(lease.pk, bob, {}),
        lambda: judging.submit(lease.pk, bob, Submission(answers={}, idempotency_key=uuid.uuid4())),
    ):
        with pytest.raises(Missing):
            act()


# --- Many at once, and at scale ---------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_windows_that_ask_at_once_get_the_same_item() -> None:
    campaign = rows.campaign(rows.person("manager", Role.MANAGER), items=40, overlap=2)
    ann = rows.person("ann")
    for round_ in range(10):
        start = threading.Barrier(4)
        given: list[uuid.UUID] = []

        def ask(start: threading.Barrier = start, given: list[uuid.UUID] = given) -> None:
            start.wait()
            assignment = queue.next_item(campaign.pk, ann)
            assert assignment is not None
            given.append(assignment)
            connections.close_all()

        threads = [threading.Thread(target=ask) for _n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(given) == 4
        assert len(set(given)) == 1, round_
        rows.slots_add_up(campaign)
        rows.submit(Assignment.objects.get(pk=given[0]))


@pytest.mark.django_db(transaction=True)
def test_every_slot_is_given_exactly_once_to_forty_people_at_once() -> None:
    campaign = rows.campaign(rows.person("manager", Role.MANAGER), items=200, overlap=2, clips_per_item=2)
    people = [rows.person(f"p{n}") for n in range(40)]
    given: list[tuple[uuid.UUID, int]] = []
    failures: list[BaseException] = []

    def label(person: User) -> None:
        try:
            while assignment := rows.next_item(campaign, person):
                given.append((assignment.item_id, person.pk))
                if len(given) % 3 == 0:
                    queue.hold_next(campaign.pk, person)
                rows.submit(assignment)
        except BaseException as failure:
            failures.append(failure)
            raise
        finally:
            connections.close_all()

    # Threads wait for the database almost all the time; the pool bounds how many are in it at once.
    gate = threading.BoundedSemaphore(12)

    def gated(person: User) -> None:
        with gate:
            label(person)

    threads = [threading.Thread(target=gated, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(given) == len(set(given)) == 400, "nobody got an item twice"
    assert set(Counter(item for item, _person in given).values()) == {2}
    rows.slots_add_up(campaign)
    assert campaign.progress.judged == 400


def test_the_cost_of_an_item_does_not_grow_with_the_campaign(manager: User, ann: User) -> None:
    """Few statements, and a plan that reads the same few rows at item 3 000 as at the first."""
    campaign = rows.campaign(manager, items=3000, overlap=3, clips_per_item=2)
    rows.submit(rows.taken(campaign, ann))
    early = statements_of_one_item(campaign, ann)
    seen = Item.objects.filter(campaign=campaign, position__range=(2, 2900)).values_list("pk", flat=True)
    now = timezone.now()
    Assignment.objects.bulk_create(
        Assignment(
            item_id=pk,
            campaign=campaign,
            annotator=ann,
            state=State.SUBMITTED,
            clip_order=[],
            leased_at=now + timedelta(microseconds=n),
            expires_at=now,
        )
        for n, pk in enumerate(seen)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE annotation_item, annotation_assignment")
    Participation.objects.filter(campaign=campaign, annotator=ann).update(position=2900)
    late = statements_of_one_item(campaign, ann)
    assert len(late["next"]) <= len(early["next"]) <= 3, early["next"]
    assert len(late["submit"]) <= len(early["submit"]) <= 8, early["submit"]
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "campaign": campaign.pk,
            "person": ann.pk,
            "today": timezone.localdate(),
            "ahead": 0,
            "by_turn": True,
            "scores": False,
        }
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queue._CLAIM[State.LEASED]}", values)
        plan = cursor.fetchone()[0][0]["Plan"]
    assert _rows_read(plan) < 60, plan


def statements_of_one_item(campaign: Campaign, person: User) -> dict[str, list[str]]:
    """The SQL of next and of submit; savepoints are this test's own."""
    with CaptureQueriesContext(connection) as asked:
        assignment = rows.taken(campaign, person)
    answers = rows.picks(assignment)
    with CaptureQueriesContext(connection) as answered:
        rows.submit(assignment, answers=answers)
    return {
        name: [q["sql"] for q in captured.captured_queries if "SAVEPOINT" not in q["sql"]]
        for name, captured in (("next", asked), ("submit", answered))
    }


def _rows_read(node: dict) -> int:  # type: ignore[type-arg]
    """Rows that the scans of a plan gave or threw away."""
    own = 0
    if "Scan" in node["Node Type"] and "Relation Name" in node:
        own = node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
    return int(own) + sum(_rows_read(child) for child in node.get("Plans", []))


def test_what_nobody_has_begun_is_given_back_and_its_answer_still_taken(
    manager: User, ann: User, bob: User
) -> None:
    campaign = rows.campaign(manager, items=3)
    begun = rows.taken(campaign, ann)
    queue.save_draft(begun.pk, ann, rows.picks(begun), 0)
    opened = rows.taken(campaign, bob)
    assert queue.hold_next(campaign.pk, bob) is not None
    queue.give_back_untouched(campaign.pk)
    rows.slots_add_up(campaign)
    assert sorted(campaign.items.values_list("open_slots", flat=True)) == [0, 1, 1]
    begun.refresh_from_db()
    assert begun.state == State.LEASED
    rows.submit(opened)
    rows.slots_add_up(campaign)
    assert campaign.progress.judged == 1


def test_nobody_gets_more_than_the_campaign_wants_of_one_person(manager: User, ann: User, bob: User) -> None:
    campaign = rows.campaign(manager, items=6, overlap=2)
    Campaign.objects.filter(pk=campaign.pk).update(most_per_annotator=3, most_per_day=2)
    campaign.refresh_from_db()
    for _n in range(2):
        rows.judge(campaign, ann)
    assert queue.next_item(campaign.pk, ann) is None
    assert queue.why_nothing(campaign, ann) == "daily_limit_reached"
    assert queue.next_item(campaign.pk, bob) is not None
    part = Participation.objects.get(campaign=campaign, annotator=ann)
    assert part.day == timezone.localdate()
    part.day -= timedelta(days=1)
    part.save()
    rows.judge(campaign, ann)
    part.refresh_from_db()
    assert (part.judged, part.day_judged) == (3, 1)
    assert queue.next_item(campaign.pk, ann) is None
    assert queue.why_nothing(campaign, ann) == "limit_reached"
    assert queue.hold_next(campaign.pk, ann) is None
    rows.slots_add_up(campaign)
