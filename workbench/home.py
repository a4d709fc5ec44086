"""The first page: what this person would do next, by role.

Each part of the application gives sections for it: a function `(request) -> Section | None`, named in
`settings.HOME_SECTIONS`, so that this module needs to import none of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.module_loading import import_string

from workbench.access import SignedInRequest, may
from workbench.models import Invitation, Role, User


@dataclass(frozen=True)
class Section:
    """A part of the home page: a template, and what it shows (found there as `section`)."""

    template: str
    context: dict[str, Any] = field(default_factory=dict)


SectionMaker = Callable[[SignedInRequest], Section | None]


@login_required
def home(request: HttpRequest) -> HttpResponse:
    signed_in = cast("SignedInRequest", request)
    makers = [cast("SectionMaker", import_string(path)) for path in settings.HOME_SECTIONS]
    sections = [section for maker in makers if (section := maker(signed_in)) is not None]
    return render(request, "workbench/home.html", {"sections": sections})


def people_section(request: SignedInRequest) -> Section | None:
    """For managers: how many people of each role there are, and who has not come yet."""
    if not may(request.user, "people"):
        return None
    active = list(User.objects.filter(is_active=True).values_list("role", flat=True))
    counts = [(role, label, active.count(role)) for role, label in Role.choices]
    waiting = sum(1 for invitation in Invitation.objects.filter(accepted_at=None) if invitation.open)
    return Section(
        "workbench/people/home_section.html", {"counts": counts, "waiting": waiting, "alone": len(active) < 2}
    )
