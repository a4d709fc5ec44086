"""How often the 95 % intervals cover what they are of, where clips of one model differ from prompt to prompt.

    python -m tests.bench.coverage [--quick] [--json FILE]

12 models, 300 prompts, 50 000 votes. A clip's quality is its model's strength plus a draw of its own with
a standard deviation of 120 Elo; both clips of a battle are of one prompt, and all votes on it see the
same clips.

What ratings estimate is the *marginal* rating: the Bradley–Terry rating of the average chances to win
over all prompts that might have been drawn. It is computed by quadrature, and every replication draws
prompts anew. The strengths that clips were drawn around are another thing: the spread of clips shrinks
the scale, so intervals need not cover them, and are not meant to. Nor is it the rating over just these
300 prompts, which is known better: it needs no clustering by prompt.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from arena.ratings import CENTRE, ELO, Counts, Floats, counted, fitted, rate, split

MODELS, PROMPTS, VOTES, VOTERS = 12, 300, 50_000, 1000
SPREAD = 120.0
STRENGTH = np.linspace(-160, 160, MODELS)
SHOWN = ("by prompt and voter", "by prompt", "single votes", "generating strengths")


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage of the ratings' intervals")
    parser.add_argument("--quick", action="store_true", help="40 replications instead of 1000")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    replications = 40 if options.quick else 1000
    marginally = CENTRE + marginal()
    covered = {name: np.zeros((replications, MODELS), bool) for name in SHOWN}
    widths = {name: np.zeros(replications) for name in SHOWN}
    for place in range(replications):
        found = intervals(np.random.default_rng([31, place]))
        found["generating strengths"] = found["by prompt and voter"]
        for name, (low, high) in found.items():
            truth = CENTRE + STRENGTH if name == "generating strengths" else marginally
            covered[name][place] = (low <= truth) & (truth <= high)
            widths[name][place] = (high - low).mean()
    rows = [
        {
            "interval": name,
            "covered": float(covered[name].mean()),
            # Models of one replication err together: the error is of replications' means.
            "error": float(covered[name].mean(1).std(ddof=1) / np.sqrt(replications)),
            "least": float(covered[name].mean(0).min()),
            "width": float(widths[name].mean()),
        }
        for name in SHOWN
    ]
    print(f"{replications} replications; 95 % intervals of the marginal ratings, but for the last line")
    print(f"{'interval':22} {'covered':>8} {'± error':>8} {'least of a model':>17} {'width, Elo':>11}")
    for row in rows:
        print(
            f"{row['interval']:22} {row['covered']:8.1%} {row['error']:8.1%} {row['least']:17.1%}"
            f" {row['width']:11.1f}"
        )
    if options.json:
        options.json.write_text(json.dumps({"replications": replications, "rows": rows}, indent=1))


def intervals(rng: np.random.Generator) -> dict[str, tuple[Floats, Floats]]:
    """Of one board."""
    clips = STRENGTH + rng.normal(0, SPREAD, (PROMPTS, MODELS))
    prompt, voter = rng.integers(0, PROMPTS, VOTES), rng.integers(0, VOTERS, VOTES)
    left = rng.integers(0, MODELS, VOTES)
    right = (left + rng.integers(1, MODELS, VOTES)) % MODELS
    d = (clips[prompt, left] - clips[prompt, right]) / ELO
    votes = (left, right, (rng.random(VOTES) > 1 / (1 + np.exp(-d))).astype(np.int8))
    counts = counted(*votes, MODELS)
    by_prompt, by_voter = (split(*votes, MODELS, cluster) for cluster in (prompt, voter))
    splits = {"by prompt and voter": (by_prompt, by_voter), "by prompt": (by_prompt,), "single votes": ()}
    found = {name: rate(counts, MODELS, of) for name, of in splits.items()}
    return {name: (ratings.low, ratings.high) for name, ratings in found.items()}


def marginal() -> Floats:
    """Elo, centred on 0: the fit to the average chances over infinitely many prompts."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    left, right = (~np.eye(MODELS, dtype=bool)).nonzero()
    d = (STRENGTH[left] - STRENGTH[right])[:, None] + nodes * SPREAD * np.sqrt(2)
    chance = (1 / (1 + np.exp(-d / ELO))) @ (weights / weights.sum())
    fit = fitted(Counts(left, right, chance, 1 - chance, 0 * chance), MODELS, side=False)
    return np.asarray(fit.strength * ELO)


if __name__ == "__main__":
    main()
