"""Gold items: items whose answer is known, dealt among the others to see who looks closely.

A gold item has no open slots, so the queue's index never meets it; anybody who may label here can get it,
once. Nothing on the page tells it from another item before the answer is in. Its judgements measure the
person: they give no preference pairs, and are in no counter but the person's gold ones.

In the qualification round a person's first items are gold, each explained after the answer; with the share
that the campaign wants right they go on to the real work. `gold_items.py` makes gold items.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import connection
from django.utils.translation import get_language

from annotation.labelling import bestworst, scored, scoring
from annotation.models import Campaign, GoldAnswer, GoldJudgement, Judgement, Participation
from workbench.access import may
from workbench.models import User

Qualification = Participation.Qualification


class Turn(StrEnum):
    """What a person gets next."""

    ITEM = "item"
    GOLD = "gold"  # or an ordinary item, where they have met every gold one
    GOLD_ONLY = "gold_only"  # the qualification round: a gold item, or nothing
    NOTHING = "nothing"  # shut out, or the round's result has to come first


# A `Turn`, as an SQL expression over annotation_campaign c and the person's annotation_participation p (all
# NULL where there is none yet), for the statement that claims. %(ahead)s is 0 for the next item and 1 for the
# one after the item in work. Whether the n-th item is gold is drawn once and for all from the campaign, the
# person and n: asking again gives the same, and over many items the share is `Campaign.gold_share`.
TURN = """
CASE
    WHEN p.excluded_at IS NOT NULL THEN 'nothing'
    WHEN c.qualification_items > 0 AND COALESCE(p.qualification, '') = '' THEN
        CASE WHEN c.qualification_items - COALESCE(p.trial_judged, 0) > %(ahead)s::int
            THEN 'gold_only' ELSE 'nothing' END
    WHEN c.qualification_items > 0 AND p.qualification = 'failed' THEN 'nothing'
    WHEN c.gold_share > 0 AND c.gold_share > (2147483647 & hashtextextended(concat_ws(' ',
        c.id, %(person)s::bigint,
        %(ahead)s::int + COALESCE(p.judged + p.surplus + p.skipped + p.gold_judged, 0)
    ), 0)) / 2147483648.0 THEN 'gold'
    ELSE 'item'
