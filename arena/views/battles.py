"""Pages of the arena where people vote. The page talks to the API (`battle.js`)."""

import uuid

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_safe

from annotation.models import Clip, Task
from arena.battles import tracks, voting
from arena.battles.visitors import known_voter, may_vote, on_track, visitors_welcome
from arena.boards import leaderboard
from arena.models import Battle, Track
from workbench import media
from workbench.access import SignedInRequest, by_token_too, may
from workbench.home import Section


@require_GET
@visitors_welcome
def arena(request: HttpRequest) -> HttpResponse:
    """The track that has something to vote on, text-to-video first."""
    ready = Clip.objects.filter(state=Clip.State.READY, video_model__isnull=False)
    only_i2v = (
        not ready.filter(prompt__task=Task.T2V).exists() and ready.filter(prompt__task=Task.I2V).exists()
    )
    return redirect("arena_vote", Task.I2V if only_i2v else Task.T2V)


@require_GET
@ensure_csrf_cookie
@on_track
def vote(request: HttpRequest, track: Track) -> HttpResponse:
    if track.state == Track.State.OPEN and not tracks.may_vote(request.user, track):
        return redirect_to_login(request.get_full_path())
    addresses = {
        "next": reverse("api:next_battle", args=[track.slug]),
        "leaderboard": reverse("arena_leaderboard", args=[track.slug]),
    }
    context = {
        "track": track,
        "tracks": tracks.seen_by(request.user),
        "texts": _texts(),
        "addresses": addresses,
    }
    return render(request, "arena/battle.html", context | {"may_clips": may(request.user, "clips")})


@require_safe
@by_token_too
@visitors_welcome
def clip(request: HttpRequest, address: uuid.UUID) -> HttpResponseBase:
    """A clip of a battle, as judged, to the one whose battle it is."""
    rendition = voting.rendition_at(address, known_voter(request))
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
            "track": track,
            "votes": shown.votes,
            "first": next((row for row in shown.rows if row.rank == 1), None),
        }
        for track in tracks.seen_by(request.user)
        if (shown := leaderboard.board(track)).votes
    ]
    return Section("arena/home_section.html", {"boards": boards})


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
            "closed": _("This track is closed: it takes no more votes. Its board stays."),
            "no_pairs": _(
                "There is nothing to vote on yet: it takes a prompt with clips of two video models."
            ),
        },
        "unplayable": _("A clip does not play here. Take the next pair."),
        "offline": _("No connection. Your vote is kept here and sent again."),
        "error": _("Something went wrong here. Look again in a moment."),
    }
