"""API of annotators: groups, and working time for pay."""

import uuid
from datetime import date, datetime
from typing import Annotated

from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status
from pydantic import Field, WithJsonSchema

from annotation.api.campaigns import Id, Name
from annotation.campaigns import worktime
from annotation.models import AnnotatorGroup, Campaign
from workbench.access import audit, require
from workbench.answers import Misfits, Problem
from workbench.models import User
from workbench.refusals import Conflict
from workbench.streamed import CSV

router = Router(tags=["annotators"])

Day = Annotated[date, WithJsonSchema({"type": "string", "format": "date"})]


class GroupIn(Schema):
    name: Name
    members: list[Id] = Field([], max_length=2000, description="Users; unknown ones are left out")


class GroupChange(GroupIn):
    version: int = Field(ge=0, le=2**31 - 1, description="As last read; a stale one conflicts")


class GroupOut(Schema):
    id: int
    name: str
    version: int
    members: list[int]

    @staticmethod
    def resolve_members(group: AnnotatorGroup) -> list[int]:
        return [person.pk for person in group.members.all()]


class WorkDayOut(Schema):
    day: date
    annotator: str = Field(description="Pseudonym")
    name: str = Field(description="Username; empty unless asked for")
    hours: float = Field(description="On task, corrections included")
    items: int
    corrections: int
    skips: int
    skip_hours: float
    first: datetime
    last: datetime


@router.get("/groups", response=list[GroupOut])
def list_groups(request: HttpRequest) -> list[AnnotatorGroup]:
    """All groups by name."""
    require(request.user, "people")
    return list(AnnotatorGroup.objects.prefetch_related("members"))


@router.post("/groups", response={201: GroupOut, 409: Problem, 422: Misfits})
def create_group(request: HttpRequest, payload: GroupIn) -> Status[AnnotatorGroup]:
    """Make a group of people who are chosen for a campaign at once."""
    require(request.user, "people")
    try:
        with transaction.atomic():
            group = AnnotatorGroup.objects.create(name=payload.name)
            group.members.set(User.objects.filter(pk__in=payload.members))
    except IntegrityError as error:
        raise _taken() from error
    audit(request, "group.save", group, name=group.name, members=group.members.count())
    return Status(201, group)


@router.put("/groups/{group_id}", response={200: GroupOut, 409: Problem, 422: Misfits})
def change_group(request: HttpRequest, group_id: Id, payload: GroupChange) -> AnnotatorGroup:
    """Give a group this name and these members. Campaigns it was chosen for stay as they are."""
    require(request.user, "people")
    group = get_object_or_404(AnnotatorGroup, pk=group_id)
    try:
        with transaction.atomic():
            changed = AnnotatorGroup.objects.filter(pk=group.pk, version=payload.version).update(
                name=payload.name, version=F("version") + 1
            )
            if not changed:
                raise Conflict("stale", _("The group was changed meanwhile."), version=group.version)
            group.members.set(User.objects.filter(pk__in=payload.members))
    except IntegrityError as error:
        raise _taken() from error
    group.refresh_from_db()
    audit(request, "group.save", group, name=group.name, members=group.members.count())
    return group


@router.delete("/groups/{group_id}", response={204: None})
def delete_group(request: HttpRequest, group_id: Id) -> Status[None]:
    """Remove a group; its members stay, and so do the campaigns it was chosen for."""
    require(request.user, "people")
    group = get_object_or_404(AnnotatorGroup, pk=group_id)
    audit(request, "group.delete", group, name=group.name)
    group.delete()
    return Status(204, None)


@router.get("/work-time", response={200: list[WorkDayOut], 404: Problem, 422: Misfits})
def work_time(
    request: HttpRequest, since: Day, until: Day, campaign: uuid.UUID | None = None, names: bool = False
) -> list[worktime.WorkDay]:
    """Hours, items, corrections and skips by person and day; with `names` for those who manage people."""
    return _days(request, since, until, campaign, names)


@router.get(
    "/work-time.csv",
    response={200: None, 404: Problem, 422: Misfits},
    openapi_extra={"responses": {200: {"content": {"text/csv": {}}}}},
)
def work_time_csv(
    request: HttpRequest, since: Day, until: Day, campaign: uuid.UUID | None = None, names: bool = False
) -> HttpResponse:
    """The same as CSV."""
    rows = _days(request, since, until, campaign, names)
    response = HttpResponse(worktime.as_csv(rows), content_type=CSV)
    response["Content-Disposition"] = f'attachment; filename="work-time-{since}-{until}.csv"'
    return response


def _days(
    request: HttpRequest, since: date, until: date, campaign_id: uuid.UUID | None, names: bool
) -> list[worktime.WorkDay]:
    require(request.user, "people" if names else "export")
    campaign = get_object_or_404(Campaign, pk=campaign_id) if campaign_id else None
    rows = worktime.days(since, until, campaign_id, names)
    audit(request, "worktime.export", campaign, since=str(since), until=str(until), names=names)
    return rows


def _taken() -> Conflict:
    return Conflict("group_exists", _("There is a group of this name already."))
