"""Who may do what: the one place that says it, for pages and API alike.

A role has a set of capabilities; a view or an API operation names the capability it needs. Rows that belong
to somebody (an assignment, a token) are fetched together with their owner check where they are used, and
answer 404 to anybody else, so that an address tells nothing.
"""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from axes.helpers import get_client_ip_address
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja.errors import AuthenticationError
from ninja.security import HttpBearer
from ninja.security import SessionAuth as NinjaSessionAuth

from workbench import prepared
from workbench.models import ApiToken, AuditEntry, Role, User, hash_token

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)

CAPABILITIES: dict[str, frozenset[str]] = {
    Role.ANNOTATOR: frozenset({"label", "vote"}),
    Role.EXPERT: frozenset({"label", "score", "vote"}),
    Role.ENGINEER: frozenset(
        {"label", "vote", "clips", "campaigns.view", "evaluate", "export", "runs", "runs.launch"}
    ),
    Role.MANAGER: frozenset(
        {
            "label",
            "score",
            "vote",
            "clips",
            "campaigns.view",
            "campaigns.manage",
            "evaluate",
            "export",
            "runs",
            "runs.launch",
            "people",
            "audit",
        }
    ),
}


class SignedInRequest(HttpRequest):
    """A request whose user is known: what views behind `needs` get."""

    user: User


def may(user: Any, capability: str) -> bool:
    """True if this user's role has the capability. Anonymous and inactive users may nothing."""
    if not getattr(user, "is_active", False):
        return False
    return bool(user.is_superuser) or capability in CAPABILITIES.get(user.role, frozenset())


def needs(
    capability: str, *, token: bool = False
) -> Callable[[Callable[Concatenate[SignedInRequest, P], R]], Callable[Concatenate[HttpRequest, P], R]]:
    """Decorate a view: anonymous people are sent to the login page, others without the capability get 403.

    With `token`, the API's tokens open it too: for files that a program fetches, with GET or HEAD.
    """

    def decorate(
        view: Callable[Concatenate[SignedInRequest, P], R],
    ) -> Callable[Concatenate[HttpRequest, P], R]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> R:
            require(request.user, capability)
            return view(cast("SignedInRequest", request), *args, **kwargs)

        entrance = login_required(guarded)
        return cast("Callable[Concatenate[HttpRequest, P], R]", by_token_too(entrance) if token else entrance)

    return decorate


def by_token_too(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorate a view that serves a file: `Authorization: Bearer wb_…` makes the request its user's."""

    @functools.wraps(view)
    def entered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and request.method in {"GET", "HEAD"}:
            try:
                TokenAuth().authenticate(request, token)
            except AuthenticationError as error:
                return HttpResponse(str(error), status=401, content_type="text/plain; charset=utf-8")
        return view(request, *args, **kwargs)

    return entered


def require(user: Any, capability: str) -> None:
    """Raise PermissionDenied (403) unless the user has the capability; for API operations."""
    if not may(user, capability):
        raise PermissionDenied(
            _("Your role does not allow this; it needs “%(what)s”.") % {"what": capability}
        )


class TokenAuth(HttpBearer):
    """`Authorization: Bearer wb_…`: acts as the token's user. A token that is no good is an error (401)."""

    def authenticate(self, request: HttpRequest, token: str) -> User:
        with prepared.cursor() as cursor:
            cursor.execute(_USER_OF_TOKEN, [hash_token(token)])
            row = cursor.fetchone()
        now = timezone.now()
        if row is None or (row[1] and row[1] <= now):
            raise AuthenticationError(message=_("This token is unknown, expired or revoked."))
        token_id, _expires_at, last_used_at, *values = row
        if last_used_at is None or (now - last_used_at).total_seconds() > 60:
            ApiToken.objects.filter(pk=token_id).update(last_used_at=now)
        user = User.from_db("default", _USER_FIELDS, values)
        request.user = user
        return user


# Written out, since every call of a program goes through it and building it would cost more than asking it.
_USER_FIELDS = [field.attname for field in User._meta.concrete_fields]
_USER_OF_TOKEN = f"""
SELECT t.id, t.expires_at, t.last_used_at, {", ".join(f"u.{name}" for name in _USER_FIELDS)}
FROM workbench_apitoken t JOIN workbench_user u ON u.id = t.user_id
WHERE t.token_hash = %s AND t.revoked_at IS NULL AND u.is_active
"""  # noqa: S608 (names of columns, no value)


class SessionAuth(NinjaSessionAuth):
    """The session of a logged-in browser, with CSRF protection; nobody's is 401, not a CSRF failure."""

    def __call__(self, request: HttpRequest) -> Any | None:
        return super().__call__(request) if request.user.is_authenticated else None


# The token first: a script that sends one has no CSRF cookie.
API_AUTH = [TokenAuth(), SessionAuth()]


def audit(request: HttpRequest | None, action: str, subject: Any = None, **detail: Any) -> None:
    """Write an audit entry. `action` is like "campaign.open"; `subject` a model row; detail plain JSON."""
    user = getattr(request, "user", None)
    AuditEntry.objects.create(
        actor=user if user is not None and user.is_authenticated else None,
        action=action,
        subject_type=subject._meta.model_name if subject is not None else "",
        subject_id=str(subject.pk) if subject is not None else "",
        detail=detail,
        ip=get_client_ip_address(request) if request is not None else None,
    )


def page_context(request: HttpRequest) -> dict[str, Any]:
    """For templates: `can` answers `{% if can.label %}`; capabilities with a dot use an underscore."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"can": {"vote": settings.ARENA_OPEN}}
    everything = frozenset().union(*CAPABILITIES.values())
    return {
        "can": {name.replace(".", "_"): may(user, name) for name in everything},
        "unread_notices": user.notices.filter(read_at=None).count(),
    }
