"""What a board can be asked for, its figures, models' pages and the export, against the votes one by one."""

import csv
import io
import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db.models import Q
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from annotation.models import Prompt, Rendition, Task, VideoModel
from annotation.prompts import taxonomy
from arena.battles import tracks
from arena.boards import figures, leaderboard, watching
from arena.boards.boardquery import Query, Scale, Voters, Weights, parsed
from arena.models import Answer, Battle, Track, Vote, Voter
from arena.ratings import Ties
from arena.votes import columns
from arena.votes.cliplooks import Look
from tests.annotation.rows import clips, person
from tests.arena.rows import shown, voted

pytestmark = pytest.mark.django_db


@pytest.fixture
def votes() -> list[Vote]:
    """Votes of visitors and of one person with an account; half of them fifty days old."""
    clips(6, 4)
    drawn = random.Random(7)
    voters = [Voter.objects.create() for _n in range(4)] + [Voter.objects.create(user=person("vera"))]
    given = [voted(drawn.choice(voters), drawn.choice(list(Answer))) for _n in range(60)]
    old = datetime.now(UTC) - timedelta(days=50)
    for n, vote in enumerate(given):
        if n % 2:
            fields = {field.attname: getattr(vote, field.attname) for field in Vote._meta.fields}
            vote.delete()
            given[n] = Vote.objects.create(**{**fields, "created_at": old})
    given = [vote for vote in given if not vote.repeats]
    assert len(given) > 50
    return given


def looking(drawn: random.Random, *renditions: Rendition) -> None:
    """Give renditions looks at random."""
    for one in renditions:
        one.brightness, one.colourfulness, one.motion = drawn.random(), drawn.random(), drawn.random()
        one.save()


def track() -> Track:
    return tracks.standard(Task.T2V)


def test_categories_and_periods_take_the_votes_they_name(votes: list[Vote]) -> None:
    [animal, style] = (taxonomy.rows([slug])[slug] for slug in ("animal", "style"))
    prompts = list(Prompt.objects.order_by("pk"))
    animal.prompts.set(prompts[:4])
    style.prompts.set(prompts[2:])

    def counted(**asked: object) -> int:
        return leaderboard.board(track(), Query(**asked)).votes  # type: ignore[arg-type]

    def on(some: list[Prompt]) -> int:
        return sum(1 for vote in votes if vote.battle.prompt in some)

    assert counted() == len(votes)
    assert counted(categories=("subject",)) == on(prompts[:4])  # animal is below it
    assert counted(categories=("animal", "style")) == on(prompts[2:4])
    assert counted(categories=("no-such",)) == 0
    recent = sum(1 for vote in votes if vote.created_at > datetime.now(UTC) - timedelta(days=40))
    today = datetime.now(UTC).date()
    assert counted(since=today - timedelta(days=6)) == recent
    assert counted(until=today - timedelta(days=7)) == len(votes) - recent
    accounts = sum(1 for vote in votes if vote.battle.voter.user_id)
    assert counted(voters=Voters.ACCOUNTS) == accounts
    narrow = leaderboard.board(track(), Query(categories=("animal",)))
    overall = {row.model: row.rating for row in leaderboard.board(track()).rows}
    for row in narrow.rows:
        assert row.delta == pytest.approx((row.rating or 0) - (overall[row.model] or 0))
    assert all(row.delta is None for row in leaderboard.board(track()).rows)


def test_an_anchor_is_1000_and_few_votes_or_deprecated_models_are_not_shown(votes: list[Vote]) -> None:
    model = VideoModel.objects.get(slug="secret-model-2")
    Track.objects.update(anchor=model)
    board = leaderboard.board(track(), Query(scale=Scale.ANCHORED))
    [row] = [row for row in board.rows if row.model == model.slug]
    assert (row.rating, row.minus, row.plus) == pytest.approx((1000, 0, 0))
    assert board.anchor == model.slug
    centred = leaderboard.board(track())
    assert sum(row.rating or 0 for row in centred.rows) == pytest.approx(4000)
    VideoModel.objects.filter(pk=model.pk).update(deprecated=True)
    tracks.changed(track())
    without = leaderboard.board(track())
    assert (len(without.rows), without.hidden) == (3, 1)
    assert [row.rating for row in without.rows] == [
        row.rating for row in centred.rows if row.model != model.slug
    ]
    assert len(leaderboard.board(track(), Query(deprecated=True)).rows) == 4
    assert leaderboard.board(track(), Query(least_votes=10_000)).hidden == 4


