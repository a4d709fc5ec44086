"""``manage.py fit_ratings``: as a process, with no server, no database and no settings; and what it says."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from arena.ratings import CENTRE, ELO, Anchor, Intervals, counted, rate, split
from arena.votes.filefit import Method, Options, Report, fit
from arena.votes.votesfile import Ballots, read

ROOT = Path(__file__).parents[2]
NAMES = ["海螺", "Kling", "Sora", "Veo"]
STRENGTH = np.array([0.6, 0.1, -0.2, -0.5])


def write(path: Path, rows: list[str], header: str = "left,right,winner") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    """800 votes by 40 voters on 50 prompts, from these strengths, the left side favoured."""
    rng = np.random.default_rng(3)
    rows = []
    for place in range(800):
        left, right = rng.choice(4, 2, replace=False)
        won = rng.random() < 1 / (1 + np.exp(STRENGTH[right] - STRENGTH[left] - 0.2))
        winner = rng.choice(["tie", "both_bad"]) if rng.random() < 0.2 else ("left" if won else "right")
        rows.append(f"{NAMES[left]},{NAMES[right]},{winner},p{rng.integers(50)},v{place % 40},1")
    return write(tmp_path / "votes.csv", rows, "left,right,winner,prompt,voter,weight")


def command(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """With an environment that names no server, no settings and no data."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, ROOT / "manage.py", "fit_ratings", *arguments],
        env=kept | {"WORKBENCH_DATA": str(cwd / "nowhere")} | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_as_json(votes: Path, tmp_path: Path) -> None:
    done = command(
        *(votes, "--method", "davidson", "--cluster", "prompt,voter"),
        *("--anchor", "Sora=1200", "--side-bias", "--json"),
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert [row["model"] for row in found["ratings"]] == NAMES
    assert all(row.keys() == {"model", "rating", "low", "high"} for row in found["ratings"])
    assert all(row["low"] < row["rating"] < row["high"] for row in found["ratings"] if row["model"] != "Sora")
    assert found["ratings"][2] == {"model": "Sora", "rating": 1200, "low": 1200, "high": 1200}
    assert found["side_bias"].keys() == {"left", "low", "high"}
    assert 0 < found["side_bias"]["low"] < found["side_bias"]["left"] < found["side_bias"]["high"]
    assert 0.3 < found["tie"] < 0.7
    assert (found["votes"], found["dropped"]) == (800, 0)
    assert found["both_bad"]["count"] == found["both_bad"]["share"] * 800 > 50
    assert not (tmp_path / "nowhere" / "postgresql").exists()


def test_as_a_table_with_bad_rows(votes: Path, tmp_path: Path) -> None:
    with votes.open("a") as file:
        file.write("Sora,Sora,left,p,v,1\nSora,Veo,nobody,p,v,1\n")
    done = command(votes, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "line 802, column right: 'Sora' is in column left too; expected another; row dropped",
        "line 803, column winner: 'nobody' is none of left, right, tie, both_bad; row dropped",
        "Of 802 rows 2 were dropped; in the others 0 numbers are off the scale and 0 cells empty.",
    ]
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["rating", "low", "high", "model"]
    assert [line.split()[-1] for line in lines[1:5]] == NAMES
    assert lines[5] == "800 votes, 2 bad rows left out"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "none.csv can't be read: No such file or directory"),
        (["votes.csv", "--cluster", "prompt,day"], "expected prompt, voter or prompt,voter"),
    ],
)
def test_exit_codes_where_there_are_no_ratings(
    votes: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = command(*arguments, cwd=votes.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["votes.csv", "--anchor", "Pika=1000"],
            "the anchor 'Pika' is no model of the file; its models: Kling",
        ),
        (["votes.csv", "--anchor", "Sora"], "expected a model's name and its rating, as in NAME=1000"),
        (["votes.csv", "--anchor", "Sora=high"], "expected a model's name and its rating, as in NAME=1000"),
        (["bare.csv", "--cluster", "voter"], "the file has no column voter"),
        (["votes.csv", "--method", "glicko"], "invalid"),
        (["votes.csv", "--covariates", "length"], "The header lacks length_left, length_right"),
        (["votes.csv", "--covariates", "length,"], "expected names of covariates, as in length,motion"),
        (["looks.csv", "--covariates", "a", "--intervals", "bootstrap"], "take --intervals sandwich"),
    ],
)
def test_what_gives_no_ratings(
    votes: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    write(votes.parent / "bare.csv", ["Sora,Veo,left"])
    write(votes.parent / "looks.csv", ["Sora,Veo,left,1,2"], "left,right,winner,a_left,a_right")
    monkeypatch.chdir(votes.parent)
    with pytest.raises(CommandError, match=message):
        call_command("fit_ratings", *arguments)


# --- What it computes -------------------------------------------------------------------------------------


def report(path: Path, **options: Any) -> Report:
    return fit(read(path), Options(**options))


def spans(found: Report) -> dict[str, tuple[float | None, ...]]:
    return {row.model: (row.rating, row.low, row.high) for row in found.ratings}


@pytest.mark.parametrize("intervals", Intervals)
def test_the_numbers_are_those_of_the_ratings(votes: Path, intervals: Intervals) -> None:
    ballots = read(votes)
    columns = (ballots.left, ballots.right, ballots.said, 4)
    splits = tuple(split(*columns, ballots.clusters[name]) for name in ("prompt", "voter"))
    expected = rate(counted(*columns), 4, splits, anchor=Anchor(0, 900.0), intervals=intervals)
    found = report(
        votes, cluster=("prompt", "voter"), anchor=("Kling", 900.0), side_bias=True, intervals=intervals
    )
    for place, name in enumerate(ballots.models):
        assert spans(found)[name] == pytest.approx(
            (expected.rating[place], expected.low[place], expected.high[place])
        )
    assert found.side_bias == pytest.approx(
        {"left": expected.side, "low": expected.side_low, "high": expected.side_high}
    )


@pytest.mark.parametrize("method", Method)
def test_every_method_finds_the_order(votes: Path, method: Method) -> None:
    found = report(votes, method=method)
    assert found.ratings[0].model == NAMES[0]
    assert found.ratings[-1].model == NAMES[-1]
    assert (found.tie is None) == (method in {Method.BRADLEY_TERRY, Method.ELO})
    assert sum(row.rating or 0 for row in found.ratings) == pytest.approx(4 * CENTRE)
    assert all(
        row.low < row.rating < row.high for row in found.ratings if row.low and row.rating and row.high
    )


def test_online_elo_is_of_the_order_and_can_be_anchored(votes: Path) -> None:
    found = report(votes, method=Method.ELO, anchor=("Veo", 1000.0), cluster=("prompt",), side_bias=True)
    assert spans(found)["Veo"] == (1000, 1000, 1000)
    assert found.side_bias is None
    assert len(found.notes) == 2


def test_a_weight_of_two_is_a_vote_twice_and_of_nothing_none(votes: Path, tmp_path: Path) -> None:
    header, *rows = votes.read_text().splitlines()
    heavy = [row[:-1] + ("2" if place % 3 else "0") for place, row in enumerate(rows)]
    twice = [row for place, row in enumerate(rows) if place % 3 for _n in range(2)]
    for method in (Method.BRADLEY_TERRY, Method.DAVIDSON, Method.RAO_KUPPER):
        one = report(write(tmp_path / "heavy.csv", heavy, header), method=method)
        other = report(write(tmp_path / "twice.csv", twice, header), method=method)
        for name, span in spans(one).items():
            assert span[0] == pytest.approx(spans(other)[name][0])
        # ... but a vote that weighs two is still one vote
        assert one.ratings[0].high is not None
        assert other.ratings[0].high is not None
        assert one.ratings[0].high > other.ratings[0].high


def test_groups_that_cannot_be_compared(tmp_path: Path) -> None:
    rows = ["A,B,left", "B,A,left", "B,C,tie", "X,Y,left", "Y,X,left"]
    path = write(tmp_path / "votes.csv", rows)
    found = report(path)
    assert found.groups == [["A", "B", "C"], ["X", "Y"]]
    assert spans(found)["X"] == spans(found)["Y"] == (None, None, None)
    assert [row.model for row in found.ratings][-2:] == ["X", "Y"]
    assert "3 of one group are rated, the 2 others are not" in found.notes[0]
    anchored = report(path, anchor=("Y", 1000.0))
    assert anchored.groups[0] == ["X", "Y"]
    assert spans(anchored)["Y"] == (1000, 1000, 1000)
    assert spans(anchored)["A"] == (None, None, None)
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["ratings"][-1]["rating"] is None


def test_a_model_with_wins_only_is_held_and_that_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "votes.csv", ["A,B,left", "B,A,right", "B,C,left", "C,B,left"] * 5)
    for method in (Method.BRADLEY_TERRY, Method.DAVIDSON, Method.RAO_KUPPER):
        found = report(path, method=method, cluster=())
        assert found.prior
        assert "won or lost everything" in found.notes[0]
        assert found.ratings[0].model == "A"
        assert found.ratings[0].low is not None
        assert found.ratings[0].high is not None
        assert found.ratings[0].high - found.ratings[0].low > 400


