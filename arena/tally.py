"""Votes counted in the database: one statement gives the counts by pair, by prompt and by voter.

Ratings need no more than these counts, so what leaves the database grows with pairs, prompts and voters, not
with votes. "Both bad" counts as a tie here, and is also counted apart.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection

from annotation.models import Task
from arena.ratings import Counts, Floats, Ints

# What comes back is packed, seven big-endian integers a row: many voters make many rows, and rows as Python
# objects would cost more than the counting.
_COUNTS = """
    WITH counted AS (
        SELECT GROUPING(battle.prompt_id, battle.voter_id) AS kind, battle.prompt_id, battle.voter_id,
               battle.left_model_id, battle.right_model_id,
               count(*) FILTER (WHERE vote.answer = 'left') AS left_wins,
               count(*) FILTER (WHERE vote.answer = 'right') AS right_wins,
               count(*) FILTER (WHERE vote.answer IN ('tie', 'both_bad')) AS ties,
               count(*) FILTER (WHERE vote.answer = 'both_bad') AS both_bad,
               count(*) FILTER (WHERE vote.simulated) AS simulated,
               max(vote.created_at) AS latest
        FROM arena_vote vote JOIN arena_battle battle ON battle.id = vote.battle_id
        WHERE battle.task = %s AND NOT vote.too_fast AND (%s OR NOT vote.simulated)
        GROUP BY GROUPING SETS (
            (battle.left_model_id, battle.right_model_id),
            (battle.prompt_id, battle.left_model_id, battle.right_model_id),
            (battle.voter_id, battle.left_model_id, battle.right_model_id)
        )
    ), numbered AS (
        SELECT *, dense_rank() OVER (PARTITION BY kind ORDER BY prompt_id, voter_id) - 1 AS cluster
        FROM counted
    )
    SELECT kind, sum(simulated), max(latest), string_agg(
        int8send(left_model_id) || int8send(right_model_id) || int8send(left_wins) || int8send(right_wins)
        || int8send(ties) || int8send(both_bad) || int8send(cluster), ''::bytea
    )
    FROM numbered GROUP BY kind
"""
_BY_PROMPT, _BY_VOTER, _BY_PAIR = 1, 2, 3  # what GROUPING gives


@dataclass(frozen=True)
class Tally:
    """The votes of a board as counts. `models` are ids of video models; counts number them by place."""

    models: list[int]
    counts: Counts
    by_prompt: Counts
    by_voter: Counts
    both_bad: Floats
    """By the rows of `counts`."""
    votes: int
    simulated: int
    """How many of `votes` simulated voters gave."""
    up_to: datetime | None
    """When the latest of these votes was given; None where there is none."""


def tally(task: Task, with_simulated: bool) -> Tally:
    """The votes that count: those that were not too fast, by people or by everybody."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [task, with_simulated])
        found = {kind: rest for kind, *rest in cursor.fetchall()}
    if not found:
        nothing = np.zeros((0, 7), np.int64)
        empty = _counts(nothing, nothing[:, 0])
        return Tally([], empty, empty, empty, np.zeros(0), votes=0, simulated=0, up_to=None)
    simulated, up_to, _packed = found[_BY_PAIR]
    pairs = _rows(found[_BY_PAIR][2])
    models = np.unique(pairs[:, :2])
    return Tally(
        models.tolist(),
        _counts(pairs, models, clustered=False),
        _counts(_rows(found[_BY_PROMPT][2]), models),
        _counts(_rows(found[_BY_VOTER][2]), models),
        pairs[:, 5].astype(np.float64),
        votes=int(pairs[:, 2:5].sum()),
        simulated=int(simulated),
        up_to=up_to,
    )


def left_out(task: Task, with_simulated: bool) -> int:
    """How many votes came too fast and are in no rating."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM arena_vote vote JOIN arena_battle battle ON battle.id = vote.battle_id"
            " WHERE battle.task = %s AND vote.too_fast AND (%s OR NOT vote.simulated)",
            [task, with_simulated],
        )
        return int(cursor.fetchone()[0])


def _rows(packed: bytes) -> Ints:
    """(rows, 7): left model, right model, left wins, right wins, ties, both bad, cluster."""
    return np.frombuffer(packed, ">i8").reshape(-1, 7).astype(np.int64)


def _counts(rows: Ints, models: Ints, clustered: bool = True) -> Counts:
    left, right = np.searchsorted(models, rows[:, 0]), np.searchsorted(models, rows[:, 1])
    left_wins, right_wins, ties = rows[:, 2:5].T.astype(np.float64)
    return Counts(left, right, left_wins, right_wins, ties, rows[:, 6] if clustered else None)
