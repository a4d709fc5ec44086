"""The example clips of a campaign's guidelines: chosen by managers, looked at by those who label."""

import re
import uuid
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.campaigns import examples
from annotation.models import Campaign, GuidelineExample
from annotation.templatetags.words import dimension_name
from workbench import media
from workbench.access import SignedInRequest, audit, needs, require
from workbench.refusals import Refusal

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class ExampleForm(forms.Form):
    clip = forms.CharField(
        label=gettext_lazy("Clip"),
        max_length=300,
        help_text=gettext_lazy("Its id, or the address of its page."),
    )
    dimension = forms.ChoiceField(label=gettext_lazy("Dimension"), required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Shows"), choices=GuidelineExample.Shows.choices)
    caption_en = forms.CharField(label=gettext_lazy("Caption in English"), required=False, max_length=300)
    caption_zh = forms.CharField(label=gettext_lazy("Caption in Chinese"), required=False, max_length=300)

    def __init__(self, campaign: Campaign, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        field = self.fields["dimension"]
        assert isinstance(field, forms.ChoiceField)
        keys = [(row.key, dimension_name(row)) for row in campaign.dimensions.all()]
        field.choices = [("", _("All dimensions")), *keys]

    def clean_clip(self) -> uuid.UUID:
        found = _ID.search(self.cleaned_data["clip"])
        if found is None:
            raise forms.ValidationError(_("Expected a clip's id or the address of its page."))
        return uuid.UUID(found[0])


@require_http_methods(["GET", "POST"])
@needs("campaigns.view")
def campaign_examples(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """The examples with a form for another one, for managers."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    if request.method == "GET":
        return _page(request, campaign, ExampleForm(campaign))
    require(request.user, "campaigns.manage")
    form = ExampleForm(campaign, request.POST)
    if not form.is_valid():
        return _page(request, campaign, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    given = dict(form.cleaned_data)
    try:
        made = examples.add(campaign, given.pop("clip"), **given)
    except Refusal as refusal:
        form.add_error("clip", refusal.message)
        return _page(request, campaign, form, refusal.status)
    audit(request, "campaign.example_add", campaign, clip=str(made.clip_id))
    messages.success(request, _("The example stands beside the guidelines now."))
    return redirect("campaign_examples", campaign.pk)


@require_POST
@needs("campaigns.manage")
def campaign_example_remove(
    request: SignedInRequest, campaign_id: uuid.UUID, example_id: uuid.UUID
) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    try:
        examples.remove(campaign, example_id)
    except Refusal as refusal:
        raise Http404(refusal.message) from refusal
    audit(request, "campaign.example_remove", campaign, example=str(example_id))
    return redirect("campaign_examples", campaign.pk)


@require_safe
@needs("label", token=True)
def label_example(request: SignedInRequest, example_id: uuid.UUID) -> HttpResponseBase:
    """An example's clip as people see it: to those who label in its campaign."""
    rendition = examples.rendition_for(example_id, request.user)
    if rendition is None:
        raise Http404
    return media.serve(request, rendition.file, "video/mp4")


def _page(
    request: SignedInRequest, campaign: Campaign, form: ExampleForm, status: int = HTTPStatus.OK
) -> HttpResponse:
    context = {"campaign": campaign, "form": form, "examples": examples.of_campaign(campaign)}
    return render(request, "annotation/campaign_examples.html", context, status=status)
