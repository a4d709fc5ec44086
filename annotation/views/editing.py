"""Pages on which a manager changes a campaign that is there: settings, overlap, more items."""

import uuid
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from annotation.campaigns import editing, extending, overlap
from annotation.forms.campaigns import EditForm, ExtendForm, OverlapForm, WordsForm
from annotation.models import Campaign
from workbench.access import SignedInRequest, audit, needs
from workbench.refusals import Refusal


@require_http_methods(["GET", "POST"])
@needs("campaigns.manage")
def campaign_edit(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    if request.method == "GET":
        return _page(request, campaign)
    form = EditForm.of(campaign, request.POST)
    words = _words(campaign, request)
    valid = [form.is_valid(), *(each.is_valid() for each in words.values())]
    if not all(valid):
        return _page(request, campaign, form=form, words=words, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    before = {name: getattr(campaign, name) for name in editing.SETTINGS}
    try:
        edited = editing.edit(campaign.pk, form.cleaned_data["version"], form.changes(words))
    except Refusal as refusal:
        form.add_error(None, refusal.message)
        return _page(request, campaign, form=form, words=words, status=refusal.status)
    changed = [name for name in editing.SETTINGS if getattr(edited, name) != before[name]]
    audit(request, "campaign.edit", edited, changed=changed, version=edited.version)
    messages.success(request, _("The campaign is changed. Who labels sees it with the next item."))
    return redirect("campaign", campaign.pk)


@require_POST
@needs("campaigns.manage")
def campaign_overlap(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    form = OverlapForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _page(request, campaign, overlap_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    before = campaign.overlap
    try:
        changed = overlap.change(campaign.pk, form.cleaned_data["version"], form.cleaned_data["overlap"])
    except Refusal as refusal:
        form.add_error(None, refusal.message)
        return _page(request, campaign, overlap_form=form, status=refusal.status)
    audit(request, "campaign.overlap", changed, before=before, after=changed.overlap)
    messages.success(
        request,
        _("%(wanted)d judgements are wanted now; %(judged)d are there.")
        % {"wanted": changed.wanted, "judged": changed.progress.judged},
    )
    return redirect("campaign", campaign.pk)


@require_POST
@needs("campaigns.manage")
def campaign_extend(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """With `dry` it says what would come, without it the items are made."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    form = ExtendForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _page(request, campaign, extend_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    given = form.cleaned_data
    selection, way, most = form.wanted(), extending.Way(given["way"]), given["most_items"]
    if "dry" in request.POST:
        found = extending.planned(campaign, selection, way, most)
        return _page(request, campaign, extend_form=form, extension=found)
    try:
        grown, found = extending.extend(campaign.pk, given["version"], selection, way, most)
    except Refusal as refusal:
        form.add_error(None, refusal.message)
        return _page(request, campaign, extend_form=form, status=refusal.status)
    added = len(found.groups)
    audit(request, "campaign.extend", grown, added=added, way=way.value)
    said = ngettext("%(n)d item is added.", "%(n)d items are added.", added)
    messages.success(request, said % {"n": added})
    return redirect("campaign", campaign.pk)


def _page(
    request: SignedInRequest,
    campaign: Campaign,
    *,
    form: EditForm | None = None,
    words: dict[str, WordsForm] | None = None,
    overlap_form: OverlapForm | None = None,
    extend_form: ExtendForm | None = None,
    extension: extending.Extension | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """Forms that were not sent show the campaign as it is now."""
    now = {"version": campaign.version, "overlap": campaign.overlap}
    context = {
        "campaign": campaign,
        "form": form or EditForm.of(campaign),
        "words": words or _words(campaign),
        "overlap_form": overlap_form or OverlapForm(initial=now, label_suffix=""),
        "extend_form": extend_form or ExtendForm(initial=now, label_suffix=""),
        "extension": extension,
        "extending": extend_form is not None,
    }
    return render(request, "annotation/campaign_edit.html", context, status=status)


def _words(campaign: Campaign, request: SignedInRequest | None = None) -> dict[str, WordsForm]:
    """A form of each dimension's words, by its key."""
    return {
        dimension.key: WordsForm(
            request.POST if request else None,
            initial=editing.words_of(dimension),
            prefix=f"d-{dimension.key}",
            label_suffix="",
        )
        for dimension in campaign.dimensions.all()
    }
