"""Pages of preference pairs: look at them as videos."""

import uuid

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from annotation.models import Campaign, Rendition
from annotation.results.pairlist import PairFilter, ShownPair, Verdict, pairs_of
from workbench.access import SignedInRequest, needs

PAGE = 12


class PairFilterForm(forms.Form):
    dimension = forms.ChoiceField(label=gettext_lazy("Dimension"), required=False)
    verdict = forms.ChoiceField(label=gettext_lazy("Verdict of the constraint"), required=False)
    broken_by = forms.ChoiceField(label=gettext_lazy("Broken by"), required=False)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**63 - 1, widget=forms.HiddenInput)

    def __init__(self, campaign: Campaign, language: str, *args: object) -> None:
        super().__init__(*args, label_suffix="")  # type: ignore[arg-type, misc]
        known = [(row.key, row.name(language)) for row in campaign.dimensions.order_by("position")]
        self.fields["dimension"].choices = [("", _("Any")), *known]  # type: ignore[attr-defined]
        self.fields["verdict"].choices = [("", _("Any")), *Verdict.choices]  # type: ignore[attr-defined]
        self.fields["broken_by"].choices = [("", _("Any")), *known]  # type: ignore[attr-defined]


@require_GET
@needs("campaigns.view")
def campaign_pairs(request: SignedInRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """Best left, worst right; each pair plays on one clock (`pairs.js`)."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    form = PairFilterForm(campaign, request.LANGUAGE_CODE, request.GET)
    form.is_valid()
    # What can't be understood filters nothing.
    chosen = {name: form.cleaned_data.get(name) or "" for name in ("dimension", "verdict", "broken_by")}
    found, next_after = pairs_of(campaign, PairFilter(**chosen), form.cleaned_data.get("after") or 0, PAGE)
    filters = {name: value for name, value in chosen.items() if value}
    context = {
        "campaign": campaign,
        "form": form,
        "pairs": found,
        "names": dict(form.fields["dimension"].choices),  # type: ignore[attr-defined]
        "filtered": bool(filters),
        "paged": bool(form.cleaned_data.get("after")),
        "more": "?" + urlencode({**filters, "after": next_after}) if next_after else "",
        "first": "?" + urlencode(filters),
        "clips": _playable(found),
    }
    return render(request, "annotation/campaign_pairs.html", context)


def _playable(found: list[ShownPair]) -> dict[str, dict[str, object]]:
    """What the player needs to know of each clip that has its plain rendition."""
    ids = {clip for shown in found for clip in (shown.pair.best_id, shown.pair.worst_id)}
    rows = Rendition.objects.filter(clip__in=ids, fps=None, seconds=None)
    return {
        str(row.clip_id): {"duration": row.duration, "frame_times": row.frame_times, "width": row.width}
        for row in rows
    }
