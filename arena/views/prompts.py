"""Pages where people share prompts, from the arena, and take them back."""

import uuid
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.models import PromptConsent
from annotation.prompts import sharing
from annotation.prompts.identity import TEXT_LENGTH
from arena.battles.visitors import throttled, visitors_welcome
from workbench.models import User
from workbench.refusals import Refusal

_RECEIPTS = "prompt_receipts"


class SuggestForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("Your prompt"),
        max_length=TEXT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("What should a clip show? English or Chinese."),
    )
    agreed = forms.BooleanField(
        label=gettext_lazy("I agree to this"),
        error_messages={"required": gettext_lazy("Nothing is kept unless you agree.")},
    )


@require_http_methods(["GET", "POST"])
@visitors_welcome
def suggest(request: HttpRequest) -> HttpResponse:
    """Share a prompt; nothing is kept without the tick, which is off."""
    form = SuggestForm(request.POST if request.method == "POST" else None, label_suffix="")
    if form.is_valid():
        try:
            throttled(request)
            [consent] = sharing.share([form.cleaned_data["text"]], sharing.Place.ARENA, _person(request))
        except Refusal as refusal:
            form.add_error("text", refusal.message)
        else:
            remember(request, [consent])
            messages.success(request, _("Thank you. Somebody looks at it before it is used."))
            return redirect("shared_prompts")
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    context = {"form": form, "sentence": sharing.sentence()}
    return render(request, "arena/suggest.html", context, status=status)


@require_GET
@visitors_welcome
def shared(request: HttpRequest) -> HttpResponse:
    """What the reader shared, from their account or this browser's session, to be withdrawn."""
    person = _person(request)
    rows = list(sharing.of_receipts(_receipts(request))[:200])
    if person is not None:
        there = {row.pk for row in rows}
        rows += [row for row in sharing.of_user(person)[:200] if row.pk not in there]
    context = {"consents": rows, "visitor": person is None, "sentence": sharing.sentence()}
    return render(request, "arena/shared_prompts.html", context)


@require_POST
@visitors_welcome
def withdraw(request: HttpRequest) -> HttpResponse:
    """Take a prompt back by its receipt: one of the page's, or one that was noted down."""
    try:
        throttled(request)
        taken = sharing.withdraw(sharing.receipt(request.POST.get("receipt", "")))
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("shared_prompts")
    text = _("Withdrawn: the text is deleted.")
    if taken.in_use:
        text = _("Withdrawn: it is no prompt of ours any more. Clips that were made of it keep its text.")
    messages.success(request, text)
    return redirect("shared_prompts")


def remember(request: HttpRequest, consents: list[PromptConsent]) -> None:
    """Let this browser find a visitor's receipts again."""
    if not request.user.is_authenticated:
        request.session[_RECEIPTS] = [*map(str, _receipts(request)), *(str(one.pk) for one in consents)][
            -200:
        ]


def _receipts(request: HttpRequest) -> list[uuid.UUID]:
    return [uuid.UUID(text) for text in request.session.get(_RECEIPTS, [])]


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
