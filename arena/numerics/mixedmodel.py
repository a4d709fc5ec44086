"""Scores by model and rater, prompts and clips at random.

    score ~ model + rater + (1|prompt) + (1|prompt:model)

Raters differ in severity and clips of one model from prompt to prompt; means that know neither are wrong in
place and too sure of it. Models and raters are fixed effects, the two random ones are nested (a clip belongs
to a prompt), so the covariance of all scores is

    V = s_e^2 (I + a Z_clip Z_clip' + b Z_prompt Z_prompt'),    a = s_clip^2 / s_e^2,  b = s_prompt^2 / s_e^2

and its inverse has a closed form from sums over clips and over prompts (Sherman and Morrison, twice). The
restricted likelihood, profiled over s_e^2, is thus a function of a and b that costs a pass over the clips,
not over the scores; it is maximised over a, b >= 0. Pure numpy and scipy; statsmodels' MixedLM finds
the same.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_RATERS = 500


class NotEstimableError(ValueError):
    """The scores can't tell models and raters apart; `reason` is a word for programs."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Components:
    """Variances, in squared points: between prompts, between the clips of a prompt, and what remains."""

    prompt: float
    prompt_model: float
    residual: float


@dataclass(frozen=True)
class Fit:
    """Effects and their covariance."""

    means: Floats
    """(models,): what the raters together, by their numbers of scores, would have given on average."""
    covariance: Floats
    """(models, models) of the means; of fixed raters, over prompts at random."""
    leniency: Floats
    """(raters,): points that a rater gives above the mean of all raters' scores of the same clips."""
    components: Components
    log_likelihood: float
    """Restricted."""


def fit(prompt: Ints, model: Ints, rater: Ints, score: Floats) -> Fit:
    """Of scores (n,), with prompt, model and rater (n,) numbered from 0 without gaps.

    Raises NotEstimableError where raters and models fall apart into sets without a common score
    ("disconnected"), where there are no more scores than effects ("too_few"), or past MOST_RATERS raters
    ("too_many_raters").
    """
    sums = _summed(prompt, model, rater, score)
    start = _Profile(sums, 0.0, 0.0)
    explained = start.rss <= 1e-12 * max(1.0, float(score @ score))
    return _fit(start if explained else _Profile(sums, *_maximised(sums)), sums)


@dataclass(frozen=True)
class _Sums:
    """Everything the likelihood needs of the scores.

    Columns z are the effects' (models, then raters but the first) and the scores' own. A clip of n scores
    weighs in by n alone, so clips of one size go together.
    """

    n: int
    models: int
    zz: Floats
    """(columns, columns): sum over scores of z z'."""
    sizes: Floats
    """(sizes,): numbers of scores that clips have."""
    clips: Floats
    """(sizes, columns, columns): sum over clips of each size of (sum z) (sum z)'."""
    of_size: Ints
    """(prompts, sizes): how many clips of each size a prompt has."""
    prompt_z: Floats
    """(entries,): clips' sums of z, added up by prompt, column and size where there is something to add."""
    place: Ints
    """(entries,): prompt * columns + column."""
    size: Ints
    """(entries,): the place among `sizes`."""
    rater_share: Floats


def _summed(prompt: Ints, model: Ints, rater: Ints, score: Floats) -> _Sums:
    n, models, raters = len(score), int(model.max()) + 1, int(rater.max()) + 1
    _refuse(model, rater, models, raters)
    columns = models + raters  # one rater is left out, the scores come in
    clip, first = _numbered(prompt * models + model)
    prompt, _firsts = _numbered(prompt[first])
    # Every score has its model's column, its rater's but the first one's, and the scores' column.
    others = np.flatnonzero(rater > 0)
    rows = np.r_[np.arange(n), others, np.arange(n)]
    column = np.r_[model, models + rater[others] - 1, np.full(n, columns - 1)]
    value = np.r_[np.ones(n + len(others)), score]
    z = sparse.csr_array((value, (rows, column)), shape=(n, columns))
    of_clip = sparse.csr_array((np.ones(n), (clip, np.arange(n))))
    clip_z = (of_clip @ z).tocoo()
    sizes, size = np.unique(np.bincount(clip), return_inverse=True)
    parts = [clip_z.tocsr()[size == place] for place in range(len(sizes))]
    prompts = int(prompt.max()) + 1
    key = (prompt[clip_z.row] * columns + clip_z.col) * len(sizes) + size[clip_z.row]
    entry, keys = pd.factorize(key)
    return _Sums(
        n,
        models,
        (z.T @ z).toarray(),
        sizes.astype(np.float64),
        np.stack([(part.T @ part).toarray() for part in parts]),
        np.bincount(prompt * len(sizes) + size, minlength=prompts * len(sizes)).reshape(prompts, -1),
        np.asarray(np.bincount(entry, clip_z.data), np.float64),
        keys // len(sizes),
        keys % len(sizes),
        np.asarray(np.bincount(rater, minlength=raters) / n, np.float64),
    )


