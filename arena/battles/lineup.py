"""Who meets whom next: one pair of models and one prompt, drawn by chances that are known.

A voter sees something new first: a prompt under a pair of models counts as seen whatever its clips. Of
what is new to them, the pair is drawn by the information that a vote on it gives (`matchmaking.py`; new
and uncertain models come first, deprecated ones not at all), then the prompt, those shown least first, by
the weights of the track's prompt sets. The side that a model stood on less often against the other is
likelier.
"""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from arena import ratings
from arena.boards import boardquery, leaderboard
from arena.boards.boardquery import Query, Voters
from arena.models import Track, Voter
from arena.numerics.matchmaking import pair_probabilities, prompt_probabilities
from arena.ratings import Floats
from arena.votes import columns, filters
from arena.votes.columns import Ints
from arena.votes.tally import tally

# Every prompt of the track with every model that has a clip of it; packed, since there are many.
_ENTRIES = """
    SELECT string_agg(int8send(prompt_id) || int8send(model) || float8send(weight), ''::bytea)
    FROM (
        SELECT clip.prompt_id, clip.video_model_id AS model, max(chosen.weight) AS weight
        FROM annotation_clip clip
        JOIN annotation_prompt prompt ON prompt.id = clip.prompt_id
        JOIN annotation_videomodel model ON model.id = clip.video_model_id
        JOIN (
            SELECT within.prompt_id, listed.weight
            FROM arena_trackpromptset listed
            JOIN annotation_prompt_prompt_sets within ON within.promptset_id = listed.prompt_set_id
            WHERE listed.track_id = %(track)s
            UNION ALL
            SELECT id, 1.0 FROM annotation_prompt
            WHERE task = %(task)s
                AND NOT EXISTS (SELECT FROM arena_trackpromptset WHERE track_id = %(track)s)
        ) chosen ON chosen.prompt_id = clip.prompt_id
        WHERE prompt.task = %(task)s AND clip.state = 'ready' AND NOT model.deprecated
        GROUP BY 1, 2
    ) entry
"""
_SEEN = """
    SELECT prompt_id, LEAST(left_model_id, right_model_id), GREATEST(left_model_id, right_model_id), count(*)
    FROM arena_battle WHERE voter_id = %s AND track_id = %s GROUP BY 1, 2, 3
"""
_WAITING = """
    SELECT left_model_id, right_model_id, prompt_id FROM arena_battle
    WHERE track_id = %s AND state = 'open' AND expires_at > now()
"""
_ENTRY = np.dtype([("prompt", ">i8"), ("model", ">i8"), ("weight", ">f8")])


@dataclass(frozen=True)
class Drawn:
    prompt: int
    left: int
    right: int
    probability: float
    """Of this pair with these sides, if sides had no memory: half the chance of the pair."""


@dataclass(frozen=True)
class Standing:
    """What matchmaking knows of a track's votes."""

    models: Ints
    strength: Floats
    """NaN where votes do not compare a model with the others."""
    met: Floats
    """(n, n): how often model i was left and j right."""
    prompts: Ints
    shown: Floats
    """Votes by prompt."""


def draw(track: Track, voter: Voter, rng: np.random.Generator | None = None) -> Drawn | None:
    """What this voter is to see next; None where no prompt has clips of two models."""
    rng = rng or np.random.default_rng()
    prompts, models, entries, weights = _entries(track)
    if len(models) < 2:
        return None
    possible = entries.T.astype(np.int64) @ entries.astype(np.int64)
    seen = _seen(voter, track, prompts, models, entries)
    level, exhausted = _level(seen, possible)
    allowed = (possible - exhausted > 0) & ~np.eye(len(models), dtype=bool)
    strength, met, shown = _known(track, prompts, models)
    chances = pair_probabilities(strength, None, met, allowed=allowed)
    if not chances.sum() > 0:
        return None
    one, other = divmod(int(rng.choice(chances.size, p=chances.ravel() / chances.sum())), len(models))
    new = entries[:, one] & entries[:, other]
    for (prompt, low, high), times in seen.items():
        if times > level and {low, high} == {one, other}:
            new[prompt] = False
    (places,) = new.nonzero()
    chance = prompt_probabilities(shown[places], weights[places])
    if not chance.sum() > 0:  # all of its sets have weight 0
        return None
    prompt = int(prompts[rng.choice(places, p=chance)])
    sides = prompt_probabilities(np.array([met[one, other], met[other, one]]))
    if rng.random() >= sides[0]:
        one, other = other, one
    return Drawn(prompt, int(models[one]), int(models[other]), float(chances[one, other]))


