"""Pages of the arena: vote, and read the leaderboard. The vote page talks to the API (`battle.js`)."""

import uuid
from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_safe

from annotation.models import Clip, Task
from arena import battles, leaderboard
from arena.leaderboard import Voters
from arena.models import Battle, Vote
from arena.ratings import Ties
from arena.visitors import known_voter, may_vote, visitors_welcome
from workbench import charts, media
from workbench.access import SignedInRequest, by_token_too, may
from workbench.home import Section


@require_GET
@visitors_welcome
def arena(request: HttpRequest) -> HttpResponse:
    """The board that has something to vote on, text-to-video first."""
    ready = Clip.objects.filter(state=Clip.State.READY, video_model__isnull=False)
    only_i2v = (
        not ready.filter(prompt__task=Task.T2V).exists() and ready.filter(prompt__task=Task.I2V).exists()
    )
    return redirect("arena_vote", Task.I2V if only_i2v else Task.T2V)


@require_GET
@ensure_csrf_cookie
@visitors_welcome
def vote(request: HttpRequest, task: str) -> HttpResponse:
    addresses = {
        "next": reverse("api:next_battle", args=[task]),
        "leaderboard": reverse("arena_leaderboard", args=[task]),
    }
    context = {"task": Task(task), "tasks": list(Task), "texts": _texts(), "addresses": addresses}
    return render(request, "arena/battle.html", context | {"may_clips": may(request.user, "clips")})


@require_GET
@visitors_welcome
def leaderboard_page(request: HttpRequest, task: str) -> HttpResponse:
    method = _chosen(Ties, request.GET.get("method"), Ties.HALF_WINS)
    voters = _chosen(Voters, request.GET.get("voters"), Voters.PEOPLE)
    shown = leaderboard.board(Task(task), method, voters)
    context: dict[str, Any] = {
        "task": Task(task),
        "tasks": list(Task),
        "board": shown,
        "davidson": method is Ties.DAVIDSON,
        "all_voters": voters is Voters.ALL,
        "query": request.GET.urlencode(),
        "any_simulated": shown.simulated or Vote.objects.filter(simulated=True, battle__task=task).exists(),
        "rated": [asdict(row) for row in shown.rows if row.rating is not None],
        "csv": f"{reverse('api:leaderboard_csv', args=[task])}?method={method}&voters={voters}",
        "chart_words": charts.words(),
    }
    return render(request, "arena/leaderboard.html", context)


@require_safe
@by_token_too
@visitors_welcome
def clip(request: HttpRequest, address: uuid.UUID) -> HttpResponseBase:
    """A clip of a battle, as judged, to the one whose battle it is."""
    rendition = battles.rendition_at(address, known_voter(request))
    if rendition is None:
        raise Http404
    return media.serve(request, rendition.file, "video/mp4")


@require_safe
@by_token_too
@visitors_welcome
def first_frame(request: HttpRequest, battle_id: uuid.UUID) -> HttpResponseBase:
    """The picture that the clips of a battle start from."""
    voter = known_voter(request)
    battle = (
        Battle.objects.select_related("prompt").filter(pk=battle_id, voter=voter).first() if voter else None
    )
    if battle is None or not battle.prompt.first_frame:
        raise Http404
    return media.serve(request, battle.prompt.first_frame, "image/png")


def home_section(request: SignedInRequest) -> Section | None:
    """On the home page: vote, and who leads."""
    if not may_vote(request.user):
        return None
    boards = [
        {
            "task": task,
            "votes": shown.votes,
            "first": next((row for row in shown.rows if row.rank == 1), None),
        }
        for task in Task
        if (shown := leaderboard.board(task)).votes
    ]
    return Section("arena/home_section.html", {"boards": boards})


def _chosen(kind: Any, given: str | None, default: Any) -> Any:
    return kind(given) if given in set(kind) else default


def _texts() -> dict[str, object]:
    """What the vote page's script says; it has no words of its own."""
    return {
        "spoken": {
            "left": _("You found A better."),
            "right": _("You found B better."),
            "tie": _("You called it a tie."),
            "both_bad": _("You found both bad."),
        },
        "rating": _("rating {n}"),
        "unrated": _("no rating yet"),
        "tooFast": _("That was fast: this vote is kept, but left out of the ratings."),
        "nothing": {
            "enough_today": _(
                "Thank you: that was all that one person can vote in a day. Come back tomorrow."
            ),
            "no_pairs": _(
                "There is nothing to vote on yet: it takes a prompt with clips of two video models."
            ),
        },
        "unplayable": _("A clip does not play here. Take the next pair."),
        "offline": _("No connection. Your vote is kept here and sent again."),
        "error": _("Something went wrong here. Look again in a moment."),
    }
