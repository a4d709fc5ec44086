"""Ratings beside evalica: time, and the largest difference of a rating; and a board read out of the database.

    python -m tests.bench.ratings [--quick] [--json FILE]

Part one: votes from Bradley–Terry strengths 400 Elo apart at most, a tenth of them ties, in memory. Both
get a value for each vote, and counting is part of the time; evalica's tolerance is 1e-10 (its default, 1e-6,
stops early). Part two: votes in PostgreSQL, 12 models, 300 prompts, a voter for every fifty votes: the
counting statement, the fit with intervals clustered by prompt and voter, and choosing the next battle.
"""

import argparse
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import evalica
import numpy as np
from django.core.management import call_command
from django.db import connection

from tests import servers  # first: it names the folder that settings read
from workbench import stack

os.environ["DJANGO_SETTINGS_MODULE"] = "workbench.settings"
PROMPTS, MODELS, VOTES_OF_A_VOTER = 300, 12, 50


def main() -> None:
    parser = argparse.ArgumentParser(description="Ratings beside evalica, and out of the database")
    parser.add_argument("--quick", action="store_true", help="10 000 votes in memory, 2 000 in the database")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    sizes = [(12, 10_000)] if options.quick else [(12, 10_000), (12, 1_000_000), (50, 1_000_000)]
    stored = [2_000] if options.quick else [10_000, 100_000]
    memory = [beside_evalica(models, votes) for models, votes in sizes]
    print(" models     votes   ours ms   evalica ms   largest difference, Elo")
    for row in memory:
        print(
            f"{row['models']:7} {row['votes']:9} {row['ours_ms']:9.1f} {row['evalica_ms']:12.1f}"
            f" {row['difference']:25.6f}"
        )
    services = stack.embedded_services(servers.FOLDER)
    try:
        for service in services:
            service.start()
            service.wait_ready()
        django.setup()
        call_command("migrate", verbosity=0)
        database = from_database(stored)
    finally:
        for service in reversed(services):
            service.stop()
        shutil.rmtree(servers.FOLDER, ignore_errors=True)
    print("     votes   counting ms   fit and intervals ms   next battle ms")
    for row in database:
        print(
            f"{row['votes']:10} {row['counting_ms']:13.1f} {row['fit_ms']:22.1f}"
            f" {row['next_battle_ms']:16.1f}"
        )
    if options.json:
        options.json.write_text(json.dumps({"memory": memory, "database": database}, indent=1))


