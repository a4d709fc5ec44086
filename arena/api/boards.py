"""API of the boards: ratings, figures, models and votes, under the names that pages and files use."""

import uuid
from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Query as Parameters
from ninja import Router, Schema
from pydantic import Field

from annotation.models import Task, VideoModel
from arena.battles import tracks, visitors
from arena.boards import boardquery, figures, leaderboard, watching
from arena.boards.boardquery import Scale, Voters, Weights
from arena.models import Answer, Track
from arena.ratings import Intervals, Ties
from arena.votes.cliplooks import Look
from workbench.refusals import Missing

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
    intervals: Intervals = Field(Intervals.SANDWICH, description="bootstrap: need not be symmetric; slower")
    covariates: list[Look] = Field(
        [], description="Looks of the clips to hold equal (style control); intervals are by sandwich then"
    )
    deprecated: bool = Field(False, description="Show deprecated models too")
    least_votes: int | None = Field(None, ge=0, description="Null: the track's own number")

    def query(self) -> boardquery.Query:
        categories = tuple(sorted(set(self.category)))
        covariates = tuple(look for look in Look if look in self.covariates)
        changed = {"categories": categories, "covariates": covariates}
        return boardquery.Query(**(self.model_dump(exclude={"category"}) | changed))


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


class SwayOut(Schema):
    look: Look
    elo: float | None = Field(
        description="For a standard deviation more; null: can't be told from the models"
    )
    low: float | None = Field(description="95 % interval")
    high: float | None
    unit: float = Field(
        description="The standard deviation: of brightness (0 to 1), of colourfulness, or of the natural"
        " logarithm of the length or the motion"
    )


class BoardOut(Schema):
    track: str
    method: Ties
    voters: Voters
    categories: list[str]
    since: date | None
    until: date | None
    weights: Weights
    intervals: Intervals
    anchor: str | None = Field(description="The model fixed at 1000; null: centred at 1000")
    votes: int = Field(description="Votes that the ratings were computed from")
    simulated: int = Field(description="How many of them simulated voters gave")
    any_simulated: bool = Field(description="Whether simulated voters voted on this track at all")
    left_out: dict[str, int] = Field(description="Votes left out, by reason")
    up_to: datetime | None = Field(description="When the latest of these votes was given")
    left_bias: float | None = Field(description="Elo points by which the left side is favoured")
    left_bias_low: float | None
    left_bias_high: float | None
    tie_parameter: float | None = Field(description="Davidson's nu, or Rao and Kupper's theta")
    prior: bool = Field(description="A weak prior holds the ratings: somebody won or lost everything")
    both_bad_share: float | None
    hidden: int = Field(description="Models not shown: deprecated, or with too few votes")
    covariates: list[SwayOut] = Field(description="What the looks that are held equal do to votes")
    unmeasured: int = Field(description="Votes on clips whose looks were not measured: taken to look alike")
    rows: list[RowOut]


class NamedModel(Schema):
    model: str
    name: str


class MatricesOut(Schema):
    models: list[NamedModel] = Field(description="As the board shows them: rows and columns are theirs")
    battles: list[list[int]] = Field(description="Votes between two models, whichever side they were on")
    win_fraction: list[list[float | None]] = Field(description="The row's over the column; ties are half")


class HistoryLine(NamedModel):
    ratings: list[float | None] = Field(description="Online Elo at each time; null before the first vote")
    low: float | None = Field(description="95 % of the last, over orders of the votes")
    high: float | None


class HistoryOut(Schema):
    at: list[datetime]
    votes: list[int] = Field(description="Votes until then")
    lines: list[HistoryLine]


class OpponentOut(NamedModel):
    rating: float | None
    votes: int
    win_fraction: float = Field(description="Of the model over this opponent; ties are half a win")


class BattleOver(Schema):
    id: uuid.UUID
    text_en: str
    text_zh: str
    answer: Answer
    at: datetime
    left: str
    left_name: str
    right: str
    right_name: str
    left_src: str
    right_src: str

    @staticmethod
    def resolve_left_src(over: watching.Over) -> str:
        return reverse("arena_watch", args=[over.left_address])

    @staticmethod
    def resolve_right_src(over: watching.Over) -> str:
        return reverse("arena_watch", args=[over.right_address])


class SheetOut(Schema):
    row: RowOut | None = Field(description="As on the overall board; null without votes")
    opponents: list[OpponentOut]
    best: list[BattleOver]
    worst: list[BattleOver]


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


@router.get("/{track}/matrices", response=MatricesOut)
def board_matrices(request: HttpRequest, track: str, asked: Asked) -> figures.Matrices:
    """Who beats whom and how often they met, of the models that the board shows, in its order."""
    return figures.matrices(tracks.find(request.user, track), asked.query())


@router.get("/{track}/matrices.csv", url_name="matrices_csv")
def board_matrices_csv(request: HttpRequest, track: str, asked: Asked) -> HttpResponse:
    """The matrices as lines: model, opponent, votes, win_fraction."""
    found = figures.matrices(tracks.find(request.user, track), asked.query())
    return csv_file("".join(figures.matrices_csv(found)), f"matrices-{track}.csv")


@router.get("/{track}/history", response=HistoryOut)
def board_history(request: HttpRequest, track: str, asked: Asked) -> figures.History:
    """Online Elo over time, from all votes that count, in the order they came."""
    return figures.history(tracks.find(request.user, track), asked.query())


@router.get("/{track}/history.csv", url_name="history_csv")
def board_history_csv(request: HttpRequest, track: str, asked: Asked) -> HttpResponse:
    """The history as lines: at, votes, model, rating."""
    found = figures.history(tracks.find(request.user, track), asked.query())
    return csv_file("".join(figures.history_csv(found)), f"history-{track}.csv")


@router.get("/{track}/models/{model}", response=SheetOut)
def board_model(request: HttpRequest, track: str, model: str) -> watching.Sheet:
    """A model's row, its opponents, and battles that are over: the best won, the worst lost."""
    found = tracks.find(request.user, track)
    row = VideoModel.objects.filter(slug=model).first()
    if row is None:
        raise Missing("no_such_model", _("There is no such video model."), where="path.model")
    return watching.sheet(found, row, visitors.known_voter(request))
