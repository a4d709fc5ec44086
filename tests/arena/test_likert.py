"""Statistics of Likert scores: against plain loops, and against simulated truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from arena import likert
from tests.arena import simulated_scores

TRUTH = np.array([3.0, 3.2, 3.6])
SEVERITY = np.array([1.0, 1.0, -1.0, -1.0])


@pytest.fixture(scope="module")
def scored() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    both = [
        simulated_scores.scores(rng, 60, TRUTH, SEVERITY, overlap=2, dimension=name)
        for name in ("motion", "look")
    ]
    frame = pd.concat(both, ignore_index=True)
    frame.loc[rng.random(len(frame)) < 0.1, "score"] = np.nan
    return frame


def test_means_are_of_the_scores_that_there_are_and_intervals_of_drawing_prompts(
    scored: pd.DataFrame,
) -> None:
    found = {(one.group["model"], one.group["dimension"]): one for one in likert.means(scored)}
    rows = scored[(scored["model"] == "m1") & (scored["dimension"] == "look")].dropna()
    one = found["m1", "look"]
    assert len(found) == 6
    assert one.mean == pytest.approx(rows["score"].mean())
    assert (one.scores, one.prompts) == (len(rows), rows["prompt"].nunique())
    # The plain way: draw prompts, put their rows together.
    by_prompt = [of["score"].to_numpy() for _name, of in rows.groupby("prompt")]
    rng = np.random.default_rng(5)
    plain = [
        np.concatenate([by_prompt[k] for k in rng.integers(len(by_prompt), size=len(by_prompt))]).mean()
        for _draw in range(2000)
    ]
    n = len(by_prompt)
    widened = stats.norm.cdf(-stats.t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1)))
    low, high = np.quantile(plain, [widened, 1 - widened])
    assert (one.low, one.high) == pytest.approx((low, high), abs=0.03)
    assert likert.means(scored) == likert.means(scored), "the same figures each time"


def test_means_by_any_columns(scored: pd.DataFrame) -> None:
    labels = pd.DataFrame(
        {"prompt": ["p0", "p0", "p1", "p2"], "category": ["people", "sport", "sport", None]}
    )
    rows = likert.labelled(scored, labels)
    found = {one.group["category"]: one for one in likert.means(rows, by=("category",))}
    assert set(found) == {"people", "sport"}
    expected = scored[scored["prompt"].isin(["p0", "p1"])]["score"].mean()
    assert found["sport"].mean == pytest.approx(expected)
    assert found["sport"].prompts == 2
    assert found["sport"].low is None, "two prompts say nothing of others"
    assert likert.means(scored.iloc[:0]) == []
    as_categories = scored.astype(dict.fromkeys(("prompt", "model", "rater", "dimension"), "category"))
    assert likert.means(as_categories) == likert.means(scored)
    assert likert.compare(as_categories) == likert.compare(scored)


def test_severity_adjustment_restores_the_true_order_where_raw_means_have_it_wrong() -> None:
    """The best model is mostly scored by raters two points stricter than the others."""
    chosen = np.array([[1, 1, 9, 9], [1, 1, 1, 1], [9, 9, 1, 1]], float)
    rng = np.random.default_rng(2)
    frame = simulated_scores.scores(rng, 150, TRUTH, SEVERITY, overlap=2, chosen=chosen)
    raw = {one.group["model"]: one.mean for one in likert.means(frame)}
    assert sorted(raw, key=lambda name: raw[name]) == ["m2", "m1", "m0"], "the wrong way round"
    (adjusted,) = likert.adjusted(frame)
    means = {one.model: one for one in adjusted.means}
    assert sorted(means, key=lambda name: means[name].mean) == ["m0", "m1", "m2"]
    for name, truth in zip(("m0", "m1", "m2"), TRUTH, strict=True):
        assert means[name].low < truth < means[name].high
    severity = {one.rater: one for one in adjusted.raters}
    assert severity["r0"].severity - severity["r3"].severity == pytest.approx(2, abs=0.15)
    assert severity["r0"].severity > 0.8
    weights = np.array([one.scores for one in adjusted.raters])
    assert weights @ [one.severity for one in adjusted.raters] == pytest.approx(0, abs=1e-6)
    plain, *_rest = likert.compare(frame)
    assert (plain.model, plain.other) in {("m0", "m1"), ("m1", "m0")}
    by_pair = {frozenset((one.model, one.other)): one for one in likert.compare(frame)}
    pair = by_pair[frozenset(("m0", "m2"))]
    assert pair.adjusted is not None
    assert pair.adjusted_p_holm is not None
    turn = 1 if pair.model == "m2" else -1
    assert turn * pair.difference < 0 < turn * pair.adjusted
    assert pair.adjusted_p_holm < 0.001


def test_comparisons_are_paired_by_prompt_and_corrected_for_their_number(scored: pd.DataFrame) -> None:
    found = likert.compare(scored)
    assert len(found) == 6
    one = next(one for one in found if {one.model, one.other} == {"m0", "m2"} and one.dimension == "motion")
    rows = scored[scored["dimension"] == "motion"].pivot_table(
        index="prompt", columns="model", values="score"
    )
    differences = (rows[one.model] - rows[one.other]).dropna()
    assert one.prompts == len(differences)
    assert one.difference == pytest.approx(differences.mean())
    assert one.low is not None
    assert one.high is not None
    assert one.low < one.difference < one.high
    by_t = stats.ttest_1samp(differences, 0).pvalue
    assert one.p == pytest.approx(by_t, abs=0.01)
    for p, corrected in (("p", "p_holm"), ("adjusted_p", "adjusted_p_holm")):
        values = [getattr(one, p) for one in found]
        smallest = min(found, key=lambda one: getattr(one, p))
        assert getattr(smallest, corrected) == pytest.approx(min(1, 6 * min(values)))
        assert all(getattr(one, corrected) >= getattr(one, p) for one in found)


def test_models_without_a_common_prompt_or_rater_are_not_compared_by_force() -> None:
    frame = pd.DataFrame(
        [(f"p{k}", "a" if k < 6 else "b", "r" if k < 6 else "s", "motion", 3.0 + k % 2) for k in range(12)],
        columns=["prompt", "model", "rater", "dimension", "score"],
    )
    assert likert.compare(frame) == []
    (adjusted,) = likert.adjusted(frame)
    assert (adjusted.means, adjusted.components, adjusted.reason) == ((), None, "disconnected")
    together = frame.assign(prompt=[f"p{k % 6}" for k in range(12)])
    (one,) = likert.compare(together)
    assert (one.difference, one.p, one.adjusted, one.adjusted_p_holm) == (0, 1, None, None)


def test_shares_count_marks_of_all_judgements_of_the_dimension() -> None:
    judged = [("p0", "a", "r"), ("p0", "a", "s"), ("p1", "a", "r"), ("p0", "b", "r")]
    columns = ["prompt", "model", "rater", "dimension", "score"]
    scores = pd.DataFrame([(*one, name, 3) for one in judged for name in ("motion", "look")], columns=columns)
    ticks = pd.DataFrame(
        [
            ("p0", "a", "r", "motion", "stability", "defect"),
            ("p0", "a", "r", "motion", "stability", "defect"),  # marked at two times
            ("p1", "a", "r", "motion", "stability", "defect"),
            ("p0", "a", "s", "motion", "vividness", "strength"),
            ("p9", "a", "s", "motion", "vividness", "strength"),  # of a judgement that does not count
        ],
        columns=["prompt", "model", "rater", "dimension", "aspect", "kind"],
    )
    found = [
        (one.model, one.dimension, one.aspect, one.kind, one.marked, one.scored)
        for one in likert.shares(scores, ticks)
    ]
    assert sorted(found) == [
        ("a", "motion", "stability", "defect", 2, 3),
        ("a", "motion", "vividness", "strength", 1, 3),
        ("b", "motion", "stability", "defect", 0, 1),
        ("b", "motion", "vividness", "strength", 0, 1),
    ]
    assert likert.shares(scores, ticks.iloc[:0]) == []


def test_agreement_is_of_the_models_clips_by_dimension(scored: pd.DataFrame) -> None:
    found = likert.agreements(scored)
    assert set(found) == {"motion", "look"}
    one = found["motion"]
    assert one.icc_c1.value is not None
    assert one.icc_a1.value is not None
    assert one.icc_c1.value > one.icc_a1.value + 0.2, (
        "raters two points apart agree on the order, not on scores"
    )
    assert one.prompts <= 60 < one.items
