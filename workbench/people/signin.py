"""Logging in and the language of the pages. Throttling is django-axes', set up in the settings."""

import math
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import translation
from django.views.i18n import set_language

from workbench.models import User


class Login(auth_views.LoginView):
    """Afterwards the pages speak the person's own language, whatever the visitor before had chosen."""

    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        user = form.get_user()
        if isinstance(user, User):
            remember_language(response, user.language)
        return response


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
