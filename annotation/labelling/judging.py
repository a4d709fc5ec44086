"""A person's answers: checked while they are given, accepted once, corrected by a later row.

What was judged is never lost. An answer that comes after its lease ran out takes an open slot of the item if
there is one, and is kept as surplus beyond the overlap if there is none.
"""

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.labelling import bestworst, queue, scoring
from annotation.labelling.answers_json import AnswersError
from annotation.labelling.feedback import Feedback, feedback, problem_json
from annotation.labelling.scored import ScoredItem
from annotation.models import (
    Assignment,
    Campaign,
    Dimension,
    Item,
    ItemClip,
    Judgement,
    PreferencePair,
)
from annotation.quality import gold
from annotation.results.pairs import ItemRules, pairs_of
from workbench import prepared
from workbench.models import User
from workbench.refusals import Conflict, Invalid, Missing

State = Assignment.State
Protocol = Campaign.Protocol
Answers = bestworst.Answers | scoring.Scores | scoring.Verdicts


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What the page sends. The same idempotency key again is the same submission, sent again."""

    answers: object
    idempotency_key: uuid.UUID
    supersedes: uuid.UUID | None = None
    """The judgement this one corrects: the current one of this assignment."""
    seconds: float | None = None
    """Time on task as the page measured it."""
    played: float | None = None
    """Seconds the clips were played."""


@dataclass(frozen=True)
class Accepted:
    """A stored judgement, and how many preference pairs follow from it."""

    judgement: Judgement
    pairs: int
    broken_pairs: int
    told: gold.Told | None = None
    """What the person may know now of a gold item."""


def check(assignment_id: uuid.UUID, annotator: User, answers: object) -> Feedback:
    """What the rules say of answers so far: problems, broken pairs, questions to ask. Stores nothing."""
    work = _work(assignment_id, annotator)
    said = _of_protocol(work, answers)
    if isinstance(said, bestworst.Answers):
        return feedback(work.rules, said, work.clip_order)
    return work.scored.feedback(said)


def submit(assignment_id: uuid.UUID, annotator: User, submission: Submission) -> Accepted:
    """Store a judgement and its preference pairs, once; gives the one stored before for a key seen before.

    What a simulated annotator submits is marked as simulated for good. Three statements in a transaction
    where an item is judged for the first time: lock and read, store, commit.

    Raises Missing; Invalid (`malformed`, `invalid_answers`, `not_played`); Conflict (`already_submitted`,
    `superseded`, `skipped`, `closed`, `key_reused`). Nothing is stored where it raises.
    """
    try:
        with transaction.atomic():
            return _submit(assignment_id, annotator, submission)
    except IntegrityError:  # the key is stored with another item, or this came twice at once
        if not Judgement.objects.filter(idempotency_key=submission.idempotency_key).exists():
            raise
        with transaction.atomic():
            return _submit(assignment_id, annotator, submission, known_key=True)


def correctable(
    campaign_id: uuid.UUID, annotator: User, assignment_id: uuid.UUID | None = None
) -> Judgement | None:
    """This person's latest current judgement in the campaign, or that of the assignment named."""
    rows = Judgement.objects.filter(
        annotator=annotator, assignment__campaign=campaign_id, superseded_by=None, adjudicates=False
    ).select_related("assignment__item__prompt", "assignment__campaign")
    if assignment_id is not None:
        rows = rows.filter(assignment=assignment_id)
    return rows.order_by("-created_at").first()


def parsed(data: object) -> Answers:
    """Answers from what a page sent, of whichever protocol. Raises Invalid `malformed`, also for names that
    can't be a clip's or a dimension's: what has passed can be stored.
    """
    best_worst = isinstance(data, dict) and "picks" in data
    try:
        answers = bestworst.from_json(data) if best_worst else scoring.from_json(data)
    except AnswersError as error:
        raise Invalid("malformed", str(error)) from error
    names = _names(answers) if isinstance(answers, bestworst.Answers) else scoring.names(answers)
    strange = sorted(name for name in names if not _NAME.fullmatch(name))
    many = isinstance(answers, bestworst.Answers) and len(answers.comparisons) > _MOST_NAMES
    if strange or len(names) > _MOST_NAMES or many:
        raise Invalid(
            "malformed", _("Expected keys of dimensions and clips, got %r.") % (strange or len(names))
        )
    return answers


def _names(answers: bestworst.Answers) -> set[str]:
    names = {*answers.picks}
    for picks in answers.picks.values():
        if isinstance(picks, bestworst.Picks):
            names |= picks.best | picks.worst
    for comparison in answers.comparisons:
        names |= {comparison.question.dimension, comparison.question.b, comparison.question.w}
    return names


_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_NAMES = 200


