"""Pages of managers: tracks and their settings, votes that are left out, and the cards of video models."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.models import VideoModel
from arena.battles import tracks
from arena.forms.tracks import CardForm, RulesForm, RulingForm, TrackForm
from arena.models import Ruling, Track
from arena.votes import columns, leftout, rulings
from workbench.access import SignedInRequest, audit, needs
from workbench.refusals import Missing


@require_GET
@needs("campaigns.manage")
def track_list(request: SignedInRequest) -> HttpResponse:
    rows = [(track, columns.given(track)) for track in tracks.seen_by(request.user)]
    return render(request, "arena/track_list.html", {"tracks": rows})


@require_http_methods(["GET", "POST"])
@needs("campaigns.manage")
def track_edit(request: SignedInRequest, track: str | None = None) -> HttpResponse:
    """A new track, or the settings of one that is there."""
    found = _track(request, track) if track else None
    form = TrackForm(request.POST or None, instance=found)
    if request.method == "GET" or not form.is_valid():
        status = HTTPStatus.OK if request.method == "GET" else HTTPStatus.UNPROCESSABLE_ENTITY
        return render(request, "arena/track.html", {"form": form, "track": found}, status=status)
    with transaction.atomic():
        if not _saved(form, found):
            form.add_error(None, _("It was changed meanwhile. Reload the page, then decide."))
            context = {"form": form, "track": found}
            return render(request, "arena/track.html", context, status=HTTPStatus.CONFLICT)
        row = form.instance
        row.invited.set(form.cleaned_data["invited"])
        row.track_prompt_sets.all().delete()
        for prompt_set, weight in form.cleaned_data["prompt_sets"]:
            row.track_prompt_sets.create(prompt_set=prompt_set, weight=weight)
        tracks.changed(row)
    audit(request, "track.save", row, slug=row.slug)
    messages.success(request, _("The track “%(name)s” is saved.") % {"name": row.name})
    return redirect("arena_tracks")


@require_http_methods(["GET", "POST"])
@needs("campaigns.manage")
def filters_page(request: SignedInRequest, track: str) -> HttpResponse:
    """What the track's board leaves out: rules, votes by reason, voters, and the latest such votes."""
    found = _track(request, track)
    form = RulesForm(request.POST or None, instance=Track.objects.get(pk=found.pk))
    if request.method == "POST" and form.is_valid():
        if _saved(form, found):
            tracks.changed(found)
            rulings.find_outliers(Track.objects.get(pk=found.pk))
            audit(request, "track.rules", found, **form.cleaned_data)
            messages.success(request, _("The rules are saved; the board follows at once."))
            return redirect("arena_filters", found.slug)
        form.add_error(None, _("It was changed meanwhile. Reload the page, then decide."))
        return _filters(request, found, form, HTTPStatus.CONFLICT)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if request.method == "POST" else HTTPStatus.OK
    return _filters(request, found, form, status)


@require_POST
@needs("campaigns.manage")
def ruling(request: SignedInRequest, track: str) -> HttpResponse:
    """Exclude a voter from a track, or let them count again."""
    found = _track(request, track)
    form = RulingForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why: it goes into the audit trail."))
        return redirect("arena_filters", found.slug)
    said = form.cleaned_data
    try:
        row = rulings.rule(found, said["voter"], Ruling.Verdict(said["kind"]), request.user, said["reason"])
    except Missing as missing:
        messages.error(request, missing.message)
    else:
        audit(request, "track.ruling", row, track=found.slug, kind=said["kind"], reason=said["reason"])
        messages.success(request, _("It is decided; the board follows at once."))
    return redirect("arena_filters", found.slug)


@require_http_methods(["GET", "POST"])
@needs("campaigns.manage")
def model_card(request: SignedInRequest, model: str) -> HttpResponse:
    """What is known of a video model."""
    found = get_object_or_404(VideoModel, slug=model)
    form = CardForm(request.POST or None, instance=get_object_or_404(VideoModel, slug=model))
    track = tracks.find(request.user, request.GET.get("track", "t2v"))
    context = {"form": form, "model": found, "track": track}
    if request.method == "GET" or not form.is_valid():
        status = HTTPStatus.OK if request.method == "GET" else HTTPStatus.UNPROCESSABLE_ENTITY
        return render(request, "arena/model_card.html", context, status=status)
    if not _saved(form, found):
        form.add_error(None, _("It was changed meanwhile. Reload the page, then decide."))
        return render(request, "arena/model_card.html", context, status=HTTPStatus.CONFLICT)
    for one in Track.objects.all():
        tracks.changed(one)
    audit(request, "model.card", found, slug=found.slug)
    messages.success(request, _("The card of “%(name)s” is saved.") % {"name": form.instance.name})
    return redirect("arena_model", track.slug, found.slug)


def _track(request: HttpRequest, slug: str) -> Track:
    try:
        return tracks.find(request.user, slug)
    except Missing:
        return get_object_or_404(Track, slug=slug)


def _saved(form: Any, found: Any) -> bool:
    """Save a form's row, if nobody changed it since it was read; a new one in any case."""
    row = form.instance
    if found is None:
        row.save()
        return True
    read = form.cleaned_data.get("version") or 0
    if not type(row).objects.filter(pk=found.pk, version=read).update(version=F("version") + 1):
        return False
    row.version = read + 1
    row.save(update_fields=[name for name in form.Meta.fields if name != "slug"])
    return True


def _filters(request: SignedInRequest, track: Track, form: RulesForm, status: int) -> HttpResponse:
    context = {
        "track": track,
        "form": form,
        "summary": leftout.summary(track),
        "voters": leftout.voters(track),
        "votes": leftout.latest(track),
    }
    return render(request, "arena/filters.html", context, status=status)
