"""Who gets into which track; managers' pages: settings, what is left out, voters and cards."""

import uuid

import pytest
from django.test import Client

from annotation.models import PromptSet, Task, VideoModel
from arena.battles import tracks, voting
from arena.boards import leaderboard
from arena.models import Answer, Ruling, Track, Vote, Voter
from arena.votes import rulings
from tests.annotation.rows import clips, person
from tests.arena.rows import shown, voted
from workbench.models import AuditEntry, Role

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(person("max", Role.MANAGER), backend=BACKEND)
    return client


def test_a_track_of_invited_people_is_there_for_them_alone() -> None:
    clips(2, 2)
    vera, otto = person("vera"), person("otto")
    made = Track.objects.create(slug="film", task="t2v", name_en="Film", name_zh="电影", entry="invited")
    made.invited.add(vera)
    for who, status, api in ((vera, 200, 200), (otto, 404, 404), (None, 302, 404)):
        client = Client()
        if who:
            client.force_login(who, backend=BACKEND)
        assert client.get("/arena/film/").status_code == status
        assert client.get("/arena/film/leaderboard/").status_code == status
        assert client.get("/api/arena/film/leaderboard").status_code == api
        assert client.post("/api/arena/film/next").status_code == api
        listed = {one["slug"] for one in client.get("/api/arena/tracks").json()}
        assert listed == ({"t2v", "i2v", "film"} if who == vera else {"t2v", "i2v"})


def test_a_track_may_want_an_account_and_a_closed_one_takes_no_votes() -> None:
    clips(2, 2)
    track = tracks.standard(Task.T2V)
    Track.objects.update(anonymous=False)
    visitor, signed_in = Client(), Client()
    signed_in.force_login(person("vera"), backend=BACKEND)
    assert visitor.get("/arena/t2v/")["Location"] == "/login/?next=/arena/t2v/"
    assert visitor.get("/arena/t2v/leaderboard/").status_code == 200
    assert visitor.post("/api/arena/t2v/next").status_code == 403
    assert signed_in.post("/api/arena/t2v/next").json()["battle"]
    Track.objects.update(state="closed")
    track.refresh_from_db()
    assert signed_in.post("/api/arena/t2v/next").json() == {"battle": None, "nothing": "closed"}
    assert voting.next_battle(Voter.objects.create(), track) is None


def test_a_manager_makes_a_track_and_changes_it_unless_somebody_did_meanwhile(manager: Client) -> None:
    PromptSet.objects.create(slug="animals", name="Animals")
    person("vera")
    form = {
        "slug": "film", "task": "t2v", "name_en": "Film", "name_zh": "电影", "state": "open", "version": "0",
        "entry": "invited", "least_votes": "5", "prompt_sets": "animals 2.5\n", "invited": "vera",
    }  # fmt: skip
    assert manager.post("/arena/tracks/new/", {**form, "slug": "models"}).status_code == 422
    for wrong in ({"prompt_sets": "cars"}, {"prompt_sets": "animals x"}, {"invited": "nobody"}):
        assert manager.post("/arena/tracks/new/", {**form, **wrong}).status_code == 422
    assert manager.post("/arena/tracks/new/", form).status_code == 302
    made = Track.objects.get(slug="film")
    assert [(row.prompt_set.slug, row.weight) for row in made.track_prompt_sets.all()] == [("animals", 2.5)]
    assert (made.invited.get().username, made.least_votes, made.anonymous) == ("vera", 5, False)
    page = manager.get("/arena/film/edit/").text
    assert "animals 2.5" in page
    assert manager.post("/arena/film/edit/", {**form, "name_en": "Films"}).status_code == 302
    assert manager.post("/arena/film/edit/", {**form, "name_en": "Cinema"}).status_code == 409
    made.refresh_from_db()
    assert (made.name_en, made.slug, made.version) == ("Films", "film", 1)
    assert AuditEntry.objects.filter(action="track.save").count() == 2