@dataclass(frozen=True)
class _Work:
    """An assignment as it is now, with all that the rules need to know of its item."""

    assignment_id: uuid.UUID
    state: str
    clip_order: list[str]
    campaign: Campaign
    rules: ItemRules

    @cached_property
    def scored(self) -> ScoredItem:
        """The item to the rules of expert scoring: one statement more."""
        return ScoredItem.of(self.rules, self.clip_order)


def _work(assignment_id: uuid.UUID, annotator: User, lock: bool = False) -> _Work:
    """Read it in one statement; with `lock`, no other submission of it goes on until the transaction ends."""
    with prepared.cursor() as cursor:
        cursor.execute(_WORK + (_LOCK if lock else ""), [assignment_id, annotator.pk])
        row = cursor.fetchone()
    if row is None:
        raise Missing("no_such_assignment", _("There is no such item in your work."))
    state, order, item_id, is_gold, clips, dimensions, *of_campaign = row
    campaign = Campaign.from_db(None, _OF_CAMPAIGN, of_campaign)
    item = Item(id=item_id, campaign=campaign, gold=is_gold)
    rules = ItemRules(
        item=item,
        clips=tuple(
            ItemClip(id=uuid.UUID(key), clip_id=uuid.UUID(clip), position=n)
            for n, (key, clip) in enumerate(clips)
        ),
        dimensions=tuple(Dimension(**dimension) for dimension in dimensions),
    )
    return _Work(assignment_id, state, json.loads(order), campaign, rules)


def _submit(
    assignment_id: uuid.UUID, annotator: User, submission: Submission, known_key: bool = False
) -> Accepted:
    work = _work(assignment_id, annotator, lock=True)
    current: Judgement | None = None
    if known_key or work.state == State.SUBMITTED or submission.supersedes is not None:
        rows = Judgement.objects.filter(
            Q(idempotency_key=submission.idempotency_key) | Q(assignment=assignment_id, superseded_by=None)
        )
        for row in rows:
            if row.idempotency_key == submission.idempotency_key:
                if row.assignment_id != assignment_id:
                    raise Conflict("key_reused", _("This submission key was used for another item."))
                broken = list(row.pairs.values_list("broken_by", flat=True))
                told = gold.told(row) if work.rules.item.gold else None
                return Accepted(row, len(broken), sum(1 for keys in broken if keys), told)
            current = row
    _refuse_stale(work, current, submission)
    answers = _of_protocol(work, submission.answers)
    _refuse_wrong(work, answers, submission)

    judgement = Judgement(
        assignment_id=assignment_id,
        item_id=work.rules.item.pk,
        annotator=annotator,
        answers=bestworst.to_json(answers)
        if isinstance(answers, bestworst.Answers)
        else work.scored.stored(answers),
        supersedes=current,
        idempotency_key=submission.idempotency_key,
        seconds=submission.seconds,
        simulated=annotator.simulated,
    )
    if work.rules.item.gold:
        _store(judgement, (), work)
        if current is None:
            gold.settle(judgement, n_clips=len(work.clip_order))
        return Accepted(judgement, 0, 0, gold.told(judgement))
    if not isinstance(answers, bestworst.Answers):
        _store(judgement, (), work)
        return Accepted(judgement, 0, 0)
    if current is not None:
        PreferencePair.objects.filter(judgement=current).delete()
    pairs = pairs_of(judgement, work.rules, answers)
    _store(judgement, pairs, work)
    return Accepted(judgement, len(pairs), sum(1 for pair in pairs if pair.broken_by))


def _refuse_stale(work: _Work, current: Judgement | None, submission: Submission) -> None:
    if work.state == State.SKIPPED:
        raise Conflict("skipped", _("You skipped this item."))
    if current is None:
        if submission.supersedes is not None:
            raise Conflict("superseded", _("There is no judgement of this item to correct."))
        return
    if submission.supersedes is None:
        raise Conflict(
            "already_submitted",
            _("This item was already submitted, perhaps from another window."),
            judgement=str(current.pk),
        )
    if submission.supersedes != current.pk:
        raise Conflict("superseded", _("This judgement was corrected meanwhile."), judgement=str(current.pk))
    if work.campaign.state == Campaign.State.CLOSED:
        raise Conflict("closed", _("The campaign is closed; its judgements can no longer be corrected."))


def _of_protocol(work: _Work, data: object) -> Answers:
    """Parsed answers. Raises Invalid `malformed`, also for answers in another protocol's form."""
    answers = parsed(data)
    form, key = _FORMS[work.campaign.protocol]
    if not isinstance(answers, form):
        raise Invalid("malformed", _("This campaign takes answers that have “%(key)s”.") % {"key": key})
    return answers


_FORMS: dict[str, tuple[type[Answers], str]] = {
    Protocol.BEST_WORST: (bestworst.Answers, "picks"),
    Protocol.LIKERT: (scoring.Scores, "scores"),
    Protocol.GSB: (scoring.Verdicts, "verdicts"),
}


