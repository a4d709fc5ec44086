"""Pages about a campaign's annotators and gold items, for managers; and everybody's own figures."""

import secrets
import uuid
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation import tasks
from annotation.forms.quality import ConsensusForm, ExcludeForm, KnownScoresForm, MakeGoldForm, QualityForm
from annotation.models import Campaign, Dispute, GoldAnswer, Item, QualityReport
from annotation.quality import annotators, exclusion, gold_items, ownfigures, qualification
from workbench.access import SignedInRequest, audit, needs
from workbench.models import User
from workbench.refusals import Refusal


@require_GET
@needs("campaigns.view")
def campaign_quality(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """Everybody with a part: gold, reliability, habits; exclusion and the qualification round."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    return _quality_page(request, campaign, QualityForm.of(campaign))


@require_POST
@needs("campaigns.view")
def quality_report(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    annotators.ask(get_object_or_404(Campaign, pk=campaign_id))
    messages.success(request, _("The figures are being computed; reload in a moment."))
    return redirect("campaign_quality", campaign_id)


@require_POST
@needs("campaigns.manage")
def quality_settings(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    form = QualityForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _quality_page(request, campaign, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    given = {name: form.cleaned_data[name] for name in annotators.SETTINGS}
    try:
        campaign = annotators.configure(campaign_id, form.cleaned_data["version"], given)
    except Refusal as refusal:
        form.add_error(None, refusal.message)
        return _quality_page(request, campaign, form, refusal.status)
    audit(request, "campaign.quality", campaign, **given)
    messages.success(request, _("Saved."))
    return redirect("campaign_quality", campaign_id)


@require_POST
@needs("campaigns.manage")
def quality_person(request: SignedInRequest, campaign_id: uuid.UUID, pseudonym: str) -> HttpResponse:
    """Exclude a person's work, take them back, let them in, or let them qualify again."""
    person = get_object_or_404(User, participations__campaign=campaign_id, pseudonym=pseudonym)
    action = request.POST.get("action", "")
    detail: dict[str, Any] = {"annotator": pseudonym}
    try:
        match action:
            case "exclude":
                form = ExcludeForm(request.POST)
                form.is_valid()
                detail |= {"why": form.cleaned_data.get("why", "")}
                detail |= {"reopen_slots": form.cleaned_data["reopen_slots"]}
                part = exclusion.exclude(
                    campaign_id, person.pk, detail["why"], reopen_slots=detail["reopen_slots"]
                )
            case "take_back":
                part = exclusion.take_back(campaign_id, person.pk)
            case "let_in":
                part = qualification.let_in(campaign_id, person.pk)
            case "qualify_again":
                part = qualification.reset(campaign_id, person.pk)
            case _:
                raise Http404
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("campaign_quality", campaign_id)
    audit(request, f"campaign.{action}", part.campaign, **detail)
    return redirect("campaign_quality", campaign_id)


@require_http_methods(["GET", "POST"])
@needs("campaigns.manage")
def campaign_gold(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """The gold items; a POST makes some from degraded copies, or one from a judged item."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    if campaign.protocol == Campaign.Protocol.LIKERT:
        return _known_scores(request, campaign)
    if request.method == "GET":
        return _gold_page(request, campaign, MakeGoldForm(label_suffix=""), ConsensusForm(label_suffix=""))
    if request.POST.get("action") == "consensus":
        return _from_consensus(request, campaign)
    form = MakeGoldForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _gold_page(
            request, campaign, form, ConsensusForm(label_suffix=""), HTTPStatus.UNPROCESSABLE_ENTITY
        )
    asked = dict(form.cleaned_data)
    try:
        tasks.ask_gold(campaign, **asked, seed=secrets.randbelow(2**31), by=request.user)
    except Refusal as refusal:
        form.add_error(None, refusal.message)
        return _gold_page(request, campaign, form, ConsensusForm(label_suffix=""), refusal.status)
    audit(request, "campaign.gold.make", campaign, **asked)
    text = ngettext(
        "%(n)d gold item is being made; a notice tells when it is there.",
        "%(n)d gold items are being made; a notice tells when they are there.",
        asked["n"],
    )
    messages.success(request, text % {"n": asked["n"]})
    return redirect("campaign_gold", campaign_id)


@require_POST
@needs("campaigns.manage")
def gold_active(request: SignedInRequest, campaign_id: uuid.UUID, item_id: uuid.UUID) -> HttpResponse:
    """Deal a gold item no longer, or again."""
    gold = get_object_or_404(GoldAnswer, pk=item_id, campaign=campaign_id)
    active = request.POST.get("active") == "true"
    gold_items.retire(item_id, active)
    audit(request, "campaign.gold.active", gold.campaign, item=str(item_id), active=active)
    return redirect("campaign_gold", campaign_id)


@require_GET
@needs("label")
def label_me(request: SignedInRequest) -> HttpResponse:
    """One's own figures, and nobody else's."""
    return render(request, "annotation/label_me.html", {"parts": ownfigures.of_person(request.user)})


def _from_consensus(request: SignedInRequest, campaign: Campaign) -> HttpResponse:
    form = ConsensusForm(request.POST, label_suffix="")
    make = MakeGoldForm(label_suffix="")
    if not form.is_valid():
        return _gold_page(request, campaign, make, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    given = form.cleaned_data
    item = Item.objects.filter(campaign=campaign, position=given["number"] - 1, gold=False).first()
    try:
        gold_items.from_consensus(
            item.pk if item else uuid.uuid4(), given["explanation_en"], given["explanation_zh"], request.user
        )
    except Refusal as refusal:
        form.add_error(None, refusal.message)
        return _gold_page(request, campaign, make, form, refusal.status)
    audit(request, "campaign.gold.consensus", campaign, number=given["number"])
    messages.success(request, _("The gold item is made; annotators get it from now on."))
    return redirect("campaign_gold", campaign.pk)


def _known_scores(request: SignedInRequest, campaign: Campaign) -> HttpResponse:
    if request.method == "GET":
        return _gold_page(request, campaign, known=KnownScoresForm(campaign))
    form = KnownScoresForm(campaign, request.POST)
    if not form.is_valid():
        return _gold_page(request, campaign, known=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    given = form.cleaned_data
    item = Item.objects.filter(campaign=campaign, position=given["number"] - 1, gold=False).first()
    try:
        gold_items.from_scores(
            item.pk if item else uuid.uuid4(),
            form.scores(),
            given["tolerance"],
            given["explanation_en"],
            given["explanation_zh"],
            request.user,
        )
    except Refusal as refusal:
        form.add_error(None, refusal.message)
        return _gold_page(request, campaign, known=form, status=refusal.status)
    audit(request, "campaign.gold.scores", campaign, number=given["number"], tolerance=given["tolerance"])
    messages.success(request, _("The gold item is made; annotators get it from now on."))
    return redirect("campaign_gold", campaign.pk)


def _quality_page(
    request: SignedInRequest, campaign: Campaign, form: QualityForm, status: int = HTTPStatus.OK
) -> HttpResponse:
    disputed = Dispute.objects.filter(
        campaign=campaign, decision=None, score__gte=campaign.dispute_from, score__gt=0
    )
    context = {
        "campaign": campaign,
        "form": form,
        "people": annotators.people(campaign),
        "dimensions": list(campaign.dimensions.order_by("position")),
        "report": QualityReport.objects.filter(campaign=campaign).first(),
        "gold_items": GoldAnswer.objects.filter(campaign=campaign, active=True).count(),
        "gold_lacking": qualification.lacking(campaign),
        "disputed": disputed[:101].count(),
    }
    return render(request, "annotation/campaign_quality.html", context, status=status)


def _gold_page(
    request: SignedInRequest,
    campaign: Campaign,
    make: MakeGoldForm | None = None,
    consensus: ConsensusForm | None = None,
    status: int = HTTPStatus.OK,
    known: KnownScoresForm | None = None,
) -> HttpResponse:
    found, following = gold_items.listed(campaign, _after(request))
    context = {
        "campaign": campaign,
        "make": make,
        "consensus": consensus,
        "known": known,
        "gold": found,
        "following": following,
        "lacking": qualification.lacking(campaign),
    }
    return render(request, "annotation/campaign_gold.html", context, status=status)


def _after(request: HttpRequest) -> int:
    given = request.GET.get("after", "")
    return int(given) if given.isdecimal() and len(given) < 10 else 0
