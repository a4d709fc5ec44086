"""Accuracies, ties, calibration and agreement, against brute force and by hand."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardmodels.judge import evaluate
from rewardmodels.train import judgements
from rewardmodels.train.judgements import ItemJudgement
from rewardmodels.train.split import by_prompt
from workbench.trainer.config import ConfigError

# Few values, so that many differences are equal.
_DIFFERENCE = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
_PAIRS = st.lists(st.tuples(_DIFFERENCE, st.sampled_from([-1, 0, 1])), min_size=1, max_size=12)


@given(_PAIRS)
def test_the_tie_threshold_is_the_best_of_all(pairs: list[tuple[float, int]]) -> None:
    differences, outcomes = np.array([d for d, _ in pairs]), np.array([o for _, o in pairs])

    def plain(threshold: float) -> float:
        said = [0 if abs(d) <= threshold else int(math.copysign(1, d)) for d, _ in pairs]
        return sum(s == o for s, (_, o) in zip(said, pairs, strict=True)) / len(pairs)

    thresholds = sorted({0.0, *(abs(d) for d, _ in pairs)})
    best = max(plain(threshold) for threshold in thresholds)
    threshold, accuracy = evaluate.fit_tie_threshold(differences, outcomes)
    assert accuracy == pytest.approx(best)
    assert threshold == next(t for t in thresholds if plain(t) == best)
    assert evaluate.tie_accuracy(differences, outcomes, threshold) == pytest.approx(best)


def test_an_accuracy_and_its_interval() -> None:
    """Prompts a (1, 1, 0) and b (1, 0.5): mean 0.7; the clusters' residuals are -0.1 and 0.1."""
    found = evaluate.accuracy([1.0, 0.2, -3.0, 0.1, 0.0], ["a", "a", "a", "b", "b"])
    assert found.value == pytest.approx(0.7)
    assert (found.pairs, found.clusters) == (5, 2)
    reach = 12.706 * math.sqrt(2 / 1 * (0.1**2 + 0.1**2)) / 5
    assert found.low == pytest.approx(0.7 - reach, abs=1e-4)
    assert found.high == 1.0


def test_intervals_cover_what_they_say() -> None:
    """Prompts differ in how hard they are; the true accuracy is inside 95 % of the intervals, or nearly."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        ease = np.repeat(rng.beta(6, 3, 30), 4)
        right = rng.random(120) < ease
        clusters = [str(n // 4) for n in range(120)]
        found = evaluate.accuracy(np.where(right, 1.0, -1.0).tolist(), clusters)
        inside += found.low <= 6 / 9 <= found.high
    assert 0.91 < inside / 300 < 0.985


def test_an_accuracy_without_spread_is_not_certain() -> None:
    found = evaluate.accuracy([1.0] * 6, ["a", "b", "c", "d", "e", "f"])
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.5 < found.low < 0.7
    alone = evaluate.accuracy([1.0, 1.0], ["a", "a"])
    assert (alone.low, alone.high) == (0.0, 1.0)


def test_calibration() -> None:
    sure, unsure = 3.0, 0.2
    differences = [sure, sure, sure, -sure, unsure, -unsure]
    curve = evaluate.reliability(differences)
    assert [(one.pairs, one.accuracy) for one in curve] == [(2, 0.5), (4, 0.75)]
    p, q = 1 / (1 + math.exp(-unsure)), 1 / (1 + math.exp(-sure))
    assert [one.confidence for one in curve] == pytest.approx([p, q])
    expected = (2 * (p - 0.5) + 4 * (q - 0.75)) / 6
    assert evaluate.calibration_error(curve) == pytest.approx(expected)


def judgement(answers: dict[str, Any], **changes: Any) -> ItemJudgement:
    line = {
        "item": "i1",
        "prompt_id": "p1",
        "prompt": "a red circle moves left",
        "task": "t2v",
        "first_frame": None,
        "annotator": "ann",
        "fps": 8,
        "clips": [{"id": c, "file": f"{c}.video", "video_model": "m"} for c in "abcd"],
        "answers": answers,
    }
    return judgements.parse(line | changes, "line")


def test_agreement_of_two_people() -> None:
    """Ann: a over d. Bob: a, b over c: one of Ann's pairs is his too (a over d is: top over middle). Of his
    two pairs (a over c, b over c) she has a over c; b and c are both in the middle to her: not counted."""
    ann = judgement({"q": {"best": ["a"], "worst": ["d"]}})
    bob = judgement({"q": {"best": ["a", "b"], "worst": ["c"]}}, annotator="bob")
    found = evaluate.agreement([ann, bob], "q")
    assert found is not None
    assert (found.value, found.pairs) == (1.0, 2)
    against = judgement({"q": {"best": ["d"], "worst": ["a"]}}, annotator="cy")
    tied = judgement({"q": "tie"}, annotator="dee")
    assert evaluate.agreement([ann, against], "q") == evaluate.Agreement(0.0, 2)
    assert evaluate.agreement([ann, tied], "q") == evaluate.Agreement(0.5, 1)
    assert evaluate.agreement([ann], "q") is None
    assert evaluate.agreement([ann, judgement({"q": "tie"}, item="i2", annotator="bob")], "q") is None


def test_what_a_judgement_decides() -> None:
    one = judgement({"q": {"best": ["a", "b"], "worst": ["d"]}, "r": "tie", "s": None})
    told = {(x, y): outcome for _, x, y, outcome in evaluate.decided([one], "q")}
    assert told == {("a", "b"): 0, ("a", "c"): 1, ("a", "d"): 1, ("b", "c"): 1, ("b", "d"): 1, ("c", "d"): 1}
    assert {outcome for *_, outcome in evaluate.decided([one], "r")} == {0}
    assert evaluate.decided([one], "s") == []
    assert [(b, w) for _, b, w in evaluate.preferred([one], "q")] == [("a", "d"), ("b", "d")]


def test_the_split_is_by_prompt_and_not_by_order() -> None:
    many = [
        judgement({"q": "tie"}, prompt=f"prompt {n // 3}", prompt_id=str(n), item=str(n)) for n in range(30)
    ]
    split = by_prompt(many, seed=0)
    parts = [{j.prompt for j in part} for part in (split.training, split.validation, split.held_out)]
    assert [len(part) for part in parts] == [7, 1, 2]
    assert set.union(*parts) == {j.prompt for j in many}
    backwards = by_prompt(many[::-1], seed=0)
    assert {j.item for j in backwards.held_out} == {j.item for j in split.held_out}
    with pytest.raises(ConfigError, match="judgements are of 3 prompts, expected four or more"):
        by_prompt(many[:9], seed=0)
