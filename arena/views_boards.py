"""Pages of the boards: a track's leaderboard and its figures, and each video model's own page."""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from arena import boardquery, leaderboard, tracks
from arena.boardquery import Voters
from arena.models import Track, Vote
from arena.ratings import Ties
from arena.visitors import on_track
from workbench import charts


@require_GET
@on_track
def leaderboard_page(request: HttpRequest, track: Track) -> HttpResponse:
    query = boardquery.parsed(request.GET.dict(), request.GET.getlist("category"))
    shown = leaderboard.board(track, query)
    any_simulated = Vote.objects.filter(simulated=True, battle__track=track).exists()
    context: dict[str, Any] = {
        "track": track,
        "tracks": tracks.seen_by(request.user),
        "board": shown,
        "davidson": query.method is Ties.DAVIDSON,
        "all_voters": query.voters is Voters.ALL,
        "query": request.GET.urlencode(),
        "any_simulated": bool(shown.simulated) or any_simulated,
        "rated": [asdict(row) for row in shown.rows if row.rating is not None],
        "csv": f"{reverse('api:leaderboard_csv', args=[track.slug])}?{request.GET.urlencode()}",
        "chart_words": charts.words(),
    }
    return render(request, "arena/leaderboard.html", context)
