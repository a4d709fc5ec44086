"""From a vote to the changed board, at growing numbers of votes.

    python -m tests.bench.boards [--quick] [--votes N ...] [--json FILE]

Votes are made in SQL (12 models, 300 prompts, a voter for every fifty votes) and packed as the periodic task
does. Then, several times over, as a visitor and a reader would: a battle is voted on through `voting.vote`,
and the board of its track is asked for until the vote is in it (*vote to board*: storing the vote,
reading new ones, counting all of them anew, the fit and its intervals clustered by prompt and voter).
Beside it: a board computed with nothing kept, and its processor time, which the machine's other work does
not stretch; the same narrowed to a category and thirty days, with weights; with three looks held equal
(style control); choosing the next battle; packing; and a process that reads everything for the first time.
"""

import argparse
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django
import numpy as np
from django.core.management import call_command
from django.db import connection

from tests import servers  # first: it names the folder that settings read
from workbench import stack

os.environ["DJANGO_SETTINGS_MODULE"] = "workbench.settings"
PROMPTS, MODELS, VOTES_OF_A_VOTER = 300, 12, 50


def main() -> None:
    parser = argparse.ArgumentParser(description="From a vote to the changed board")
    parser.add_argument("--quick", action="store_true", help="10 000 votes")
    parser.add_argument("--votes", type=int, nargs="+", default=[100_000, 1_000_000], metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    services = stack.embedded_services(servers.FOLDER)
    try:
        for service in services:
            service.start()
            service.wait_ready()
        django.setup()
        call_command("migrate", verbosity=0)
        rows = measured([10_000] if options.quick else sorted(options.votes))
    finally:
        for service in reversed(services):
            service.stop()
        shutil.rmtree(servers.FOLDER, ignore_errors=True)
    names = list(rows[0])
    print("  ".join(f"{name:>16}" for name in names))
    for row in rows:
        print("  ".join(f"{row[name]:16,.3f}" if name != "votes" else f"{row[name]:16,}" for name in names))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def measured(sizes: list[int]) -> list[dict[str, Any]]:
    """Seconds, medians of several times, for growing numbers of votes."""
    from django.core.cache import cache
    from django.db.models.functions import Random

    from annotation.models import Prompt, Rendition, Task
    from annotation.prompts import taxonomy
    from arena.battles import tracks, voting
    from arena.boards import leaderboard
    from arena.boards.boardquery import Query, Weights
    from arena.models import Answer, Battle, Voter
    from arena.votes import columns
    from arena.votes.cliplooks import Look
    from tests.annotation.rows import clips

    clips(PROMPTS, MODELS)
    Rendition.objects.update(brightness=Random(), colourfulness=Random(), motion=Random())
    [category] = taxonomy.rows(["animal"]).values()
    category.prompts.set(Prompt.objects.order_by("pk")[: PROMPTS // 3])
    track = tracks.standard(Task.T2V)
    voter = Voter.objects.create()
    found, before = [], 0
    for size in sizes:
        fill(size - before)
        before = size
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        packing = once(lambda: columns.pack(track))
        columns._kept.clear()
        columns._parts.clear()
        first = once(lambda: columns.read(track))
        today = datetime.now(UTC).date()
        equal = Query(covariates=(Look.BRIGHTNESS, Look.COLOURFULNESS, Look.MOTION))
        narrow = Query(categories=("animal",), since=today - timedelta(days=29), weights=Weights.INVERSE)

        def shown() -> Battle:
            battle = voting.next_battle(voter, track)
            assert battle is not None
            Battle.objects.filter(pk=battle.pk).update(shown_at=battle.shown_at - timedelta(seconds=9))
            return battle

        def to_board(query: Query) -> float:
            """A vote, and the board until it is in it."""
            taken = []
            for answer in (Answer.LEFT, Answer.RIGHT, Answer.TIE, Answer.LEFT, Answer.RIGHT):
                battle = shown()
                before = leaderboard.board(track, query).votes
                start = time.perf_counter()
                voting.vote(battle.pk, voter, voting.Ballot(answer, uuid.uuid4()))
                while leaderboard.board(track, query).votes == before:
                    time.sleep(0.01)
                taken.append(time.perf_counter() - start)
            return float(np.median(taken))

        def only_board(query: Query, clock: Callable[[], float] = time.perf_counter) -> float:
            taken = []
            for _n in range(5):
                cache.clear()
                start = clock()
                leaderboard.board(track, query)
                taken.append(clock() - start)
            return float(np.median(taken))

        def choose() -> float:
            voting.next_battle(voter, track)
            taken = []
            for _n in range(5):
                Battle.objects.filter(voter=voter, state="open").delete()
                taken.append(once(lambda: voting.next_battle(voter, track)))
            return float(np.median(taken))

        found.append(
            {
                "votes": size,
                "vote to board": to_board(Query()),
                "board computed": only_board(Query()),
                "its processor": only_board(Query(), time.process_time),
                "narrowed board": only_board(narrow),
                "style control": only_board(equal),
                "next battle": choose(),
                "packing": packing,
                "first read": first,
            }
        )
    return found


def fill(votes: int) -> None:
    """Battles with votes, in two statements: pairs, prompts, voters, days and answers at random."""
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
                SELECT row_number() OVER () AS place, clips.* FROM clips
            ), drawn AS MATERIALIZED (
                SELECT 1 + floor(random() * %(prompts)s)::int AS prompt,
                       floor(random() * %(models)s)::int AS one,
                       1 + floor(random() * (%(models)s - 1))::int AS further,
                       1 + floor(random() * %(voters)s)::int AS voter,
                       now() - random() * interval '300 days' AS at
                FROM generate_series(1, %(votes)s)
            )
            INSERT INTO arena_battle (id, track_id, voter_id, prompt_id, left_id, right_id, left_model_id,
                right_model_id, left_address, right_address, state, probability, shown_at, expires_at)
            SELECT gen_random_uuid(), (SELECT id FROM arena_track WHERE slug = 't2v'), voters.id,
                   prompts.prompt_id,
                   prompts.ids[1 + one], prompts.ids[1 + (one + further) %% %(models)s],
                   prompts.models[1 + one], prompts.models[1 + (one + further) %% %(models)s],
                   gen_random_uuid(), gen_random_uuid(), 'voted', (1 + random()) / 132, at, at
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
                   gen_random_uuid(), 10, false, false, battle.shown_at
            FROM arena_battle battle LEFT JOIN arena_vote vote ON vote.battle_id = battle.id
            WHERE vote.id IS NULL AND battle.state = 'voted'
            """
        )


def once(job: Callable[[], Any]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
