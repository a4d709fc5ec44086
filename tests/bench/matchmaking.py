"""How many fewer votes matchmaking needs than pairing at random, for intervals of the same width.

    python -m tests.bench.matchmaking [--quick] [--json FILE]

Votes are drawn from Bradley–Terry strengths, 40 at a time; then ratings are fitted and pairs get new
chances, as a board does. Three boards of 12 models: one that starts from nothing; one where two models
join ten that have 2000 votes; and one where strengths lie 800 Elo apart. Votes are counted until the
widest interval, and the mean one, of the models concerned is below the target. Both sides are fitted
alike, without weights; the last column has matchmaking's votes where intervals allow for the weights 1 /
chance too.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arena.numerics.counts import Floats, Ints, counted
from arena.numerics.matchmaking import pair_probabilities
from arena.numerics.weighing import inverse_probability
from arena.ratings import ELO, Ratings, rate

AT_ONCE = 40
MOST = 30_000


@dataclass(frozen=True)
class Board:
    name: str
    strength: Floats
    before: int
    """Votes already given, uniformly, by the models that do not join."""
    joining: Ints
    """Models whose intervals count; the others were there before."""
    target: float
    """Width of a 95 % interval, in Elo points."""


def boards() -> list[Board]:
    near, far = np.linspace(-150, 150, 12) / ELO, np.linspace(-400, 400, 12) / ELO
    return [
        Board("from nothing, 300 Elo apart", near, 0, np.arange(12), 60.0),
        Board("two join ten with 2000 votes", near, 2000, np.array([3, 8]), 60.0),
        Board("from nothing, 800 Elo apart", far, 0, np.arange(12), 70.0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Votes that matchmaking saves")
    parser.add_argument("--quick", action="store_true", help="3 repetitions instead of 20")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    rows = []
    print(f"{'board':30} {'interval':>9} {'uniform':>8} {'matched':>8} {'saved':>6} {'weighted':>9}")
    for board in boards():
        runs = [compared(board, seed) for seed in range(3 if options.quick else 20)]
        for width in ("widest", "mean"):
            uniform, matched, weighted = (
                float(np.mean([run[way][width] for run in runs]))
                for way in ("uniform", "matched", "weighted")
            )
            saved = 1 - matched / uniform
            print(f"{board.name:30} {width:>9} {uniform:8.0f} {matched:8.0f} {saved:6.0%} {weighted:9.0f}")
            rows.append({"board": board.name, "interval": width, "target": board.target, "saved": saved})
            rows[-1] |= {"uniform": uniform, "matched": matched, "weighted": weighted}
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def compared(board: Board, seed: int) -> dict[str, dict[str, int]]:
    """Votes until the target, by way of pairing and by which interval."""
    found = {"uniform": until(board, seed, _uniform)[0]}
    found["matched"], found["weighted"] = until(board, seed, _matched)
    return found


def until(
    board: Board, seed: int, chances: Callable[[Ratings | None, Floats], Floats]
) -> tuple[dict[str, int], dict[str, int]]:
    """By plain fits, and by weighted ones."""
    rng, n = np.random.default_rng(seed), len(board.strength)
    old = np.setdiff1d(np.arange(n), board.joining)
    left, right = [], []
    if board.before:
        one = rng.choice(old, board.before)
        other = rng.choice(old, board.before)
        left, right = [one[one != other]], [other[one != other]]
    chance = [np.full(len(part), 1 / (n * (n - 1))) for part in left]
    said = [answers(board, rng, *pair) for pair in zip(left, right, strict=True)]
    plain: dict[str, int] = {}
    weighted: dict[str, int] = {}
    given, rated = 0, None
    while given < MOST and not (len(plain) == len(weighted) == 2):
        met = np.zeros((n, n))
        for one, other in zip(left, right, strict=True):
            np.add.at(met, (one, other), 1)
        drawn_with = chances(rated, met)
        one, other = np.divmod(rng.choice(n * n, AT_ONCE, p=drawn_with.ravel()), n)
        left.append(one)
        right.append(other)
        chance.append(drawn_with[one, other])
        said.append(answers(board, rng, one, other))
        given += AT_ONCE
        lefts, rights, answered = (np.concatenate(parts) for parts in (left, right, said))
        try:
            rated = rate(counted(lefts, rights, answered, n), n, side=False)
        except ValueError:  # not all have met yet
            continue
        note(plain, rated, board, given)
        if len(weighted) < 2:
            weight = inverse_probability(np.concatenate(chance))
            note(weighted, rate(counted(lefts, rights, answered, n, weight), n, side=False), board, given)
    for reached in (plain, weighted):
        for width in ("widest", "mean"):
            reached.setdefault(width, MOST)
    return plain, weighted


def note(reached: dict[str, int], rated: Ratings, board: Board, given: int) -> None:
    widths = (rated.high - rated.low)[board.joining]
    for name, width in (("widest", widths.max()), ("mean", widths.mean())):
        if width <= board.target:
            reached.setdefault(name, given)


def answers(board: Board, rng: np.random.Generator, left: Ints, right: Ints) -> Ints:
    d = board.strength[left] - board.strength[right]
    return (rng.random(len(d)) > 1 / (1 + np.exp(-d))).astype(np.int64)


def _uniform(_rated: Ratings | None, met: Floats) -> Floats:
    n = len(met)
    return (1 - np.eye(n)) / (n * (n - 1))


def _matched(rated: Ratings | None, met: Floats) -> Floats:
    strength = np.zeros(len(met)) if rated is None else rated.fit.strength
    return pair_probabilities(strength, None, met)


if __name__ == "__main__":
    main()