def test_ranks_say_what_the_intervals_leave_possible(votes: list[Vote]) -> None:
    rows = leaderboard.board(track()).rows
    for row in rows:
        assert row.low is not None
        assert row.high is not None
        above = sum(1 for other in rows if (other.low or 0) > row.high)
        below = sum(1 for other in rows if (other.high or 0) < row.low)
        assert (row.rank, row.rank_worst) == (1 + above, len(rows) - below)


def test_matrices_and_history_are_the_votes(votes: list[Vote]) -> None:
    found = figures.matrices(track(), Query())
    slugs = [one.model for one in found.models]
    for i, one in enumerate(slugs):
        for j, other in enumerate(slugs):
            between = [
                vote
                for vote in votes
                if {vote.battle.left_model.slug, vote.battle.right_model.slug} == {one, other}
            ]
            won = 0.0
            for vote in between:
                side = Answer.LEFT if vote.battle.left_model.slug == one else Answer.RIGHT
                won += 0.5 if vote.answer in (Answer.TIE, Answer.BOTH_BAD) else float(vote.answer == side)
            assert found.battles[i][j] == len(between)
            assert found.win_fraction[i][j] == (pytest.approx(won / len(between)) if between else None)
    lines = list(csv.DictReader(io.StringIO("".join(figures.matrices_csv(found)))))
    assert sum(int(line["votes"]) for line in lines) == 2 * len(votes)
    history = figures.history(track(), Query())
    assert len(history.at) <= figures.MARKS
    assert history.votes[-1] == len(votes)
    assert history.votes[0] == sum(1 for vote in votes if vote.created_at < history.at[0])
    rating = dict.fromkeys(slugs, 1000.0)
    for vote in sorted(votes, key=lambda vote: vote.created_at):
        left, right = vote.battle.left_model.slug, vote.battle.right_model.slug
        expected = 1 / (1 + 10 ** ((rating[right] - rating[left]) / 400))
        score = {Answer.LEFT: 1.0, Answer.RIGHT: 0.0}.get(Answer(vote.answer), 0.5)
        rating[left] += 4 * (score - expected)
        rating[right] -= 4 * (score - expected)
    last = {line.model: line.ratings[-1] for line in history.lines}
    # The order of votes given at the same moment is not settled.
    assert last == {slug: pytest.approx(value, abs=1) for slug, value in rating.items()}


@pytest.mark.parametrize("covariates", [(), (Look.BRIGHTNESS, Look.MOTION)])
@pytest.mark.parametrize("method", [Ties.HALF_WINS, Ties.DAVIDSON])
@pytest.mark.parametrize("weights", list(Weights))
def test_the_export_of_votes_gives_the_boards_ratings(
    votes: list[Vote],
    client: Client,
    tmp_path: Path,
    method: Ties,
    weights: Weights,
    covariates: tuple[Look, ...],
) -> None:
    looking(random.Random(3), *Rendition.objects.all()[1:])
    client.force_login(person("ed", "engineer"), backend="django.contrib.auth.backends.ModelBackend")
    address = f"/api/arena/t2v/votes.csv?method={method}&weights={weights}"
    address += "".join(f"&covariates={look}" for look in covariates)
    file = tmp_path / "votes.csv"
    file.write_bytes(b"".join(client.get(address).streaming_content))  # type: ignore[attr-defined]
    printed = io.StringIO()
    options = {"method": {Ties.HALF_WINS: "bt"}.get(method, "davidson"), "cluster": "prompt,voter"}
    arguments = [f"--{name}={value}" for name, value in options.items()]
    if covariates:
        arguments.append(f"--covariates={','.join(covariates)}")
    call_command("fit_ratings", str(file), "--side-bias", "--json", *arguments, stdout=printed)
    told = json.loads(printed.getvalue())
    fitted = {row["model"]: row for row in told["ratings"]}
    board = leaderboard.board(track(), Query(method=method, weights=weights, covariates=covariates))
    for sway, found in zip(board.covariates, told["covariates"], strict=True):
        assert found.pop("name") == sway.look
        assert found == {name: pytest.approx(getattr(sway, name), abs=1e-4) for name in found}
    assert set(fitted) == {row.model for row in board.rows}
    for row in board.rows:
        found = fitted[row.model]
        values = (found["rating"], found["low"], found["high"])
        assert values == pytest.approx((row.rating, row.low, row.high), abs=1e-4)
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert len(rows) == len(votes)
    keys = {str(vote.battle.voter_id) for vote in votes}
    assert len({row["voter"] for row in rows}) == len(keys)
    assert not keys & {row["voter"] for row in rows}


