"""Rows of a table of judgements by group and prompt: what every statistic of expert scores begins with."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from annotation.quality.resampling import Ints


def grouped(rows: pd.DataFrame, by: Sequence[str]) -> tuple[Ints, list[dict[str, str]]]:
    """Each row's group, numbered by first appearance, and the groups' values in the columns `by`."""
    key = np.zeros(len(rows), np.int64)
    values = []
    for column in by:
        codes, found = pd.factorize(rows[column])
        key = key * max(len(found), 1) + codes
        values.append([str(value) for value in found])
    group, keys = pd.factorize(key)
    places = np.unravel_index(keys, [max(len(found), 1) for found in values])
    names = [
        {column: found[place] for column, found, place in zip(by, values, where, strict=True)}
        for where in zip(*places, strict=True)
    ]
    return group.astype(np.int64), names


def numbered(column: pd.Series) -> Ints:
    """Values as numbers from 0 by first appearance."""
    return np.asarray(pd.factorize(column)[0], np.int64)


def prompts_in(prompt: Ints, group: Ints, groups: int) -> Ints:
    """How many prompts each group has rows of."""
    found = np.unique(prompt * groups + group) % groups if groups else np.zeros(0, np.int64)
    return np.bincount(found, minlength=groups)