def beside_evalica(models: int, votes: int) -> dict[str, float]:
    """The same votes by both: medians of the times, and how far the ratings are apart."""
    from arena.ratings import ELO, Counts, fitted

    rng = np.random.default_rng(7)
    strength = np.linspace(-200, 200, models) / ELO
    left = rng.integers(0, models, votes)
    right = (left + rng.integers(1, models, votes)) % models
    wins = rng.random(votes) < 1 / (1 + np.exp(strength[right] - strength[left]))
    said = np.where(rng.random(votes) < 0.1, 0, np.where(wins, 1, 2))

    def ours() -> Any:
        pairs = np.bincount((left * models + right) * 3 + said, minlength=3 * models**2).reshape(-1, 3)
        (met,) = pairs.sum(1).nonzero()
        tie, won, lost = pairs[met].T.astype(float)
        return fitted(Counts(met // models, met % models, won, lost, tie), models, side=False).strength

    def theirs() -> Any:
        found = evalica.bradley_terry(left, right, outcomes, tolerance=1e-10, limit=10_000)
        scores = np.log(found.scores.sort_index().to_numpy())
        return scores - scores.mean()

    outcomes = [
        {0: evalica.Winner.Draw, 1: evalica.Winner.X, 2: evalica.Winner.Y}[one] for one in said.tolist()
    ]
    return {
        "models": models,
        "votes": votes,
        "ours_ms": timed(ours),
        "evalica_ms": timed(theirs),
        "difference": float(np.abs(ours() - theirs()).max() * ELO),
    }


def from_database(sizes: list[int]) -> list[dict[str, float]]:
    """For growing numbers of votes, what reading a leaderboard and choosing a battle take."""
    from annotation.models import Task
    from arena import battles, leaderboard, ratings
    from arena.models import Battle, Voter
    from arena.tally import tally
    from tests.annotation import rows

    rows.clips(PROMPTS, MODELS)
    visitor = Voter.objects.create()
    found, before = [], 0
    for size in sizes:
        fill(size - before)
        before = size
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        counted = tally(Task.T2V, with_simulated=False)
        n = len(counted.models)

        def fit(counted: Any = counted, n: int = n) -> Any:
            return ratings.rate(counted.counts, n, (counted.by_prompt, counted.by_voter))

        def choose() -> None:
            assert battles.next_battle(visitor, Task.T2V)
            Battle.objects.filter(voter=visitor).delete()

        leaderboard.board(Task.T2V, voters=leaderboard.Voters.ALL)
        found.append(
            {
                "votes": size,
                "counting_ms": timed(lambda: tally(Task.T2V, with_simulated=False)),
                "fit_ms": timed(fit),
                "next_battle_ms": timed(choose),
            }
        )
    return found


def fill(votes: int) -> None:
    """Battles with votes, in two statements: pairs, prompts, voters and answers at random."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH voter AS (
                INSERT INTO arena_voter (id, created_at)
                SELECT gen_random_uuid(), now() FROM generate_series(1, %(voters)s) RETURNING id
            ), voters AS (SELECT row_number() OVER () AS place, id FROM voter),
            clips AS (
                SELECT prompt_id, array_agg(id ORDER BY video_model_id) AS ids,
                       array_agg(video_model_id ORDER BY video_model_id) AS models
                FROM annotation_clip GROUP BY prompt_id
            ), prompts AS (
                SELECT row_number() OVER () AS place, count(*) OVER () AS n, clips.* FROM clips
            ), drawn AS MATERIALIZED (
                SELECT 1 + floor(random() * %(prompts)s)::int AS prompt,
                       floor(random() * %(models)s)::int AS one,
                       1 + floor(random() * (%(models)s - 1))::int AS further,
                       1 + floor(random() * %(voters)s)::int AS voter
                FROM generate_series(1, %(votes)s)
            )
            INSERT INTO arena_battle (id, task, voter_id, prompt_id, left_id, right_id, left_model_id,
                right_model_id, left_address, right_address, state, shown_at, expires_at)
            SELECT gen_random_uuid(), 't2v', voters.id, prompts.prompt_id,
                   prompts.ids[1 + one], prompts.ids[1 + (one + further) %% %(models)s],
                   prompts.models[1 + one], prompts.models[1 + (one + further) %% %(models)s],
                   gen_random_uuid(), gen_random_uuid(), 'voted', now() - interval '1 hour', now()
            FROM drawn JOIN prompts ON prompts.place = drawn.prompt JOIN voters ON voters.place = drawn.voter
            """,
            {
                "votes": votes,
                "voters": max(1, votes // VOTES_OF_A_VOTER),
                "prompts": PROMPTS,
                "models": MODELS,
            },
        )
        cursor.execute(
            """
            INSERT INTO arena_vote (id, battle_id, answer, idempotency_key, seconds, too_fast, simulated,
                created_at)
            SELECT gen_random_uuid(), battle.id,
                   (ARRAY['left', 'left', 'right', 'tie', 'both_bad'])[1 + floor(random() * 5)::int],
                   gen_random_uuid(), 10, false, false, now()
            FROM arena_battle battle LEFT JOIN arena_vote vote ON vote.battle_id = battle.id
            WHERE vote.id IS NULL
            """
        )


def timed(job: Callable[[], Any], times: int = 7) -> float:
    """Median time in ms."""
    taken = []
    for _n in range(times):
        start = time.perf_counter()
        job()
        taken.append(1000 * (time.perf_counter() - start))
    return float(np.median(taken))


if __name__ == "__main__":
    main()
