"""API of the boards: ratings, figures, models and votes, under the names that pages and files use."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query as Parameters
from ninja import Router, Schema
from pydantic import Field

from annotation.models import Task
from arena import boardquery, leaderboard, tracks, visitors
from arena.boardquery import Scale, Voters, Weights
from arena.models import Track
from arena.ratings import Ties
from workbench.answers import Problem

router = Router(tags=["arena"], auth=visitors.AUTH)


class BoardAsked(Schema):
    """Which votes a board is computed from, and how."""

    method: Ties = Ties.HALF_WINS
    voters: Voters = Voters.PEOPLE
    category: list[str] = Field([], description="Slugs: prompts in each of them, or below it", max_length=8)
    since: date | None = Field(None, description="The first day, UTC")
    until: date | None = Field(None, description="The last day, UTC")
    scale: Scale = Scale.CENTRED
    weights: Weights = Field(Weights.NONE, description="inverse: as if all pairs had been drawn alike")
    deprecated: bool = Field(False, description="Show deprecated models too")
    least_votes: int | None = Field(None, ge=0, description="Null: the track's own number")

    def query(self) -> boardquery.Query:
        categories = tuple(sorted(set(self.category)))
        return boardquery.Query(**(self.model_dump(exclude={"category"}) | {"categories": categories}))


class TrackOut(Schema):
    slug: str
    task: Task
    name_en: str
    name_zh: str
    state: Track.State
    entry: Track.Entry
    anonymous: bool
    may_vote: bool = Field(description="Whether the caller gets battles of it")
    least_votes: int
    anchor: str | None


class RowOut(Schema):
    rank: int | None = Field(description="1 + the number of models whose whole interval lies above")
    rank_worst: int | None = Field(description="The last place that the intervals leave possible")
    model: str
    name: str
    organisation: str
    rating: float | None = Field(description="Elo scale; null while not comparable")
    low: float | None = Field(description="95 % interval")
    high: float | None
    delta: float | None = Field(description="To the rating on the overall board, where this one is narrower")
    votes: int
    win_rate: float = Field(description="Wins and half of the ties, by votes")
    both_bad_share: float
    licence: str
    released: date | None
    price_per_second: float | None = Field(description="US dollars for a second of video")
    seconds_per_second: float | None = Field(description="Waiting for a second of video")
    deprecated: bool


class BoardOut(Schema):
    track: str
    method: Ties
    voters: Voters
    categories: list[str]
    since: date | None
    until: date | None
    weights: Weights
    anchor: str | None = Field(description="The model fixed at 1000; null: centred at 1000")
    votes: int = Field(description="Votes that the ratings were computed from")
    simulated: int = Field(description="How many of them simulated voters gave")
    left_out: dict[str, int] = Field(description="Votes left out, by reason")
    up_to: datetime | None = Field(description="When the latest of these votes was given")
    left_bias: float | None = Field(description="Elo points by which the left side is favoured")
    left_bias_low: float | None
    left_bias_high: float | None
    tie_parameter: float | None = Field(description="Davidson's nu, or Rao and Kupper's theta")
    prior: bool = Field(description="A weak prior holds the ratings: somebody won or lost everything")
    both_bad_share: float | None
    hidden: int = Field(description="Models not shown: deprecated, or with too few votes")
    rows: list[RowOut]


Asked = Annotated[BoardAsked, Parameters()]


@router.get("/tracks", response=list[TrackOut])
def track_list(request: HttpRequest) -> list[dict[str, Any]]:
    """The tracks that the caller may see."""
    return [shown_track(request, track) for track in tracks.seen_by(request.user)]


@router.get("/{track}/leaderboard", response={200: BoardOut})
def board(request: HttpRequest, track: str, asked: Asked) -> leaderboard.Board:
    """Ratings of a track's video models, with 95 % intervals clustered by prompt and voter."""
    return leaderboard.board(tracks.find(request.user, track), asked.query())


@router.get("/{track}/leaderboard.csv", url_name="leaderboard_csv")
def board_csv(request: HttpRequest, track: str, asked: Asked) -> HttpResponse:
    """The rows of the leaderboard as CSV, under the same names."""
    shown = leaderboard.board(tracks.find(request.user, track), asked.query())
    return csv_file("".join(leaderboard.as_csv(shown)), f"leaderboard-{track}.csv")


def csv_file(text: str, name: str) -> HttpResponse:
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def shown_track(request: HttpRequest, track: Track) -> dict[str, Any]:
    names = ("slug", "task", "name_en", "name_zh", "state", "entry", "anonymous", "least_votes")
    told = {name: getattr(track, name) for name in names}
    anchor = track.anchor.slug if track.anchor else None
    return told | {"may_vote": tracks.may_vote(request.user, track), "anchor": anchor}
