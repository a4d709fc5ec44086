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

_COUNTS = """
    SELECT GROUPING(battle.prompt_id), GROUPING(battle.voter_id), battle.prompt_id, battle.voter_id,
           battle.left_model_id, battle.right_model_id,
           count(*) FILTER (WHERE vote.answer = 'left'),
           count(*) FILTER (WHERE vote.answer = 'right'),
           count(*) FILTER (WHERE vote.answer IN ('tie', 'both_bad')),
           count(*) FILTER (WHERE vote.answer = 'both_bad'),
           count(*) FILTER (WHERE vote.simulated),
           max(vote.created_at)
    FROM arena_vote vote JOIN arena_battle battle ON battle.id = vote.battle_id
    WHERE battle.task = %s AND NOT vote.too_fast AND (%s OR NOT vote.simulated)
    GROUP BY GROUPING SETS (
        (battle.left_model_id, battle.right_model_id),
        (battle.prompt_id, battle.left_model_id, battle.right_model_id),
        (battle.voter_id, battle.left_model_id, battle.right_model_id)
    )
"""


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
        rows = cursor.fetchall()
    pairs = sorted((row for row in rows if row[0] and row[1]), key=lambda row: (row[4], row[5]))
    models = sorted({model for row in pairs for model in row[4:6]})
    return Tally(
        models,
        _counts(pairs, models),
        _counts([row for row in rows if not row[0]], models, by=2),
        _counts([row for row in rows if not row[1]], models, by=3),
        np.array([row[9] for row in pairs], np.float64),
        votes=sum(sum(row[6:9]) for row in pairs),
        simulated=sum(row[10] for row in pairs),
        up_to=max((row[11] for row in pairs), default=None),
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


def _counts(rows: list[tuple], models: list[int], by: int | None = None) -> Counts:  # type: ignore[type-arg]
    place = {model: index for index, model in enumerate(models)}
    columns = np.array([row[6:9] for row in rows], np.float64).reshape(-1, 3).T
    cluster: Ints | None = None
    if by is not None:
        names = {name: index for index, name in enumerate(dict.fromkeys(row[by] for row in rows))}
        cluster = np.array([names[row[by]] for row in rows], np.int64)
    left = np.array([place[row[4]] for row in rows], np.int64)
    right = np.array([place[row[5]] for row in rows], np.int64)
    return Counts(left, right, columns[0], columns[1], columns[2], cluster)
