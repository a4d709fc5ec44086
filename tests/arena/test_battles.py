"""Which battle next, and one vote for each."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, InternalError, connection, transaction
from django.db.utils import ProgrammingError
from django.utils import timezone
from pytest_django.fixtures import Settings

from annotation.models import Clip, Task
from arena.battles import tracks, voting
from arena.battles.voting import Ballot
from arena.models import Answer, Battle, Vote, Voter
from tests.annotation.rows import clips, person
from tests.arena.rows import shown, voted, voted_for
from workbench.refusals import Conflict, Missing

pytestmark = pytest.mark.django_db


def pair(battle: Battle) -> tuple[int, frozenset[int]]:
    return battle.prompt_id, frozenset({battle.left_model_id, battle.right_model_id})


def ballot(answer: Answer = Answer.LEFT) -> Ballot:
    return Ballot(answer, uuid.uuid4())


def test_nothing_repeats_until_everything_was_seen() -> None:
    clips(3, 3)
    voter = Voter.objects.create()
    rounds = [[voted(voter, Answer.TIE).battle for _battle in range(9)] for _round in range(2)]
    for battles_of_round in rounds:
        assert len({pair(battle) for battle in battles_of_round}) == 9
    sides = {battle.left_model_id < battle.right_model_id for row in rounds for battle in row}
    assert sides == {True, False}


def test_clips_are_ready_of_one_prompt_and_of_two_models() -> None:
    made = clips(4, 3)
    broken = {clip.pk for clip in made if clip.video_model_id == made[0].video_model_id}
    Clip.objects.filter(pk__in=broken).update(state=Clip.State.BROKEN)
    for _n in range(4):
        battle = shown(Voter.objects.create())
        assert battle.left.prompt_id == battle.right.prompt_id == battle.prompt_id
        assert battle.left.video_model_id == battle.left_model_id
        assert battle.right.video_model_id == battle.right_model_id
        assert {battle.left_id, battle.right_id}.isdisjoint(broken)
    Clip.objects.exclude(prompt=battle.prompt).update(state=Clip.State.PENDING)
    voter = Voter.objects.create()
    assert voting.next_battle(voter, tracks.standard(Task.I2V)) is None
    assert voting.why_nothing(voter, tracks.standard(Task.I2V)) == "no_pairs"


def test_asking_again_is_no_way_to_another_battle_until_it_is_over() -> None:
    clips(2, 2)
    voter = Voter.objects.create()
    first = shown(voter)
    assert shown(voter).pk == first.pk
    voting.pass_over(first.pk, voter)
    second = shown(voter)
    assert pair(second) != pair(first)
    Battle.objects.filter(pk=second.pk).update(expires_at=timezone.now())
    with pytest.raises(Conflict, match="over"):
        voting.vote(second.pk, voter, ballot())
    assert shown(voter).pk not in {first.pk, second.pk}
    second.refresh_from_db()
    assert second.state == Battle.State.EXPIRED
    Battle.objects.update(expires_at=timezone.now() - timedelta(days=3))
    assert voting.forget_unvoted() == 2  # the one passed over stays: its voter has seen it
    assert not Vote.objects.exists()


def test_a_vote_counts_once_whatever_is_sent_again() -> None:
    clips(2, 2)
    voter, other = Voter.objects.create(), Voter.objects.create()
    battle = shown(voter)
    with pytest.raises(Missing):
        voting.vote(battle.pk, other, ballot())
    said = ballot(Answer.RIGHT)
    first = voting.vote(battle.pk, voter, said)
    assert voting.vote(battle.pk, voter, said) == first
    with pytest.raises(Conflict, match="voted") as refused:
        voting.vote(battle.pk, voter, ballot(Answer.LEFT))
    assert refused.value.detail == {"answer": "right"}
    with pytest.raises(Conflict, match="another battle"):
        voting.vote(shown(voter).pk, voter, said)
    assert Vote.objects.get() == first
    assert not first.too_fast
    with pytest.raises((InternalError, ProgrammingError), match="never changed"), transaction.atomic():
        Vote.objects.update(answer=Answer.LEFT)


@pytest.mark.django_db(transaction=True)
def test_a_voter_who_was_just_forgotten_is_not_tried_for_ever() -> None:
    clips(2, 2)
    track, voter = tracks.standard(Task.T2V), Voter.objects.create()
    Voter.objects.filter(pk=voter.pk).delete()
    with pytest.raises(IntegrityError):
        voting.next_battle(voter, track)


@pytest.mark.django_db(transaction=True)
def test_a_voter_in_two_windows_has_one_battle_and_one_vote() -> None:
    clips(20, 3)
    voter = Voter.objects.create()

    def in_window(_n: int) -> tuple[uuid.UUID, bool]:
        battle = voting.next_battle(voter, tracks.standard(Task.T2V))
        assert battle is not None
        try:
            return battle.pk, bool(voting.vote(battle.pk, voter, said))
        except Conflict:
            return battle.pk, False
        finally:
            connection.close()

    said = ballot()
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(in_window, range(6)))
    first = Vote.objects.get()
    assert (first.battle_id, True) in found


def test_fast_votes_and_simulated_ones_are_marked(settings: Settings) -> None:
    settings.ARENA_LEAST_SECONDS, settings.ARENA_DAILY_CAP = 5, 2
    clips(4, 2)
    voter = Voter.objects.create(user=person("vera"))
    battle = voting.next_battle(voter, tracks.standard(Task.T2V))
    assert battle is not None
    fast = voting.vote(battle.pk, voter, ballot())
    assert (fast.too_fast, fast.simulated) == (True, False)
    slow = voted_for(voter, "secret-model-0")
    assert (slow.too_fast, slow.simulated) == (False, False)
    assert slow.seconds == pytest.approx(10, abs=2)
    program = person("program")
    program.simulated = True
    program.save()
    for _n in range(3):  # it watches nothing and has no share of the day; its votes are told apart
        battle = voting.next_battle(Voter.objects.get_or_create(user=program)[0], tracks.standard(Task.T2V))
        assert battle is not None
        vote = voting.vote(battle.pk, battle.voter, ballot())
        assert (vote.too_fast, vote.simulated) == (False, True)


def test_a_voter_has_a_share_of_the_day(settings: Settings) -> None:
    settings.ARENA_DAILY_CAP = 2
    clips(3, 2)
    voter = Voter.objects.create()
    voted(voter, Answer.TIE)
    voted(voter, Answer.TIE)
    assert voting.next_battle(voter, tracks.standard(Task.T2V)) is None
    assert voting.why_nothing(voter, tracks.standard(Task.T2V)) == "enough_today"
    Battle.objects.update(shown_at=timezone.now() - timedelta(days=1, seconds=1))
    assert voting.next_battle(voter, tracks.standard(Task.T2V)) is not None


def test_an_address_is_its_voters_alone() -> None:
    clips(1, 2)
    voter = Voter.objects.create()
    battle = shown(voter)
    found = voting.rendition_at(battle.left_address, voter)
    assert found is not None
    assert found.clip == battle.left
    assert voting.rendition_at(battle.left_address, Voter.objects.create()) is None
    assert voting.rendition_at(battle.left_address, None) is None
    assert voting.rendition_at(uuid.uuid4(), voter) is None