END
"""


def claim(campaign_id: uuid.UUID, annotator: User, state: str) -> uuid.UUID | None:
    """Lease or hold a gold item that this person has not met; the assignment, or None if there is none.

    One statement. It walks the campaign's gold items from a place of this person's own, past those they have
    met; one whose lease ran out comes again as a lease only, since it may still be on their screen. Call it
    in the queue's transaction: the person's one lease and one hold are unique.
    """
    start = hashlib.blake2b(f"{campaign_id} {annotator.pk}".encode(), digest_size=16).digest()
    values: dict[str, Any] = {
        "campaign": campaign_id,
        "person": annotator.pk,
        "scores": may(annotator, "score"),
        "state": state,
        "start": uuid.UUID(bytes=start),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        row = cursor.fetchone()
    return row[0] if row else None


def why_nothing(campaign: Campaign, part: Participation | None) -> str | None:
    """Why a person gets no item, by this module: excluded, not_qualified, no_gold_left; or None."""
    if part is not None and part.excluded_at is not None:
        return "excluded"
    if not campaign.qualification_items:
        return None
    if part is not None and part.qualification:
        return "not_qualified" if part.qualification == Qualification.FAILED else None
    return "no_gold_left"


def settle(judgement: Judgement, n_clips: int) -> GoldJudgement:
    """Score a gold item's judgement and count it, in the transaction that stores it: three statements.

    For a person's first answer, not for corrections: what was explained can be put right by anybody.
    """
    gold = GoldAnswer.objects.get(item=judgement.item_id)
    if "scores" in judgement.answers:
        right = scored_alike(gold.answers, judgement.answers["scores"])
    elif "verdicts" in judgement.answers:
        right = same_verdicts(gold.answers, judgement.answers["verdicts"])
    else:
        right = compared(gold.answers, bestworst.from_json(judgement.answers), n_clips)
    share = sum(right.values()) / len(right) if right else 0.0
    values: dict[str, Any] = {
        "campaign": gold.campaign_id,
        "person": judgement.annotator_id,
        "share": share,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        participation_id, trial = cursor.fetchone()
    return GoldJudgement.objects.create(
        judgement_id=judgement.pk,
        gold=gold,
        participation_id=participation_id,
        right=right,
        share=share,
        trial=trial,
    )


def compared(
    known: Mapping[str, Mapping[str, Any]], answers: bestworst.Answers, n_clips: int
) -> dict[str, bool]:
    """By dimension that the gold answer speaks of and the person answered: right or wrong.

    A side is right if the person's picks hold all of the known ones; jointly best or worst clips beyond those
    are no mistake, but picking more than half of the clips is no answer. Where a tie is known, only a tie is
    right.
    """
    found = {}
    for dimension, truth in known.items():
        said = answers.picks.get(dimension)
        if said is None:
            continue
        if truth.get("tie"):
            found[dimension] = said is bestworst.Mark.TIE
        elif isinstance(said, bestworst.Picks):
            sides = ((said.best, truth.get("best", [])), (said.worst, truth.get("worst", [])))
            found[dimension] = all(_hit(picks, wanted, n_clips) for picks, wanted in sides)
        else:
            found[dimension] = False
    return found


def scored_alike(
    known: Mapping[str, Mapping[str, Any]], scores: Mapping[str, Mapping[str, int]]
) -> dict[str, bool]:
    """The same of Likert scores: right where every clip's is as expected, within the tolerance."""
    return {
        dimension: scoring.within(truth["expected"], scores[dimension], truth["tolerance"])
        for dimension, truth in known.items()
        if dimension in scores
    }


def same_verdicts(known: Mapping[str, Mapping[str, Any]], verdicts: Mapping[str, str]) -> dict[str, bool]:
    """The same of good/same/bad: right where the verdict is the known one."""
    return {
        dimension: verdicts[dimension] == truth["verdict"]
        for dimension, truth in known.items()
        if dimension in verdicts
    }


@dataclass(frozen=True)
class Told:
    """What a person is told after a gold item."""

    right: dict[str, bool]
    known: dict[str, Any]
    """The gold answer, clips by the keys of their page, verdicts by the side that is better on it."""
    explanation: str
    trial: bool
    judged: int
    """Items of the qualification round so far, of `of`; both 0 outside it."""
    of: int
    qualification: str
    """"" while the round goes on."""


def told(judgement: Judgement) -> Told | None:
    """What the page may tell of a gold judgement: all of it in the qualification round; else what was wrong,
    where the campaign says so; else None. For a correction None: the first answer counts.
    """
    row = (
        GoldJudgement.objects.select_related("gold__campaign", "participation")
        .filter(judgement=judgement)
        .first()
    )
    if row is None:
        return None
    campaign, part = row.gold.campaign, row.participation
    if not row.trial and not (campaign.gold_feedback and row.share < 1):
        return None
    return Told(
        right=row.right,
        known=_as_said(row.gold.answers, judgement),
        explanation=row.gold.explanation(get_language() or "en"),
        trial=row.trial,
        judged=part.trial_judged if row.trial else 0,
        of=campaign.qualification_items if row.trial else 0,
        qualification=part.qualification if row.trial else "",
    )


def _as_said(known: dict[str, Any], judgement: Judgement) -> dict[str, Any]:
    if "verdicts" not in judgement.answers:
        return known
    verdicts = {dimension: truth["verdict"] for dimension, truth in known.items()}
    said = scored.as_said({"verdicts": verdicts}, judgement.assignment.clip_order)
    return {dimension: {"side": side} for dimension, side in said["verdicts"].items()}


