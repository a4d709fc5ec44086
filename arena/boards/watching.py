"""A video model on a track: its opponents, and battles that are over, to watch: the best won, the worst lost.

The best are wins over the opponents rated highest, the worst are losses to those rated lowest; one of each
opponent, the latest whose vote counts. The prompt of a battle that the asker has open is left out, since it
would tell who is who.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from annotation.models import Rendition, VideoModel
from arena.boards import leaderboard
from arena.boards.boardquery import Query
from arena.models import Answer, Battle, Track, Voter
from arena.votes import columns, filters
from arena.votes.tally import tally

SHOWN = 4
"""Battles of each kind at most."""


@dataclass(frozen=True)
class Opponent:
    model: str
    name: str
    rating: float | None
    votes: int
    win_fraction: float
    """Of this model over the opponent; ties are half a win."""


@dataclass(frozen=True)
class Over:
    """A battle that is over, with the model of the page on one side."""

    id: uuid.UUID
    text_en: str
    text_zh: str
    answer: Answer
    at: datetime
    left: str
    left_name: str
    right: str
    right_name: str
    left_address: uuid.UUID
    right_address: uuid.UUID


@dataclass(frozen=True)
class Sheet:
    """What a model's page shows."""

    row: leaderboard.Row | None
    """As on the board, deprecated or with few votes or not; None without votes."""
    opponents: list[Opponent]
    best: list[Over]
    worst: list[Over]


def sheet(track: Track, model: VideoModel, asker: Voter | None) -> Sheet:
    query = Query(deprecated=True, least_votes=0)
    board = leaderboard.board(track, query)
    rows = {row.model: row for row in board.rows}
    opponents = _opponents(track, model, query, rows)
    best: list[Over] = []
    worst: list[Over] = []
    if track.battles_shown:
        rated = sorted(
            (one for one in opponents if one.rating is not None), key=lambda one: -(one.rating or 0)
        )
        best = _battles(track, model, [one.model for one in rated], asker, won=True)
        worst = _battles(track, model, [one.model for one in reversed(rated)], asker, won=False)
    return Sheet(rows.get(model.slug), opponents, best, worst)


def rendition_over(address: uuid.UUID, asker: Voter | None) -> Rendition | None:
    """The clip at an address of a battle that was voted on, if its track shows them; else None."""
    for side in ("left", "right"):
        found = _over(asker).filter(**{f"{side}_address": address}, track__battles_shown=True).first()
        if found is not None:
            clip = getattr(found, f"{side}_id")
            return Rendition.objects.filter(clip=clip, fps=None, seconds=None).first()
    return None


def _opponents(
    track: Track, model: VideoModel, query: Query, rows: dict[str, leaderboard.Row]
) -> list[Opponent]:
    votes = columns.read(track)
    if model.pk not in votes.models:
        return []
    counts = tally(votes, leaderboard.counted(track, query, votes).among)
    slugs = columns.slugs(votes)
    own = slugs.index(model.slug)
    met, won = (counts.met + counts.met.T)[own], counts.won[own]
    found = [
        Opponent(slug, rows[slug].name, rows[slug].rating, int(met[place]), float(won[place] / met[place]))
        for place, slug in enumerate(slugs)
        if met[place] and slug in rows
    ]
    return sorted(found, key=lambda one: -(one.rating or 0))


def _battles(
    track: Track, model: VideoModel, opponents: list[str], asker: Voter | None, won: bool
) -> list[Over]:
    """The latest battle won against (or lost to) each of the first opponents that have one."""
    leaking = filters.leaking(track, columns.read(track).prompts.tolist())
    ruled_out = track.rulings.exclude(kind="cleared").values("voter")
    rows = _over(asker).filter(track=track, vote__too_fast=False, vote__simulated=False)
    rows = rows.exclude(prompt__in=leaking).exclude(voter__in=ruled_out)
    rows = rows.select_related("prompt", "vote", "left_model", "right_model").order_by("-shown_at")
    better, worse = (Answer.LEFT, Answer.RIGHT) if won else (Answer.RIGHT, Answer.LEFT)
    found = []
    for slug in opponents:
        on_left = rows.filter(left_model=model, right_model__slug=slug, vote__answer=better)
        on_right = rows.filter(right_model=model, left_model__slug=slug, vote__answer=worse)
        battle = max(
            (one for one in (on_left.first(), on_right.first()) if one),
            key=lambda one: one.shown_at,
            default=None,
        )
        if battle is not None:
            found.append(_shown(battle))
        if len(found) == SHOWN:
            break
    return found


def _over(asker: Voter | None) -> QuerySet[Battle]:
    rows = Battle.objects.filter(state=Battle.State.VOTED)
    if asker is not None:
        open_now = Battle.objects.filter(voter=asker, state=Battle.State.OPEN)
        rows = rows.exclude(prompt__in=open_now.values("prompt"))
    return rows


def _shown(battle: Battle) -> Over:
    return Over(
        id=battle.pk,
        text_en=battle.prompt.text_en,
        text_zh=battle.prompt.text_zh,
        answer=Answer(battle.vote.answer),
        at=battle.vote.created_at,
        left=battle.left_model.slug,
        left_name=battle.left_model.name,
        right=battle.right_model.slug,
        right_name=battle.right_model.name,
        left_address=battle.left_address,
        right_address=battle.right_address,
    )