def _refuse(model: Ints, rater: Ints, models: int, raters: int) -> None:
    """Raise NotEstimableError where it must be."""
    n = len(model)
    if raters > MOST_RATERS:
        raise NotEstimableError(
            "too_many_raters", f"{raters} raters; at most {MOST_RATERS} can be adjusted for."
        )
    met = sparse.coo_array((np.ones(n), (model, models + rater)), shape=(models + raters,) * 2)
    if connected_components(met, directed=False)[0] > 1:
        raise NotEstimableError(
            "disconnected", "Some raters and models share no score, directly or through others."
        )
    if n < models + raters:
        raise NotEstimableError("too_few", f"{n} scores can't tell {models + raters - 1} effects apart.")


def _numbered(key: Ints) -> tuple[Ints, Ints]:
    """Keys numbered from 0 by first appearance, and where each first appears."""
    codes, unique = pd.factorize(key)
    first = np.full(len(unique), len(key))
    np.minimum.at(first, codes, np.arange(len(key)))
    return codes.astype(np.int64), first


class _Profile:
    """The restricted likelihood at (a, b), with what it takes."""

    def __init__(self, sums: _Sums, a: float, b: float) -> None:
        self.a, self.b = a, b
        w = 1 / (1 + a * sums.sizes)
        prompts, columns = len(sums.of_size), len(sums.zz)
        weighted = np.bincount(sums.place, sums.prompt_z * w[sums.size], prompts * columns)
        by_prompt = weighted.reshape(prompts, columns)
        s = sums.of_size @ (w * sums.sizes)
        zvz = sums.zz - np.tensordot(a * w, sums.clips, axes=1)
        zvz -= (by_prompt * (b / (1 + b * s))[:, None]).T @ by_prompt
        self.xvx, xvy = zvz[:-1, :-1], zvz[:-1, -1]
        self.effects = np.linalg.solve(self.xvx, xvy)
        self.rss = max(float(zvz[-1, -1] - xvy @ self.effects), 0.0)
        self.freedom = sums.n - len(xvy)
        clips = sums.of_size.sum(axis=0)
        self.log_det = float(clips @ np.log1p(a * sums.sizes) + np.log1p(b * s).sum())
        self.log_det += float(np.linalg.slogdet(self.xvx)[1])

    @property
    def residual(self) -> float:
        return self.rss / self.freedom

    @property
    def deviance(self) -> float:
        """-2 log of the restricted likelihood."""
        return self.freedom * float(np.log(2 * np.pi * self.residual) + 1) + self.log_det


def _maximised(sums: _Sums) -> tuple[float, float]:
    """(a, b) of the greatest restricted likelihood. One that no score tells of is 0."""
    clips_tell = bool((sums.sizes > 1).any())
    prompts_tell = bool((sums.of_size.sum(axis=1) > 1).any())
    top = np.log1p(1e6)
    bounds = [(0.0, top if told else 0.0) for told in (clips_tell, prompts_tell)]

    def deviance(point: Floats) -> float:
        return _Profile(sums, *np.expm1(point)).deviance / sums.n

    start = [np.log1p(0.5) if told else 0.0 for told in (clips_tell, prompts_tell)]
    found = minimize(
        deviance, start, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-8, "eps": 1e-6}
    )
    a, b = np.expm1(found.x)
    return float(a), float(b)


def _fit(best: _Profile, sums: _Sums) -> Fit:
    models = sums.models
    against_first = np.r_[0.0, best.effects[models:]]
    mean_rater = float(sums.rater_share @ against_first)
    # Each mean is its model's effect under the first rater, moved to the mean rater.
    combine = np.c_[np.eye(models), np.tile(sums.rater_share[1:], (models, 1))]
    spread = best.residual
    components = Components(best.b * spread, best.a * spread, spread)
    covariance = combine @ np.linalg.solve(best.xvx, combine.T) * spread
    likelihood = -best.deviance / 2 if spread > 0 else np.inf
    return Fit(
        np.asarray(best.effects[:models] + mean_rater, np.float64),
        covariance,
        against_first - mean_rater,
        components,
        float(likelihood),
    )