def test_every_vote_is_exported_with_its_reason_for_whoever_asks(votes: list[Vote], client: Client) -> None:
    client.force_login(person("ed", "engineer"), backend="django.contrib.auth.backends.ModelBackend")
    Track.objects.update(prompt_cap=3)
    answer = client.get("/api/arena/t2v/votes.csv?left_out=true&voters=all")
    lines = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(lines)))
    assert len(rows) == Vote.objects.count()
    board = leaderboard.board(track())
    counts: dict[str, int] = {}
    for row in rows:
        if row["left_out"]:
            counts[row["left_out"]] = counts.get(row["left_out"], 0) + 1
    assert counts == board.left_out
    assert board.votes == len(rows) - sum(counts.values()) == 18
    assert client.get("/api/arena/t2v/votes.csv?method=none").status_code == 422


def test_models_are_compared_at_equal_looks(client: Client) -> None:
    """People vote for the brighter clip, and Secret model 1 makes the brightest: that is all it has."""
    made, drawn, now = clips(12, 3), random.Random(11), timezone.now()
    looking(drawn, *Rendition.objects.all())
    light = {
        clip.pk: drawn.uniform(0.2, 0.6) + 0.2 * ("secret-model-1" in clip.original_name) for clip in made
    }
    for pk, value in light.items():
        Rendition.objects.filter(clip=pk).update(brightness=value)
    voters = [Voter.objects.create() for _n in range(30)]
    for n in range(300):
        one = drawn.choice(made)
        other = drawn.choice([clip for clip in made if clip.prompt == one.prompt and clip is not one])
        assert one.prompt
        assert one.video_model
        assert other.video_model
        battle = Battle.objects.create(
            track=track(),
            voter=voters[n % 30],
            prompt=one.prompt,
            left=one,
            right=other,
            left_model=one.video_model,
            right_model=other.video_model,
            state=Battle.State.VOTED,
            expires_at=now,
        )
        better = light[one.pk] - light[other.pk] + drawn.gauss(0, 0.15) > 0
        answer = Answer.LEFT if better else Answer.RIGHT
        Vote.objects.create(battle=battle, answer=answer, idempotency_key=uuid.uuid4(), seconds=10)

    def lead(board: leaderboard.Board) -> float:
        ratings = {row.model: row.rating or 0 for row in board.rows}
        return ratings["secret-model-1"] - (ratings["secret-model-0"] + ratings["secret-model-2"]) / 2

    plain = leaderboard.board(track())
    equal = leaderboard.board(track(), Query(covariates=(Look.LENGTH, Look.BRIGHTNESS)))
    assert (plain.covariates, equal.unmeasured) == ([], 0)
    assert lead(plain) > 150
    assert abs(lead(equal)) < lead(plain) / 3
    length, brightness = equal.covariates
    assert (length.look, length.elo, length.unit) == (Look.LENGTH, None, 0)  # all clips are as long
    assert brightness.low is not None
    assert brightness.low > 200
    assert 0.2 < brightness.unit < 0.4
    by_model = {row.model: row.rating or 0 for row in plain.rows}
    for row in equal.rows:
        assert row.delta == pytest.approx((row.rating or 0) - by_model[row.model])

    address = "/arena/t2v/leaderboard/?covariates=length&covariates=brightness"
    page = client.get(address).text
    assert 'data-look="brightness"' in page
    assert "too alike within each model" in page
    told = client.get("/api/arena/t2v/leaderboard?covariates=brightness&intervals=bootstrap").json()
    assert told["covariates"][0]["elo"] == pytest.approx(brightness.elo)
    assert told["intervals"] == "sandwich"
    assert client.get("/api/arena/t2v/leaderboard?covariates=smell").status_code == 422
    nobody = client.get("/arena/i2v/leaderboard/?covariates=brightness").text
    assert "Nobody has voted" in nobody
    assert 'id="looks"' in nobody
    Rendition.objects.filter(clip=made[0]).update(brightness=None)
    tracks.changed(track())
    lacking = leaderboard.board(track(), Query(covariates=(Look.BRIGHTNESS,)))
    on_it = Vote.objects.filter(Q(battle__left=made[0]) | Q(battle__right=made[0]), repeats=0)
    assert lacking.unmeasured == on_it.count() > 0
    Rendition.objects.update(brightness=0.5)
    tracks.changed(track())
    [same] = leaderboard.board(track(), Query(covariates=(Look.BRIGHTNESS,))).covariates
    assert same.elo is None


