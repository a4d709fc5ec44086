"""The sequential test of voters: who is like the others is seldom found, who contradicts them is."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from arena.votes.columns import Columns
from arena.votes.outliers import LOOKS, outliers
from tests.arena.votes_made import drawn

LEFT, RIGHT, TIE, BOTH_BAD = range(4)


def world(voters: int, each: int, seed: int) -> Columns:
    """Voters who agree that a model of a higher number is better, four times out of five."""
    rng = np.random.default_rng(seed)
    n = voters * each
    left = rng.integers(0, 4, n)
    right = (left + rng.integers(1, 4, n)) % 4
    usual = np.where(left > right, LEFT, RIGHT)
    answer = np.where(rng.random(n) < 0.8, usual, rng.integers(0, 4, n))
    voter = rng.permutation(np.repeat(np.arange(voters), each))
    return replace(
        drawn(0),
        models=np.arange(4),
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        answer=answer.astype(np.int8),
        voter=voter.astype(np.int32),
        voters=np.arange(voters),
        at=np.arange(n),
        flags=np.zeros(n, np.int8),
    )


def test_at_most_alpha_of_honest_voters_are_found() -> None:
    votes = world(600, 40, seed=1)
    found = outliers(votes, np.ones(votes.votes, bool), 0.05)
    assert len(found) <= 0.05 * 600


def test_who_says_the_contrary_is_found_early_and_who_gave_four_votes_never() -> None:
    votes = world(60, 40, seed=2)
    answer = votes.answer.copy()
    contrary = votes.voter == 7
    swapped = np.array([RIGHT, LEFT, TIE, BOTH_BAD])
    answer[contrary] = swapped[answer[contrary]]
    few = np.flatnonzero(votes.voter == 8)[4:]
    answer[votes.voter == 8] = BOTH_BAD
    among = np.ones(votes.votes, bool)
    among[few] = False
    changed = replace(votes, answer=answer)
    found = {one.voter: one for one in outliers(changed, among, 0.05)}
    assert 7 in found
    assert found[7].votes in LOOKS[:4]
    assert found[7].p_value < 0.05 / len(LOOKS)
    assert 8 not in found


def test_p_is_the_share_of_answers_as_rare_by_brute_force() -> None:
    """The same statistic, computed vote by vote."""
    votes = world(12, 45, seed=3)
    answer = votes.answer.copy()
    answer[votes.voter == 0] = BOTH_BAD
    changed = replace(votes, answer=answer)
    [found] = [one for one in outliers(changed, np.ones(votes.votes, bool), 0.05) if one.voter == 0]

    def told(i: int) -> tuple[int, int, int]:
        left, right, said = int(changed.left[i]), int(changed.right[i]), int(changed.answer[i])
        if left > right:
            left, right, said = right, left, {LEFT: RIGHT, RIGHT: LEFT}.get(said, said)
        return left, right, said

    logs = []
    for i in np.flatnonzero(changed.voter == 0):
        left, right, said = told(int(i))
        pool = [said]
        for j in range(len(changed.left)):
            other = told(j)
            if changed.voter[j] != 0 and other[:2] == (left, right):
                pool.append(other[2])
        rare = [one for one in pool if pool.count(one) <= pool.count(said)]
        if len(pool) > 10:
            logs.append(-2 * np.log(len(rare) / len(pool)))
    first = next(k for k in LOOKS if chi2.sf(sum(logs[:k]), 2 * k) < 0.01)
    assert found.votes == first
    assert found.p_value == pytest.approx(chi2.sf(sum(logs[:first]), 2 * first))
