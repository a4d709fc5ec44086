"""Dawid and Skene's model, against another implementation and against raters whose skill is known."""

import numpy as np
import pytest

from annotation.quality.reliability import Ints, dawid_skene

SKILL = (0.9, 0.8, 0.7, 0.6, 0.35)


def labelled(n: int) -> tuple[Ints, Ints, Ints]:
    """Units of three classes; a rater knows the class with their skill, else guesses; a fifth is missing."""
    rng = np.random.default_rng(1979)
    truth = rng.choice(3, n, p=[0.4, 0.2, 0.4])
    rows = []
    for unit in range(n):
        for rater, skill in enumerate(SKILL):
            if rng.random() >= 0.2:
                knows = rng.random() < skill
                rows.append((unit, rater, int(truth[unit] if knows else rng.integers(3))))
    units, raters, labels = np.array(rows).T
    return units, raters, labels


def test_it_finds_what_crowd_kit_finds() -> None:
    """Figures of crowd-kit 1.4.2's DawidSkene(n_iter=500, tol=1e-12), which does not smooth."""
    found = dawid_skene(*labelled(60), 3, smoothing=0, steps=500, tolerance=1e-12)
    assert found.priors == pytest.approx([0.4032, 0.2611, 0.3358], abs=5e-5)
    expected = [
        [[0.9386, 0.0, 0.0614], [0.1855, 0.8145, 0.0], [0.0519, 0.0722, 0.876]],
        [[0.8316, 0.0, 0.1684], [0.2064, 0.7936, 0.0], [0.0929, 0.0, 0.9071]],
        [[0.96, 0.0, 0.04], [0.2584, 0.7416, 0.0], [0.0, 0.1648, 0.8352]],
        [[0.8129, 0.0498, 0.1373], [0.3917, 0.6083, 0.0], [0.1729, 0.2142, 0.6129]],
        [[0.6411, 0.1149, 0.244], [0.2159, 0.4944, 0.2897], [0.2915, 0.0752, 0.6333]],
    ]
    assert found.confusion == pytest.approx(np.array(expected), abs=6e-5)
    classes = "021122222020221011001001200020001210220010220111020020210012"
    assert "".join(map(str, found.truth.argmax(axis=1))) == classes


def test_skill_is_recovered_and_likelihood_only_grows() -> None:
    data = labelled(3000)
    found = dawid_skene(*data, 3)
    right = [skill + (1 - skill) / 3 for skill in SKILL]
    assert found.accuracy == pytest.approx(right, abs=0.03)
    likelihoods = [dawid_skene(*data, 3, smoothing=0, steps=n).log_likelihood for n in (1, 2, 4, 8)]
    assert likelihoods == sorted(likelihoods)


def test_few_labels_make_nobody_perfect() -> None:
    units, raters, labels = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([2, 2, 2, 2])
    found = dawid_skene(units, raters, labels, 3)
    assert 0.5 < found.accuracy[0] < 0.9
    assert found.accuracy[0] == pytest.approx(found.accuracy[1])


@pytest.mark.parametrize(("labels", "why"), [([0, 3], "reach from 0 to 3"), ([0], "2 units")])
def test_wrong_labels_are_refused(labels: list[int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        dawid_skene(np.array([0, 1]), np.array([0, 0]), np.array(labels), 3)
