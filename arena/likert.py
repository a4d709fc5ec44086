"""What experts' scores say of video models: means, severity-adjusted means, breakdowns, paired comparisons.

A table of scores has the columns prompt, model, rater, dimension, score, a row a judgement; NaN is no score
and is left out (who reads a file counts them: `workbench.csvtable`). A model may have several clips of a
prompt, so several rows may have the same first four.

Prompts are what was sampled: intervals are of other prompts from where these came, by a bootstrap of whole
prompts, and so are tests. Raters are taken as they are. Plain means compare models fairly only if every rater
scored every model alike; `adjusted` takes each rater's severity out. Pure pandas and numpy.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from annotation.quality import resampling
from annotation.quality.resampling import DRAWS, Floats, Ints
from annotation.quality.scoreagreement import ScoreAgreement, agreement
from arena.numerics import mixedmodel
from arena.numerics.groups import grouped, numbered, prompts_in
from arena.numerics.mixedmodel import Components, NotEstimableError


@dataclass(frozen=True)
class GroupMean:
    """The mean of all scores of a group, in points."""

    group: dict[str, str]
    """The group's value in each column that makes it."""
    mean: float
    low: float | None
    high: float | None
    scores: int
    prompts: int


@dataclass(frozen=True)
class AdjustedMean:
    """What all raters together, by their numbers of scores, would have given the model on average."""

    model: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Severity:
    """A rater's plain mean, and how many points below all raters' mean they score the same clips."""

    rater: str
    mean: float
    severity: float
    scores: int


@dataclass(frozen=True)
class AdjustedDimension:
    dimension: str
    means: tuple[AdjustedMean, ...]
    """Empty where severity can't be told from the models; `reason` says why: "disconnected" (raters and
    models fall into sets that share no score), "too_few" scores or "too_many_raters"."""
    raters: tuple[Severity, ...]
    components: Components | None
    reason: str


@dataclass(frozen=True)
class Comparison:
    """`model` minus `other`, in points, over the prompts that both have scores of."""

    dimension: str
    model: str
    other: str
    prompts: int
    difference: float
    """The mean over prompts of the two models' means' difference; interval by prompts, p by sign flips."""
    low: float | None
    high: float | None
    p: float
    p_holm: float
    adjusted: float | None
    """The difference of the severity-adjusted means, with interval and p of the mixed model (t test)."""
    adjusted_low: float | None
    adjusted_high: float | None
    adjusted_p: float | None
    adjusted_p_holm: float | None


@dataclass(frozen=True)
class Share:
    """How many of a model's judgements in a dimension mark a sub-aspect as a defect, or as a strength."""

    model: str
    dimension: str
    aspect: str
    kind: str
    share: float
    low: float | None
    high: float | None
    marked: int
    scored: int


