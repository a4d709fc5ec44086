"""Expert scores: how often 95 % intervals hold the truth, and what a million rows take.

    python -m tests.bench.expert_scores [--quick] [--json FILE]

Part one: evaluations of 3 models on 60 prompts, 2 of 4 raters a clip, scores with effects of prompts, clips
and raters (up to two points apart), drawn anew each time. Beside each other: the severity-adjusted
difference of two models and its interval; the same from a model that knows no clips; and the plain mean of a
model with its interval by prompt, and by score, where raters are all alike. Part two: each command on a
million rows, in a process of its own, start and reading included.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from annotation.quality.resampling import Floats
from arena import likert
from arena.numerics import mixedmodel
from tests.arena import simulated_scores

ROOT = Path(__file__).resolve().parent.parent.parent
TRUTH, SEVERITY = np.array([3.0, 3.3, 3.8]), np.array([1.0, 0.3, -0.3, -1.0])


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage of expert scores' intervals, and time")
    parser.add_argument("--quick", action="store_true", help="20 evaluations, 20 000 rows")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    held = coverage(20 if options.quick else 500)
    for name, share in held.items():
        print(f"{name:45} {share:7.1%}")
    took = commands(20_000 if options.quick else 1_000_000)
    print("command          rows   seconds   of one core")
    for row in took:
        print(f"{row['command']:10} {row['rows']:10,} {row['seconds']:9.1f} {row['core_seconds']:13.1f}")
    if options.json:
        options.json.write_text(json.dumps({"coverage": held, "commands": took}, indent=1))


def coverage(evaluations: int) -> dict[str, float]:
    """Shares of evaluations whose interval holds the truth."""
    rng = np.random.default_rng(7)
    found: list[list[bool]] = []
    for _evaluation in range(evaluations):
        frame = simulated_scores.scores(rng, 60, TRUTH, SEVERITY, 2)
        alike = simulated_scores.scores(rng, 60, TRUTH[:1], np.zeros(4), 2)
        (mean,) = likert.means(alike)
        assert mean.low is not None
        assert mean.high is not None
        by_score = stats.sem(alike["score"]) * 1.96
        found.append(
            [
                _holds(frame, clips=True),
                _holds(frame, clips=False),
                mean.low < TRUTH[0] < mean.high,
                abs(mean.mean - TRUTH[0]) < by_score,
            ]
        )
    names = (
        "adjusted difference",
        "adjusted difference, clips not known",
        "plain mean, by prompt",
        "plain mean, by score",
    )
    return dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))


def _holds(frame: pd.DataFrame, *, clips: bool) -> bool:
    """Whether the third model less the first is within its interval, with clips at random or not known."""
    codes = {name: pd.factorize(frame[name], sort=True)[0] for name in ("prompt", "model", "rater")}
    score = frame["score"].to_numpy()
    fit = mixedmodel.fit(codes["prompt"], codes["model"], codes["rater"], score)
    if clips:
        means, v = fit.means, fit.covariance
    else:
        means, v = _without_clips(codes["prompt"], codes["model"], codes["rater"], score)
    error = np.sqrt(v[0, 0] + v[2, 2] - 2 * v[0, 2])
    return bool(abs(means[2] - means[0] - (TRUTH[2] - TRUTH[0])) < stats.t.ppf(0.975, 59) * error)


def _without_clips(prompt: Any, model: Any, rater: Any, score: Floats) -> tuple[Floats, Floats]:
    """Least squares on models, raters and prompts: what a model without (1|prompt:model) makes of it."""
    x = np.c_[
        np.eye(3)[model],
        (np.eye(4)[rater] - 0.25)[:, 1:],
        (np.eye(prompt.max() + 1)[prompt] - 1 / (prompt.max() + 1))[:, 1:],
    ]
    effects, rest, *_more = np.linalg.lstsq(x, score)
    v = np.linalg.inv(x.T @ x) * rest[0] / (len(score) - x.shape[1])
    return np.asarray(effects[:3], np.float64), np.asarray(v[:3, :3], np.float64)


def commands(rows: int) -> list[dict[str, Any]]:
    """Each on a CSV of `rows` rows: 5000 prompts, 5 models, 4 dimensions, 40 raters, ten scores a clip."""
    rng = np.random.default_rng(8)
    prompt, model, dimension, turn = np.unravel_index(np.arange(rows), (max(rows // 200, 1), 5, 4, 10))
    # Ten of forty raters, no one twice: one out of each four.
    rater = turn * 4 + rng.integers(0, 4, rows)
    score = 3 + 0.1 * model + rng.normal(0, 0.5, 40)[rater] + rng.normal(0, 0.9, rows)
    frame = pd.DataFrame({"prompt": prompt, "model": model, "rater": rater, "dimension": dimension})
    frame = frame.astype(str).radd(["prompt ", "model ", "rater ", "dimension "])
    frame["score"] = np.clip(np.round(score), 1, 5).astype(int)
    frame["item"] = frame["prompt"] + frame["model"] + frame["dimension"]
    frame["verdict"] = rng.choice(list("GSB"), rows)
    columns = {
        "likert": ["prompt", "model", "rater", "dimension", "score"],
        "gsb": ["prompt", "opponent", "dimension", "verdict"],
        "agreement": ["item", "rater", "score", "prompt"],
    }
    with tempfile.TemporaryDirectory() as folder:
        return [
            _timed(name, frame.rename(columns={"model": "opponent"} if name == "gsb" else {})[wanted], folder)
            for name, wanted in columns.items()
        ]


def _timed(command: str, frame: pd.DataFrame, folder: str) -> dict[str, Any]:
    path = Path(folder) / f"{command}.csv"
    frame.to_csv(path, index=False)
    before, start = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), command, str(path), "--json"],
        env={**os.environ, "WORKBENCH_DATA": folder, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    seconds, after = time.perf_counter() - start, os.times()
    core = after.children_user + after.children_system - before.children_user - before.children_system
    return {"command": command, "rows": len(frame), "seconds": seconds, "core_seconds": core}


if __name__ == "__main__":
    main()
