"""Managers' pages about people, and the page an invitation leads to."""

from urllib.parse import quote

from django.contrib import messages
from django.contrib.auth import login
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from workbench.access import SignedInRequest, audit, needs
from workbench.models import Invitation, Role, User
from workbench.people import bulk, erasure, invitations, membership
from workbench.people.forms import AcceptForm, BulkForm, EraseForm, InviteForm, PeopleFilter
from workbench.people.signin import remember_language

PAGE_SIZE = 50


@needs("people")
@require_GET
def people(request: SignedInRequest) -> HttpResponse:
    form = PeopleFilter(request.GET)
    rows = _filtered(form) if form.is_valid() else User.objects.none()
    waiting = Invitation.objects.filter(accepted_at=None).select_related("invited_by", "user")
    context = {
        "form": form,
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "roles": Role.choices,
        "waiting": waiting,
        "now": timezone.now(),
    }
    return render(request, "workbench/people/people.html", context)


@needs("people")
@never_cache
def invite(request: SignedInRequest) -> HttpResponse:
    """Invite one person. The link is on this one answer, and in the mail."""
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = invitations.invite(**form.cleaned_data, by=request.user)
        except invitations.AlreadyThereError as error:
            form.add_error("email", str(error))
        else:
            audit(
                request,
                "invitation.create",
                made.invitation,
                email=made.invitation.email,
                role=made.invitation.role,
            )
            return _invited_page(request, [made], mail=True)
    status = 422 if request.method == "POST" else 200
    return render(request, "workbench/people/invite.html", {"form": form}, status=status)


@needs("people")
@never_cache
def invitation_renew(request: SignedInRequest, pk: int) -> HttpResponse:
    """A fresh link in place of one that was lost or has expired."""
    if request.method != "POST":
        return redirect("people")
    made = invitations.renew(get_object_or_404(Invitation, pk=pk, accepted_at=None))
    audit(request, "invitation.renew", made.invitation, email=made.invitation.email)
    return _invited_page(request, [made], mail=True)


@needs("people")
@require_POST
def invitation_withdraw(request: SignedInRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Invitation, pk=pk, accepted_at=None)
    audit(request, "invitation.withdraw", row, email=row.email)
    row.delete()
    messages.success(request, _("The invitation for %(email)s no longer works.") % {"email": row.email})
    return redirect("people")


@needs("people")
@never_cache
def people_import(request: SignedInRequest) -> HttpResponse:
    """Many accounts from CSV: first a look at what the file says, then the accounts and their links."""
    form = BulkForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        status = 422 if request.method == "POST" else 200
        return render(
            request, "workbench/people/import.html", {"form": form, "columns": bulk.COLUMNS}, status=status
        )
    text = form.cleaned_data["text"]
    reading = bulk.read(text)
    if "create" in request.POST and reading.good:
        try:
            made = bulk.create(reading.good, by=request.user)
        except IntegrityError:  # somebody took one of these names since it was read
            reading = bulk.read(text)
        else:
            audit(request, "people.import", None, usernames=[line.username for line in reading.good])
            return _invited_page(request, made, mail="mail" in request.POST)
    return render(request, "workbench/people/import_preview.html", {"reading": reading, "text": text})


@needs("people")
@require_POST
def person_role(request: SignedInRequest, pk: int) -> HttpResponse:
    person, role = get_object_or_404(User, pk=pk), request.POST.get("role", "")
    if role not in Role.values:
        messages.error(request, _("Choose one of the roles."))
        return redirect("people")
    try:
        before = membership.change_role(person, role, request.user)
    except membership.NotAllowedError as error:
        messages.error(request, str(error))
        return redirect("people")
    if before != role:
        audit(request, "person.role", person, before=before, after=role)
    given = {"name": person.username, "role": person.get_role_display()}
    messages.success(request, _("%(name)s now has the role “%(role)s”.") % given)
    return redirect("people")


@needs("people")
@require_POST
def person_deactivate(request: SignedInRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    try:
        membership.deactivate(person, request.user)
    except membership.NotAllowedError as error:
        messages.error(request, str(error))
        return redirect("people")
    audit(request, "person.deactivate", person)
    messages.success(
        request, _("%(name)s can no longer log in. What they did stays.") % {"name": person.username}
    )
    return redirect("people")


@needs("people")
@require_POST
def person_reactivate(request: SignedInRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    try:
        membership.reactivate(person, request.user)
    except membership.NotAllowedError as error:
        messages.error(request, str(error))
        return redirect("people")
    audit(request, "person.reactivate", person)
    messages.success(request, _("%(name)s can log in again.") % {"name": person.username})
    return redirect("people")


@needs("people")
@never_cache
def person_erase(request: SignedInRequest, pk: int) -> HttpResponse:
    """Erase a person for good, once their username has been typed."""
    person = get_object_or_404(User, pk=pk)
    form = EraseForm(request.POST or None, person=person)
    if request.method == "POST" and form.is_valid():
        try:
            erased = erasure.erase(person, request.user)
        except membership.NotAllowedError as error:
            form.add_error(None, str(error))
        else:
            audit(request, "person.erase", erased)
            messages.success(
                request, _("The person is erased. Their work stays as %(name)s.") % {"name": erased.pseudonym}
            )
            return redirect("people")
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "person": person}
    return render(request, "workbench/people/erase.html", context, status=status)


@never_cache
def invitation_accept(request: HttpRequest, secret: str) -> HttpResponse:
    """Where an invitation's link leads: choose a name and a password, and be logged in."""
    invitation = invitations.find_open(secret)
    if invitation is None:
        return render(request, "workbench/people/invitation_gone.html", status=404)
    form = AcceptForm(request.POST or None, invitation=invitation)
    if request.method == "POST" and form.is_valid():
        username = form.cleaned_data.get("username", "")
        try:
            user = invitations.accept(secret, username=username, password=form.cleaned_data["password1"])
        except IntegrityError:  # taken since the form was checked
            form.add_error("username" if username else None, _("This username is taken; choose another."))
        else:
            if user is None:
                return render(request, "workbench/people/invitation_gone.html", status=404)
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            audit(request, "invitation.accept", invitation)
            response = redirect("home")
            remember_language(response, user.language)
            return response
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "invitation": invitation}
    return render(request, "workbench/people/invitation_accept.html", context, status=status)


def _filtered(form: PeopleFilter) -> QuerySet[User]:
    wanted = form.cleaned_data
    rows = User.objects.all()
    if wanted["search"]:
        rows = rows.filter(Q(username__icontains=wanted["search"]) | Q(email__icontains=wanted["search"]))
    if wanted["role"]:
        rows = rows.filter(role=wanted["role"])
    if wanted["state"]:
        rows = rows.filter(is_active=wanted["state"] == "active")
    return rows


def _invited_page(request: HttpRequest, made: list[invitations.Invited], *, mail: bool) -> HttpResponse:
    """The links, once; mailed as well where asked. A mail server that fails is told, and nothing is lost."""
    mailed = False
    if mail:
        try:
            invitations.send(made)
            mailed = True
        except OSError as error:
            messages.warning(
                request,
                _("The mail could not be sent (%(why)s). Hand the links out another way.") % {"why": error},
            )
    file = f"data:text/csv;charset=utf-8,{quote(chr(0xFEFF) + bulk.result_csv(made))}"
    context = {"made": made, "mailed": mailed, "file": file}
    return render(request, "workbench/people/invited.html", context)
