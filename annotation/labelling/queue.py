"""Who judges which item next: slots, leases and holds.

An item has `overlap` slots. `Item.open_slots` counts those that nobody has, and everything that gives or
returns a slot changes it in the same transaction as the assignment, so the cap is the database's. Claiming is
one statement whose cost does not depend on the campaign's size: it walks the index of open items from where
this person was last (their `Participation` knows), and passes over rows that another claim has locked.

A person has at most one lease and one hold in a campaign (unique indexes). A hold is the item after the one
in work, taken early so that its clips can be fetched; it has not been seen, and vanishes when it expires. An
expired lease gives its slot back; the same person may take the item up again while it has an open slot.

Nobody's answer is the victim of a deadlock, because all lock in one order: assignments, by id where several;
then items; then the person's `Participation`. Who takes several items at once holds the advisory lock
`annotation.release_expired`, or passes over what is locked (`overlap.py`); a claim takes one item, passes
over an assignment that is locked, and lets go of an item that it waited for in vain before it tries another.
"""

import uuid
from datetime import timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest, Now
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.campaigns.lifecycle import invited
from annotation.models import Assignment, Campaign, Item, Participation
from annotation.quality import gold
from workbench import prepared
from workbench.access import may
from workbench.models import User
from workbench.refusals import Conflict, Missing

State = Assignment.State
_GONE = "gone"
"""A turn (see `gold.Turn`) too late: the item's last slot was taken while the claim waited for it."""


def next_item(campaign_id: uuid.UUID, annotator: User) -> uuid.UUID | None:
    """The assignment to work on now, leased to this person; None if there is none (see `why_nothing`).

    A person who has a lease gets that one back, with its order and draft; else their hold; else a new item.
    """
    try:
        return _claim(campaign_id, annotator, State.LEASED)
    except IntegrityError:  # the same person did two things at once
        # Asked twice: the other request's lease is theirs. Or answered what had run out and came again.
        _wait_for_own(campaign_id, annotator)
        return _claim(campaign_id, annotator, State.LEASED)


def hold_next(campaign_id: uuid.UUID, annotator: User) -> Assignment | None:
    """The item after the one in work, held so that its clips can be fetched. Not seen yet."""
    try:
        found = _claim(campaign_id, annotator, State.HELD)
    except IntegrityError:
        found = _claim(campaign_id, annotator, State.HELD)
    # It may be gone again: a hold that ran out, or that a smaller overlap took away, leaves no row.
    return Assignment.objects.filter(pk=found).first() if found else None


def heartbeat(assignment_id: uuid.UUID, annotator: User) -> Assignment:
    """Prolong the lease, and the person's hold with it. An expired lease is taken up again if it can be.

    Raises Missing, or Conflict `lease_lost` where the slot has gone to somebody else: what was judged can
    still be submitted.
    """
    assignment = _own(assignment_id, annotator)
    if assignment.state == State.LEASED and _prolong(assignment.campaign_id, annotator):
        assignment.refresh_from_db()
        return assignment
    with transaction.atomic():
        assignment = _own(assignment_id, annotator, lock=True)
        if assignment.state == State.EXPIRED and _revive(assignment):
            assignment.refresh_from_db()
            return assignment
    if assignment.state == State.LEASED:
        return assignment
    raise Conflict(
        "lease_lost",
        _("This item is no longer reserved for you. What you have marked is kept and can be submitted."),
        state=assignment.state,
    )


def save_draft(
    assignment_id: uuid.UUID, annotator: User, answers: dict[str, object], version: int
) -> Assignment:
    """Keep what is marked so far; raises Conflict `draft_conflict` unless `version` is the stored one."""
    writable = (State.LEASED, State.EXPIRED, State.SUBMITTED)
    changed = Assignment.objects.filter(
        pk=assignment_id, annotator=annotator, draft_version=version, state__in=writable
    ).update(draft=answers, draft_version=F("draft_version") + 1)
    assignment = _own(assignment_id, annotator)
    if changed:
        return assignment
    if assignment.state not in writable:
        raise Conflict("not_in_work", _("This item is not in work."), state=assignment.state)
    raise Conflict(
        "draft_conflict",
        _("This item was changed in another window. Its newer state is shown."),
        draft=assignment.draft,
        draft_version=assignment.draft_version,
    )


