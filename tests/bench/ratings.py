"""Ratings beside evalica and choix, in one run at equal ratings. `boards.py` has what the database adds.

    python -m tests.bench.ratings [--quick] [--json FILE]

In memory: votes of 50 models from Bradley–Terry strengths 400 Elo apart at most, a tenth of
them ties, on 300 prompts, by a voter for every fifty votes. Everybody gets arrays of integers (evalica
also its list of outcomes, choix a matrix that numpy counts, since it knows no ties), and tolerances at
which all ratings agree to 1e-4 Elo; the defaults of both stop earlier. Shown are, in ms, from raw votes
to ratings, from counts to ratings (evalica's counts are weighted rows), and from raw votes to ratings
with intervals: ours clustered by prompt and voter, theirs by 1000 draws of single votes: evalica's
`bootstrap` with percentiles, of which 2 draws are timed, and for choix, which has none, as many by hand.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import choix
import evalica
import numpy as np

PROMPTS, VOTES_OF_A_VOTER = 300, 50
COMPARED = 50  # models, in memory
DRAWS = 2  # of a bootstrap, timed


def main() -> None:
    parser = argparse.ArgumentParser(description="Ratings beside evalica and choix")
    parser.add_argument("--quick", action="store_true", help="10 000 votes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    sizes = [10_000] if options.quick else [100_000, 1_000_000, 10_000_000]
    memory = [row for votes in sizes for row in in_memory(votes)]
    if options.json:
        options.json.write_text(json.dumps({"memory": memory}, indent=1))


def in_memory(votes: int) -> list[dict[str, Any]]:
    """Ours and theirs, from the same votes; prints them."""
    from arena.ratings import ELO, counted, fitted, rate, split

    n, (left, right, said, prompt, voter) = COMPARED, drawn(votes)
    names = (evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw)
    outcomes = [names[one] for one in said.tolist()]
    counts = counted(left, right, said, n)
    grid = matrix(left, right, said)
    rows = [
        (one, other, names[answer], number)
        for answer, numbers in enumerate((counts.left_wins, counts.right_wins, counts.ties))
        for one, other, number in zip(
            counts.left.tolist(), counts.right.tolist(), numbers.tolist(), strict=True
        )
        if number
    ]
    table = [list(column) for column in zip(*rows, strict=True)]
    exactly: dict[str, Any] = {"tolerance": 1e-9, "limit": 10_000}

    def clustered() -> Any:
        splits = (split(left, right, said, n, prompt), split(left, right, said, n, voter))
        return rate(counted(left, right, said, n), n, splits, side=False)

    def by_evalica(xs: Any, ys: Any, winners: Any, weights: Any = None) -> Any:
        found = evalica.bradley_terry(xs, ys, winners, weights=weights, **exactly)
        return np.log(found.scores.sort_index().to_numpy())

    def by_choix(counts: Any) -> Any:
        return choix.ilsr_pairwise_dense(counts, tol=1e-9, max_iter=1000)

    def drawn_by_evalica() -> Any:
        settings: dict[str, Any] = {"n_resamples": DRAWS, "bootstrap_method": "percentile", **exactly}
        return evalica.bootstrap(evalica.bradley_terry, left, right, outcomes, random_state=1, **settings)

    def drawn_by_choix() -> Any:
        rng = np.random.default_rng(1)
        for _draw in range(DRAWS):
            again = rng.integers(0, votes, votes)
            by_choix(matrix(left[again], right[again], said[again]))

    few = 1 if votes > 2_000_000 else 3
    ours = {
        "raw_ms": timed(lambda: fitted(counted(left, right, said, n), n, side=False), 15),
        "counts_ms": timed(lambda: fitted(counts, n, side=False), 101),
        "intervals_ms": timed(clustered, 3),
    }
    evalicas = {
        "raw_ms": timed(lambda: by_evalica(left, right, outcomes), few),
        "counts_ms": timed(lambda: by_evalica(*table), 31),
        "intervals_ms": timed(drawn_by_evalica, 1) * 1000 / DRAWS,
    }
    choixs = {
        "raw_ms": timed(lambda: by_choix(matrix(left, right, said)), 15),
        "counts_ms": timed(lambda: by_choix(grid), 31),
        "intervals_ms": timed(drawn_by_choix, 1) * 1000 / DRAWS,
    }
    strength = fitted(counts, n, side=False).strength
    found = []
    print(f"{votes} votes of {n} models     raw ms   counts ms   with intervals ms   furthest from ours, Elo")
    for name, took, theirs in (
        ("ours", ours, strength),
        ("evalica", evalicas, by_evalica(*table)),
        ("choix", choixs, by_choix(grid)),
    ):
        apart = float(np.abs(theirs - theirs.mean() - strength).max() * ELO)
        times = f"{took['raw_ms']:14.1f} {took['counts_ms']:11.2f} {took['intervals_ms']:19.1f}"
        print(f"{name:24} {times} {apart:25.7f}")
        found.append({"votes": votes, "models": n, "by": name, **took, "apart_elo": apart})
    shares = {key: min(evalicas[key], choixs[key]) / ours[key] for key in ours}
    print(
        f"the faster of theirs by ours: {shares['raw_ms']:.1f} from raw votes, {shares['counts_ms']:.1f} from"
        f" counts, {shares['intervals_ms']:.0f} with intervals"
    )
    return found


def drawn(votes: int) -> tuple[Any, ...]:
    """Left and right models, what was said (0 left, 1 right, 2 a tie), prompts, voters."""
    from arena.ratings import ELO

    rng = np.random.default_rng(7)
    strength = np.linspace(-200, 200, COMPARED) / ELO
    left = rng.integers(0, COMPARED, votes, dtype=np.int32)
    right = ((left + rng.integers(1, COMPARED, votes)) % COMPARED).astype(np.int32)
    lost = rng.random(votes) > 1 / (1 + np.exp(strength[right] - strength[left]))
    said = np.where(rng.random(votes) < 0.1, 2, lost).astype(np.int8)
    prompt = rng.integers(0, PROMPTS, votes, dtype=np.int32)
    return left, right, said, prompt, rng.integers(0, votes // VOTES_OF_A_VOTER, votes, dtype=np.int32)


def matrix(left: Any, right: Any, said: Any) -> Any:
    """Wins of one over the other and half of the ties, (n, n), as choix takes them."""
    size = COMPARED * COMPARED
    code = left.astype(np.intp) * COMPARED + right
    won, lost, tied = np.bincount(code * 3 + said, minlength=3 * size).reshape(COMPARED, COMPARED, 3).T
    wins = won.T + lost + (tied + tied.T) / 2
    return np.asarray(wins, np.float64)


def timed(job: Callable[[], Any], times: int = 7) -> float:
    """Least time in ms of several runs: what else the machine does only adds to it."""
    taken = []
    for _n in range(times):
        start = time.perf_counter()
        job()
        taken.append(1000 * (time.perf_counter() - start))
    return float(np.min(taken))


if __name__ == "__main__":
    main()