def test_one_vote_is_rated_and_known_to_be_one(tmp_path: Path) -> None:
    for winner in ("left", "right", "tie", "both_bad"):
        for method in Method:
            found = report(write(tmp_path / "votes.csv", [f"A,B,{winner}"]), method=method, side_bias=True)
            rating, low, high = spans(found)["A"]
            assert rating is not None
            assert low is not None
            assert high is not None
            assert low <= rating <= high
            if method is not Method.ELO:
                assert high - low > 200


def test_one_prompt_is_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "votes.csv", ["A,B,left,p", "B,A,left,p"], "left,right,winner,prompt")
    assert "all votes are of one prompt" in report(path, cluster=("prompt",)).notes[0]
    empty: Ballots = read(write(tmp_path / "empty.csv", ["A,B,left,"], "left,right,winner,prompt"))
    assert "1 votes name no prompt" in fit(empty, Options(cluster=("prompt",))).notes[0]


def test_covariates_are_numbers_of_either_clip(tmp_path: Path) -> None:
    """Length decides, A's clips are the longest, and each model has its price."""
    rng, rows = np.random.default_rng(5), []
    mean, price = {"A": 8.0, "B": 5.0, "C": 5.0}, {"A": 1, "B": 2, "C": 4}
    for _n in range(1500):
        left, right = rng.choice(list(mean), 2, replace=False)
        one, other = (max(0.5, rng.normal(mean[name], 2)) for name in (left, right))
        winner = "left" if rng.random() < 1 / (1 + np.exp(other - one)) else "right"
        shown = "" if rng.random() < 0.01 else f"{one:.2f}"
        rows.append(f"{left},{right},{winner},{shown},{other:.2f},{price[left]},{price[right]}")
    header = "left,right,winner,Length_left,Length_right,price_left,price_right"
    path = write(tmp_path / "votes.csv", rows, header)
    plain = fit(read(path), Options())
    names = ("length", "price")
    found = fit(read(path, names), Options(covariates=names, side_bias=True))
    assert plain.ratings[0].model == "A"
    assert spans(plain)["A"] > (1100,)
    assert all(row.low and row.high and row.low < CENTRE < row.high for row in found.ratings)
    length, cost = found.covariates
    # A second more is worth 1, which is 174 Elo.
    assert length["low"] < length["unit"] * ELO < length["high"]
    assert (cost["name"], cost["elo"], cost["low"], cost["high"]) == ("price", None, None, None)
    missing, part_of_models = found.notes
    assert missing.endswith("votes lack the length of a clip; both are taken to be alike in it")
    assert part_of_models.startswith("price can't be told from the models")
    done = command(path, "--covariates", "length,price", cwd=tmp_path)
    assert "length, " in done.stdout
    assert "price" not in done.stdout
    assert "price can't be told from the models" in done.stderr
    assert fit(read(path, names), Options(method=Method.ELO, covariates=names)).covariates == []