def skip(assignment_id: uuid.UUID, annotator: User, reason: str) -> Assignment:
    """Give the item back; this person does not get it again. Raises Missing or Conflict `not_in_work`."""
    with transaction.atomic():
        assignment = _own(assignment_id, annotator, lock=True)
        if assignment.state == State.SKIPPED:
            return assignment
        if assignment.state not in (State.LEASED, State.EXPIRED):
            raise Conflict("not_in_work", _("Only an item in work can be skipped."), state=assignment.state)
        had_slot = assignment.state == State.LEASED
        Assignment.objects.filter(pk=assignment.pk).update(
            state=State.SKIPPED, skip_reason=reason[:200], ended_at=Now()
        )
        if had_slot:
            Item.objects.filter(pk=assignment.item_id, gold=False).update(open_slots=F("open_slots") + 1)
        Participation.objects.filter(campaign=assignment.campaign_id, annotator=annotator).update(
            skipped=F("skipped") + 1, last_at=Now()
        )
    assignment.refresh_from_db()
    return assignment


def take_slot(item_id: uuid.UUID) -> bool:
    """Take an open slot of this item; False if it has none. A gold item has one for everybody."""
    rows = Item.objects.filter(Q(gold=True) | Q(open_slots__gt=0), pk=item_id)
    return bool(rows.update(open_slots=Greatest(F("open_slots") - 1, 0)))


def release_expired(campaign_id: uuid.UUID | None = None, limit: int = 500) -> int:
    """Give back the slots of leases and holds that ran out; returns how many. Safe to call at any time."""
    with transaction.atomic(), connection.cursor() as cursor:
        # One at a time: two that update the same items in different orders would wait for each other.
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('annotation.release_expired'))")
        row = cursor.fetchone()
        if row is None or not row[0]:
            return 0
        cursor.execute(_RELEASE, {"campaign": campaign_id, "limit": limit})
        (count,) = cursor.fetchone() or (0,)
        return int(count)


def give_back_untouched(campaign_id: uuid.UUID) -> None:
    """Give back the slots of items that people hold or have open and have marked nothing in.

    Nobody loses anything: an answer that comes all the same takes an open slot, or is kept as surplus.
    """
    in_work = Assignment.objects.filter(campaign=campaign_id, state__in=(State.LEASED, State.HELD), draft={})
    with transaction.atomic():
        found = list(in_work.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        Assignment.objects.filter(pk__in=found).update(expires_at=Now())
    while release_expired(campaign_id):
        pass


def why_nothing(campaign: Campaign, annotator: User) -> str:
    """Why `next_item` gives None: draft, paused, closed, not_invited, excluded, not_qualified, no_gold_left,
    limit_reached, daily_limit_reached, others_have_it or done.
    """
    if campaign.state != Campaign.State.OPEN:
        return campaign.state
    if not invited(campaign, annotator):
        return "not_invited"
    part = Participation.objects.filter(campaign=campaign, annotator=annotator).first()
    shut_out = gold.why_nothing(campaign, part)
    if shut_out is not None:
        return shut_out
    if part is not None:
        most, daily = campaign.most_per_annotator, campaign.most_per_day
        if most is not None and part.judged + part.surplus >= most:
            return "limit_reached"
        if daily is not None and part.day == timezone.localdate() and part.day_judged >= daily:
            return "daily_limit_reached"
    waiting = Assignment.objects.filter(campaign=campaign, state__in=(State.LEASED, State.HELD)).exclude(
        annotator=annotator
    )
    return "others_have_it" if waiting.exists() else "done"


# --- Statements -------------------------------------------------------------------------------------------


def _claim(campaign_id: uuid.UUID, annotator: User, state: State) -> uuid.UUID | None:
    values = {
        "campaign": campaign_id,
        "person": annotator.pk,
        "scores": may(annotator, "score"),
        "today": timezone.localdate(),
        "ahead": int(state == State.HELD),
    }
    found, turn = _first(_CLAIM[state], {**values, "by_turn": True})
    if turn is not None:
        if turn == gold.Turn.NOTHING:
            return None
        found = gold.claim(campaign_id, annotator, state)
        if found is None and turn == gold.Turn.GOLD:
            found, _turn = _first(_CLAIM[state], {**values, "by_turn": False})
        if turn == gold.Turn.GOLD_ONLY:
            return found
    if found is None:
        # Look again without passing over locked rows, with what has expired meanwhile: rare, and exact.
        release_expired(campaign_id)
        by_turn = turn is None
        turn = _GONE
        while turn == _GONE:
            found, turn = _first(_CLAIM_PATIENTLY[state], {**values, "by_turn": by_turn})
    return found


def _first(sql: str, values: dict[str, object]) -> tuple[uuid.UUID | None, str | None]:
    """An assignment; or, where something else than an ordinary item is due, whose turn it is."""
    with prepared.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone() or (None, None)


def _own(assignment_id: uuid.UUID, annotator: User, lock: bool = False) -> Assignment:
    rows = Assignment.objects.filter(pk=assignment_id, annotator=annotator)
    rows = rows.exclude(state__in=(State.HELD, State.DECIDING))
    assignment = (rows.select_for_update() if lock else rows).first()
    if assignment is None:
        raise Missing("no_such_assignment", _("There is no such item in your work."))
    return assignment


def _wait_for_own(campaign_id: uuid.UUID, annotator: User) -> None:
    """Until nothing else is being done with what this person had and that ran out."""
    ran_out = Assignment.objects.filter(campaign=campaign_id, annotator=annotator, state=State.EXPIRED)
    with transaction.atomic():
        list(ran_out.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))


