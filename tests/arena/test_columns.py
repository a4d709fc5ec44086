"""Columns against the votes themselves, however they are packed, by whoever reads them."""

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import connection, transaction

from annotation.models import Task
from arena.battles import tracks, voting
from arena.models import Answer, Battle, UnpackedVote, Vote, VoteBlock, Voter
from arena.votes import columns
from arena.votes.columns import ANSWERS, Columns
from tests.annotation.rows import clips, person
from tests.arena.rows import voted

pytestmark = pytest.mark.django_db


def told(votes: Columns) -> list[tuple[object, ...]]:
    """Each vote as a row, in the order they were given."""
    rows = zip(
        votes.at.tolist(),
        votes.voters[votes.voter].tolist(),
        votes.prompts[votes.prompt].tolist(),
        votes.models[votes.left].tolist(),
        votes.models[votes.right].tolist(),
        votes.clips[votes.left_clip].tolist(),
        votes.clips[votes.right_clip].tolist(),
        [str(ANSWERS[one]) for one in votes.answer],
        votes.flags.tolist(),
        votes.repeats.tolist(),
        votes.earlier_today.tolist(),
        [round(float(one), 5) for one in votes.probability],
        strict=True,
    )
    return sorted(rows)


def stored(track_id: int) -> list[tuple[object, ...]]:
    """The same from the rows of the database, one by one."""
    rows = []
    for vote in Vote.objects.filter(battle__track=track_id).select_related("battle__voter"):
        battle = vote.battle
        flags = columns.TOO_FAST * vote.too_fast + columns.SIMULATED * vote.simulated
        flags += columns.VISITOR * (battle.voter.user_id is None)
        at = (vote.created_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        key = int.from_bytes(battle.voter_id.bytes[:8], "big", signed=True)
        clips_shown = (columns.key_of(battle.left_id), columns.key_of(battle.right_id))
        models = (battle.prompt_id, battle.left_model_id, battle.right_model_id, *clips_shown)
        facts = (flags, vote.repeats, vote.earlier_today, round(battle.probability or 0, 5))
        rows.append((at, key, *models, str(vote.answer), *facts))
    return sorted(rows)


def test_columns_are_the_votes_packed_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "FULL", 7)
    clips(5, 4)
    drawn = random.Random(5)
    voters = [Voter.objects.create() for _n in range(3)] + [Voter.objects.create(user=person("vera"))]
    track = tracks.standard(Task.T2V)
    assert columns.read(track).votes == 0
    for n in range(40):
        voted(drawn.choice(voters), drawn.choice(list(Answer)))
        if n % 9 == 0:
            columns.pack(track)
        if n % 5 == 0:
            assert told(columns.read(track)) == stored(track.pk)
    assert UnpackedVote.objects.count() == 39 - 36
    assert [block.votes for block in VoteBlock.objects.order_by("pk")] == [7, 7, 7, 7, 7, 2]
    assert columns.pack(track) == 3
    assert columns.pack(track) == 0
    assert not UnpackedVote.objects.exists()
    assert told(columns.read(track)) == stored(track.pk)
    VoteBlock.objects.filter(votes=7).delete()
    columns.repack(track)
    assert told(columns.read(track)) == stored(track.pk)
    assert columns.read(tracks.standard(Task.I2V)).votes == 0


def test_state_changes_with_each_vote_and_not_by_packing() -> None:
    clips(3, 3)
    track = tracks.standard(Task.T2V)
    voter = Voter.objects.create()
    states = []
    for _n in range(3):
        voted(voter, Answer.LEFT)
        states.append(columns.state(track))
        columns.pack(track)
        assert columns.state(track) == states[-1]
    tracks.changed(track)
    assert len({*states, columns.state(track)}) == 4


def test_facts_of_a_vote_are_what_came_before_it() -> None:
    clips(1, 2)
    voter, other = Voter.objects.create(), Voter.objects.create()
    votes = [voted(voter, Answer.LEFT), voted(other, Answer.LEFT), voted(voter, Answer.RIGHT)]
    assert [(vote.repeats, vote.earlier_today) for vote in votes] == [(0, 0), (0, 0), (1, 1)]


@pytest.mark.django_db(transaction=True)
def test_no_vote_is_missed_while_others_pack_and_transactions_end_late() -> None:
    clips(30, 3)
    track = tracks.standard(Task.T2V)

    def work(n: int) -> None:
        try:
            if n % 5 == 0:
                columns.pack(track)
                return
            voter = Voter.objects.create()
            for _k in range(3):
                battle = voting.next_battle(voter, track)
                assert battle is not None
                with transaction.atomic(), connection.cursor() as cursor:
                    voting.vote(battle.pk, voter, voting.Ballot(Answer.LEFT, uuid.uuid4()))
                    cursor.execute("SELECT pg_sleep(%s)", [0.01 * (n % 3)])
                columns.read(track)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(30)))
    assert columns.read(track).votes == Vote.objects.count() == 24 * 3
    assert told(columns.read(track)) == stored(track.pk)
    assert Battle.objects.filter(state="voted").count() == 72
    columns.pack(track)
    assert np.sum([block.votes for block in VoteBlock.objects.all()]) == 72
