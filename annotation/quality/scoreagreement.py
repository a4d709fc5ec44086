"""How far raters agree on scores, and how strict each is: alpha, ICC(A,1), ICC(C,1), severity.

Scores come as three columns (item, rater, score), a fourth telling which items hang together (the clips of
one prompt). Items need not have the same raters, nor as many.

Krippendorff's alpha is that of `annotation.quality.agreement`, from sums that need no matrix of values. The
intraclass correlations are of single scores in the two-way model score = item + rater + rest (McGraw and
Wong, Psychological Methods 1, 1996):

    ICC(C,1) = s_item / (s_item + s_rest)               consistency: a rater's severity does no harm
    ICC(A,1) = s_item / (s_item + s_rater + s_rest)     absolute agreement: it does

with variances by Henderson's third method (Searle, Casella and McCulloch, Variance Components, ch. 5), which
takes scores that are missing, and is the usual mean squares where none is: Shrout and Fleiss' ICC(3,1) and
ICC(2,1). Where the second is far below the first, raters rank alike and differ in severity.

Everything follows from sums over items, so a bootstrap draw of prompts is a weighted sum of theirs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from annotation.quality import resampling
from annotation.quality.resampling import DRAWS, Floats, Ints

FIGURES = ("alpha_nominal", "alpha_ordinal", "alpha_interval", "icc_a1", "icc_c1")
MOST = 1000
"""Raters, and different scores, at most."""
DENSE = 10_000_000
"""Numbers that are held as they are, zeros too."""


@dataclass(frozen=True)
class Figure:
    """None where it is not defined: no item was scored twice, or all scores are the same.

    The 95 % interval is of the bootstrap by prompts; None with fewer than `resampling.LEAST_CLUSTERS` of
    them, or where no two scores of an item differ.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class RaterFigure:
    """A rater's plain mean, and how many points below other raters' mean they score the same items."""

    rater: str
    mean: float
    severity: float | None
    """Beside those who share items, directly or through others, by their numbers of scores. None for one who
    has no item in common with another rater."""
    scores: int


@dataclass(frozen=True)
class ScoreAgreement:
    alpha_nominal: Figure
    alpha_ordinal: Figure
    alpha_interval: Figure
    icc_a1: Figure
    icc_c1: Figure
    raters: tuple[RaterFigure, ...]
    """By first appearance."""
    items: int
    """With two scores or more; the others say nothing of agreement."""
    prompts: int
    """Clusters that the intervals draw, of such items."""
    scores: int


