"""Which battle next, for whom; and the vote on it.

A voter has at most one open battle on a track and gets it back until it is voted on, passed over or expired:
asking again does not shop for another. Who meets whom is drawn in `lineup.py`.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Clip, Rendition
from arena.battles import lineup
from arena.boards import live
from arena.models import Answer, Battle, Track, Vote, Voter
from workbench.refusals import Conflict, Missing


@dataclass(frozen=True)
class Ballot:
    """What a voter says of a battle."""

    answer: Answer
    idempotency_key: uuid.UUID


def next_battle(voter: Voter, track: Track) -> Battle | None:
    """The battle this voter is to vote on now; None if there is none (see `why_nothing`)."""
    if track.state != Track.State.OPEN:
        return None
    tries = 5
    while True:
        tries -= 1
        try:
            with transaction.atomic():
                return _open_battle(voter, track) or _new_battle(voter, track)
        except IntegrityError:  # the same voter asked twice at once: the other request's battle is theirs
            if not tries:  # or they were forgotten, or the clip, in this moment
                raise


def why_nothing(voter: Voter, track: Track) -> str:
    """`closed`: the track takes no votes; `enough_today`: the voter reached the day's cap; `no_pairs`: no
    prompt has clips of two models.
    """
    if track.state != Track.State.OPEN:
        return "closed"
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


def begin(battle_id: uuid.UUID, voter: Voter | None) -> None:
    """The battle, asked for ahead, is on the screen now: its time begins. Raises Missing or Conflict."""
    with transaction.atomic():
        battle = _own(battle_id, voter)
        if battle.over:
            raise Conflict("battle_over", _("This battle is over. Take the next one."))
        now = timezone.now()
        expires = now + timedelta(minutes=settings.ARENA_BATTLE_MINUTES)
        Battle.objects.filter(pk=battle.pk).update(shown_at=now, expires_at=expires)


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


def _open_battle(voter: Voter, track: Track) -> Battle | None:
    battle = Battle.objects.filter(voter=voter, track=track, state=Battle.State.OPEN).first()
    if battle is not None and battle.over:
        Battle.objects.filter(pk=battle.pk, state=Battle.State.OPEN).update(state=Battle.State.EXPIRED)
        return None
    return battle


def _new_battle(voter: Voter, track: Track) -> Battle | None:
    if _had_enough(voter):
        return None
    drawn = lineup.draw(track, voter)
    if drawn is None:
        return None
    now = timezone.now()
    return Battle.objects.create(
        track=track,
        voter=voter,
        prompt_id=drawn.prompt,
        left=_clip(drawn.prompt, drawn.left),
        right=_clip(drawn.prompt, drawn.right),
        left_model_id=drawn.left,
        right_model_id=drawn.right,
        probability=drawn.probability,
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
    repeats, earlier_today = _before(battle, now)
    Battle.objects.filter(pk=battle.pk).update(state=Battle.State.VOTED)
    given = Vote.objects.create(
        battle=battle,
        answer=ballot.answer,
        idempotency_key=ballot.idempotency_key,
        seconds=seconds,
        # A simulated voter watches nothing: its votes are told apart by their own flag.
        too_fast=not simulated and seconds < settings.ARENA_LEAST_SECONDS,
        simulated=simulated,
        repeats=repeats,
        earlier_today=earlier_today,
        created_at=now,
    )
    transaction.on_commit(lambda: live.push(battle.track_id))
    return given


def _before(battle: Battle, now: datetime) -> tuple[int, int]:
    """The voter's votes before: on this prompt with these two models; on this day and track."""
    own = Battle.objects.filter(voter=battle.voter_id, track=battle.track_id, state=Battle.State.VOTED)
    pair = (battle.left_model_id, battle.right_model_id)
    same = own.filter(prompt=battle.prompt_id, left_model__in=pair, right_model__in=pair)
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return same.count(), own.filter(vote__created_at__gte=midnight).count()


def _own(battle_id: uuid.UUID, voter: Voter | None) -> Battle:
    rows = Battle.objects.select_for_update(of=("self",)).select_related("voter__user")
    battle = rows.filter(pk=battle_id, voter=voter).first() if voter else None
    if battle is None:
        raise Missing("no_such_battle", _("There is no such battle, or it is somebody else's."))
    return battle


def _simulated(voter: Voter) -> bool:
    return voter.user is not None and voter.user.simulated
