"""Which battle next, for whom; and the vote on it.

A voter has at most one open battle on a board and gets it back until it is voted on, passed over or expired:
asking again does not shop for another. A battle is chosen so that the voter sees something new first (a
prompt under a pair of video models counts as seen whatever its clips), then so that pairs of models that met
least are next, then pairs whose ratings are closest, then at random. Sides are shuffled and stored.
"""

import random
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Clip, Rendition, Task
from arena import leaderboard
from arena.models import Answer, Battle, Vote, Voter
from workbench.refusals import Conflict, Missing

_CHOICE = """
    WITH entry AS MATERIALIZED (
        SELECT DISTINCT clip.prompt_id, clip.video_model_id AS model
        FROM annotation_clip clip JOIN annotation_prompt prompt ON prompt.id = clip.prompt_id
        WHERE prompt.task = %(task)s AND clip.state = 'ready' AND clip.video_model_id IS NOT NULL
    ), seen AS MATERIALIZED (
        SELECT prompt_id, LEAST(left_model_id, right_model_id) AS low,
               GREATEST(left_model_id, right_model_id) AS high, count(*) AS times
        FROM arena_battle WHERE voter_id = %(voter)s AND task = %(task)s GROUP BY 1, 2, 3
    ), met AS MATERIALIZED (
        SELECT LEAST(left_model_id, right_model_id) AS low,
               GREATEST(left_model_id, right_model_id) AS high, count(*) AS times
        FROM arena_battle
        WHERE task = %(task)s AND (state = 'voted' OR state = 'open' AND expires_at > now())
        GROUP BY 1, 2
    ), rated AS (
        SELECT * FROM unnest(%(models)s::bigint[], %(ratings)s::float8[]) AS rated(model, rating)
    )
    SELECT low.prompt_id, low.model, high.model
    FROM entry low
    JOIN entry high ON high.prompt_id = low.prompt_id AND high.model > low.model
    LEFT JOIN seen ON (seen.prompt_id, seen.low, seen.high) = (low.prompt_id, low.model, high.model)
    LEFT JOIN met ON (met.low, met.high) = (low.model, high.model)
    LEFT JOIN rated one ON one.model = low.model
    LEFT JOIN rated other ON other.model = high.model
    ORDER BY COALESCE(seen.times, 0), COALESCE(met.times, 0), abs(one.rating - other.rating) NULLS FIRST,
             random()
    LIMIT 1
"""


@dataclass(frozen=True)
class Ballot:
    """What a voter says of a battle."""

    answer: Answer
    idempotency_key: uuid.UUID


def next_battle(voter: Voter, task: Task) -> Battle | None:
    """The battle this voter is to vote on now; None if there is none (see `why_nothing`)."""
    while True:
        try:
            with transaction.atomic():
                return _open_battle(voter, task) or _new_battle(voter, task)
        except IntegrityError:  # the same voter asked twice at once: the other request's battle is theirs
            continue


def why_nothing(voter: Voter, task: Task) -> str:
    """`enough_today`: the voter reached the day's cap; `no_pairs`: no prompt has clips of two models."""
    return "enough_today" if _had_enough(voter) else "no_pairs"


def vote(battle_id: uuid.UUID, voter: Voter | None, ballot: Ballot) -> Vote:
    """Store a vote, once: sent again with the same key it gives the first one.

    Raises Missing, or Conflict: `voted` (another answer stands), `battle_over` (expired or passed over),
    `key_used` (the key belongs to a vote on another battle).
    """
    try:
        with transaction.atomic():
            return _vote(battle_id, voter, ballot)
    except IntegrityError as error:
        raise Conflict("key_used", _("This idempotency key belongs to a vote on another battle.")) from error


def pass_over(battle_id: uuid.UUID, voter: Voter | None) -> None:
    """End a battle without a vote, for one whose clips do not play. Raises Missing or Conflict."""
    with transaction.atomic():
        battle = _own(battle_id, voter)
        if battle.state == Battle.State.VOTED:
            raise Conflict("voted", _("You have voted on this battle."))
        Battle.objects.filter(pk=battle.pk).update(state=Battle.State.PASSED)


