"""API: who am I, and my tokens."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field, StringConstraints

from workbench.access import CAPABILITIES, audit, may
from workbench.models import ApiToken, Role, User

router = Router(tags=["account"])

MAX_ID = 2**63 - 1


class Me(Schema):
    username: str
    email: str
    role: Role
    language: str
    capabilities: list[str]


class TokenIn(Schema):
    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00]*$")
    ]
    days: int | None = Field(
        None, ge=1, le=3650, description="How long it is valid; null: until it is revoked"
    )


class Token(Schema):
    id: int
    name: str
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class NewToken(Token):
    secret: str = Field(description="Shown this once only")


@router.get("/me", response=Me)
def me(request: HttpRequest) -> Me:
    """Who the caller is, and what their role allows."""
    user = _user(request)
    everything = sorted(frozenset().union(*CAPABILITIES.values()))
    return Me(
        username=user.username,
        email=user.email,
        role=Role(user.role),
        language=user.language,
        capabilities=[name for name in everything if may(user, name)],
    )


@router.get("/tokens", response=list[Token])
def tokens(request: HttpRequest) -> list[ApiToken]:
    """The caller's own tokens, newest first, revoked ones included."""
    return list(_user(request).api_tokens.all())


@router.post("/tokens", response={201: NewToken})
def create_token(request: HttpRequest, payload: TokenIn) -> Status[NewToken]:
    """Make a token that acts as the caller. Its secret is in this answer and can't be had again."""
    row, secret = ApiToken.mint(_user(request), payload.name, payload.days)
    audit(request, "token.create", row, name=row.name)
    return Status(201, NewToken(**Token.from_orm(row).model_dump(), secret=secret))


@router.delete("/tokens/{token_id}", response={204: None})
def revoke_token(request: HttpRequest, token_id: Annotated[int, Field(ge=1, le=MAX_ID)]) -> Status[None]:
    """Revoke one of the caller's tokens; again is no error."""
    row = get_object_or_404(ApiToken, pk=token_id, user=_user(request))
    if row.revoked_at is None:
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
        audit(request, "token.revoke", row, name=row.name)
    return Status(204, None)


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise HttpError(401, "Unauthorized")
    return request.user
