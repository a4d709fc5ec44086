"""Good, same or bad beside an opponent: counts, net and ratio with intervals and tests by prompt (§7.2.3).

A table of verdicts has the columns prompt, opponent, dimension and verdict, a row a judgement: G where the
model under test is the better one, B where the opponent is, S for the same. Judgements of one prompt hang
together, so prompts are what is drawn anew for an interval, and what is turned round for a test. Pure pandas
and numpy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from annotation.quality import resampling
from annotation.quality.resampling import DRAWS, Floats, Ints
from arena.numerics.groups import grouped, numbered, prompts_in

VERDICTS = ("G", "S", "B")
WORK = 20_000_000
"""Additions that an exact test may take; twenty groups take about half a second."""


@dataclass(frozen=True)
class Result:
    """Against one opponent in one dimension, or of another group."""

    group: dict[str, str]
    """The group's value in each column that makes it."""
    good: int
    same: int
    bad: int
    votes: int
    prompts: int
    net: float
    """(G - B) / N, in -1..1: 0 is no difference."""
    net_low: float | None
    net_high: float | None
    ratio: float | None
    """(G + S) / (B + S): 1 is no difference. None where nothing is B or S."""
    ratio_low: float | None
    ratio_high: float | None
    p: float
    """Two-sided, of no difference: each prompt's verdicts could as well have been the other way round."""
    p_holm: float
    """Corrected for all results of one call."""


def compare(
    verdicts: pd.DataFrame,
    by: Sequence[str] = ("opponent", "dimension"),
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> list[Result]:
    """A result for each group of verdicts with the same values in `by`, by first appearance.

    Rows without a verdict, or without a value in `by`, are left out.
    """
    rows = verdicts[verdicts["verdict"].notna() & verdicts[list(by)].notna().all(axis=1)]
    group, names = grouped(rows, by)
    prompt = numbered(rows["prompt"])
    said = _said(rows)
    prompts, groups = int(prompt.max(initial=-1)) + 1, len(names)
    counts = _counted(prompt, group, said, prompts, groups)
    nets = (counts[..., 0] - counts[..., 2]).astype(np.int64)
    p = _tested(nets, seed)
    found = _drawn(prompt, group, said, groups, seed, draws)
    clusters = prompts_in(prompt, group, groups)
    return [
        _result(
            name,
            counts[:, place].sum(axis=0),
            found[:, place],
            int(clusters[place]),
            float(p[place]),
            float(q),
        )
        for place, (name, q) in enumerate(zip(names, resampling.holm(p), strict=True))
    ]


def correlation(verdicts: pd.DataFrame) -> float | None:
    """How far two verdicts (G 1, S 0, B -1) on one prompt, opponent and dimension correlate.

    The one-way intraclass correlation within opponents and dimensions, for `arena.numerics.power`; None where
    none was judged twice or all verdicts are the same.
    """
    rows = verdicts[verdicts["verdict"].notna()]
    value = 1.0 - _said(rows)
    cell, cells = grouped(rows, ("prompt", "opponent", "dimension"))
    group, groups = grouped(rows, ("opponent", "dimension"))
    value = value - (np.bincount(group, value) / np.bincount(group))[group]
    numbers = np.bincount(cell, minlength=len(cells))
    n, between = len(value), len(cells) - len(groups)
    if n <= len(cells) or between <= 0:
        return None
    totals = np.bincount(cell, value, len(cells))
    explained = float((totals**2 / numbers).sum())
    within = (float(value @ value) - explained) / (n - len(cells))
    usual = (n - float((numbers**2).sum()) / n) / (len(cells) - 1)
    of_cells = (explained / between - within) / usual
    return float(of_cells / (of_cells + within)) if of_cells + within > 0 else None


def _said(rows: pd.DataFrame) -> Ints:
    """Verdicts as their places in VERDICTS."""
    codes, values = pd.factorize(rows["verdict"])
    if odd := sorted({str(value) for value in values} - set(VERDICTS)):
        raise ValueError(f"Verdicts are G, S or B; got {', '.join(odd[:3])}.")
    return np.asarray(np.array([VERDICTS.index(value) for value in values], np.int64)[codes])


def _counted(prompt: Ints, group: Ints, said: Ints, prompts: int, groups: int) -> Ints:
    """(prompts, groups, 3): how many G, S and B."""
    size = prompts * groups * 3
    return np.bincount((prompt * groups + group) * 3 + said, minlength=size).reshape(prompts, groups, 3)


def _drawn(prompt: Ints, group: Ints, said: Ints, groups: int, seed: int, draws: int) -> Floats:
    """(draws, groups, 3): G, S and B in draws of prompts."""
    bundle, count = resampling.bundled(prompt, seed=seed)
    counts = _counted(bundle, group, said, count, groups).reshape(count, groups * 3).astype(float)
    drawn = resampling.weights(count, draws=draws, seed=seed) if count else np.zeros((draws, 0))
    return np.asarray((drawn @ counts).reshape(draws, groups, 3))


def _result(
    name: dict[str, str], counts: Ints, drawn: Floats, clusters: int, p: float, p_holm: float
) -> Result:
    good, same, bad = (int(count) for count in counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        net = (drawn[:, 0] - drawn[:, 2]) / drawn.sum(axis=1)
        ratio = (drawn[:, 0] + drawn[:, 1]) / (drawn[:, 2] + drawn[:, 1])
    ratio[np.isinf(ratio)] = np.nan
    net_low, net_high = resampling.interval(net, clusters)
    ratio_low, ratio_high = resampling.interval(ratio, clusters)
    return Result(
        name,
        good,
        same,
        bad,
        good + same + bad,
        clusters,
        (good - bad) / (good + same + bad),
        net_low,
        net_high,
        (good + same) / (bad + same) if bad + same else None,
        ratio_low,
        ratio_high,
        p,
        p_holm,
    )


def _tested(nets: Ints, seed: int) -> Floats:
    """p (groups,) of prompts' G - B (prompts, groups): exact where that is little work, else drawn."""
    sizes = np.abs(nets)
    many = (sizes > 0).sum(axis=0) * 2 * sizes.sum(axis=0) > WORK
    found = np.array([0.0 if drawn else _exact(column) for column, drawn in zip(nets.T, many, strict=True)])
    if many.any():
        found[many] = resampling.sign_flips(nets[:, many].astype(np.float64), seed=seed)
    return found


def _exact(nets: Ints) -> float:
    """Whole numbers have few sums, so the chance of each is told, prompt by prompt."""
    differing = np.abs(nets[nets != 0])
    reach = int(differing.sum())
    chance = np.zeros(2 * reach + 1)
    chance[reach] = 1.0
    for step in differing:
        turned = np.zeros_like(chance)
        turned[step:] += chance[:-step] / 2
        turned[:-step] += chance[step:] / 2
        chance = turned
    found = abs(int(nets.sum()))
    return float(min(chance[np.abs(np.arange(-reach, reach + 1)) >= found].sum(), 1.0))