def rendition_at(address: uuid.UUID, voter: Voter | None) -> Rendition | None:
    """The clip behind an address of one of this voter's battles, as people see it; None for anybody else."""
    battle = Battle.objects.filter(Q(left_address=address) | Q(right_address=address), voter=voter).first()
    if battle is None or voter is None:
        return None
    clip = battle.left_id if battle.left_address == address else battle.right_id
    return Rendition.objects.filter(clip=clip, fps=None, seconds=None).first()


def forget_unvoted(older_than: timedelta = timedelta(days=2)) -> int:
    """Delete expired battles that got no vote, and visitors who never voted; give how many battles."""
    before = timezone.now() - older_than
    states = (Battle.State.OPEN, Battle.State.EXPIRED)
    gone, _rows = Battle.objects.filter(state__in=states, expires_at__lt=before).delete()
    Voter.objects.filter(user=None, created_at__lt=before, battles=None).delete()
    return gone


def _open_battle(voter: Voter, task: Task) -> Battle | None:
    battle = Battle.objects.filter(voter=voter, task=task, state=Battle.State.OPEN).first()
    if battle is not None and battle.over:
        Battle.objects.filter(pk=battle.pk, state=Battle.State.OPEN).update(state=Battle.State.EXPIRED)
        return None
    return battle


def _new_battle(voter: Voter, task: Task) -> Battle | None:
    if _had_enough(voter):
        return None
    ratings = leaderboard.ratings_by_model(task)
    values: dict[str, Any] = {
        "task": task,
        "voter": voter.pk,
        "models": list(ratings),
        "ratings": list(ratings.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CHOICE, values)
        found = cursor.fetchone()
    if found is None:
        return None
    prompt, *models = found
    random.shuffle(models)
    left, right = (_clip(prompt, model) for model in models)
    now = timezone.now()
    return Battle.objects.create(
        task=task,
        voter=voter,
        prompt_id=prompt,
        left=left,
        right=right,
        left_model_id=models[0],
        right_model_id=models[1],
        shown_at=now,
        expires_at=now + timedelta(minutes=settings.ARENA_BATTLE_MINUTES),
    )


def _clip(prompt: int, model: int) -> Clip:
    """One of the model's clips of the prompt, whichever."""
    rows = Clip.objects.filter(prompt=prompt, video_model=model, state=Clip.State.READY)
    return rows.order_by("?")[0]


def _had_enough(voter: Voter) -> bool:
    if _simulated(voter):
        return False
    today = timezone.now() - timedelta(days=1)
    voted = Battle.objects.filter(voter=voter, state=Battle.State.VOTED, shown_at__gt=today)
    return voted.count() >= settings.ARENA_DAILY_CAP


def _vote(battle_id: uuid.UUID, voter: Voter | None, ballot: Ballot) -> Vote:
    battle = _own(battle_id, voter)
    earlier = Vote.objects.filter(battle=battle).first()
    if earlier is not None:
        if earlier.idempotency_key == ballot.idempotency_key:
            return earlier
        raise Conflict("voted", _("You have voted on this battle."), answer=earlier.answer)
    if battle.over:
        minutes = settings.ARENA_BATTLE_MINUTES
        raise Conflict(
            "battle_over",
            ngettext(
                "This battle is over: it waits for a vote for %(n)s minute. Take the next one.",
                "This battle is over: it waits for a vote for %(n)s minutes. Take the next one.",
                minutes,
            )
            % {"n": minutes},
        )
    now = timezone.now()
    seconds = (now - battle.shown_at).total_seconds()
    simulated = _simulated(battle.voter)
    Battle.objects.filter(pk=battle.pk).update(state=Battle.State.VOTED)
    return Vote.objects.create(
        battle=battle,
        answer=ballot.answer,
        idempotency_key=ballot.idempotency_key,
        seconds=seconds,
        # A simulated voter watches nothing: its votes are told apart by their own flag.
        too_fast=not simulated and seconds < settings.ARENA_LEAST_SECONDS,
        simulated=simulated,
        created_at=now,
    )


def _own(battle_id: uuid.UUID, voter: Voter | None) -> Battle:
    rows = Battle.objects.select_for_update(of=("self",)).select_related("voter__user")
    battle = rows.filter(pk=battle_id, voter=voter).first() if voter else None
    if battle is None:
        raise Missing("no_such_battle", _("There is no such battle, or it is somebody else's."))
    return battle


def _simulated(voter: Voter) -> bool:
    return voter.user is not None and voter.user.simulated
