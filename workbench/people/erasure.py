"""Erasing a person: nothing is left that says who they were; what they judged stays, under their pseudonym.

Gone: name, address, password, tokens, invitations, sessions, notices that name them, failed logins, and what
the audit trail's entries say of them besides that they acted. Each app forgets what is its own: a function
`(User) -> None`, named in `settings.ERASERS`, called in the same transaction. Judgements, votes and runs keep
pointing at the row, which has a pseudonym only. Backups that were made before still hold the person.
"""

import re
from collections.abc import Callable
from typing import Any, cast

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from workbench.models import AuditEntry, Invitation, Notice, User
from workbench.people.membership import NotAllowedError, refuse_harm

Eraser = Callable[[User], None]


@transaction.atomic
def erase(person: User, by: User) -> User:
    """Erase a person for good. Raises NotAllowedError as shutting them out would, or where it was done."""
    refuse_harm(person, by)
    person = User.objects.select_for_update().get(pk=person.pk)
    if person.erased_at is not None:
        raise NotAllowedError(_("This person is erased already."))
    name, address = person.username, person.email
    for path in settings.ERASERS:
        cast("Eraser", import_string(path))(person)
    person.api_tokens.all().delete()
    person.notices.all().delete()
    Invitation.objects.filter(email__iexact=address).delete()
    Invitation.objects.filter(user=person).delete()
    Notice.objects.filter(text__regex=rf"(^|\W){re.escape(name)}(\W|$)").delete()
    for rows in (AccessAttempt, AccessFailureLog, AccessLog):
        rows.objects.filter(username__in=[name, address]).delete()
    _end_sessions(person)
    person.username = f"erased-{person.pseudonym}"
    person.email = f"{person.pseudonym}@erased.invalid"
    person.first_name = person.last_name = ""
    person.is_active = person.is_staff = person.is_superuser = False
    person.last_login = None
    person.erased_at = timezone.now()
    person.set_unusable_password()
    person.save()
    _redact_audit(person, (name, address))
    return person


def _end_sessions(person: User) -> None:
    ended = [
        row.pk
        for row in Session.objects.iterator()
        if str(row.get_decoded().get("_auth_user_id")) == str(person.pk)
    ]
    Session.objects.filter(pk__in=ended).delete()


def _redact_audit(person: User, words: tuple[str, str]) -> None:
    """Entries stay, with who, what and when; the words that say who the person was become the pseudonym.

    The trigger that refuses changes lets only this one through, in this transaction (migration 0005).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('workbench.erasing', 'on', true)")
    AuditEntry.objects.filter(actor=person).update(ip=None)
    for entry in AuditEntry.objects.filter(detail__has_any_keys=_NAMING).iterator():
        told = {key: _redacted(value, key, words, person.pseudonym) for key, value in entry.detail.items()}
        if told != entry.detail:
            AuditEntry.objects.filter(pk=entry.pk).update(detail=told)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('workbench.erasing', 'off', true)")


_NAMING = ("email", "username", "usernames")
"""Keys of an entry's detail that hold a person's name or address."""


def _redacted(value: Any, key: str, words: tuple[str, str], pseudonym: str) -> Any:
    if key not in _NAMING:
        return value
    if isinstance(value, list):
        return [pseudonym if one in words else one for one in value]
    return pseudonym if value in words else value