def _prolong(campaign_id: uuid.UUID, annotator: User) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_PROLONG, {"campaign": campaign_id, "person": annotator.pk})
        return bool(cursor.rowcount)


def _revive(assignment: Assignment) -> bool:
    try:
        with transaction.atomic():
            if not take_slot(assignment.item_id):
                return False
            lease = timedelta(minutes=assignment.campaign.lease_minutes)
            Assignment.objects.filter(pk=assignment.pk).update(
                state=State.LEASED, ended_at=None, expires_at=Now() + lease
            )
            return True
    except IntegrityError:  # the person has another lease meanwhile
        return False


# The campaign, if it is open to this person now.
_OPEN_TO_PERSON = """
    SELECT c.id, c.lease_minutes FROM annotation_campaign c LEFT JOIN part p ON true
    WHERE c.id = %(campaign)s AND c.state = 'open'
      AND ((c.open_to_all AND (%(scores)s::bool OR c.protocol = 'best_worst')) OR EXISTS (
        SELECT 1 FROM annotation_campaign_annotators m
        WHERE m.campaign_id = c.id AND m.user_id = %(person)s))
      AND p.excluded_at IS NULL
      AND (c.most_per_annotator IS NULL
        OR COALESCE(p.judged + p.surplus, 0) < c.most_per_annotator)
      AND (c.most_per_day IS NULL OR p.day IS DISTINCT FROM %(today)s::date
        OR p.day_judged < c.most_per_day)
"""

# What this person has already: their lease, or their hold made a lease; for a hold, the hold as it is.
_RESUME = {
    State.LEASED: """
        own AS (
            SELECT id FROM annotation_assignment
            WHERE campaign_id = %(campaign)s AND annotator_id = %(person)s
              AND (state = 'leased' OR (state = 'held' AND EXISTS (SELECT 1 FROM open_campaign)))
            ORDER BY (state = 'leased') DESC LIMIT 1),
        resumed AS (
            UPDATE annotation_assignment a
            SET state = 'leased',
                leased_at = CASE a.state WHEN 'held' THEN statement_timestamp() ELSE a.leased_at END,
                expires_at = statement_timestamp() + make_interval(mins => (
                    SELECT lease_minutes FROM annotation_campaign WHERE id = %(campaign)s))
            FROM own WHERE a.id = own.id AND a.state IN ('leased', 'held')
            RETURNING a.id)""",
    State.HELD: """
        own AS (
            SELECT id FROM annotation_assignment
            WHERE campaign_id = %(campaign)s AND annotator_id = %(person)s AND state = 'held'),
        resumed AS (SELECT id FROM own)""",
}


