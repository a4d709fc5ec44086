"""Who votes: people with an account, and, where `ARENA_OPEN` says so, visitors without one.

A visitor is known by an id in the session, whose cookie only this site can have set; it is made with their
first battle. What one address may ask in an hour is limited, and how many visitors it may be, since a visitor
can throw the cookie away.
"""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from ninja.security.apikey import APIKeyCookie

from arena.battles import tracks
from arena.models import Track, Voter
from workbench.access import TokenAuth, may
from workbench.models import User
from workbench.people import throttle
from workbench.refusals import Missing, TooMany

P = ParamSpec("P")
_KEY = "arena_voter"


def may_vote(user: Any) -> bool:
    """True for people with an account, and for visitors where the arena is open to them."""
    return may(user, "vote") if user.is_authenticated else bool(settings.ARENA_OPEN)


def visitors_welcome(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Decorate a view: visitors are let in where the arena is open, else sent to the login page."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not may_vote(request.user):
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", guarded)


def on_track(
    view: Callable[Concatenate[HttpRequest, Track, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, str, P], HttpResponseBase]:
    """Decorate a view of a track, which gets the track for its slug: 404 for those who may not see it, the
    login page for visitors who could if they had an account.
    """

    @functools.wraps(view)
    def found(request: HttpRequest, track: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            there = tracks.find(request.user, track)
        except Missing as missing:
            if request.user.is_authenticated:
                raise Http404(missing.message) from missing
            return redirect_to_login(request.get_full_path())
        return view(request, there, *args, **kwargs)

    return cast("Callable[Concatenate[HttpRequest, str, P], HttpResponseBase]", found)


class VisitorAuth(APIKeyCookie):
    """The session of a browser, logged in or not, with CSRF protection; 401 where visitors are not let in."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Any | None:
        return super().__call__(request) if may_vote(request.user) else None

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        return request.user if request.user.is_authenticated else "visitor"


AUTH = [TokenAuth(), VisitorAuth()]


def known_voter(request: HttpRequest) -> Voter | None:
    """Who asks, if they have been given a battle before."""
    if isinstance(request.user, User):
        return Voter.objects.filter(user=request.user).first()
    known = request.session.get(_KEY)
    return Voter.objects.filter(pk=known, user=None).first() if known else None


def voter(request: HttpRequest) -> Voter:
    """Who asks; a row is made for them if they are new. Raises TooMany where their address made many."""
    if isinstance(request.user, User):
        return Voter.objects.get_or_create(user=request.user)[0]
    found = known_voter(request)
    if found is None:
        if throttle.count("arena_new", throttle.address(request), 3600) > settings.ARENA_NEW_VISITORS:
            raise TooMany(
                "too_many_visitors",
                _("Very many visitors came from where you are. Come back in an hour, or log in."),
            )
        found = Voter.objects.create()
        request.session[_KEY] = str(found.pk)
    return found


def throttled(request: HttpRequest) -> None:
    """Count a visitor's request; raises TooMany where their address has had its share of the hour."""
    if request.user.is_authenticated:
        return
    if throttle.count("arena", throttle.address(request), 3600) > settings.ARENA_VISITOR_REQUESTS:
        raise TooMany(
            "too_many", _("There were very many requests from where you are. Come back in an hour.")
        )
