"""Ratings: against Davidson's published example, against evalica, and intervals that cover what they say."""

import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.ratings import CENTRE, ELO, Counts, Floats, Ties, comparable, fitted, rate

# Davidson 1970, chocolate puddings: i, j, wins of i, wins of j, ties.
PUDDINGS = """
1 2 19 22 16   1 3 16 19 12   2 3 19 19 10   1 4 18 23 13   2 4 23 19  9
3 4 19 20 15   1 5 13 19 18   2 5 16 20 12   3 5 16 15 17   4 5 17 14 16
1 6 18 21 12   2 6 22 20 12   3 6 13 18 10   4 6 14 19 18   5 6 11 21 12
"""


def puddings() -> Counts:
    i, j, *rest = np.array(PUDDINGS.split(), int).reshape(-1, 5).T
    return Counts(i - 1, j - 1, *(column.astype(float) for column in rest))


def single(
    left: list[int], right: list[int], outcomes: list[str], cluster: list[int] | None = None
) -> Counts:
    """One row a vote; outcomes are l, r or t."""
    said = np.array(outcomes)
    left_wins, right_wins, ties = ((said == mark).astype(float) for mark in "lrt")
    whose = None if cluster is None else np.array(cluster)
    return Counts(np.array(left), np.array(right), left_wins, right_wins, ties, whose)


def test_davidsons_own_example() -> None:
    fit = fitted(puddings(), 6, Ties.DAVIDSON, side=False)
    shares = np.exp(fit.strength) / np.exp(fit.strength).sum()
    assert shares == pytest.approx([0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024], abs=5e-5)
    assert fit.nu == pytest.approx(0.7468, abs=5e-5)


votes = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from("lrt")).filter(lambda v: v[0] != v[1]),
    min_size=1,
    max_size=60,
)


def ring(n: int) -> list[tuple[int, int, str]]:
    """Everybody beats the next one, so that the maximum exists whatever else is there."""
    return [(i, (i + 1) % n, "l") for i in range(n)]


@given(votes)
@settings(max_examples=60, deadline=None)
def test_half_wins_are_what_evalica_computes(drawn: list[tuple[int, int, str]]) -> None:
    left, right, said = zip(*ring(5), *drawn, strict=True)
    ours = fitted(single(list(left), list(right), list(said)), 5, side=False)
    outcome = {"l": evalica.Winner.X, "r": evalica.Winner.Y, "t": evalica.Winner.Draw}
    theirs = evalica.bradley_terry(left, right, [outcome[s] for s in said], tolerance=1e-12, limit=100_000)
    strengths = np.log(theirs.scores.sort_index().to_numpy())
    assert not ours.prior
    assert ours.strength * ELO == pytest.approx((strengths - strengths.mean()) * ELO, abs=0.01)


@pytest.mark.parametrize("ties", Ties)
@given(drawn=votes, order=st.permutations(range(5)), shuffle=st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_numbering_and_order_do_not_matter(
    ties: Ties, drawn: list[tuple[int, int, str]], order: list[int], shuffle: object
) -> None:
    """Also where a prior is needed; and one row a vote or one row a pair is the same."""
    rows = [(i, i + 1, "l") for i in range(4)] + drawn
    clusters = [n % 3 for n in range(len(rows))]

    def rated(rows: list[tuple[int, int, str]], clusters: list[int]) -> Floats:
        left, right, said = (list(column) for column in zip(*rows, strict=True))
        found = rate(aggregated(single(left, right, said)), 5, (single(left, right, said, clusters),), ties)
        return np.stack([found.rating, found.low, found.high])

    plain = rated(rows, clusters)
    together = list(zip(rows, clusters, strict=True))
    shuffle.shuffle(together)  # type: ignore[attr-defined]
    renamed = rated([(order[i], order[j], s) for (i, j, s), _c in together], [c for _v, c in together])
    assert renamed[:, order] == pytest.approx(plain, abs=1e-3)
    assert plain[0].mean() == pytest.approx(CENTRE)


def aggregated(counts: Counts) -> Counts:
    """One row by (left, right)."""
    pairs, row = np.unique(np.stack([counts.left, counts.right]), axis=1, return_inverse=True)
    columns = (counts.left_wins, counts.right_wins, counts.ties)
    return Counts(pairs[0], pairs[1], *(np.bincount(row, column).astype(float) for column in columns))


def test_who_won_everything_is_held_by_the_prior_and_its_interval_says_how_little_is_known() -> None:
    for ties in Ties:
        few = rate(single([0, 1] * 3, [1, 0] * 3, ["l", "r"] * 3), 2, ties=ties)
        many = rate(single([0, 1] * 30, [1, 0] * 30, ["l", "r"] * 30), 2, ties=ties)
        assert few.fit.prior
        assert many.fit.prior
        assert few.rating[0] < many.rating[0] < 2000
        assert few.high[0] - few.low[0] > 200
        undecided = rate(single([0, 1], [1, 0], ["t", "t"]), 2, ties=ties)
        assert undecided.rating == pytest.approx([1000, 1000])
        assert undecided.high[0] - undecided.low[0] > 200


def test_models_that_no_vote_connects_are_not_compared() -> None:
    counts = single([0, 1, 3], [1, 2, 4], ["l", "r", "t"])
    assert comparable(counts, 5).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="comparable"):
        fitted(counts, 5)
    assert rate(counts.only(comparable(counts, 5)), 3).rating.mean() == pytest.approx(1000)


