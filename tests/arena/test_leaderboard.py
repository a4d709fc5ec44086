"""The leaderboard against the votes, counted one by one; page, API and file say the same."""

import csv
import io
import random

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client

from annotation.models import Task
from arena import ratings
from arena.battles import tracks
from arena.boards import leaderboard
from arena.boards.boardquery import Query, Voters
from arena.models import Answer, Vote, Voter
from arena.ratings import Counts, Ties
from tests.annotation.rows import clips, person
from tests.arena.rows import voted, voted_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def votes() -> list[Vote]:
    """Votes of four voters on five prompts of three models; one more came too fast, one was simulated."""
    clips(5, 3)
    drawn = random.Random(3)
    people = [Voter.objects.create() for _n in range(4)]
    given = [voted(drawn.choice(people), drawn.choice(list(Answer))) for _n in range(24)]
    for change in ({"too_fast": True}, {"simulated": True}):
        vote = voted(people[0], Answer.LEFT)
        vote.delete()
        Vote.objects.create(**{**_fields(vote), **change})
    cache.clear()  # choosing battles has looked at the board
    return given


def _fields(vote: Vote) -> dict[str, object]:
    return {field.attname: getattr(vote, field.attname) for field in Vote._meta.fields}


def test_ratings_come_from_the_votes_and_say_which(votes: list[Vote]) -> None:
    models = sorted({vote.battle.left_model for vote in votes}, key=lambda model: model.pk)
    place = {model.pk: index for index, model in enumerate(models)}
    answers = np.array([vote.answer for vote in votes])
    columns = (
        np.array([place[vote.battle.left_model_id] for vote in votes]),
        np.array([place[vote.battle.right_model_id] for vote in votes]),
        (answers == "left").astype(float),
        (answers == "right").astype(float),
        np.isin(answers, ["tie", "both_bad"]).astype(float),
    )
    prompts = np.unique([vote.battle.prompt_id for vote in votes], return_inverse=True)[1]
    voters = np.unique([str(vote.battle.voter_id) for vote in votes], return_inverse=True)[1]
    split = (Counts(*columns, prompts), Counts(*columns, voters))
    for method in Ties:
        board = leaderboard.board(tracks.standard(Task.T2V), Query(method=method))
        expected = ratings.rate(Counts(*columns), 3, split, method)
        rows = {row.model: row for row in board.rows}
        for index, model in enumerate(models):
            row = rows[model.slug]
            assert (row.rating, row.low, row.high) == pytest.approx(
                (expected.rating[index], expected.low[index], expected.high[index]), abs=1e-3
            )
        assert board.left_bias == pytest.approx(expected.side, abs=1e-3)
        assert (board.votes, board.simulated, board.left_out) == (24, 0, {"too_fast": 1})
        assert board.up_to == max(vote.created_at for vote in votes)
        assert [row.rating for row in board.rows] == sorted(
            (row.rating or 0 for row in board.rows), reverse=True
        )
    both_bad = sum(1 for vote in votes if vote.answer == Answer.BOTH_BAD)
    assert board.both_bad_share == both_bad / 24
    assert sum(row.both_bad_share * row.votes for row in board.rows) == pytest.approx(2 * both_bad)
    assert sum(row.win_rate * row.votes for row in board.rows) == pytest.approx(24)
    everybody = leaderboard.board(tracks.standard(Task.T2V), Query(voters=Voters.ALL))
    assert (everybody.votes, everybody.simulated, everybody.left_out) == (25, 1, {"too_fast": 1})
    assert leaderboard.board(tracks.standard(Task.I2V)).rows == []


def test_page_api_and_file_say_the_same(votes: list[Vote], client: Client) -> None:
    client.force_login(person("vera"), backend="django.contrib.auth.backends.ModelBackend")
    for query in ("", "?method=davidson&voters=all"):
        told = client.get(f"/api/arena/t2v/leaderboard{query}").json()
        exported = list(
            csv.DictReader(io.StringIO(client.get(f"/api/arena/t2v/leaderboard.csv{query}").text))
        )
        assert [set(row) for row in exported] == [set(row) for row in told["rows"]]
        assert [
            {name: "" if value is None else str(value) for name, value in row.items()} for row in told["rows"]
        ] == exported
        page = client.get(f"/arena/t2v/leaderboard/{query}").text
        for row in told["rows"]:
            assert row["name"] in page
            assert f"<strong>{row['rating']:.0f}</strong>" in page
        assert f"Computed from {told['votes']} votes" in page
    assert "1 of 25 votes was given by a simulated voter" in page
    assert "Nobody has voted" in client.get("/arena/i2v/leaderboard/").text


def test_models_share_a_rank_until_their_intervals_part() -> None:
    clips(20, 2)
    voter = Voter.objects.create()
    ranks: list[list[int | None]] = []
    for votes in (4, 16):
        for n in range(votes):
            voted_for(voter, "secret-model-0" if ranks or n else "secret-model-1")
        cache.clear()
        ranks.append([row.rank for row in leaderboard.board(tracks.standard(Task.T2V)).rows])
    assert ranks == [[1, 1], [1, 2]]
