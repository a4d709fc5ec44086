"""Ratings: what the data do not decide, anchors, clusters, weights and covariates, and intervals that
cover what they say. `test_likelihoods.py` compares the fits with other implementations."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.numerics.counts import LEFT, RIGHT, TIE
from arena.numerics.covariates import counted_with, standardised, told_apart
from arena.numerics.intervals import bootstrap, percentiles
from arena.numerics.weighing import inverse_probability
from arena.ratings import (
    CENTRE,
    ELO,
    Anchor,
    Counts,
    Floats,
    Intervals,
    Ints,
    Ties,
    comparable,
    counted,
    fitted,
    groups,
    rate,
    split,
)


def single(
    left: list[int], right: list[int], outcomes: list[str], cluster: list[int] | None = None
) -> Counts:
    """One row a vote; outcomes are l, r or t."""
    said = np.array(outcomes)
    left_wins, right_wins, ties = ((said == mark).astype(float) for mark in "lrt")
    whose = None if cluster is None else np.array(cluster)
    return Counts(np.array(left), np.array(right), left_wins, right_wins, ties, whose)


votes = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from("lrt")).filter(lambda v: v[0] != v[1]),
    min_size=1,
    max_size=60,
)


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


def test_groups_are_told_largest_first() -> None:
    counts = single([0, 1, 3, 5, 5], [1, 2, 4, 6, 6], ["l", "r", "t", "l", "r"])
    assert [group.tolist() for group in groups(counts, 8)] == [[0, 1, 2], [5, 6], [3, 4], [7]]


def test_a_side_that_cannot_be_told_from_the_strengths_is_held_near_nothing() -> None:
    """Each pair was always shown the same way round; the strengths alone explain the votes."""
    counts = single([0, 0, 0, 1, 1, 1], [1, 1, 1, 2, 2, 2], ["l", "l", "r", "l", "r", "r"])
    for ties in Ties:
        found = rate(counts, 3, ties=ties)
        assert found.fit.side_prior
        assert not found.fit.prior
        assert found.side == pytest.approx(0, abs=1e-6)
        assert found.side_high == pytest.approx(200 * 1.96, rel=0.2)
        # A known side would have left these intervals: not knowing it widens them.
        assert found.high[0] - found.low[0] > rate(counts, 3, ties=ties, side=False).high[0] - found.low[0]


def test_a_maximum_at_infinity_that_only_ties_hide_is_held_by_the_prior() -> None:
    """Wins and ties over the other and no loss: half wins have a maximum, Davidson's likelihood has none."""
    counts = single([0, 0, 1, 1], [1, 1, 0, 0], ["l", "t", "r", "t"])
    assert not fitted(counts, 2).prior
    assert fitted(counts, 2, Ties.DAVIDSON).prior
    assert fitted(counts, 2, Ties.RAO_KUPPER).prior


def test_a_great_but_finite_difference_needs_no_prior() -> None:
    counts = Counts(np.array([0]), np.array([1]), np.array([1e6]), np.array([1.0]), np.array([0.0]))
    found = fitted(counts, 2, side=False)
    assert not found.prior
    assert found.strength[0] - found.strength[1] == pytest.approx(np.log(1e6))


def test_a_covariate_that_every_clip_of_a_model_shares_is_refused() -> None:
    left, right = np.array([0, 1, 2, 1, 2, 0] * 4), np.array([1, 2, 0, 0, 1, 2] * 4)
    said = np.array([LEFT, RIGHT, TIE, LEFT] * 6)
    price = np.array([1.0, 2.0, 5.0])
    length = np.random.default_rng(1).uniform(1, 9, (2, 24))
    difference = np.stack([price[left] - price[right], length[0] - length[1], np.zeros(24)], axis=1)
    design, unit = standardised(np.concatenate([difference, 3 * difference[:, [1]]], axis=1))
    assert unit[2] == 0
    counts = counted_with(design, left, right, said)
    assert told_apart(counts, 3).tolist() == [False, True, False, False]  # the last says what the second does
    assert told_apart(replace(counts, design=design[:, ::-1]), 3).tolist() == [True, False, False, False]
    with pytest.raises(ValueError, match="told from the models"):
        fitted(counted_with(design[:, [0]], left, right, said), 3)


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


