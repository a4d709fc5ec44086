"""Good, same or bad: counts, intervals and tests by prompt, against plain loops and enumeration."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from arena import gsb, likert

COLUMNS = ["prompt", "opponent", "dimension", "verdict"]


def verdicts(
    rng: np.random.Generator, prompts: int, overlap: int, lean: float, together: float
) -> pd.DataFrame:
    """Each prompt leans its own way: `together` is the spread of that, `lean` its mean."""
    leaning = lean + rng.normal(0, together, prompts)
    seen = leaning[:, None] + rng.normal(size=(prompts, overlap))
    said = np.where(seen > 0.5, "G", np.where(seen < -0.5, "B", "S"))
    prompt = np.repeat([f"p{k}" for k in range(prompts)], overlap)
    return pd.DataFrame({"prompt": prompt, "opponent": "o", "dimension": "motion", "verdict": said.ravel()})


def test_counts_net_and_ratio() -> None:
    said = "GGGSB" + "SS" + "GGG"
    frame = pd.DataFrame(
        [(f"p{k % 3}", "a" if k < 5 else "b" if k < 7 else "c", "look", one) for k, one in enumerate(said)],
        columns=COLUMNS,
    )
    a, b, c = gsb.compare(pd.concat([frame, frame.iloc[:1].assign(verdict=None)]))
    assert (a.group, a.good, a.same, a.bad, a.votes, a.prompts) == (
        {"opponent": "a", "dimension": "look"},
        3,
        1,
        1,
        5,
        3,
    )
    assert a.net == pytest.approx(2 / 5)
    assert a.ratio == pytest.approx(4 / 2)
    assert (b.net, b.ratio, b.p) == (0, 1, 1)
    assert (c.net, c.ratio, c.ratio_low) == (1, None, None), "nothing to divide by"
    assert a.net_low is None, "three prompts say nothing of others"
    with pytest.raises(ValueError, match="G, S or B; got X"):
        gsb.compare(frame.assign(verdict="X"))
    assert gsb.compare(frame.iloc[:0]) == []


@given(st.lists(st.lists(st.sampled_from("GSB"), min_size=1, max_size=4), min_size=1, max_size=8))
@settings(deadline=None, max_examples=60)
def test_p_is_that_of_turning_prompts_round_in_every_way(said: list[list[str]]) -> None:
    rows = [(f"p{k}", "o", "d", one) for k, of_prompt in enumerate(said) for one in of_prompt]
    (found,) = gsb.compare(pd.DataFrame(rows, columns=COLUMNS), draws=20)
    nets = [of_prompt.count("G") - of_prompt.count("B") for of_prompt in said]
    turned = [
        abs(sum(sign * net for sign, net in zip(signs, nets, strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(nets))
    ]
    assert found.p == pytest.approx(np.mean([one >= abs(sum(nets)) for one in turned]))
    assert found.p_holm == found.p


def test_many_prompts_and_votes_give_the_p_of_the_limit() -> None:
    rng = np.random.default_rng(1)
    for prompts, overlap in ((400, 3), (20_000, 2)):
        frame = verdicts(rng, prompts, overlap, 0.0, 1.0)
        value = frame["verdict"].map({"G": 1, "S": 0, "B": -1})
        nets = value.groupby(frame["prompt"]).sum()
        (found,) = gsb.compare(frame, draws=20)
        limit = 2 * stats.norm.sf(abs(nets.sum()) / np.sqrt((nets**2).sum()))
        assert found.p == pytest.approx(limit, abs=0.02)


def test_intervals_are_by_prompt_and_wider_than_by_vote_where_votes_hang_together() -> None:
    frame = verdicts(np.random.default_rng(2), 80, 5, 0.4, 1.5)
    (found,) = gsb.compare(frame)
    assert (found,) == tuple(gsb.compare(frame)), "the same figures each time"
    (votewise,) = gsb.compare(frame.assign(prompt=range(len(frame))))
    ends = np.array([(one.net_low, one.net, one.net_high) for one in (found, votewise)], float)
    ratios = np.array([(one.ratio_low, one.ratio, one.ratio_high) for one in (found, votewise)], float)
    assert (np.diff(ends) > 0).all()
    assert (np.diff(ratios) > 0).all()
    by_prompt, by_vote = ends[:, 2] - ends[:, 0]
    assert by_prompt > 1.5 * by_vote
    value = frame["verdict"].map({"G": 1, "S": 0, "B": -1}).groupby(frame["prompt"]).mean()
    assert by_prompt == pytest.approx(2 * 1.99 * value.std() / np.sqrt(80), rel=0.1)


def test_results_by_category_are_corrected_together() -> None:
    rng = np.random.default_rng(3)
    frame = pd.concat(
        [
            verdicts(rng, 60, 2, lean, 0.5).assign(dimension=name)
            for name, lean in (("motion", 1.5), ("look", 0.0))
        ]
    )
    labels = pd.DataFrame(
        {"prompt": [f"p{k}" for k in range(60)], "category": ["people", "sport", "food"] * 20}
    )
    found = gsb.compare(likert.labelled(frame, labels), by=("category", "dimension"))
    assert len(found) == 6
    assert all(one.prompts == 20 for one in found)
    best = min(found, key=lambda one: one.p)
    assert best.p_holm == pytest.approx(6 * best.p)
    assert all(one.p_holm < 0.05 for one in found if one.group["dimension"] == "motion")
    assert all(one.p_holm > 0.05 for one in found if one.group["dimension"] == "look")


def test_how_far_two_verdicts_on_one_prompt_correlate() -> None:
    frame = verdicts(np.random.default_rng(4), 1500, 3, 0.3, 1.0)
    value = frame["verdict"].map({"G": 1, "S": 0, "B": -1}).to_numpy().reshape(-1, 3)
    pairs = np.concatenate([value[:, [a, b]] for a, b in itertools.permutations(range(3), 2)])
    assert gsb.correlation(frame) == pytest.approx(np.corrcoef(pairs.T)[0, 1], abs=0.01)
    both = pd.concat([frame, frame.assign(dimension="look", verdict="S")])
    assert gsb.correlation(both) is not None
    assert gsb.correlation(frame.drop_duplicates("prompt")) is None, "no prompt was judged twice"
    assert gsb.correlation(frame.assign(verdict="S")) is None
    assert gsb.correlation(frame.iloc[:0]) is None
