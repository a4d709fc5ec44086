"""Pages of versions of pair sets: keep the pairs as they are now, and fetch them later."""

import uuid
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from annotation.exchange.export_formats import PairFormat
from annotation.models import Campaign, PairVersion
from annotation.results import pairversions
from workbench.access import SignedInRequest, audit, needs
from workbench.models import Run


class VersionForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, help_text=gettext_lazy("For example: round 3, reviewed")
    )
    dimensions = forms.MultipleChoiceField(
        label=gettext_lazy("Dimensions"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: all."),
    )
    include_broken = forms.BooleanField(label=gettext_lazy("Broken pairs too"), required=False)

    def __init__(self, campaign: Campaign, language: str, *args: object) -> None:
        super().__init__(*args, label_suffix="")  # type: ignore[arg-type, misc]
        known = [(row.key, row.name(language)) for row in campaign.dimensions.order_by("position")]
        self.fields["dimensions"].choices = known  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
@needs("export")
def campaign_versions(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    sent = request.method == "POST"
    form = VersionForm(campaign, request.LANGUAGE_CODE, request.POST if sent else None)
    if sent and form.is_valid():
        given = form.cleaned_data
        made = pairversions.keep(
            campaign, request.user, given["name"], given["dimensions"], given["include_broken"]
        )
        audit(request, "pairs.version", made, name=made.name, sha256=made.sha256)
        messages.success(request, _("These pairs are kept as a version."))
        return redirect("pair_version", made.pk)
    context = {
        "campaign": campaign,
        "form": form,
        "versions": pairversions.of_campaign(campaign)[:100],
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "annotation/pair_versions.html", context, status=status)


@require_GET
@needs("export")
def pair_version(request: SignedInRequest, version_id: uuid.UUID) -> HttpResponse:
    version = get_object_or_404(PairVersion.objects.select_related("created_by"), pk=version_id)
    context = {
        "version": version,
        "campaigns": version.campaigns.order_by("created_at"),
        "formats": PairFormat.choices,
        "runs": Run.objects.filter(config__pairs=str(version.pk)).order_by("-created_at")[:50],
    }
    return render(request, "annotation/pair_version.html", context)