def _hit(picks: frozenset[str], wanted: list[str], n_clips: int) -> bool:
    return picks >= set(wanted) and (not wanted or len(picks) <= max(len(wanted), n_clips // 2))


def _unmet(where: str) -> str:
    return f"""
        (SELECT g.item_id FROM annotation_goldanswer g
         WHERE g.campaign_id = (SELECT id FROM open_campaign) AND g.active
           AND g.item_id {where} %(start)s::uuid
           AND NOT EXISTS (
             SELECT 1 FROM annotation_assignment a
             WHERE a.annotator_id = %(person)s AND (a.state <> 'expired' OR %(state)s::text <> 'leased')
               AND a.item_id IN (g.item_id, g.repeats_id))
         ORDER BY g.item_id LIMIT 1)"""  # noqa: S608 (no value is pasted in: all go by parameter)


_CLAIM = f"""
WITH open_campaign AS (
    SELECT c.id, c.lease_minutes FROM annotation_campaign c
    WHERE c.id = %(campaign)s AND c.state = 'open'
      AND ((c.open_to_all AND (%(scores)s::bool OR c.protocol = 'best_worst')) OR EXISTS (
        SELECT 1 FROM annotation_campaign_annotators m
        WHERE m.campaign_id = c.id AND m.user_id = %(person)s))),
found AS (
    SELECT item_id FROM ({_unmet(">=")} UNION ALL {_unmet("<")}) w LIMIT 1),
taken AS (
    SELECT item_id, statement_timestamp() + make_interval(mins => open_campaign.lease_minutes) AS until
    FROM found, open_campaign),
came AS (
    INSERT INTO annotation_participation (campaign_id, annotator_id)
    SELECT %(campaign)s::uuid, %(person)s::bigint FROM taken
    ON CONFLICT (campaign_id, annotator_id) DO UPDATE SET last_at = statement_timestamp()),
again AS (
    SELECT a.id, taken.until FROM annotation_assignment a JOIN taken ON taken.item_id = a.item_id
    WHERE a.annotator_id = %(person)s AND a.state = 'expired' FOR NO KEY UPDATE OF a SKIP LOCKED),
revived AS (
    UPDATE annotation_assignment a
    SET state = %(state)s, leased_at = statement_timestamp(), ended_at = NULL, expires_at = again.until
    FROM again WHERE a.id = again.id
    RETURNING a.id),
made AS (
    INSERT INTO annotation_assignment
        (id, item_id, campaign_id, annotator_id, state, clip_order, draft, draft_version, skip_reason,
         leased_at, expires_at, surplus)
    SELECT gen_random_uuid(), taken.item_id, %(campaign)s::uuid, %(person)s::bigint, %(state)s::text,
        (SELECT jsonb_agg(c.id ORDER BY random())
         FROM annotation_itemclip c WHERE c.item_id = taken.item_id),
        '{{}}', 0, '', statement_timestamp(), taken.until, false
    FROM taken WHERE NOT EXISTS (SELECT 1 FROM revived)
    RETURNING id)
SELECT id FROM revived UNION ALL SELECT id FROM made
"""  # noqa: S608

# A share is a mean of few right and wrong answers: what is equal but for rounding passes.
_COUNT = """
WITH before AS (
    SELECT p.id, (p.qualification = '' AND c.qualification_items > 0) AS trial,
        c.qualification_items AS n, c.qualification_pass AS least
    FROM annotation_participation p JOIN annotation_campaign c ON c.id = p.campaign_id
    WHERE p.campaign_id = %(campaign)s AND p.annotator_id = %(person)s FOR NO KEY UPDATE OF p)
UPDATE annotation_participation p
SET gold_judged = p.gold_judged + 1, gold_right = p.gold_right + %(share)s::float8,
    trial_judged = p.trial_judged + trial::int, trial_right = p.trial_right + trial::int * %(share)s::float8,
    qualification = CASE
        WHEN NOT trial OR p.trial_judged + 1 < n THEN p.qualification
        WHEN p.trial_right + %(share)s::float8 >= least * (p.trial_judged + 1) - 1e-9 THEN 'passed'
        ELSE 'failed' END
FROM before WHERE p.id = before.id
RETURNING p.id, before.trial
"""
