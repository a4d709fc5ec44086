"""Groups of annotators: people who are chosen for a campaign at once."""

from http import HTTPStatus

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.db.models import Count, F
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.forms.groups import GroupForm
from annotation.models import AnnotatorGroup
from workbench.access import SignedInRequest, audit, needs


@require_GET
@needs("people")
def groups(request: SignedInRequest) -> HttpResponse:
    rows = AnnotatorGroup.objects.annotate(size=Count("members")).order_by("name")
    return render(request, "annotation/groups.html", {"groups": rows})


@require_http_methods(["GET", "POST"])
@needs("people")
def group(request: SignedInRequest, pk: int | None = None) -> HttpResponse:
    """A new group, or one that is there: its name and its members."""
    found = get_object_or_404(AnnotatorGroup, pk=pk) if pk else None
    if request.method == "GET":
        return _page(request, GroupForm.of(found), found)
    form = GroupForm.of(found, request.POST)
    if not form.is_valid():
        return _page(request, form, found, HTTPStatus.UNPROCESSABLE_ENTITY)
    name, members = form.cleaned_data["name"], form.everybody
    try:
        with transaction.atomic():
            if found is None:
                found = AnnotatorGroup.objects.create(name=name)
            elif not AnnotatorGroup.objects.filter(pk=found.pk, version=form.cleaned_data["version"]).update(
                name=name, version=F("version") + 1
            ):
                form.add_error(None, _("The group was changed meanwhile. Reload the page, then decide."))
                return _page(request, form, found, HTTPStatus.CONFLICT)
            found.members.set(members)
    except IntegrityError:
        form.add_error("name", _("There is a group of this name already."))
        return _page(request, form, found if pk else None, HTTPStatus.UNPROCESSABLE_ENTITY)
    audit(request, "group.save", found, name=name, members=len(members))
    messages.success(request, _("The group “%(name)s” is saved.") % {"name": name})
    return redirect("groups")


@require_POST
@needs("people")
def group_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """The group goes; its members and the campaigns they were chosen for stay."""
    found = get_object_or_404(AnnotatorGroup, pk=pk)
    audit(request, "group.delete", found, name=found.name)
    found.delete()
    messages.success(request, _("The group “%(name)s” is gone; its members stay.") % {"name": found.name})
    return redirect("groups")


def _page(
    request: SignedInRequest, form: GroupForm, found: AnnotatorGroup | None, status: int = HTTPStatus.OK
) -> HttpResponse:
    return render(request, "annotation/group.html", {"form": form, "group": found}, status=status)
