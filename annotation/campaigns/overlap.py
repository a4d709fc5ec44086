"""Changing how many people judge each item, while they judge.

What always holds, before and after, for every item but gold ones, which have no slots:

    open slots + leased + held + judged (surplus ones not counted) = the campaign's overlap

More: every item gets the new slots; judgements that were surplus take theirs first, the earliest before.
Fewer: slots are taken away in this order: open ones; then leases and holds, the latest first; then the latest
judgements, which become surplus. Nothing is lost: a person whose lease was taken away may still submit, and
it is kept as surplus, as any late answer is.

It never waits for a lock while it holds one, so that nobody's claim or submission can be the victim of a
deadlock: it takes what is free of items and people's parts, again and again until it has all, and otherwise
lets all go and begins anew. Claims wait for it meanwhile; releasing expired leases stands aside.
"""

import time
import uuid
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F
from django.utils.translation import gettext as _

from annotation.campaigns.editing import refuse_closed
from annotation.campaigns.lifecycle import locked
from annotation.models import Campaign
from workbench.refusals import Conflict, Invalid

MOST = 20
TRIES = 40
PASSES = 5
"""In a try, before all that was locked is let go."""
PAUSE = 0.02
"""Seconds between passes, and between tries."""


def change(campaign_id: uuid.UUID, version: int, overlap: int) -> Campaign:
    """Ask for `overlap` judgements of every item from now on.

    Takes time with the campaign's items: it writes each of them once. Raises Missing; Invalid `overlap`;
    Conflict `stale`, `closed`, or `busy` if people were faster than it all the time.
    """
    if not 1 <= overlap <= MOST:
        text = _("Asked for %(n)d judgements of each item; expected 1 to %(most)d.")
        raise Invalid("overlap", text % {"n": overlap, "most": MOST})
    for _try in range(TRIES):
        try:
            return _changed(campaign_id, version, overlap)
        except (_BusyError, IntegrityError):  # or a lease that was to go was being submitted: no sum came out
            time.sleep(PAUSE)
    raise Conflict("busy", _("The items are too busy to change now. Pause the campaign, then change it."))


class _BusyError(Exception):
    """Somebody held a lock all the time."""


@transaction.atomic
def _changed(campaign_id: uuid.UUID, version: int, overlap: int) -> Campaign:
    campaign = locked(campaign_id, version)
    refuse_closed(campaign)
    more = overlap - campaign.overlap
    if more:
        values: dict[str, Any] = {"campaign": campaign.pk, "overlap": overlap, "more": more}
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('annotation.release_expired'))")
            _lock_all(cursor, values)
            cursor.execute(_MORE if more > 0 else _FEWER, values)
            for annotator, n in cursor.fetchall():
                cursor.execute(_MOVE, {"campaign": campaign.pk, "annotator": annotator, "n": n})
    Campaign.objects.filter(pk=campaign.pk).update(overlap=overlap, version=F("version") + 1)
    campaign.refresh_from_db()
    return campaign


def _lock_all(cursor: CursorWrapper, values: dict[str, Any]) -> None:
    for _pass in range(PASSES):
        cursor.execute(_LOCK, values)
        items, of_items, parts, of_parts = cursor.fetchone()
        if (items, parts) == (of_items, of_parts):
            return
        time.sleep(PAUSE)
    raise _BusyError


_LOCK = """
WITH items AS (
    SELECT id FROM annotation_item WHERE campaign_id = %(campaign)s AND NOT gold
    FOR NO KEY UPDATE SKIP LOCKED),
parts AS (
    SELECT id FROM annotation_participation WHERE campaign_id = %(campaign)s
    FOR NO KEY UPDATE SKIP LOCKED)
SELECT (SELECT count(*) FROM items),
    (SELECT count(*) FROM annotation_item WHERE campaign_id = %(campaign)s AND NOT gold),
    (SELECT count(*) FROM parts),
    (SELECT count(*) FROM annotation_participation WHERE campaign_id = %(campaign)s)
"""

