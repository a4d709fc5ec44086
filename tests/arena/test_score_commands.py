"""The commands agreement, gsb and likert: no server, one JSON object, bad rows named, the right exit code."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from annotation.quality.scoreagreement import agreement
from arena import gsb, likert
from tests.arena import simulated_scores

ROOT = Path(__file__).resolve().parent.parent.parent
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def shell(folder: Path, *command: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """As somebody runs it on a machine where nothing of the workbench is started, or could be reached."""
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9/0"}
    env = {**os.environ, **nowhere, "WORKBENCH_DATA": str(folder / "data")}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *command],
        env=env,
        input=given,
        capture_output=True,
        check=False,
    )


def called(*command: Any) -> tuple[dict[str, Any], str, int]:
    """(the JSON object, stderr, exit code) of a command, in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command(*command, "--json", stdout=out, stderr=err)
    except SystemExit as left:
        code = int(left.code or 0)
    return json.loads(out.getvalue()), err.getvalue(), code


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    frame = simulated_scores.scores(rng, 20, np.array([2.5, 3.5]), np.array([0.5, 0.0, -0.5]), 2)
    frame["score"] = frame["score"].round().clip(1, 5)
    frame["model"] = frame["model"].map({"m0": "可灵", "m1": "mine"})
    frame["category"] = np.where(frame["prompt"] < "p2", "sport", "people, and their things")
    path = tmp_path / "scores.csv"
    path.write_bytes(b"\xef\xbb\xbf" + frame.to_csv(index=False, lineterminator="\r\n").encode())
    return path


def test_agreement_in_a_shell_without_any_server(tmp_path: Path) -> None:
    rows = [(f"s{i}", f"j{k}", score) for i, row in enumerate(SHROUT_FLEISS) for k, score in enumerate(row)]
    text = "item,rater,score\n" + "".join(f"{i},{k},{score}\n" for i, k, score in rows) + "s0,j9,11\ns1,,3\n"
    done = shell(tmp_path, "agreement", "-", "--scale", "1-10", "--json", given=text.encode())
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["icc_a1"]["value"] == pytest.approx(0.29, abs=0.005)
    assert found["icc_c1"]["value"] == pytest.approx(0.71, abs=0.005)
    assert set(found["alpha_ordinal"]) == {"value", "low", "high"}
    assert (found["off_scale"], found["dropped"]) == (1, 1)
    assert found["raters"]["j1"]["mean"] == 2.5
    assert found["raters"]["j1"]["severity"] > 2
    said = done.stderr.decode()
    assert "line 26, column score: 11 is off the scale 1-10; taken as missing" in said
    assert "line 27, column rater: empty; row dropped" in said
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secrets"], "nothing was started"


def test_likert_and_gsb_in_a_shell_as_tables(tmp_path: Path, scores: Path) -> None:
    done = shell(tmp_path, "likert", str(scores))
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert lines[0].split()[:4] == ["model", "dimension", "mean", "low"]
    assert lines[1].startswith("可灵   motion")
    assert lines[2].startswith("mine   motion")
    done = shell(tmp_path, "gsb", str(tmp_path / "absent.csv"))
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"absent.csv can't be read: No such file" in done.stderr


def test_likert_gives_what_the_module_gives(scores: Path) -> None:
    found, said, code = called("likert", scores)
    assert (said, code) == ("", 0)
    frame = pd.read_csv(scores)
    for row, one in zip(found["means"], likert.means(frame), strict=True):
        assert (row["model"], row["mean"], row["low"]) == (one.group["model"], one.mean, one.low)
    (adjusted,) = likert.adjusted(frame)
    assert [row["adjusted"] for row in found["means"]] == pytest.approx([one.mean for one in adjusted.means])
    (pair,) = likert.compare(frame)
    assert found["comparisons"][0]["adjusted_p_holm"] == pair.adjusted_p_holm
    assert {row["category"] for row in found["categories"]} == {"sport", "people, and their things"}
    assert found["components"]["motion"].keys() == {"prompt", "prompt_model", "residual"}
    assert {row["rater"] for row in found["raters"]} == {"r0", "r1", "r2"}
    assert found["scores"] == len(frame)
    icc = found["agreement"]["motion"]["icc_a1"]["value"]
    assert icc == likert.agreements(frame)["motion"].icc_a1.value


def test_likert_uses_nothing_that_is_missing_or_off_the_scale(scores: Path) -> None:
    before = called("likert", scores)[0]
    with scores.open("a") as file:
        file.write("p0,mine,r0,motion,9,sport\np0,mine,r0,motion,,sport\np0,mine,r0,motion,four,sport\n")
    after, said, code = called("likert", scores)
    assert code == 1
    assert (after["off_scale"], after["missing"], after["dropped"]) == (1, 1, 1)
    assert after["means"] == before["means"]
    assert after["comparisons"] == before["comparisons"]
    assert "line 82, column score: 9 is off the scale 1-5; taken as missing" in said
    assert "line 83, column score: empty; missing" in said
    assert "line 84, column score: 'four' is no number; row dropped" in said
    assert "Of 83 rows 1 were dropped" in said
    wider, _said, code = called("likert", scores, "--scale", "0-10")
    assert (wider["off_scale"], code) == (0, 1)


