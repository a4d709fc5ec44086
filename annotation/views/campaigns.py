"""Pages of campaigns, for managers; engineers may look and export."""

import uuid
from http import HTTPStatus
from typing import Any, cast

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.campaigns import lifecycle, progress
from annotation.exchange.export_formats import PairFormat
from annotation.exchange.export_scores import ScoreFormat
from annotation.forms.campaigns import (
    CampaignForm,
    DimensionForms,
    DimensionFormSet,
    StateForm,
    dimensions_to_start_from,
)
from annotation.models import Campaign, Clip, Item
from annotation.quality import campaign_agreement
from workbench.access import SignedInRequest, audit, needs
from workbench.refusals import Conflict, Refusal


@require_GET
@needs("campaigns.view")
def campaign_list(request: SignedInRequest) -> HttpResponse:
    context = {
        "campaigns": Campaign.objects.prefetch_related("participations"),
        "any_clips": Clip.objects.exists(),
    }
    return render(request, "annotation/campaign_list.html", context)


@require_http_methods(["GET", "POST"])
@needs("campaigns.manage")
def campaign_new(request: SignedInRequest) -> HttpResponse:
    """The protocol is chosen first, since it decides what else there is to choose."""
    given = request.GET if request.method == "GET" else request.POST
    protocol = given.get("protocol", "")
    if protocol not in Campaign.Protocol.values:
        protocol = Campaign.Protocol.BEST_WORST
    if request.method == "GET":
        form = CampaignForm(protocol=protocol, label_suffix="")
        return _form_page(request, form, _dimension_forms(protocol))
    form = CampaignForm(request.POST, protocol=protocol, label_suffix="")
    dimensions = _dimension_forms(protocol, request.POST)
    if not (form.is_valid() and dimensions.is_valid()):
        return _form_page(request, form, dimensions, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        campaign = lifecycle.create(form.spec(dimensions), request.user)
    except Refusal as refusal:
        form.add_error(None, refusal.message)
        return _form_page(request, form, dimensions, HTTPStatus.UNPROCESSABLE_ENTITY)
    audit(request, "campaign.create", campaign, name=campaign.name, items=campaign.items_total)
    messages.success(request, _("The campaign is made. Look it over, then open it."))
    return redirect("campaign", campaign.pk)


@require_GET
@needs("campaigns.view")
def campaign_page(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    return _page(request, get_object_or_404(Campaign, pk=campaign_id))


@require_POST
@needs("campaigns.manage")
def campaign_state(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    form = StateForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("This form can't be understood; reload the page."))
        return _page(request, campaign, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        campaign = lifecycle.set_state(campaign_id, form.cleaned_data["state"], form.cleaned_data["version"])
    except Conflict as conflict:
        messages.error(request, conflict.message)
        campaign.refresh_from_db()
        return _page(request, campaign, HTTPStatus.CONFLICT)
    audit(request, f"campaign.{campaign.state}", campaign)
    return redirect("campaign", campaign.pk)


def _page(request: SignedInRequest, campaign: Campaign, status: int = HTTPStatus.OK) -> HttpResponse:
    working = campaign.assignments.filter(state="leased").select_related("annotator").order_by("leased_at")
    first_items = (
        Item.objects.filter(campaign=campaign)
        .select_related("prompt")
        .prefetch_related("item_clips__clip__video_model")
        .order_by("position")[:20]
    )
    context = {
        "campaign": campaign,
        "moves": [(state, Campaign.State(state).label) for state in lifecycle.MOVES[campaign.state]],
        "dimensions": campaign.dimensions.all(),
        "working": working,
        "items": first_items,
        "agreement": campaign_agreement.of_campaign(campaign),
        "simulated": progress.simulated_judgements(campaign),
        "shortfalls": campaign.shortfalls.filter(ended_at=None).count(),
        "pair_formats": PairFormat.choices,
        "score_formats": ScoreFormat.choices,
    }
    return render(request, "annotation/campaign.html", context, status=status)


def _dimension_forms(protocol: str, data: Any = None) -> DimensionForms:
    forms = DimensionFormSet(
        data,
        initial=dimensions_to_start_from(protocol),
        prefix="d",
        form_kwargs={"label_suffix": "", "rewards": protocol == Campaign.Protocol.BEST_WORST},
    )
    return cast("DimensionForms", forms)


def _form_page(
    request: SignedInRequest, form: CampaignForm, dimensions: DimensionForms, status: int = HTTPStatus.OK
) -> HttpResponse:
    context = {
        "form": form,
        "dimensions": dimensions,
        "protocols": Campaign.Protocol.choices,
        "texts": _builder_texts(),
    }
    return render(request, "annotation/campaign_new.html", context, status=status)


def _builder_texts() -> dict[str, str]:
    """What the page's script says; it has no words of its own."""
    return {
        "measured": _(
            "Empty: {seconds} s, as measured over {judgements} judgements of campaigns with as many "
            "dimensions ({campaigns})."
        ),
        "assumed": _(
            "Empty: {seconds} s, an assumption: no campaign with as many dimensions has been timed yet."
        ),
        "chosen": _("{n} chosen"),
        "clips": _("({n} ready clips)"),
        "clip": _("Clip {n}"),
        "firstFrame": _("The picture that the clips start from"),
        "play": _("Play"),
        "pause": _("Pause"),
    }