def standing(track: Track) -> Standing:
    """From everybody's votes that count; of a moment ago where there are many."""
    key = f"arena:standing:{track.pk}"
    found: Standing = leaderboard.kept(key, columns.state(track), lambda: _standing(track))
    return found


def _standing(track: Track) -> Standing:
    votes = columns.read(track)
    n = len(votes.models)
    reasons = filters.reasons(votes, filters.rules(track, votes.prompts))
    among = boardquery.asked_for(votes, Query(voters=Voters.ALL)) & (reasons == 0)
    counts = tally(votes, among)
    connected = ratings.comparable(counts.counts, n)
    strength = np.full(n, np.nan)
    if len(connected) > 1:
        fit = ratings.fitted(counts.counts.only(connected), len(connected))
        strength[connected] = fit.strength
    shown = np.bincount(votes.prompt, minlength=len(votes.prompts)).astype(np.float64)
    return Standing(votes.models, strength, counts.met, votes.prompts, shown)


def _entries(track: Track) -> tuple[Ints, Ints, NDArray[np.bool_], Floats]:
    """Prompts (m,), models (n,), which model has a clip of which prompt (m, n), prompts' weights (m,)."""
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, {"track": track.pk, "task": track.task})
        rows = np.frombuffer(cursor.fetchone()[0] or b"", _ENTRY)
    prompts, prompt = np.unique(rows["prompt"].astype(np.int64), return_inverse=True)
    models, model = np.unique(rows["model"].astype(np.int64), return_inverse=True)
    has = np.zeros((len(prompts), len(models)), bool)
    has[prompt, model] = True
    weights = np.zeros(len(prompts))
    weights[prompt] = rows["weight"]
    return prompts, models, has, weights


def _seen(
    voter: Voter, track: Track, prompts: Ints, models: Ints, entries: NDArray[np.bool_]
) -> dict[tuple[int, int, int], int]:
    """How often the voter was shown each prompt with each pair that could be shown again, by places."""
    prompt_at = {pk: place for place, pk in enumerate(prompts.tolist())}
    model_at = {pk: place for place, pk in enumerate(models.tolist())}
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, [voter.pk, track.pk])
        rows = cursor.fetchall()
    found = {}
    for prompt, low, high, times in rows:
        if prompt in prompt_at and low in model_at and high in model_at:
            key = (prompt_at[prompt], model_at[low], model_at[high])
            if entries[key[0], key[1]] and entries[key[0], key[2]]:
                found[key] = times
    return found


def _level(seen: dict[tuple[int, int, int], int], possible: Ints) -> tuple[int, Ints]:
    """How often the voter saw what they saw least, and by pair how many prompts they saw more often."""
    everything = int(np.triu(possible, 1).sum())
    level = min(seen.values()) if seen and len(seen) == everything else 0
    more = np.zeros_like(possible)
    for (_prompt, low, high), times in seen.items():
        if times > level:
            more[low, high] += 1
            more[high, low] += 1
    return level, more


def _known(track: Track, prompts: Ints, models: Ints) -> tuple[Floats, Floats, Floats]:
    """Strengths (n,), meetings (n, n) and showings (m,) of these, battles that wait for a vote included."""
    known = standing(track)
    model_at = {pk: place for place, pk in enumerate(models.tolist())}
    prompt_at = {pk: place for place, pk in enumerate(prompts.tolist())}
    strength, met = np.full(len(models), np.nan), np.zeros((len(models), len(models)))
    places = [(place, model_at[pk]) for place, pk in enumerate(known.models.tolist()) if pk in model_at]
    if places:
        there, here = np.array(places).T
        strength[here] = known.strength[there]
        met[np.ix_(here, here)] = known.met[np.ix_(there, there)]
    shown = np.zeros(len(prompts))
    both = np.intersect1d(prompts, known.prompts, assume_unique=True, return_indices=True)
    shown[both[1]] = known.shown[both[2]]
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [track.pk])
        waiting = cursor.fetchall()
    for left, right, prompt in waiting:
        if left in model_at and right in model_at:
            met[model_at[left], model_at[right]] += 1
        if prompt in prompt_at:
            shown[prompt_at[prompt]] += 1
    return strength, met, shown
