"""Votes: given by voters through the arena's own doors, as if enough time had passed."""

import uuid
from datetime import timedelta

from django.utils import timezone

from annotation.models import Task
from arena.battles import tracks, voting
from arena.models import Answer, Battle, Vote, Voter


def shown(voter: Voter, task: Task = Task.T2V) -> Battle:
    """The voter's next battle, which they have looked at for ten seconds."""
    battle = voting.next_battle(voter, tracks.standard(task))
    assert battle is not None
    battle.shown_at = timezone.now() - timedelta(seconds=10)
    battle.save(update_fields=["shown_at"])
    return battle


def voted(voter: Voter, answer: Answer, task: Task = Task.T2V) -> Vote:
    return voting.vote(shown(voter, task).pk, voter, voting.Ballot(answer, uuid.uuid4()))


def voted_for(voter: Voter, better: str, task: Task = Task.T2V) -> Vote:
    """A vote for the model of this slug where it is in the battle, else a tie."""
    battle = shown(voter, task)
    sides = {battle.left_model.slug: Answer.LEFT, battle.right_model.slug: Answer.RIGHT}
    return voting.vote(battle.pk, voter, voting.Ballot(sides.get(better, Answer.TIE), uuid.uuid4()))