def test_rules_change_the_board_at_once_and_lose_no_vote(manager: Client) -> None:
    clips(6, 2)
    voter = Voter.objects.create()
    for _n in range(6):
        voted(voter, Answer.LEFT)
    track = tracks.standard(Task.T2V)
    assert leaderboard.board(track).votes == 6
    rules = {"day_cap": "2", "outlier_alpha": "0.05", "leak_words": "number 0", "version": "0"}
    assert manager.post("/arena/t2v/filters/", rules).status_code == 302
    board = leaderboard.board(tracks.standard(Task.T2V))
    assert board.votes + sum(board.left_out.values()) == 6
    assert board.left_out["leak"] == 1
    assert board.left_out["day_cap"] in (3, 4)
    told = manager.get("/api/arena/t2v/filters").json()
    assert told["counting"] == board.votes
    assert {part["reason"]: part["votes"] for part in told["left_out"] if part["votes"]} == board.left_out
    page = manager.get("/arena/t2v/filters/").text
    for part in told["left_out"]:
        assert f'data-reason="{part["reason"]}">{part["votes"]}<' in page
    assert len(told["latest"]) == 6 - board.votes
    assert manager.post("/arena/t2v/filters/", rules).status_code == 409
    assert manager.post("/arena/t2v/filters/", {**rules, "day_cap": "x"}).status_code == 422
    assert Vote.objects.count() == 6


def test_an_outlier_is_found_and_a_managers_word_stands(manager: Client) -> None:
    """Ten people find model 0 better each time, one finds it worse."""
    clips(8, 2)
    voters = [Voter.objects.create() for _n in range(11)]
    contrary = voters[0]
    for voter in voters:
        for _n in range(6):
            battle = shown(voter)
            good = Answer.LEFT if battle.left_model.slug == "secret-model-0" else Answer.RIGHT
            other = {Answer.LEFT: Answer.RIGHT, Answer.RIGHT: Answer.LEFT}
            answer = other[good] if voter == contrary else good
            voting.vote(battle.pk, voter, voting.Ballot(answer, uuid.uuid4()))
    track = tracks.standard(Task.T2V)
    assert leaderboard.board(track).votes == 66
    assert rulings.find_outliers(track) == 1
    assert rulings.find_outliers(track) == 0
    found = Ruling.objects.get()
    assert (found.voter, found.kind, found.votes) == (contrary, "outlier", 5)
    board = leaderboard.board(track)
    assert (board.votes, board.left_out) == (60, {"outlier": 6})
    page = manager.get("/arena/t2v/filters/").text
    assert "Votes unlike everybody else" in page
    send = {"voter": str(contrary.pk), "kind": "cleared", "reason": ""}
    manager.post("/arena/t2v/rulings/", send)
    assert Ruling.objects.get().kind == "outlier"  # not without a reason
    manager.post("/arena/t2v/rulings/", {**send, "reason": "a colour-blind colleague"})
    assert leaderboard.board(track).votes == 66
    assert rulings.find_outliers(track) == 0
    told = manager.post(
        "/api/arena/t2v/rulings",
        {"voter": str(voters[1].pk), "kind": "excluded", "reason": "a program"},
        content_type="application/json",
    )
    assert told.json()["by"] == "max"
    assert leaderboard.board(track).left_out == {"excluded": 6}
    assert AuditEntry.objects.filter(action="track.ruling").count() == 2


def test_a_models_card_is_on_its_page_and_on_the_board(manager: Client) -> None:
    clips(3, 2)
    voted(Voter.objects.create(), Answer.TIE)
    card = {
        "name": "Falcon 2", "organisation": "Birds", "licence": "MIT", "released": "2026-02-03",
        "price_per_second": "0.05", "seconds_per_second": "4", "version": "0",
    }  # fmt: skip
    address = "/arena/models/secret-model-0/card/?track=t2v"
    assert manager.post(address, {**card, "price_per_second": "-1"}).status_code == 422
    assert manager.post(address, card)["Location"] == "/arena/t2v/models/secret-model-0/"
    assert manager.post(address, card).status_code == 409
    page = manager.get("/arena/t2v/models/secret-model-0/").text
    assert all(said in page for said in ("Falcon 2", "Birds", "MIT", "US$ 0.05"))
    [row] = [row for row in leaderboard.board(tracks.standard(Task.T2V)).rows if row.name == "Falcon 2"]
    assert (row.price_per_second, row.seconds_per_second, row.licence) == (0.05, 4, "MIT")
    send = {"version": 1, "deprecated": True}
    told = manager.patch("/api/arena/models/secret-model-0", send, content_type="application/json")
    assert (told.json()["deprecated"], told.json()["name"], told.json()["version"]) == (True, "Falcon 2", 2)
    stale = manager.patch("/api/arena/models/secret-model-0", send, content_type="application/json")
    assert stale.status_code == 409
    assert VideoModel.objects.get(slug="secret-model-0").deprecated
