"""The report's public boards (§7.1) given back: votes simulated at their ratings, as many as they say."""

import csv
from pathlib import Path

import numpy as np
import pytest

from arena.ratings import ELO, Anchor, Floats, Ints, counted, rate, split

BOARDS = Path(__file__).parents[2] / "fixtures" / "arena"
PROMPTS, VOTES_OF_A_VOTER = 300, 25


def board(name: str) -> dict[str, Floats]:
    with (BOARDS / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = ("elo", "low", "high", "appearances")
    return {column: np.array([float(row[column]) for row in rows]) for column in numbers}


def battles(appearances: Floats, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Left and right models, each as often as the board says (give or take one): a random matching of all the
    appearances, of which those of a model with itself are matched again."""
    slots = np.repeat(np.arange(len(appearances)), appearances.astype(int))
    rng.shuffle(slots)
    left, right = slots[: len(slots) // 2], slots[len(slots) // 2 : len(slots) // 2 * 2]
    while (same := np.flatnonzero(left == right)).size:
        other = rng.integers(0, len(left), len(same))
        for one, place in zip(same, other, strict=True):
            right[one], right[place] = right[place], right[one]
    return left, right


@pytest.mark.parametrize(("name", "anchor"), [("public_text_to_video", 10), ("public_image_to_video", 8)])
def test_the_table_comes_back(name: str, anchor: int) -> None:
    """At least ten of twelve models are inside our intervals, which are about as wide as the published
    ones."""
    published, rng = board(name), np.random.default_rng(71)
    left, right = battles(published["appearances"], rng)
    shown = np.bincount(left, minlength=12) + np.bincount(right, minlength=12)
    assert shown == pytest.approx(published["appearances"], abs=1)
    d = (published["elo"][left] - published["elo"][right]) / ELO
    said = (rng.random(len(d)) > 1 / (1 + np.exp(-d))).astype(np.int8)
    prompt = rng.integers(0, PROMPTS, len(d))
    voter = rng.integers(0, len(d) // VOTES_OF_A_VOTER, len(d))
    splits = tuple(split(left, right, said, 12, cluster) for cluster in (prompt, voter))
    fixed = Anchor(anchor, float(published["elo"][anchor]))
    found = rate(counted(left, right, said, 12), 12, splits, anchor=fixed)
    inside = (found.low <= published["elo"]) & (published["elo"] <= found.high)
    assert inside.sum() >= 10
    assert found.high[anchor] == found.low[anchor] == found.rating[anchor] == published["elo"][anchor]
    others = np.arange(12) != anchor
    centred = rate(counted(left, right, said, 12), 12, splits)
    # The image-to-video board is anchored as ours is; the other one is not, or its anchor is not among
    # the twelve.
    compared = found if name == "public_image_to_video" else centred
    widths = (compared.high - compared.low)[others] / (published["high"] - published["low"])[others]
    assert 0.6 < np.median(widths) < 1.4
    assert (widths > 0.4).all()
    assert (widths < 2).all()
