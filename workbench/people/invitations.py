"""Inviting people: a link with a secret that works once, until it expires.

An invitation is either for somebody without an account, who chooses a username by it, or for an account that
a manager made beforehand (see `bulk.py`), whose owner only sets the password.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_urlsafe

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from workbench.models import Invitation, User, hash_token


@dataclass(frozen=True)
class Invited:
    """An invitation and its link, which can't be had again: the database keeps a hash only."""

    invitation: Invitation
    link: str


class AlreadyThereError(ValueError):
    """There is an account with this address; the message says so."""


@transaction.atomic
def invite(*, email: str, role: str, language: str, by: User, user: User | None = None) -> Invited:
    """Make an invitation. An open one for the same address is withdrawn, so that one link works at a time."""
    if user is None and User.objects.filter(email__iexact=email).exists():
        raise AlreadyThereError(
            _("There is an account with the address %(email)s already.") % {"email": email}
        )
    Invitation.objects.filter(email__iexact=email, accepted_at=None).delete()
    secret = token_urlsafe(32)
    row = Invitation.objects.create(
        email=email,
        role=role,
        language=language,
        token_hash=hash_token(secret),
        invited_by=by,
        user=user,
        expires_at=timezone.now() + timedelta(days=settings.INVITATION_DAYS),
    )
    return Invited(row, _link(secret))


@transaction.atomic
def renew(row: Invitation) -> Invited:
    """A fresh link and a fresh term; the link before stops working."""
    secret = token_urlsafe(32)
    row.token_hash = hash_token(secret)
    row.expires_at = timezone.now() + timedelta(days=settings.INVITATION_DAYS)
    row.save(update_fields=["token_hash", "expires_at"])
    return Invited(row, _link(secret))


def send(invited: Sequence[Invited]) -> None:
    """Mail each link, in its person's language, over one connection. Raises OSError where mail fails."""
    mails = []
    for one in invited:
        with translation.override(one.invitation.language):
            text = render_to_string(
                "workbench/people/invitation_mail.txt", {"invitation": one.invitation, "link": one.link}
            )
            mails.append(
                EmailMessage(_("Your account at the Video Workbench"), text, to=[one.invitation.email])
            )
    get_connection().send_messages(mails)


def find_open(secret: str, *, lock: bool = False) -> Invitation | None:
    """The invitation behind a link, unless it is used up, withdrawn or expired."""
    rows = Invitation.objects.select_for_update(of=("self",)) if lock else Invitation.objects.all()
    row = rows.select_related("user").filter(token_hash=hash_token(secret)).first()
    return row if row is not None and row.open else None


@transaction.atomic
def accept(secret: str, *, username: str, password: str) -> User | None:
    """Make the account, or finish the one made beforehand. None where the link no longer works."""
    row = find_open(secret, lock=True)
    if row is None:
        return None
    user = row.user or User(username=username, email=row.email, role=row.role, language=row.language)
    user.set_password(password)
    user.save()
    row.user = user
    row.accepted_at = timezone.now()
    row.save(update_fields=["user", "accepted_at"])
    return user


def _link(secret: str) -> str:
    return settings.SITE_URL + reverse("invitation_accept", args=[secret])