# What excluded people said stays surplus, and so does an adjudication, which fills no slot; and what is just
# being corrected.
_MORE = """
WITH late AS (
    SELECT a.id, row_number() OVER (PARTITION BY a.item_id ORDER BY a.ended_at, a.id) AS turn
    FROM annotation_assignment a
    JOIN annotation_item i ON i.id = a.item_id AND NOT i.gold
    JOIN annotation_participation p ON p.campaign_id = a.campaign_id AND p.annotator_id = a.annotator_id
    WHERE a.campaign_id = %(campaign)s AND a.state = 'submitted' AND a.surplus AND p.excluded_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM annotation_judgement j WHERE j.assignment_id = a.id AND j.adjudicates)),
free AS (
    SELECT a.id FROM annotation_assignment a
    WHERE a.id IN (SELECT id FROM late WHERE turn <= %(more)s::int) FOR NO KEY UPDATE SKIP LOCKED),
taken_in AS (
    UPDATE annotation_assignment a SET surplus = false FROM free WHERE a.id = free.id AND a.surplus
    RETURNING a.item_id, a.annotator_id),
used AS (SELECT item_id, count(*) AS n FROM taken_in GROUP BY item_id),
changed AS (
    UPDATE annotation_item i SET open_slots = i.open_slots + %(more)s::int - COALESCE(u.n, 0)
    FROM annotation_item same LEFT JOIN used u ON u.item_id = same.id
    WHERE i.id = same.id AND i.campaign_id = %(campaign)s AND NOT i.gold AND same.campaign_id = %(campaign)s)
SELECT annotator_id, count(*) FROM taken_in GROUP BY annotator_id
"""

# An item's slots in use in the order in which they stay: judgements by age, then leases by age. A lease whose
# row somebody has locked is about to change: it is left, the item's open slots fall below zero, which the
# database refuses, and all begins anew.
_FEWER = """
WITH slots AS (
    SELECT a.id, a.state, row_number() OVER (
        PARTITION BY a.item_id
        ORDER BY (a.state <> 'submitted'), COALESCE(a.ended_at, a.leased_at), a.id) AS turn
    FROM annotation_assignment a JOIN annotation_item i ON i.id = a.item_id AND NOT i.gold
    WHERE a.campaign_id = %(campaign)s
      AND (a.state IN ('leased', 'held') OR (a.state = 'submitted' AND NOT a.surplus))),
beyond AS (
    SELECT a.id, a.item_id, a.annotator_id, a.state FROM annotation_assignment a
    WHERE a.id IN (SELECT id FROM slots WHERE turn > %(overlap)s::int)
      AND (a.state IN ('leased', 'held') OR (a.state = 'submitted' AND NOT a.surplus))
    FOR NO KEY UPDATE SKIP LOCKED),
expired AS (
    UPDATE annotation_assignment a SET state = 'expired', ended_at = statement_timestamp()
    FROM beyond WHERE a.id = beyond.id AND beyond.state = 'leased'),
unseen AS (
    DELETE FROM annotation_assignment a USING beyond WHERE a.id = beyond.id AND beyond.state = 'held'),
late AS (
    UPDATE annotation_assignment a SET surplus = true
    FROM beyond WHERE a.id = beyond.id AND beyond.state = 'submitted'),
freed AS (SELECT item_id, count(*) AS n FROM beyond GROUP BY item_id),
changed AS (
    UPDATE annotation_item i SET open_slots = i.open_slots + %(more)s::int + COALESCE(f.n, 0)
    FROM annotation_item same LEFT JOIN freed f ON f.item_id = same.id
    WHERE i.id = same.id AND i.campaign_id = %(campaign)s AND NOT i.gold AND same.campaign_id = %(campaign)s)
SELECT annotator_id, -count(*) FROM beyond WHERE state = 'submitted' GROUP BY annotator_id
"""

_MOVE = """
UPDATE annotation_participation SET judged = judged + %(n)s::int, surplus = surplus - %(n)s::int
WHERE campaign_id = %(campaign)s AND annotator_id = %(annotator)s
"""
