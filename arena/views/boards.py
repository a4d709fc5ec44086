"""Pages of the boards: a track's leaderboard with its figures, bare to embed, and each video model's page."""

import math
import uuid
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from csp.decorators import csp_replace
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_GET, require_safe

from annotation.models import Category, VideoModel
from annotation.prompts.taxonomy import in_order
from arena.battles import tracks
from arena.battles.visitors import known_voter, on_track, visitors_welcome
from arena.boards import boardquery, leaderboard, watching
from arena.boards.boardquery import Query, Scale, Voters, Weights
from arena.boards.leaderboard import Board, Sway
from arena.models import Track
from arena.ratings import Intervals, Ties
from arena.votes import filters
from arena.votes.cliplooks import Look
from arena.votes.filters import Reason
from workbench import charts, media
from workbench.access import by_token_too, may

PERIODS = (7, 30, 90, 365)
LOOKS = {
    Look.LENGTH: gettext_lazy("length"),
    Look.BRIGHTNESS: gettext_lazy("brightness"),
    Look.COLOURFULNESS: gettext_lazy("colourfulness"),
    Look.MOTION: gettext_lazy("amount of motion"),
}


@require_GET
@on_track
def leaderboard_page(request: HttpRequest, track: Track) -> HttpResponse:
    """The board; with `?part`, only what changes with a new vote."""
    query = _asked(request)
    context = _board(request, track, query)
    if "part" in request.GET:
        return render(request, "arena/leaderboard_part.html", context)
    return render(request, "arena/leaderboard.html", context | _choices(request, track, query))


@require_GET
@on_track
def embed(request: HttpRequest, track: Track) -> HttpResponseBase:
    """The table alone, for a frame on another site, where `ARENA_EMBED_ORIGINS` names that site."""
    query = _asked(request)
    response: HttpResponseBase = render(request, "arena/embed.html", _board(request, track, query))
    if settings.ARENA_EMBED_ORIGINS:
        framed = csp_replace({"frame-ancestors": settings.ARENA_EMBED_ORIGINS})
        response = framed(xframe_options_exempt(lambda _request: response))(request)
    return response


@require_GET
@on_track
def model_page(request: HttpRequest, track: Track, model: str) -> HttpResponse:
    found = get_object_or_404(VideoModel, slug=model)
    chinese = (get_language() or "en").startswith("zh")
    sheet = watching.sheet(track, found, known_voter(request))
    context = {
        "track": track,
        "model": found,
        "sheet": sheet,
        "battles": [
            (_("Best battles: won against the strongest"), sheet.best),
            (_("Worst battles: lost to the weakest"), sheet.worst),
        ],
        "chinese": chinese,
    }
    return render(request, "arena/model.html", context)


@require_safe
@by_token_too
@visitors_welcome
def watch(request: HttpRequest, address: uuid.UUID) -> HttpResponseBase:
    """A clip of a battle that is over, on a track that shows them."""
    rendition = watching.rendition_over(address, known_voter(request))
    if rendition is None:
        raise Http404
    return media.serve(request, rendition.file, "video/mp4")


def _asked(request: HttpRequest) -> Query:
    given = request.GET
    return boardquery.parsed(given.dict(), given.getlist("category"), given.getlist("covariates"))


def _board(request: HttpRequest, track: Track, query: Query) -> dict[str, Any]:
    shown = leaderboard.board(track, query)
    rated = [asdict(row) for row in shown.rows if row.rating is not None]
    return {
        "track": track,
        "board": shown,
        "narrowed": query.narrowed,
        "apart": query.apart,
        "left_out": _left_out(shown),
        "sways": [(sway, *_look_said(sway)) for sway in shown.covariates],
        "rated": [_plain(row) for row in rated],
        "speeds": any(row["seconds_per_second"] for row in rated),
        "prices": any(row.price_per_second is not None for row in shown.rows),
        "waits": any(row.seconds_per_second is not None for row in shown.rows),
        "any_simulated": shown.any_simulated,
    }