def means(
    scores: pd.DataFrame,
    by: Sequence[str] = ("model", "dimension"),
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> list[GroupMean]:
    """The mean score of every group of rows with the same values in the columns `by`, by first appearance.

    Intervals are of the prompt-cluster bootstrap. Rows that lack a value in `by` are in no group.
    """
    rows = scores[scores["score"].notna() & scores[list(by)].notna().all(axis=1)]
    group, names = grouped(rows, by)
    prompt = numbered(rows["prompt"])
    score = rows["score"].to_numpy(float)
    low, high = _mean_intervals(prompt, group, score, len(names), seed, draws)
    counts = np.bincount(group, minlength=len(names))
    total = np.bincount(group, score, len(names))
    prompts = prompts_in(prompt, group, len(names))
    return [
        GroupMean(
            name,
            float(total[place] / counts[place]),
            low[place],
            high[place],
            int(counts[place]),
            int(prompts[place]),
        )
        for place, name in enumerate(names)
    ]


def labelled(table: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """The table with a row for each label of its prompt, in the columns that `labels` has besides prompt.

    A prompt with several labels counts under each; one without is left out.
    """
    return table.astype({"prompt": object}).merge(labels.astype({"prompt": object}), on="prompt", how="inner")


def adjusted(scores: pd.DataFrame) -> list[AdjustedDimension]:
    """Severity-adjusted means in each dimension, by the mixed model of `arena.numerics.mixedmodel`.

    Intervals are Student's with one degree of freedom less than there are prompts.
    """
    return [_adjusted(dimension, rows)[0] for dimension, rows in _dimensions(scores)]


def compare(scores: pd.DataFrame, *, seed: int = 0, draws: int = DRAWS) -> list[Comparison]:
    """Every two models in every dimension, paired by prompt; Holm's correction is over the whole list."""
    rows = scores[scores["score"].notna()]
    prompt, prompts = numbered(rows["prompt"]), int(rows["prompt"].nunique())
    dimension = rows["dimension"].astype(str).to_numpy()
    paired = [
        _Paired.of(name, rows[dimension == name], prompt[dimension == name], prompts)
        for name in dict.fromkeys(dimension)
    ]
    pairs = [(one, column) for one in paired for column in range(len(one.pairs))]
    if not pairs:
        return []
    differences = np.column_stack([one.differences[:, column] for one, column in pairs])
    p = resampling.sign_flips(np.nan_to_num(differences), seed=seed)
    both = ~np.isnan(differences)
    where, pair = np.nonzero(both)
    low, high = _mean_intervals(where, pair, differences[both], len(pairs), seed, draws)
    contrasts = [_contrast(one.fit, *one.pairs[column], one.prompts) for one, column in pairs]
    corrected = resampling.holm(np.array([np.nan if c[3] is None else c[3] for c in contrasts], np.float64))
    return [
        Comparison(
            one.dimension,
            one.models[one.pairs[column][0]],
            one.models[one.pairs[column][1]],
            int(both[:, place].sum()),
            float(differences[both[:, place], place].mean()),
            low[place],
            high[place],
            float(p[place]),
            float(p_holm),
            *contrasts[place],
            None if np.isnan(corrected[place]) else float(corrected[place]),
        )
        for place, ((one, column), p_holm) in enumerate(zip(pairs, resampling.holm(p), strict=True))
    ]


def shares(scores: pd.DataFrame, ticks: pd.DataFrame, *, seed: int = 0, draws: int = DRAWS) -> list[Share]:
    """How often each sub-aspect is marked, of all judgements of the model in the dimension, marks or none.

    `ticks` has the columns prompt, model, rater, dimension, aspect and kind, a row a mark. A sub-aspect that
    nobody marked is not listed, one that was marked for some model is listed for all. Intervals by prompts.
    """
    judgement = ["prompt", "model", "rater", "dimension"]
    judged = scores[scores["score"].notna()][judgement].astype(object).drop_duplicates()
    marked = ticks[[*judgement, "aspect", "kind"]].astype(object).drop_duplicates()
    kinds = marked[["dimension", "aspect", "kind"]].drop_duplicates()
    marked["score"] = 1.0
    rows = judged.merge(kinds, on="dimension").merge(marked, on=[*judgement, "aspect", "kind"], how="left")
    rows["score"] = rows["score"].fillna(0.0)
    return [
        Share(
            one.group["model"],
            one.group["dimension"],
            one.group["aspect"],
            one.group["kind"],
            one.mean,
            one.low,
            one.high,
            round(one.mean * one.scores),
            one.scores,
        )
        for one in means(rows, ("dimension", "aspect", "kind", "model"), seed=seed, draws=draws)
    ]


def agreements(scores: pd.DataFrame) -> dict[str, ScoreAgreement]:
    """How far raters agree, by dimension; what is rated is a model's clip of a prompt.

    A rater's scores of several clips that the table can't tell apart count as one, their mean.
    """
    rows = scores[scores["score"].notna()]
    item = ["dimension", "prompt", "model", "rater"]
    rows = rows[item].astype(object).assign(score=rows["score"])
    rows = rows.groupby(item, sort=False, as_index=False)["score"].mean()
    return {
        name: agreement(grouped(of, ("prompt", "model"))[0], of["rater"], of["score"], of["prompt"])
        for name, of in _dimensions(rows)
    }


# --- Intervals -------------------------------------------------------------------------------------------


def _mean_intervals(
    prompt: Ints, group: Ints, score: Floats, groups: int, seed: int, draws: int
) -> tuple[list[float | None], list[float | None]]:
    """Low and high by group, of sums of scores over numbers of scores in draws of prompts."""
    bundle, count = resampling.bundled(prompt, seed=seed)
    place = bundle * groups + group
    size = count * groups
    totals = np.bincount(place, score, size).reshape(count, groups)
    numbers = np.bincount(place, minlength=size).reshape(count, groups).astype(float)
    drawn = resampling.weights(count, draws=draws, seed=seed) if count else np.zeros((draws, 0))
    with np.errstate(invalid="ignore"):
        found = (drawn @ totals) / (drawn @ numbers)
    clusters = (numbers > 0).sum(axis=0)
    ends = [resampling.interval(found[:, place], int(clusters[place])) for place in range(groups)]
    return [low for low, _high in ends], [high for _low, high in ends]


def _dimensions(scores: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    rows = scores[scores["score"].notna()]
    return [
        (str(name), of_dimension)
        for name, of_dimension in rows.groupby("dimension", sort=False, observed=True)
    ]


# --- One dimension ----------------------------------------------------------------------------------------


def _adjusted(dimension: str, rows: pd.DataFrame) -> tuple[AdjustedDimension, mixedmodel.Fit | None]:
    prompt, model, rater = (pd.factorize(rows[column]) for column in ("prompt", "model", "rater"))
    codes = [found[0].astype(np.int64) for found in (prompt, model, rater)]
    score = rows["score"].to_numpy(float)
    numbers = np.bincount(codes[2])
    plain = np.bincount(codes[2], score) / numbers
    try:
        fit = mixedmodel.fit(codes[0], codes[1], codes[2], score)
    except NotEstimableError as error:
        return AdjustedDimension(dimension, (), (), None, error.reason), None
    reach = _t_reach(len(prompt[1])) * np.sqrt(np.diag(fit.covariance))
    adjusted_means = tuple(
        AdjustedMean(str(name), float(mean), float(mean - r), float(mean + r))
        for name, mean, r in zip(model[1], fit.means, reach, strict=True)
    )
    raters = tuple(
        Severity(str(name), float(mean), float(-leniency), int(n))
        for name, mean, leniency, n in zip(rater[1], plain, fit.leniency, numbers, strict=True)
    )
    return AdjustedDimension(dimension, adjusted_means, raters, fit.components, ""), fit


@dataclass(frozen=True)
class _Paired:
    """A dimension's models side by side, prompt by prompt."""

    dimension: str
    models: list[str]
    pairs: list[tuple[int, int]]
    """Of models that have a prompt in common."""
    differences: Floats
    """(prompts, pairs), the first's mean less the second's; NaN where one of them is missing."""
    prompts: int
    fit: mixedmodel.Fit | None

    @classmethod
    def of(cls, dimension: str, rows: pd.DataFrame, prompt: Ints, prompts: int) -> "_Paired":
        model, models = pd.factorize(rows["model"])
        place, size = prompt * len(models) + model, prompts * len(models)
        totals = np.bincount(place, rows["score"].to_numpy(float), size)
        with np.errstate(invalid="ignore"):
            by_prompt = (totals / np.bincount(place, minlength=size)).reshape(prompts, len(models))
        scored = ~np.isnan(by_prompt)
        pairs = [
            (one, other)
            for one, other in itertools.combinations(range(len(models)), 2)
            if (scored[:, one] & scored[:, other]).any()
        ]
        firsts, seconds = [one for one, _other in pairs], [other for _one, other in pairs]
        differences = by_prompt[:, firsts] - by_prompt[:, seconds]
        fit = _adjusted(dimension, rows)[1]
        own = int(scored.any(axis=1).sum())
        return cls(dimension, [str(name) for name in models], pairs, differences, own, fit)


def _contrast(
    fit: mixedmodel.Fit | None, one: int, other: int, prompts: int
) -> tuple[float | None, float | None, float | None, float | None]:
    """The difference of two models' means, its interval, and p of none."""
    if fit is None:
        return None, None, None, None
    difference = float(fit.means[one] - fit.means[other])
    v = fit.covariance
    error = float(np.sqrt(max(v[one, one] + v[other, other] - 2 * v[one, other], 0.0)))
    reach = _t_reach(prompts) * error
    if error > 0:
        p = 2 * float(stats.t.sf(abs(difference) / error, max(prompts - 1, 1)))
    else:
        p = 1.0 if difference == 0 else 0.0
    return difference, difference - reach, difference + reach, p


def _t_reach(prompts: int) -> float:
    return float(stats.t.ppf(0.975, max(prompts - 1, 1)))