def agreement(
    items: Sequence[Any] | pd.Series,
    raters: Sequence[Any] | pd.Series,
    scores: Sequence[float] | pd.Series,
    prompts: Sequence[Any] | pd.Series | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> ScoreAgreement:
    """Of scores (n,) of one dimension, NaN for none; a rater scores an item once. Items cluster by prompt.

    Without prompts, each item is a cluster. Raises ValueError past MOST raters or different scores.
    """
    score = np.asarray(scores, np.float64)
    given = ~np.isnan(score)
    item, rater = (_numbered(column, given)[0] for column in (items, raters))
    names = _numbered(raters, given)[1]
    prompt = item if prompts is None else _numbered(prompts, given)[0]
    score = score[given]
    values, value = np.unique(score, return_inverse=True)
    for number, what in ((len(names), "raters"), (len(values), "different scores")):
        if number > MOST:
            raise ValueError(f"There are {number} {what}; agreement takes {MOST} at most.")
    numbers = np.bincount(item)
    twice = np.flatnonzero(numbers > 1)
    prompt_of = np.zeros(len(numbers), np.int64)
    prompt_of[item] = prompt
    cluster = pd.factorize(prompt_of[twice])[0].astype(np.int64)
    clusters = len(np.unique(cluster))
    nominal, ordinal, interval = _alphas(item, value, values, twice, cluster, seed, draws)
    icc = _Scores(item, rater, score, twice, cluster)
    consistency, absolute = icc.figures(seed, draws)
    return ScoreAgreement(
        nominal,
        ordinal,
        interval,
        absolute,
        consistency,
        icc.raters(names, rater, score),
        len(twice),
        clusters,
        len(score),
    )


def _numbered(column: Any, given: NDArray[np.bool_]) -> tuple[Ints, list[str]]:
    codes, names = pd.factorize(pd.Series(column)[given])
    return codes.astype(np.int64), [str(name) for name in names]


def _bundles(cluster: Ints, width: int, seed: int) -> tuple[Ints, int]:
    """Clusters as bundles, fewer where each takes much room (width^2 numbers)."""
    most = int(np.clip(2_000_000 // max(width, 1) ** 2, 50, resampling.BUNDLES))
    return resampling.bundled(cluster, most=most, seed=seed)


def _products(of_item: sparse.csr_array, weight: Floats, bundle: Ints, count: int) -> Floats:
    """(count, k, k): each bundle's sum over its items of weight x x', of rows x of `of_item` (items, k)."""
    k = of_item.shape[1]
    rows = of_item.tocoo()
    beside = sparse.coo_array(
        (rows.data, (rows.row, bundle[rows.row] * k + rows.col)), (len(weight), count * k)
    )
    weighted = sparse.diags_array(weight) @ of_item
    return np.asarray((beside.T.tocsr() @ weighted).toarray().reshape(count, k, k))


def _draws(count: int, width: int, seed: int, draws: int) -> Iterator[Floats]:
    """Weights (some, count) of all draws, in portions whose figures of width^2 numbers fit into memory.

    Past 500 raters each draw takes a second's tenth and more; there are fewer then.
    """
    draws = int(min(draws, max(200, 200_000_000_000 // max(width, 1) ** 3)))
    weights = resampling.weights(count, draws=draws, seed=seed)
    step = max(1, 10_000_000 // max(width, 1) ** 2)
    yield from (weights[start : start + step] for start in range(0, draws, step))


def _figure(value: float, found: list[Floats], clusters: int) -> Figure:
    if np.isnan(value):
        return Figure(None, None, None)
    if value == 1 or not found:  # no disagreement: draws of it show none either
        return Figure(float(value), None, None)
    return Figure(float(value), *resampling.interval(np.concatenate(found), clusters))


# --- Alpha ------------------------------------------------------------------------------------------------


def _alphas(
    item: Ints, value: Ints, values: Floats, twice: Ints, cluster: Ints, seed: int, draws: int
) -> list[Figure]:
    """Nominal, ordinal, interval."""
    shape = (int(item.max(initial=-1)) + 1, len(values))
    counts = sparse.coo_array((np.ones(len(item)), (item, value)), shape).tocsr()[twice]
    bundle, count = resampling.bundled(cluster, seed=seed)
    sums = _coincidences(counts, values, bundle, count)
    whole = sums.alphas(np.ones((1, count)))[0]
    drawn: list[Floats] = []
    if count >= resampling.LEAST_CLUSTERS:
        weights = resampling.weights(count, draws=draws, seed=seed)
        step = max(1, 10_000_000 // max(len(sums.one), len(values), 1))
        drawn = [sums.alphas(weights[start : start + step]) for start in range(0, draws, step)]
    return [_figure(float(whole[place]), [found[:, place] for found in drawn], count) for place in range(3)]


@dataclass(frozen=True)
class _Coincidences:
    """Pairs of different values that raters gave one item, by bundle, and how often each value was given.

    What alpha compares: with n_v scores of value v, n in all, and d^2 the squared difference of two values,
    alpha = 1 - (n - 1) sum over coincidences of d^2 / sum over all pairs of d^2. An item of m scores counts
    each of its pairs 1 / (m - 1) times.
    """

    values: Floats
    of_value: Floats
    """(bundles, V)"""
    one: Ints
    other: Ints
    """(pairs,): places of two values that some item was given both of."""
    pairs: Floats | sparse.csr_array
    """(bundles, pairs): their coincidences, both orders together."""

    def alphas(self, weights: Floats) -> Floats:
        """(draws, 3) of weights (draws, bundles): nominal, ordinal, interval; NaN where not defined."""
        of_value = weights @ self.of_value
        n = of_value.sum(axis=1)
        found = np.asarray(weights @ self.pairs)
        # A value's place among all: the values that lie between two are counted, the ends by half.
        rank = np.cumsum(of_value, axis=1) - of_value / 2
        between = (rank[:, self.one] - rank[:, self.other]) ** 2
        far = (self.values[self.one] - self.values[self.other]) ** 2
        compared = (
            (found.sum(axis=1), n**2 - (of_value**2).sum(axis=1)),
            ((found * between).sum(axis=1), _squares(of_value, rank, n)),
            (found @ far, _squares(of_value, self.values, n)),
        )
        return np.stack([_alpha(n, observed, expected) for observed, expected in compared], axis=1)


def _coincidences(counts: sparse.csr_array, values: Floats, bundle: Ints, count: int) -> _Coincidences:
    v = len(values)
    rows = counts.tocoo()
    of_value = np.zeros((count, v))
    np.add.at(of_value, (bundle[rows.row], rows.col), rows.data)
    beside = sparse.coo_array(
        (rows.data, (rows.row, bundle[rows.row] * v + rows.col)), (counts.shape[0], count * v)
    )
    weighted = sparse.diags_array(1 / (counts.sum(axis=1) - 1)) @ counts
    found = (beside.T.tocsr() @ weighted).tocoo()
    first, other = found.row % v, found.col
    apart = first < other
    place, keys = pd.factorize(first[apart] * v + other[apart])
    entries = (2 * found.data[apart], (found.row[apart] // v, place))
    pairs = sparse.coo_array(entries, shape=(count, len(keys))).tocsr()
    dense = pairs.toarray() if count * len(keys) <= DENSE else pairs
    return _Coincidences(values, of_value, keys // v, keys % v, dense)


def _squares(of_value: Floats, place: Floats, n: Floats) -> Floats:
    """Over all ordered pairs of a draw's scores, the squared differences of their places."""
    about = place - (of_value * place).sum(axis=1, keepdims=True) / np.maximum(n, 1)[:, None]
    return np.asarray(2 * n * (of_value * about**2).sum(axis=1))


def _alpha(n: Floats, observed: Floats, expected: Floats) -> Floats:
    defined = expected > 1e-9
    return np.where(defined, 1 - (n - 1) * observed / np.where(defined, expected, 1.0), np.nan)


# --- Intraclass correlation and severity ------------------------------------------------------------------


class _Scores:
    """The sums of scores that the two-way model needs, of items scored twice or more, by bundle."""

    def __init__(self, item: Ints, rater: Ints, score: Floats, twice: Ints, cluster: Ints) -> None:
        place = np.full(int(item.max(initial=-1)) + 1, -1)
        place[twice] = np.arange(len(twice))
        used = place[item] >= 0
        self.item, self.rater = place[item[used]], rater[used]
        # Scores about their mean: sums of squares then lose no digits.
        self.score = score[used] - (score[used].mean() if used.any() else 0.0)
        self.cluster = cluster
        self.k = int(rater.max(initial=-1)) + 1
        items, shape = len(twice), (len(twice), self.k)
        self.met = sparse.coo_array((np.ones(len(self.item)), (self.item, self.rater)), shape).tocsr()
        self.numbers = np.bincount(self.item, minlength=items).astype(np.float64)
        self.totals = np.asarray(np.bincount(self.item, self.score, items), np.float64)

    def summed(self, bundle: Ints, count: int) -> "_Sums":
        k, by_item = self.k, bundle[self.item]
        place = by_item * k + self.rater

        def of_raters(values: Floats) -> Floats:
            return np.asarray(np.bincount(place, values, count * k).reshape(count, k))

        n_rater = of_raters(np.ones(len(place)))
        shared = _products(self.met, 1 / self.numbers, bundle, count)
        laplacian = -shared
        laplacian[:, np.arange(k), np.arange(k)] += n_rater
        y_rater = of_raters(self.score)
        scalars = [
            np.bincount(bundle, self.numbers, count),
            np.bincount(bundle, minlength=count),
            np.bincount(by_item, self.score**2, count),
            np.bincount(bundle, self.totals**2 / self.numbers, count),
        ]
        q = y_rater - of_raters((self.totals / self.numbers)[self.item])
        return _Sums(np.stack(scalars, axis=1).astype(np.float64), n_rater, y_rater, q, laplacian)

    def sets(self) -> tuple[Ints, int]:
        """Which set each rater is in of those that hang together by items, and how many have items."""
        items = len(self.numbers)
        edges = sparse.coo_array(
            (np.ones(len(self.item)), (self.item, items + self.rater)), (items + self.k,) * 2
        )
        found = connected_components(edges, directed=False)[1]
        return found[items:].astype(np.int64), len(np.unique(found[:items]))

    def figures(self, seed: int, draws: int) -> tuple[Figure, Figure]:
        """ICC(C,1), ICC(A,1)."""
        if not len(self.item):
            return Figure(None, None, None), Figure(None, None, None)
        bundle, count = _bundles(self.cluster, self.k, seed)
        sums, parts = self.summed(bundle, count), self.sets()[1]
        consistency, absolute = _icc(sums.drawn(np.ones((1, count))), parts)
        drawn: list[tuple[Floats, Floats]] = []
        if count >= resampling.LEAST_CLUSTERS:
            drawn = [_icc(sums.drawn(weights), parts) for weights in _draws(count, self.k, seed, draws)]
        return (
            _figure(float(consistency[0]), [found for found, _absolute in drawn], count),
            _figure(float(absolute[0]), [found for _consistency, found in drawn], count),
        )

    def raters(self, names: list[str], rater: Ints, score: Floats) -> tuple[RaterFigure, ...]:
        numbers = np.bincount(rater, minlength=len(names))
        plain = np.bincount(rater, score, len(names)) / np.maximum(numbers, 1)
        whole = self.summed(np.zeros(len(self.numbers), np.int64), 1)
        met = np.diagonal(whole.laplacian[0]) > 1e-9
        leniency = _solved(whole.laplacian, whole.q)[0]
        weight = np.where(met, whole.n_rater[0], 0.0)
        among = self.sets()[0]  # severity is told beside those with items in common
        total, held = np.bincount(among, leniency * weight), np.bincount(among, weight)
        leniency = leniency - (total / np.maximum(held, 1.0))[among]
        return tuple(
            RaterFigure(
                name,
                float(plain[place]),
                float(0.0 - leniency[place]) if met[place] else None,
                int(numbers[place]),
            )
            for place, name in enumerate(names)
        )


@dataclass(frozen=True)
class _Sums:
    """By bundle, or by draw."""

    scalars: Floats
    """(b, 4): scores, items, squared scores, and squared item totals over their numbers."""
    n_rater: Floats
    y_rater: Floats
    """(b, raters): numbers and totals of scores."""
    q: Floats
    """(b, raters): the raters' totals less what their items' means make of them."""
    laplacian: Floats
    """(b, raters, raters): the normal equations of raters, items taken out."""

    def drawn(self, weights: Floats) -> "_Sums":
        count, k = self.q.shape
        flat = weights @ self.laplacian.reshape(count, k * k)
        return _Sums(
            weights @ self.scalars,
            weights @ self.n_rater,
            weights @ self.y_rater,
            weights @ self.q,
            flat.reshape(-1, k, k),
        )


def _solved(laplacian: Floats, q: Floats) -> Floats:
    """Raters' effects (b, k), but for a number to be added to each set that hangs together."""
    k = q.shape[1]
    # Singular in those numbers, of which q knows nothing: a ridge of no weight picks some.
    ridge = 1e-10 * (1 + np.trace(laplacian, axis1=1, axis2=2) / max(k, 1))
    return np.asarray(np.linalg.solve(laplacian + ridge[:, None, None] * np.eye(k), q[..., None])[..., 0])


def _icc(sums: _Sums, parts: int) -> tuple[Floats, Floats]:
    """ICC(C,1) and ICC(A,1) of each draw (b,); NaN where they are not defined."""
    n, items, squares, by_items = sums.scalars.T
    raters = (sums.n_rater > 0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Sums of squares of items given raters, raters given items, and what neither explains.
        explained = (sums.q * _solved(sums.laplacian, sums.q)).sum(axis=1)
        rest = np.maximum(squares - by_items - explained, 0.0)
        by_raters = np.where(sums.n_rater > 0, sums.y_rater**2 / np.maximum(sums.n_rater, 1), 0.0).sum(axis=1)
        freedom = n - items - raters + parts
        residual = np.where(freedom > 0, rest / freedom, np.nan)
        # A rater scores an item once, so the sums of squared numbers over raters are the numbers of raters.
        item = (squares - by_raters - rest - residual * (items - parts)) / (n - raters)
        rater = np.where(raters > parts, (explained - residual * (raters - parts)) / (n - items), 0.0)
        tiny = 1e-12 * squares / np.maximum(n, 1)
        consistency = np.where(item + residual > tiny, item / (item + residual), np.nan)
        total = item + rater + residual
        return consistency, np.where(total > tiny, item / total, np.nan)
