"""The file of judgements: what is refused, and what the losses make of what is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from rewardmodels.train import judgements
from rewardmodels.train.batches import targets
from tests.rewardmodels.test_evaluate import judgement
from workbench.trainer.config import ConfigError

PICKS = {"best": ["a"], "worst": ["d"]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "t2i"}, 'task is \'t2i\', expected "t2v" or "i2v"'),
        ({"task": "i2v"}, "an image is given exactly where the task is i2v"),
        ({"first_frame": "x.png"}, "an image is given exactly where the task is i2v"),
        ({"fps": 0}, "fps is 0, expected frames a second above 0"),
        ({"prompt": ""}, "prompt is '', expected a text that is not empty"),
        ({"surprise": 1}, "has the fields"),
        ({"clips": [{"id": "a", "file": "a.video", "video_model": "m"}]}, "a list of two clips or more"),
        ({"clips": [{"id": c, "file": "../x", "video_model": "m"} for c in "ab"]}, "leaves the run's inputs"),
        ({"clips": [{"id": "a", "file": "x", "video_model": "m"}] * 2}, "names 'a' twice"),
        ({"answers": {"q": {"best": ["a"], "worst": ["z"]}}}, "z"),
        ({"answers": {"q": {"best": ["a"], "worst": []}}}, "answers"),
        ({"answers": {"q": {"best": ["a"]}}}, "answers"),
        ({"answers": {"q": "draw"}}, "answers"),
    ],
)
def test_a_line_that_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        judgement({"q": PICKS}, **changes) if "answers" not in changes else judgement(changes["answers"])
    assert str(refused.value).startswith("line")
    assert said in str(refused.value)


def test_a_refusal_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "judgements.jsonl"
    path.write_text("\n{broken\n")
    with pytest.raises(ConfigError, match=r"judgements.jsonl:2 is not JSON"):
        judgements.read(path)
    path.write_text(json.dumps([]) + "\n")
    with pytest.raises(ConfigError, match=r"judgements.jsonl:1 is \[\], expected an object"):
        judgements.read(path)
    path.write_text("\n")
    with pytest.raises(ConfigError, match="holds no judgement"):
        judgements.read(path)
    with pytest.raises(ConfigError, match="can't be read"):
        judgements.read(tmp_path / "missing.jsonl")


def test_pairs_that_break_the_constraint_teach_nothing() -> None:
    """a over d in q, but a below d in r: neither pair is left."""
    one = judgement({"q": PICKS, "r": {"best": ["d"], "worst": ["a"]}})
    assert one.pairs == []
    assert targets(one, "q").best == targets(one, "r").best == []


def test_what_a_pair_says_elsewhere() -> None:
    """a, b over d in q. In r (c best, d worst) b is not below d, and a neither; in s nothing is known."""
    one = judgement(
        {"q": {"best": ["a", "b"], "worst": ["d"]}, "r": {"best": ["c"], "worst": ["d"]}, "s": None}
    )
    q, r, s = (targets(one, name) for name in "qrs")
    assert list(zip(q.best, q.worst, q.weights, strict=True)) == [(0, 3, 0.5), (1, 3, 0.5)]
    assert q.at_least == [(2, 3)]
    assert (r.best, r.worst, r.weights) == ([2], [3], [1.0])
    assert r.at_least == [(0, 3), (1, 3)]
    assert (s.best, s.ties, s.at_least) == ([], [], [])


def test_a_tie_is_all_its_pairs() -> None:
    tied = targets(judgement({"q": "tie", "r": PICKS}), "q")
    assert tied.ties == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert (tied.best, tied.at_least) == ([], [])


def test_an_answer_to_a_question_counts() -> None:
    """b and c are both in the middle of r: "there, is b at least as good as c?" No: b over c is broken."""
    picks = {"q": {"best": ["b"], "worst": ["c"]}, "r": PICKS}
    said = [{"dimension": "r", "b": "b", "w": "c", "answer": "no"}]
    assert targets(judgement(picks), "q").best == [1]
    assert targets(judgement(picks, comparisons=said), "q").best == []
    yes = judgement(picks, comparisons=[said[0] | {"answer": "yes"}])
    assert targets(yes, "r").at_least == [(1, 2)]