def _choices(request: HttpRequest, track: Track, query: Query) -> dict[str, Any]:
    """What the form offers, and where the files are."""
    asked = request.GET.copy()
    asked.pop("part", None)
    parameters = _parameters(query)
    files = {
        name: f"{reverse(f'api:{name}', args=[track.slug])}?{parameters}"
        for name in ("leaderboard_csv", "matrices_csv", "history_csv", "votes_csv")
    }
    return {
        "tracks": tracks.seen_by(request.user),
        "may_vote": tracks.may_vote(request.user, track),
        "query": asked.urlencode(),
        "asked": query,
        "methods": [
            (Ties.HALF_WINS, _("half a win each (Bradley–Terry)")),
            (Ties.DAVIDSON, _("an outcome of their own (Davidson)")),
            (Ties.RAO_KUPPER, _("too close to tell (Rao–Kupper)")),
        ],
        "whose": [
            (Voters.PEOPLE, _("people")),
            (Voters.ACCOUNTS, _("people who were logged in")),
            (Voters.ALL, _("people and simulated voters")),
        ],
        "days": request.GET.get("days", ""),
        "periods": PERIODS,
        "groups": _groups(query),
        "looks": [(look, str(LOOKS[look]), look in query.covariates) for look in Look],
        "anchored": query.scale is Scale.ANCHORED,
        "inverse": query.weights is Weights.INVERSE,
        "bootstrap": query.intervals is Intervals.BOOTSTRAP,
        "files": files,
        "addresses": {
            "part": f"{reverse('arena_leaderboard', args=[track.slug])}?{asked.urlencode()}&part",
            "matrices": f"/api/arena/{track.slug}/matrices?{parameters}",
            "history": f"/api/arena/{track.slug}/history?{parameters}",
            "socket": f"/ws/arena/{track.slug}/",
        },
        "may_export": may(request.user, "export"),
        "chart_words": charts.words(),
        "chart_texts": _chart_texts(),
    }


def _parameters(query: Query) -> str:
    """The query as the API takes it."""
    pairs: list[tuple[str, Any]] = [("category", slug) for slug in query.categories]
    pairs += [("covariates", look) for look in query.covariates]
    for name in ("method", "voters", "since", "until", "scale", "weights", "intervals", "least_votes"):
        value = getattr(query, name)
        if value is not None:
            pairs.append((name, value))
    if query.deprecated:
        pairs.append(("deprecated", "true"))
    return urlencode(pairs)


def _groups(query: Query) -> list[dict[str, Any]]:
    """The taxonomy by its roots: a choice each; what is chosen is marked."""
    found: list[dict[str, Any]] = []
    for category, depth in in_order():
        if depth == 0:
            found.append({"slug": category.slug, "name": _named(category), "options": [], "chosen": False})
        option = (category.slug, "\u2003" * depth + (_named(category) if depth else _("all of it")))
        found[-1]["options"].append((*option, category.slug in query.categories))
        found[-1]["chosen"] |= category.slug in query.categories
    return found


def _named(category: Category) -> str:
    return category.name_zh if (get_language() or "en").startswith("zh") else category.name_en


def _look_said(sway: Sway) -> tuple[str, str]:
    """The look's name, and what a standard deviation more of it is."""
    if sway.look in (Look.LENGTH, Look.MOTION):
        more = _("%(n)s times as much") % {"n": f"{math.exp(sway.unit):.2f}"}
    else:
        more = f"+{sway.unit:.2f}" if sway.look is Look.BRIGHTNESS else f"+{sway.unit:.1f}"
    return str(LOOKS[sway.look]), more


def _left_out(shown: Board) -> list[tuple[int, str]]:
    return [(shown.left_out[why.key], str(filters.SAID[why])) for why in Reason if why.key in shown.left_out]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """For JSON."""
    return {name: value for name, value in row.items() if name != "released"}


def _chart_texts() -> dict[str, str]:
    """What the figures say; their script has no words of its own."""
    return {
        "rating": _("rating"),
        "speed": _("speed: seconds of video made in a second"),
        "win_fraction": _("%{y} wins %{customdata:.0%} against %{x}"),
        "battles": _("%{y} and %{x}: %{customdata} votes"),
    }