def test_scores_that_are_only_missing_are_reported_and_no_fault(scores: Path) -> None:
    with scores.open("a") as file:
        file.write("p0,mine,r0,motion,,sport\n")
    found, said, code = called("likert", scores)
    assert (code, found["missing"]) == (0, 1)
    assert "line 82" in said


def test_raters_who_share_no_model_are_said(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    rows = [f"p{k},{'ab'[k % 2]},{'rs'[k % 2]},motion,{1 + k % 5}\n" for k in range(40)]
    path.write_text("prompt,model,rater,dimension,score\n" + "".join(rows))
    found, said, code = called("likert", path)
    assert code == 0
    assert "motion: no severity-adjusted means, since raters and models fall into sets" in said
    assert [row["adjusted"] for row in found["means"]] == [None, None]


def test_gsb_gives_what_the_module_gives(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"prompt": np.repeat(np.arange(30), 4), "opponent": ["x", "y"] * 60})
    frame["dimension"] = np.repeat(["motion", "look"], 60)
    frame["verdict"] = rng.choice(list("GGSB"), 120)
    frame["category"] = np.where(frame["prompt"] % 2, "sport", "")
    path = tmp_path / "verdicts.csv"
    frame.to_csv(path, index=False)
    found, said, code = called("gsb", path)
    assert code == 0
    assert [row["net"] for row in found["results"]] == [one.net for one in gsb.compare(frame)]
    assert found["results"][0].keys() >= {"opponent", "dimension", "good", "same", "bad", "ratio", "p_holm"}
    assert {row["category"] for row in found["categories"]} == {"sport"}
    path.write_text(path.read_text().replace("G,sport", "g,sport") + "9,x,look,draw,sport\n9,x,look\n")
    again, said, code = called("gsb", path)
    assert again["results"] == found["results"]
    assert (again["dropped"], code) == (2, 1)
    assert "line 122, column verdict: 'draw' is none of G, S, B" in said
    assert "line 123, column verdict: the row has 3 cells, the header 5" in said


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(f"i{k}", "r", k % 5 + 1) for k in range(9)], "No item has scores of two raters"),
        ([(f"i{k // 2}", f"r{k % 2}", 3) for k in range(18)], "All scores are the same"),
    ],
)
def test_agreement_that_is_not_defined_is_null_and_said(
    tmp_path: Path, rows: list[tuple[str, str, int]], reason: str
) -> None:
    path = tmp_path / "scores.csv"
    pd.DataFrame(rows, columns=["item", "rater", "score"]).to_csv(path, index=False)
    found, said, code = called("agreement", path)
    assert reason in said
    assert code == 0
    for name in ("alpha_nominal", "alpha_ordinal", "alpha_interval", "icc_a1", "icc_c1"):
        assert found[name] == {"value": None, "low": None, "high": None}
    assert all(one["mean"] for one in found["raters"].values())


def test_agreement_clusters_by_prompt_and_takes_a_score_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    item, rater = (place.ravel() for place in np.indices((60, 3)))
    score = np.clip(np.round(3 + rng.normal(size=60)[item] + rng.normal(0, 0.7, 180)), 1, 5)
    frame = pd.DataFrame({"prompt": item // 4, "item": item, "rater": rater, "score": score})
    path = tmp_path / "scores.csv"
    frame.to_csv(path, index=False)
    with path.open("a") as file:
        file.write("0,0,2,1\n")
    found, said, code = called("agreement", path)
    assert code == 1
    assert "line 182, column rater: another row above has the same item, rater; row dropped" in said
    assert found["prompts"] == 15
    expected = agreement(item, rater, score, item // 4)
    assert found["alpha_ordinal"]["low"] == expected.alpha_ordinal.low
    assert found["icc_c1"]["value"] == expected.icc_c1.value


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("likert", "FILE"), "The header lacks prompt, model, dimension"),
        (("gsb", "FILE"), "The header lacks prompt, opponent, dimension, verdict"),
        (("agreement", "EMPTY"), "The file is empty"),
    ],
)
def test_what_can_not_be_computed_leaves_with_two(
    tmp_path: Path, command: tuple[str, ...], said: str
) -> None:
    (tmp_path / "FILE").write_text("item,rater,score\na,b,1\n")
    (tmp_path / "EMPTY").write_text("")
    places = [str(tmp_path / word) if word.isupper() else word for word in command]
    with pytest.raises(CommandError, match=said) as refused:
        call_command(*places)
    assert refused.value.returncode == 2


def test_a_scale_that_is_none_is_refused() -> None:
    for scale in ("5-1", "five", "1", "1-1"):
        with pytest.raises(CommandError, match="no scale; expected LOW-HIGH"):
            call_command("agreement", "FILE", "--scale", scale)
