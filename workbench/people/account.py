"""A person's own pages: account, API tokens, notices."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from workbench.access import audit
from workbench.models import ApiToken, User
from workbench.people.forms import TokenForm

NOTICES_SHOWN = 100


@login_required
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    return _account_page(request, TokenForm())


@login_required
def token_create(request: HttpRequest) -> HttpResponse:
    """Make an API token. Its secret is on this one answer and nowhere else."""
    if request.method != "POST":  # the answer was reloaded, or its language switched
        return redirect("account")
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _account_page(request, form, status=422)
    row, secret = ApiToken.mint(_user(request), form.cleaned_data["name"], form.cleaned_data["days"])
    audit(request, "token.create", row, name=row.name)
    return _account_page(request, TokenForm(), secret=secret, fresh=row)


@login_required
@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(ApiToken, pk=pk, user=_user(request))
    if row.revoked_at is None:
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
        audit(request, "token.revoke", row, name=row.name)
    messages.success(request, _("The token “%(name)s” no longer works.") % {"name": row.name})
    return redirect("account")


@login_required
@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    rows = _user(request).notices.all()[:NOTICES_SHOWN]
    return render(request, "workbench/people/notices.html", {"notices": rows})


@login_required
@require_POST
def notices_read(request: HttpRequest) -> HttpResponse:
    """Mark one notice as read and go where it points, or mark all of them."""
    unread = _user(request).notices.filter(read_at=None)
    if "notice" not in request.POST:
        unread.update(read_at=timezone.now())
        return redirect("notices")
    number = request.POST["notice"]
    row = get_object_or_404(_user(request).notices, pk=number if number.isdigit() else 0)
    unread.filter(pk=row.pk).update(read_at=timezone.now())
    # Notices are written by the application; still, only an address of this site is followed.
    local = row.url.startswith("/") and not row.url.startswith("//")
    return redirect(row.url if local else "notices")


def _account_page(request: HttpRequest, form: TokenForm, status: int = 200, **context: Any) -> HttpResponse:
    tokens = _user(request).api_tokens.filter(revoked_at=None)
    context |= {"form": form, "tokens": tokens, "now": timezone.now()}
    response = render(request, "workbench/people/account.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)
