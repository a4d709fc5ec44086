"""Changing what a person may do: role, and being let in at all. There is always a manager left."""

from django.db import transaction
from django.utils.translation import gettext as _

from workbench.models import Role, User


class NotAllowedError(ValueError):
    """The change would do harm; the message says why."""


@transaction.atomic
def change_role(person: User, role: str, by: User) -> str:
    """Give a person another role, at once. Returns the role before."""
    _check(person, by)
    before = person.role
    person.role = Role(role)
    person.save(update_fields=["role"])
    return before


@transaction.atomic
def deactivate(person: User, by: User) -> None:
    """Shut a person out: sessions and tokens stop working with the next request; what they did stays."""
    _check(person, by)
    person.is_active = False
    person.save(update_fields=["is_active"])


@transaction.atomic
def reactivate(person: User, by: User) -> None:
    _check(person, by)
    person.is_active = True
    person.save(update_fields=["is_active"])


def _check(person: User, by: User) -> None:
    """Nobody changes themselves, and the one who changes others is still a manager: so one always remains."""
    if person.pk == by.pk:
        raise NotAllowedError(_("You can't change your own role or shut yourself out; ask another manager."))
    # Locks every manager, in one order, so that two who remove each other at once can't both succeed.
    managers = User.objects.select_for_update().filter(role=Role.MANAGER, is_active=True).order_by("pk")
    if not by.is_superuser and by.pk not in {row.pk for row in managers}:
        raise NotAllowedError(_("You are no longer a manager."))