def _refuse_wrong(work: _Work, answers: Answers, submission: Submission) -> None:
    if isinstance(answers, bestworst.Answers):
        problems = bestworst.validate(work.rules.judgement(answers), work.rules.required)
        listed = [problem_json(problem, work.rules, work.clip_order) for problem in problems]
    else:
        listed = work.scored.feedback(answers)["problems"]
    if listed:
        raise Invalid("invalid_answers", listed[0]["message"], problems=listed)
    least = work.campaign.min_play_seconds
    if submission.supersedes is None and least and (submission.played or 0) < least:
        raise Invalid(
            "not_played", _("Play the clips for at least %(seconds)g seconds first.") % {"seconds": least}
        )


def _store(judgement: Judgement, pairs: Sequence[PreferencePair], work: _Work) -> None:
    """The judgement and its pairs, and the assignment and the person's counters moved on: one statement."""
    first = judgement.supersedes_id is None and not work.rules.item.gold
    late = first and work.state == State.EXPIRED and not queue.take_slot(work.rules.item.pk)
    values = {
        "id": judgement.pk,
        "assignment": judgement.assignment_id,
        "item": judgement.item_id,
        "annotator": judgement.annotator_id,
        "campaign": work.campaign.pk,
        "answers": json.dumps(judgement.answers),
        "supersedes": judgement.supersedes_id,
        "key": judgement.idempotency_key,
        "seconds": judgement.seconds,
        "simulated": judgement.simulated,
        "created_at": judgement.created_at,
        "judged": int(first and not late),
        "surplus": int(late),
        "today": timezone.localdate(judgement.created_at),
        "dimensions": [pair.dimension_id for pair in pairs],
        "best": [pair.best_id for pair in pairs],
        "worst": [pair.worst_id for pair in pairs],
        "weights": [pair.weight for pair in pairs],
        "broken_by": [json.dumps(pair.broken_by) for pair in pairs],
        "unchecked": [json.dumps(pair.unchecked) for pair in pairs],
    }
    with prepared.cursor() as cursor:
        cursor.execute(_STORE, values)


_OF_CAMPAIGN = ["id", "state", "protocol", "model_under_test_id", "question_limit", "min_play_seconds"]

_WORK = """
SELECT a.state, a.clip_order, a.item_id, i.gold,
    (SELECT json_agg(json_build_array(ic.id, ic.clip_id) ORDER BY ic.position)
        FROM annotation_itemclip ic WHERE ic.item_id = a.item_id),
    (SELECT json_agg(d ORDER BY d.position) FROM annotation_dimension d WHERE d.campaign_id = c.id),
    c.id, c.state, c.protocol, c.model_under_test_id, c.question_limit, c.min_play_seconds
FROM annotation_assignment a
JOIN annotation_item i ON i.id = a.item_id
JOIN annotation_campaign c ON c.id = a.campaign_id
WHERE a.id = %s AND a.annotator_id = %s AND a.state NOT IN ('held', 'deciding')
"""
_LOCK = "FOR NO KEY UPDATE OF a"

_STORE = """
WITH said AS (
    INSERT INTO annotation_judgement
        (id, assignment_id, item_id, annotator_id, answers, supersedes_id, idempotency_key, seconds,
         simulated, created_at)
    VALUES (%(id)s, %(assignment)s, %(item)s, %(annotator)s, %(answers)s, %(supersedes)s, %(key)s,
        %(seconds)s, %(simulated)s, %(created_at)s)),
followed AS (
    INSERT INTO annotation_preferencepair
        (judgement_id, dimension_id, best_id, worst_id, weight, broken_by, unchecked)
    SELECT %(id)s, d, b, w, weight, broken_by::jsonb, unchecked::jsonb
    FROM unnest(%(dimensions)s::bigint[], %(best)s::uuid[], %(worst)s::uuid[], %(weights)s::float8[],
        %(broken_by)s::text[], %(unchecked)s::text[]) AS p (d, b, w, weight, broken_by, unchecked)),
ended AS (
    UPDATE annotation_assignment
    SET draft = '{}', draft_version = draft_version + 1, state = 'submitted',
        ended_at = CASE WHEN %(supersedes)s::uuid IS NULL THEN %(created_at)s ELSE ended_at END,
        surplus = surplus OR %(surplus)s::int = 1
    WHERE id = %(assignment)s)
UPDATE annotation_participation
SET judged = judged + %(judged)s, surplus = surplus + %(surplus)s,
    seconds = seconds + COALESCE(%(seconds)s, 0), last_at = %(created_at)s,
    day_judged = CASE WHEN %(judged)s + %(surplus)s = 0 THEN day_judged
        WHEN day = %(today)s THEN day_judged + 1 ELSE 1 END,
    day = CASE WHEN %(judged)s + %(surplus)s = 0 THEN day ELSE %(today)s END,
    pairs_due = pairs_due OR excluded_at IS NOT NULL
WHERE campaign_id = %(campaign)s AND annotator_id = %(annotator)s
"""