# --- Simulated boards -------------------------------------------------------------------------------------

MODELS, PROMPTS, VOTERS, VOTES = 4, 60, 30, 1200
TRUE = np.array([-120.0, -30.0, 40.0, 110.0]) / ELO


def simulated(
    rng: np.random.Generator, clip_spread: float, side: float = 0.0
) -> tuple[Counts, Counts, Counts]:
    """Votes by pair, by prompt and by voter, where clips of a model differ from prompt to prompt."""
    clips = TRUE + rng.normal(0, clip_spread / ELO, (PROMPTS, MODELS))
    prompt, voter = rng.integers(0, PROMPTS, VOTES), rng.integers(0, VOTERS, VOTES)
    left = rng.integers(0, MODELS, VOTES)
    right = (left + rng.integers(1, MODELS, VOTES)) % MODELS
    d = clips[prompt, left] - clips[prompt, right] + side / ELO
    wins = (rng.random(VOTES) < 1 / (1 + np.exp(-d))).astype(float)
    columns = (left, right, wins, 1 - wins, np.zeros(VOTES))
    return aggregated(Counts(*columns)), Counts(*columns, prompt), Counts(*columns, voter)


def marginal(clip_spread: float) -> Floats:
    """What a board of infinitely many prompts and votes would show: the fit to average chances to win."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    left, right = (~np.eye(MODELS, dtype=bool)).nonzero()
    d = (TRUE[left] - TRUE[right])[:, None] + nodes * clip_spread / ELO * np.sqrt(2)
    chance = (1 / (1 + np.exp(-d))) @ (weights / weights.sum())
    fit = fitted(Counts(left, right, chance, 1 - chance, 0 * chance), MODELS, side=False)
    return np.asarray(fit.strength * ELO)


def test_intervals_cover_the_marginal_rating_only_if_clustered() -> None:
    spread, rng = 250.0, np.random.default_rng(4)
    truth = CENTRE + marginal(spread)
    clustered, votewise = [], []
    for _board in range(150):
        counts, by_prompt, by_voter = simulated(rng, spread)
        found, plain = rate(counts, MODELS, (by_prompt, by_voter)), rate(counts, MODELS)
        clustered.append((found.low < truth) & (truth < found.high))
        votewise.append((plain.low < truth) & (truth < plain.high))
    assert 0.92 < np.mean(clustered) < 0.98
    assert np.mean(votewise) < 0.85


def test_a_side_that_is_favoured_is_found_and_taken_out() -> None:
    rng = np.random.default_rng(5)
    boards = [rate(*simulated(rng, 0.0, side=60.0)[:1], MODELS) for _board in range(40)]
    assert np.mean([board.side for board in boards]) == pytest.approx(60, abs=8)
    assert np.mean([board.side_low < 60 < board.side_high for board in boards]) > 0.85
    assert np.mean([board.rating for board in boards], axis=0) == pytest.approx(CENTRE + TRUE * ELO, abs=10)
