"""Changing what a person may do: role, and being let in at all. There is always a manager left."""

from django.db import transaction
from django.utils.translation import gettext as _

from workbench.models import Role, User


class NotAllowedError(ValueError):
    """The change would do harm; the message says why."""


@transaction.atomic
def change_role(person: User, role: str, by: User) -> str:
    """Give a person another role, at once. Returns the role before."""
    refuse_harm(person, by)
    before = person.role
    person.role = Role(role)
    person.save(update_fields=["role"])
    return before


@transaction.atomic
def deactivate(person: User, by: User) -> None:
    """Shut a person out: sessions and tokens stop working with the next request; what they did stays."""
    refuse_harm(person, by)
    person.is_active = False
    person.save(update_fields=["is_active"])


@transaction.atomic
def reactivate(person: User, by: User) -> None:
    refuse_harm(person, by)
    if person.erased_at is not None:
        raise NotAllowedError(_("This person is erased; invite them anew."))
    person.is_active = True
    person.save(update_fields=["is_active"])


def refuse_harm(person: User, by: User) -> None:
    """Raise NotAllowedError for oneself, and unless the one who changes others is still a manager.

    So one always remains. To be called in a transaction.
    """
    if person.pk == by.pk:
        raise NotAllowedError(_("You can't change your own role or shut yourself out; ask another manager."))
    # Locks every manager, in one order, so that two who remove each other at once can't both succeed.
    managers = User.objects.select_for_update().filter(role=Role.MANAGER, is_active=True).order_by("pk")
    if not by.is_superuser and by.pk not in {row.pk for row in managers}:
        raise NotAllowedError(_("You are no longer a manager."))