def _claim_sql(state: Assignment.State, lock: str) -> str:
    """The claim; with a `lock`, of the first open item that nobody has locked.

    Without one it picks an item and waits for it. Where the item's last slot went to somebody else meanwhile,
    the turn is `_GONE`: a statement that looked for another still held the lock of this one.
    """
    was = "COALESCE((SELECT position FROM part), 0)"
    # An item whose lease ran out may still be on the person's screen, to be submitted late: it is not held
    # ahead of itself, and comes again only as the next item.
    met = "a.state <> 'expired'" if state == State.LEASED else "true"

    def first_open(where: str) -> str:
        return f"""
            SELECT i.id FROM annotation_item i
            WHERE i.campaign_id = (SELECT id FROM ordinary) AND i.open_slots > 0
              AND NOT EXISTS (
                SELECT 1 FROM annotation_assignment a
                WHERE a.item_id = i.id AND a.annotator_id = %(person)s AND {met})
              AND {where}
            ORDER BY i.position LIMIT 1 {lock}"""  # noqa: S608

    return f"""
        WITH part AS (
            SELECT * FROM annotation_participation
            WHERE campaign_id = %(campaign)s AND annotator_id = %(person)s),
        open_campaign AS ({_OPEN_TO_PERSON}),
        {_RESUME[state]},
        due AS (
            SELECT {gold.TURN} AS turn FROM annotation_campaign c LEFT JOIN part p ON true
            WHERE c.id = %(campaign)s AND %(by_turn)s
              AND EXISTS (SELECT 1 FROM open_campaign) AND NOT EXISTS (SELECT 1 FROM own)),
        ordinary AS (
            SELECT id FROM open_campaign
            WHERE NOT EXISTS (SELECT 1 FROM own)
              AND NOT EXISTS (SELECT 1 FROM due WHERE turn <> '{gold.Turn.ITEM}')),
        ahead AS ({first_open(f"i.position >= {was}")}),
        behind AS ({first_open(f"i.position < {was} AND NOT EXISTS (SELECT 1 FROM ahead)")}),
        taken AS (
            UPDATE annotation_item SET open_slots = open_slots - 1
            WHERE id IN (SELECT id FROM ahead UNION ALL SELECT id FROM behind) AND open_slots > 0
            RETURNING id, position),
        gone_on AS (
            INSERT INTO annotation_participation (campaign_id, annotator_id, position)
            SELECT %(campaign)s, %(person)s, position FROM taken
            ON CONFLICT (campaign_id, annotator_id)
            DO UPDATE SET position = excluded.position, last_at = statement_timestamp()),
        again AS (
            SELECT a.id FROM annotation_assignment a JOIN taken ON taken.id = a.item_id
            WHERE a.annotator_id = %(person)s AND a.state = 'expired' FOR NO KEY UPDATE OF a SKIP LOCKED),
        revived AS (
            UPDATE annotation_assignment a
            SET state = '{state}', leased_at = statement_timestamp(), ended_at = NULL,
                expires_at = statement_timestamp() + make_interval(mins => open_campaign.lease_minutes)
            FROM again, open_campaign WHERE a.id = again.id
            RETURNING a.id),
        made AS (
            INSERT INTO annotation_assignment
                (id, item_id, campaign_id, annotator_id, state, clip_order, draft, draft_version,
                 skip_reason, leased_at, expires_at, surplus)
            SELECT gen_random_uuid(), taken.id, open_campaign.id, %(person)s, '{state}',
                (SELECT jsonb_agg(c.id ORDER BY random())
                 FROM annotation_itemclip c WHERE c.item_id = taken.id),
                '{{}}', 0, '', statement_timestamp(),
                statement_timestamp() + make_interval(mins => open_campaign.lease_minutes), false
            FROM taken, open_campaign
            WHERE NOT EXISTS (SELECT 1 FROM revived)
            RETURNING id)
        SELECT id, NULL AS turn FROM resumed UNION ALL SELECT id, NULL FROM revived
        UNION ALL SELECT id, NULL FROM made
        UNION ALL SELECT NULL, turn FROM due WHERE turn <> '{gold.Turn.ITEM}'
        UNION ALL SELECT NULL, '{_GONE}' WHERE NOT EXISTS (SELECT 1 FROM taken)
            AND (EXISTS (SELECT 1 FROM ahead) OR EXISTS (SELECT 1 FROM behind))
        """  # noqa: S608


# NO KEY UPDATE is the lock that the UPDATE takes anyway; rows that only refer to an item don't wait for it.
_CLAIM = {state: _claim_sql(state, "FOR NO KEY UPDATE OF i SKIP LOCKED") for state in _RESUME}
_CLAIM_PATIENTLY = {state: _claim_sql(state, "") for state in _RESUME}

_PROLONG = """
WITH own AS (
    SELECT a.id, c.lease_minutes
    FROM annotation_assignment a JOIN annotation_campaign c ON c.id = a.campaign_id
    WHERE a.campaign_id = %(campaign)s AND a.annotator_id = %(person)s AND a.state IN ('leased', 'held')
    ORDER BY a.id FOR NO KEY UPDATE OF a)
UPDATE annotation_assignment a
SET expires_at = statement_timestamp() + make_interval(mins => own.lease_minutes)
FROM own WHERE a.id = own.id
"""

_RELEASE = """
WITH over AS (
    SELECT id, item_id, state FROM annotation_assignment
    WHERE state IN ('leased', 'held') AND expires_at < statement_timestamp()
      AND (%(campaign)s::uuid IS NULL OR campaign_id = %(campaign)s::uuid)
    ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED),
expired AS (
    UPDATE annotation_assignment a SET state = 'expired', ended_at = statement_timestamp()
    FROM over WHERE a.id = over.id AND over.state = 'leased'),
unseen AS (
    DELETE FROM annotation_assignment a USING over WHERE a.id = over.id AND over.state = 'held'),
returned AS (
    UPDATE annotation_item i SET open_slots = i.open_slots + n.slots
    FROM (SELECT item_id, count(*) AS slots FROM over GROUP BY item_id) n
    WHERE i.id = n.item_id AND NOT i.gold)
SELECT count(*) FROM over
"""
