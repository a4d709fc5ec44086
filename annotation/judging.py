"""A person's answers: checked while they are given, accepted once, corrected by a later row.

What was judged is never lost. An answer that comes after its lease ran out takes an open slot of the item if
there is one, and is kept as surplus beyond the overlap if there is none.
"""

import re
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import bestworst, queue
from annotation.feedback import Feedback, feedback, problem_json
from annotation.models import Assignment, Campaign, Judgement, Participation, PreferencePair
from annotation.pairs import ItemRules, rules_of, store_pairs
from workbench.models import User
from workbench.refusals import Conflict, Invalid, Missing

State = Assignment.State


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


def check(assignment_id: uuid.UUID, annotator: User, answers: object) -> Feedback:
    """What the rules say of answers so far: problems, broken pairs, questions to ask. Stores nothing."""
    assignment = _assignment(assignment_id, annotator)
    rules = rules_of(assignment.item)
    return feedback(rules, parsed(answers), assignment.clip_order)


def submit(assignment_id: uuid.UUID, annotator: User, submission: Submission) -> Judgement:
    """Store a judgement and its preference pairs, once; gives the one stored before for a key seen before.

    What a simulated annotator submits is marked as simulated for good.

    Raises Missing; Invalid (`malformed`, `invalid_answers`, `not_played`); Conflict (`already_submitted`,
    `superseded`, `skipped`, `closed`, `key_reused`). Nothing is stored where it raises.
    """
    with transaction.atomic():
        assignment = _assignment(assignment_id, annotator, lock=True)
        same_or_current = Judgement.objects.filter(
            Q(idempotency_key=submission.idempotency_key) | Q(assignment=assignment, superseded_by=None)
        )
        rows = list(same_or_current)
        for row in rows:
            if row.idempotency_key == submission.idempotency_key:
                if row.assignment_id != assignment.pk:
                    raise Conflict("key_reused", _("This submission key was used for another item."))
                return row
        current = rows[0] if rows else None
        _refuse_stale(assignment, current, submission)

        rules = rules_of(assignment.item)
        answers = parsed(submission.answers)
        _refuse_wrong(rules, answers, assignment, submission)

        judgement = Judgement.objects.create(
            assignment=assignment,
            item=assignment.item,
            annotator=annotator,
            answers=bestworst.to_json(answers),
            supersedes=current,
            idempotency_key=submission.idempotency_key,
            seconds=submission.seconds,
            simulated=annotator.simulated,
        )
        if current is not None:
            PreferencePair.objects.filter(judgement=current).delete()
        store_pairs(judgement, rules, answers)
        _settle(assignment, submission.seconds or 0, first=current is None)
        return judgement


def correctable(
    campaign_id: uuid.UUID, annotator: User, assignment_id: uuid.UUID | None = None
) -> Judgement | None:
    """This person's latest current judgement in the campaign, or that of the assignment named."""
    rows = Judgement.objects.filter(
        annotator=annotator, assignment__campaign=campaign_id, superseded_by=None
    ).select_related("assignment__item__prompt", "assignment__campaign")
    if assignment_id is not None:
        rows = rows.filter(assignment=assignment_id)
    return rows.order_by("-created_at").first()


def _assignment(assignment_id: uuid.UUID, annotator: User, lock: bool = False) -> Assignment:
    rows = Assignment.objects.filter(pk=assignment_id, annotator=annotator).exclude(state=State.HELD)
    rows = rows.select_related("item__campaign")
    assignment = (rows.select_for_update(of=("self",), no_key=True) if lock else rows).first()
    if assignment is None:
        raise Missing("no_such_assignment", _("There is no such item in your work."))
    return assignment


def parsed(data: object) -> bestworst.Answers:
    """Answers from what a page sent. Raises Invalid `malformed`, also for names that can't be a clip's or a
    dimension's: what has passed can be stored.
    """
    try:
        answers = bestworst.from_json(data)
    except bestworst.AnswersError as error:
        raise Invalid("malformed", str(error)) from error
    names = {*answers.picks}
    for picks in answers.picks.values():
        if isinstance(picks, bestworst.Picks):
            names |= picks.best | picks.worst
    for comparison in answers.comparisons:
        names |= {comparison.question.dimension, comparison.question.b, comparison.question.w}
    strange = sorted(name for name in names if not _NAME.fullmatch(name))
    if strange or len(names) > _MOST_NAMES or len(answers.comparisons) > _MOST_NAMES:
        raise Invalid(
            "malformed", _("Expected keys of dimensions and clips, got %r.") % (strange or len(names))
        )
    return answers


_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_NAMES = 200


def _refuse_stale(assignment: Assignment, current: Judgement | None, submission: Submission) -> None:
    if assignment.state == State.SKIPPED:
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
    if assignment.item.campaign.state == Campaign.State.CLOSED:
        raise Conflict("closed", _("The campaign is closed; its judgements can no longer be corrected."))


def _refuse_wrong(
    rules: ItemRules, answers: bestworst.Answers, assignment: Assignment, submission: Submission
) -> None:
    problems = bestworst.validate(rules.judgement(answers), rules.required)
    if problems:
        listed = [problem_json(problem, rules, assignment.clip_order) for problem in problems]
        raise Invalid("invalid_answers", listed[0]["message"], problems=listed)
    least = rules.item.campaign.min_play_seconds
    if submission.supersedes is None and least and (submission.played or 0) < least:
        raise Invalid(
            "not_played", _("Play the clips for at least %(seconds)g seconds first.") % {"seconds": least}
        )


def _settle(assignment: Assignment, seconds: float, first: bool) -> None:
    """Move the assignment and this person's counters on."""
    changes: dict[str, object] = {"draft": {}, "draft_version": F("draft_version") + 1}
    counted: dict[str, object] = {"seconds": F("seconds") + seconds, "last_at": Now()}
    if first:
        late = assignment.state == State.EXPIRED and not queue.take_slot(assignment.item_id)
        changes |= {"state": State.SUBMITTED, "ended_at": Now(), "surplus": late}
        counter = "surplus" if late else "judged"
        counted[counter] = F(counter) + 1
    Assignment.objects.filter(pk=assignment.pk).update(**changes)
    part = Participation.objects.filter(campaign=assignment.campaign_id, annotator=assignment.annotator_id)
    part.update(**counted)
