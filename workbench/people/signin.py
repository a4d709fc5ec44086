"""Logging in, forgotten passwords, and the language of the pages.

Wrong passwords for one name from one address are django-axes' to count, set up in the settings; those from
one address for any name, and mails about forgotten passwords, are counted here.
"""

import math
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import translation
from django.views.i18n import set_language

from workbench.access import audit
from workbench.models import User
from workbench.people import throttle

MAILS_AN_HOUR = 3  # to one mailbox
RESETS_AN_HOUR = 50  # from one address, behind which many people may sit
_LOCKED_SECONDS = int(timedelta(hours=settings.AXES_COOLOFF_TIME).total_seconds())


class Login(auth_views.LoginView):
    """Afterwards the pages speak the person's own language, whatever the visitor before had chosen."""

    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        failures = throttle.counted("login", throttle.address(request))
        if failures >= settings.LOGIN_FAILURES_ADDRESS:
            return locked_out(request)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        user = form.get_user()
        if isinstance(user, User):
            remember_language(response, user.language)
            audit(self.request, "person.login", user)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        throttle.count("login", throttle.address(self.request), _LOCKED_SECONDS)
        if not getattr(self.request, "axes_locked_out", False):
            # A name that nobody has is not written down: it may be a password in the wrong field.
            meant = User.objects.filter(username=form.data.get("username", "").replace("\x00", "")).first()
            audit(self.request, "person.login_failed", meant)
        return super().form_invalid(form)


class PasswordReset(auth_views.PasswordResetView):
    """Mails the link, but floods nobody's mailbox. The answer is always the same, and so tells nothing."""

    extra_email_context = {"site_url": settings.SITE_URL}

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        mailbox = throttle.count("reset", form.cleaned_data["email"].lower(), 3600)
        asked = throttle.count("reset", throttle.address(self.request), 3600)
        if mailbox > MAILS_AN_HOUR or asked > RESETS_AN_HOUR:
            return redirect(self.get_success_url())
        return super().form_valid(form)


def choose_language(request: HttpRequest) -> HttpResponseBase:
    """Switch the language for this browser and, for people who are logged in, for their next visits too."""
    response: HttpResponseBase = set_language(request)
    chosen = request.POST.get("language", "")
    known = translation.check_for_language(chosen) and chosen in dict(settings.LANGUAGES)
    if request.method == "POST" and known and isinstance(request.user, User):
        User.objects.filter(pk=request.user.pk).update(language=chosen)
    return response


def remember_language(response: HttpResponse, language: str) -> None:
    """Have this browser's next pages in a language, before and after login."""
    options: dict[str, Any] = {
        "max_age": settings.LANGUAGE_COOKIE_AGE,
        "samesite": settings.LANGUAGE_COOKIE_SAMESITE,
        "secure": settings.LANGUAGE_COOKIE_SECURE,
    }
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, **options)


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """After too many wrong passwords. Each further attempt starts the time again, so it is always in full."""
    wait = timedelta(hours=settings.AXES_COOLOFF_TIME)
    context = {"minutes": math.ceil(wait.total_seconds() / 60)}
    answer = render(request, "workbench/people/locked_out.html", context, status=429)
    answer["Retry-After"] = str(int(wait.total_seconds()))
    return answer