def test_a_models_page_shows_battles_that_are_over_and_not_the_open_prompt(
    votes: list[Vote], client: Client
) -> None:
    for rendition in Rendition.objects.all():
        default_storage.save(rendition.file.name or "", ContentFile(b"0123456789"))
    model = VideoModel.objects.get(slug="secret-model-1")
    sheet = watching.sheet(track(), model, None)
    assert sheet.best
    assert sheet.worst
    assert [one.votes for one in sheet.opponents]
    for over, won in [(one, True) for one in sheet.best] + [(one, False) for one in sheet.worst]:
        winner = over.left if over.answer == "left" else over.right
        assert over.answer in ("left", "right")
        assert (winner == model.slug) is won
        assert client.get(f"/arena/watch/{over.left_address}/").status_code == 200
    page = client.get("/arena/t2v/models/secret-model-1/").text
    assert all(str(one.right_address) in page for one in sheet.best)
    told = client.get("/api/arena/t2v/models/secret-model-1").json()
    assert [one["id"] for one in told["best"]] == [str(one.id) for one in sheet.best]
    voter = Voter.objects.create()
    prompt = shown(voter).prompt
    own = watching.sheet(track(), model, voter)
    texts = {one.text_en for one in [*own.best, *own.worst]}
    assert prompt.text_en not in texts
    closed = next(one for one in Battle.objects.filter(state="voted", prompt=prompt))
    assert watching.rendition_over(closed.left_address, voter) is None
    assert watching.rendition_over(closed.left_address, None) is not None
    open_one = Battle.objects.get(state="open")
    assert watching.rendition_over(open_one.left_address, None) is None
    Track.objects.update(battles_shown=False)
    assert watching.rendition_over(closed.left_address, None) is None
    assert watching.sheet(track(), model, None).best == []


def test_a_board_is_framed_only_where_a_setting_names_the_site(
    votes: list[Vote], client: Client, settings: Settings
) -> None:
    closed = client.get("/arena/t2v/embed/")
    assert closed.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in closed.headers["Content-Security-Policy"]
    settings.ARENA_EMBED_ORIGINS = ["https://example.org"]
    opened = client.get("/arena/t2v/embed/?method=davidson")
    assert "X-Frame-Options" not in opened.headers
    assert "frame-ancestors https://example.org" in opened.headers["Content-Security-Policy"]
    assert "<nav" not in opened.text
    assert "Secret model 0" in opened.text
    page = client.get("/arena/t2v/leaderboard/")
    assert page.headers["X-Frame-Options"] == "DENY"


def test_what_makes_no_sense_in_an_address_is_as_if_it_was_not_there() -> None:
    given = {"method": "x", "since": "yesterday", "days": "0", "least_votes": "-1", "voters": "all"}
    assert parsed(given, ["", "animal"]) == Query(voters=Voters.ALL, categories=("animal",))
    assert parsed({}, [], ["motion", "smell", "length"]).covariates == (Look.LENGTH, Look.MOTION)
    today = datetime.now(UTC).date()
    assert parsed({"days": "7"}, []).since == today - timedelta(days=6)


def test_a_kept_board_is_that_of_its_query_and_follows_votes_and_settings(votes: list[Vote]) -> None:
    before = leaderboard.board(track()).votes
    davidson = leaderboard.board(track(), Query(method=Ties.DAVIDSON))
    assert davidson.tie_parameter is not None
    voted(Voter.objects.create(), Answer.LEFT)
    assert leaderboard.board(track()).votes == before + 1
    columns.pack(track())
    assert leaderboard.board(track()).votes == before + 1
    Track.objects.update(least_votes=10_000, revision=99)
    assert leaderboard.board(track()).rows == []