# --- Anchors, clusters, weights, covariates ---------------------------------------------------------------


def drawn_votes(
    rng: np.random.Generator, votes: int = VOTES, tie: float = 0.1
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Left, right, said, prompt, voter."""
    left = rng.integers(0, MODELS, votes)
    right = (left + rng.integers(1, MODELS, votes)) % MODELS
    won = rng.random(votes) < 1 / (1 + np.exp(TRUE[right] - TRUE[left]))
    said = np.where(rng.random(votes) < tie, TIE, np.where(won, LEFT, RIGHT))
    return left, right, said, rng.integers(0, PROMPTS, votes), rng.integers(0, VOTERS, votes)


@pytest.mark.parametrize("intervals", Intervals)
@pytest.mark.parametrize("ties", Ties)
def test_an_anchor_moves_all_ratings_alike_and_its_uncertainty_to_the_others(
    ties: Ties, intervals: Intervals
) -> None:
    left, right, said, prompt, _voter = drawn_votes(np.random.default_rng(6))
    counts, splits = counted(left, right, said, MODELS), (split(left, right, said, MODELS, prompt),)
    centred = rate(counts, MODELS, splits, ties, intervals=intervals)
    anchored = rate(counts, MODELS, splits, ties, anchor=Anchor(2, 1234.0), intervals=intervals)
    assert anchored.rating - 1234 == pytest.approx(centred.rating - centred.rating[2])
    assert anchored.low[2] == anchored.high[2] == 1234
    others = [0, 1, 3]
    assert (np.ptp([anchored.low, anchored.high], 0) > np.ptp([centred.low, centred.high], 0))[others].all()
    # What is known of a difference does not depend on what the ratings are tied to.
    differences = np.array([[1, -1, 0, 0], [0, 1, 0, -1], [1, 1, 0, -2]])
    for found in (anchored, centred):
        assert np.linalg.eigvalsh(found.covariance).min() > -1e-6
    one, other = (differences @ found.covariance @ differences.T for found in (anchored, centred))
    assert one == pytest.approx(other)
    assert (anchored.side, anchored.side_low) == pytest.approx((centred.side, centred.side_low))


def test_splitting_votes_by_cluster_loses_nothing() -> None:
    """Few cells are counted, many are kept a row a vote; and a cluster a vote is no clustering."""
    left, right, said, prompt, _voter = drawn_votes(np.random.default_rng(7), 3000)
    weight = np.random.default_rng(8).uniform(0.5, 2, 3000)
    counts = counted(left, right, said, MODELS, weight)
    together = split(left, right, said, MODELS, prompt, weight)
    apart = split(left, right, said, MODELS, prompt.astype(np.int64) * 1000, weight)
    assert len(together.left) < len(apart.left) == 3000
    for ties in Ties:
        one, other = (rate(counts, MODELS, (found,), ties) for found in (together, apart))
        assert other.low == pytest.approx(one.low)
        own = rate(counts, MODELS, (split(left, right, said, MODELS, np.arange(3000), weight),), ties)
        assert own.low == pytest.approx(rate(counts, MODELS, (), ties).low, rel=1e-3)


def test_votes_said_twice_on_one_prompt_are_one_vote() -> None:
    """Clustered intervals see through copies, single votes' don't; nor do weights of 2."""
    left, right, said, *_clusters = drawn_votes(np.random.default_rng(9), 2000)
    twice = np.repeat(np.arange(2000), 2)
    once = rate(counted(left, right, said, MODELS), MODELS, side=False)
    copied = counted(left[twice], right[twice], said[twice], MODELS)
    by_pair = split(left[twice], right[twice], said[twice], MODELS, twice)
    blind = rate(copied, MODELS, side=False)
    seeing = rate(copied, MODELS, (by_pair,), side=False)
    heavy = rate(counted(left, right, said, MODELS, np.full(2000, 2.0)), MODELS, side=False)
    width = once.high - once.low
    assert blind.high - blind.low == pytest.approx(width / np.sqrt(2), rel=0.02)
    for found in (seeing, heavy):
        assert found.rating == pytest.approx(once.rating)
        assert found.high - found.low == pytest.approx(width, rel=0.02)


def test_two_clusterings_at_once_are_wider_than_either() -> None:
    rng = np.random.default_rng(10)
    left, right, _said, prompt, voter = drawn_votes(rng, 4000)
    taste = rng.normal(0, 1, (VOTERS, MODELS)) + TRUE
    look = rng.normal(0, 1, (PROMPTS, MODELS))
    d = taste[voter, left] - taste[voter, right] + look[prompt, left] - look[prompt, right]
    said = np.where(rng.random(4000) < 1 / (1 + np.exp(-d)), LEFT, RIGHT)
    counts = counted(left, right, said, MODELS)
    splits = [split(left, right, said, MODELS, cluster) for cluster in (prompt, voter)]
    widths = [
        np.ptp([found.low, found.high], axis=0).mean()
        for found in (
            rate(counts, MODELS),
            *(rate(counts, MODELS, (one,)) for one in splits),
            rate(counts, MODELS, tuple(splits)),
        )
    ]
    assert widths[0] < min(widths[1:3])
    assert max(widths[1:3]) < widths[3] < sum(widths[1:3])


def test_one_cluster_says_nothing_and_few_say_little() -> None:
    left, right, said, _prompt, _voter = drawn_votes(np.random.default_rng(11), 400)
    counts = counted(left, right, said, MODELS)

    def width(clusters: int) -> float:
        found = rate(counts, MODELS, (split(left, right, said, MODELS, np.arange(400) % clusters),))
        return float((found.high - found.low).mean())

    single_votes = rate(counts, MODELS)
    assert width(1) == pytest.approx((single_votes.high - single_votes.low).mean())
    assert width(4) > 1.2 * width(200)


@pytest.mark.parametrize("ties", Ties)
def test_the_bootstrap_agrees_with_the_sandwich(ties: Ties) -> None:
    rng = np.random.default_rng(12)
    left, right, said, prompt, _voter = drawn_votes(rng, 6000, tie=0.2)
    counts, by_prompt = counted(left, right, said, MODELS), split(left, right, said, MODELS, prompt)
    for splits in ((), (by_prompt,)):
        exact = rate(counts, MODELS, splits, ties)
        drawn = rate(counts, MODELS, splits, ties, intervals=Intervals.BOOTSTRAP)
        assert drawn.rating == pytest.approx(exact.rating)
        assert drawn.high - drawn.low == pytest.approx(exact.high - exact.low, rel=0.2)
        assert drawn.side_high - drawn.side_low == pytest.approx(exact.side_high - exact.side_low, rel=0.2)
    again = bootstrap(exact.fit, counts, by_prompt, np.random.default_rng(1), 50)
    assert not np.isnan(again).any()


def test_a_model_that_draws_often_miss_has_no_end_of_its_interval() -> None:
    """One prompt alone has votes on model 3: a third of the draws leave it without any."""
    left, right, said = (
        np.array([0, 1, 0, 1, 0, 3] * 6),
        np.array([1, 0, 1, 0, 3, 0] * 6),
        np.array([0, 1, 1, 0] * 9),
    )
    prompt = np.where((left == 3) | (right == 3), 0, 1 + np.arange(36) % 9)
    names = np.array([0, 1, -1, 2])
    counts = counted(names[left], names[right], said, 3)
    by_prompt = split(names[left], names[right], said, 3, prompt)
    drawn = bootstrap(fitted(counts, 3), counts, by_prompt, np.random.default_rng(0), 200)
    assert 0.25 < np.isnan(drawn).any(1).mean() < 0.45
    low, high = percentiles(drawn)
    assert np.isinf(low).all()
    assert np.isinf(high).all()


def test_inverse_probability_weights_undo_matchmaking() -> None:
    """Models beat each other in a circle: who meets whom decides, and the weights take it back."""
    rng = np.random.default_rng(13)
    beats = np.array([[0.5, 0.8, 0.3], [0.2, 0.5, 0.8], [0.7, 0.2, 0.5]])
    chance = np.array([[0, 4, 1], [4, 0, 1], [1, 1, 0]]) / 12.0

    def votes(chances: Floats) -> tuple[Ints, Ints, Ints]:
        left, right = np.divmod(rng.choice(9, 200_000, p=chances.ravel()), 3)
        return left, right, np.where(rng.random(len(left)) < beats[left, right], LEFT, RIGHT)

    uniform = rate(counted(*votes((1 - np.eye(3)) / 6), 3), 3, side=False)
    skewed = votes(chance)
    plain = rate(counted(*skewed, 3), 3, side=False)
    weight = inverse_probability(chance[skewed[0], skewed[1]])
    weighted = rate(counted(*skewed, 3, weight), 3, side=False)
    assert np.abs(plain.rating - uniform.rating).max() > 30
    assert weighted.rating == pytest.approx(uniform.rating, abs=5)
    assert weight.mean() == pytest.approx(1)


def test_weights_are_clipped_and_votes_without_a_chance_weigh_as_the_mean() -> None:
    weight = inverse_probability(np.r_[np.full(99, 0.5), 1e-9, np.nan], clip=5)
    assert weight[99] == pytest.approx(5 * weight[0])
    assert weight[100] == pytest.approx(weight[:100].mean())
    assert weight.mean() == pytest.approx(1)
    with pytest.raises(ValueError, match="above 0"):
        inverse_probability(np.array([0.5, 0.0]))


def test_what_clips_look_like_is_taken_out() -> None:
    """Model 3 makes the longest clips, and length is liked: at equal length it is no better than the
    others."""
    rng, votes = np.random.default_rng(14), 60_000
    left = rng.integers(0, MODELS, votes)
    right = (left + rng.integers(1, MODELS, votes)) % MODELS
    average = np.array([5.0, 5.0, 5.0, 8.0])
    seconds = np.stack([rng.normal(average[side], 2.0) for side in (left, right)])
    design, unit = standardised((seconds[0] - seconds[1])[:, None])
    said = np.where(rng.random(votes) < 1 / (1 + np.exp(-0.4 * design[:, 0])), LEFT, RIGHT)
    plain = rate(counted(left, right, said, MODELS), MODELS)
    counts = counted_with(design, left, right, said)
    prompt = rng.integers(0, PROMPTS, votes)
    found = rate(counts, MODELS, (counted_with(design, left, right, said, cluster=prompt),))
    assert plain.rating[3] - plain.rating[0] > 40
    assert found.rating == pytest.approx(CENTRE, abs=6)
    assert found.effects_low[0] < 0.4 * ELO < found.effects_high[0]
    assert unit == pytest.approx(np.sqrt(((seconds[0] - seconds[1]) ** 2).mean()))
    # Votes that look alike may be counted together: nothing changes.
    rounded = np.round(design * 4) / 4
    alike = np.unique(np.column_stack([left, right, rounded[:, 0]]), axis=0, return_inverse=True)[1].ravel()
    weight = rng.uniform(0.5, 2, votes)
    apart = counted_with(rounded, left, right, said, weight=weight)
    together = counted_with(rounded, left, right, said, alike, weight=weight)
    assert len(together.left) < 12 * 40 < votes
    one, other = rate(apart, MODELS), rate(together, MODELS)
    assert other.rating == pytest.approx(one.rating)
    assert other.low == pytest.approx(one.low)
    assert other.effects_low == pytest.approx(one.effects_low)
