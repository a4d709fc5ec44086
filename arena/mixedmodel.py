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

MOST_RATERS = 1000


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
    """Everything the likelihood needs of the scores. Effects: models, then raters but the first."""

    n: int
    models: int
    clip_x: sparse.csr_array
    """(clips, effects): each clip's design rows, summed."""
    clip_y: Floats
    clip_n: Floats
    prompt_of: sparse.csr_array
    """(prompts, clips), 1 where the clip is the prompt's."""
    xx: Floats
    xy: Floats
    yy: float
    rater_share: Floats


def _summed(prompt: Ints, model: Ints, rater: Ints, score: Floats) -> _Sums:
    n, models, raters = len(score), int(model.max()) + 1, int(rater.max()) + 1
    if raters > MOST_RATERS:
        raise NotEstimableError(
            "too_many_raters", f"{raters} raters; at most {MOST_RATERS} can be adjusted for."
        )
    met = sparse.coo_array((np.ones(n), (model, models + rater)), shape=(models + raters,) * 2)
    if connected_components(met, directed=False)[0] > 1:
        raise NotEstimableError(
            "disconnected", "Some raters and models share no score, directly or through others."
        )
    effects = models + raters - 1
    if n <= effects:
        raise NotEstimableError("too_few", f"{n} scores can't tell {effects} effects apart.")
    clip, first = _numbered(prompt * models + model)
    clips = len(first)
    by_model = sparse.coo_array((np.ones(n), (clip, model)), shape=(clips, models))
    by_rater = sparse.coo_array((np.ones(n), (clip, rater)), shape=(clips, raters)).tocsr()[:, 1:]
    shown = sparse.coo_array((np.ones(n), (model, rater)), shape=(models, raters)).toarray()
    of_rater, of_model = np.bincount(rater, minlength=raters), np.bincount(model, minlength=models)
    xx = np.zeros((effects, effects))
    xx[:models, :models] = np.diag(of_model)
    xx[models:, models:] = np.diag(of_rater[1:])
    xx[:models, models:] = shown[:, 1:]
    xx[models:, :models] = shown[:, 1:].T
    xy = np.r_[np.bincount(model, score, models), np.bincount(rater, score, raters)[1:]]
    of_prompt = pd.factorize(prompt[first])[0]
    prompt_of = sparse.csr_array((np.ones(clips), (of_prompt, np.arange(clips))))
    return _Sums(
        n,
        models,
        sparse.csr_array(sparse.hstack([by_model, by_rater], format="csr")),
        np.asarray(np.bincount(clip, score, clips), np.float64),
        np.bincount(clip, minlength=clips).astype(float),
        prompt_of,
        xx,
        xy,
        float(score @ score),
        of_rater / n,
    )


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
        w = 1 / (1 + a * sums.clip_n)
        weighted = sparse.diags_array(w) @ sums.clip_x
        prompts_x = sums.prompt_of @ weighted
        prompts_y = sums.prompt_of @ (w * sums.clip_y)
        s = sums.prompt_of @ (w * sums.clip_n)
        by_prompt = b / (1 + b * s)
        self.xvx = sums.xx - a * (weighted.T @ sums.clip_x).toarray()
        self.xvx -= (prompts_x.T @ sparse.diags_array(by_prompt) @ prompts_x).toarray()
        xvy = sums.xy - a * (weighted.T @ sums.clip_y) - prompts_x.T @ (by_prompt * prompts_y)
        yvy = sums.yy - a * (w * sums.clip_y) @ sums.clip_y - by_prompt @ prompts_y**2
        self.effects = np.linalg.solve(self.xvx, xvy)
        self.rss = max(float(yvy - xvy @ self.effects), 0.0)
        self.freedom = sums.n - len(xvy)
        self.log_det = float(np.log1p(a * sums.clip_n).sum() + np.log1p(b * s).sum())
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
    clips_tell = bool((sums.clip_n > 1).any())
    prompts_tell = bool((sums.prompt_of.sum(axis=1) > 1).any())
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
        best.effects[:models] + mean_rater,
        covariance,
        against_first - mean_rater,
        components,
        float(likelihood),
    )
