"""Forms of the pages about the quality of a campaign's work."""

import re
from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from annotation.models import Campaign
from annotation.quality import gold_items

KINDS = {
    "jitter": _("jitter"),
    "dropped_frames": _("dropped frames"),
    "freeze": _("freeze"),
    "blur": _("blur"),
    "noise": _("noise"),
    "compression": _("compression"),
    "colour_cast": _("colour cast"),
    "warp": _("warped shapes"),
}


class QualityForm(forms.Form):
    version = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput)
    gold_feedback = forms.BooleanField(
        label=_("Explain a wrong gold answer at once"),
        required=False,
        help_text=_("Otherwise nobody learns which items were gold."),
    )
    qualification_items = forms.IntegerField(
        label=_("Items of the qualification round"),
        min_value=0,
        max_value=50,
        help_text=_(
            "Gold items that come first, each explained after the answer; for people at work already, too. "
            "0: no round."
        ),
    )
    qualification_pass = forms.FloatField(
        label=_("Share right to pass"), min_value=0, max_value=1, help_text=_("Between 0 and 1.")
    )
    dispute_from = forms.FloatField(
        label=_("Disagreement to adjudicate from"),
        min_value=0,
        max_value=1,
        help_text=_("0: the judges agree; of four clips, another best clip makes 0.33."),
    )

    @classmethod
    def of(cls, campaign: Campaign) -> "QualityForm":
        return cls(initial={name: getattr(campaign, name) for name in cls.base_fields}, label_suffix="")


class ExcludeForm(forms.Form):
    why = forms.CharField(max_length=200)
    reopen_slots = forms.BooleanField(required=False)


class MakeGoldForm(forms.Form):
    n = forms.IntegerField(label=_("How many"), min_value=1, max_value=200, initial=10)
    kinds = forms.MultipleChoiceField(
        label=_("Degradations"),
        choices=list(KINDS.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: all that speak of a dimension of the campaign."),
    )
    strength = forms.FloatField(
        label=_("Strength"),
        min_value=0.1,
        max_value=1,
        initial=gold_items.STRENGTH,
        help_text=_("From 0.1 to 1. Weak ones make hard gold items."),
    )


class KnownScoresForm(forms.Form):
    """A calibration item of a Likert campaign: an item of it and the scores that its clips should get."""

    number = forms.IntegerField(
        label=_("Number of the item"), min_value=1, max_value=gold_items.FIRST_POSITION
    )
    tolerance = forms.IntegerField(
        label=_("Points off that are still right"), min_value=0, max_value=3, initial=1
    )
    explanation_en = forms.CharField(
        label=_("Explanation in English"), required=False, max_length=2000, widget=forms.Textarea({"rows": 3})
    )
    explanation_zh = forms.CharField(
        label=_("Explanation in Chinese"), required=False, max_length=2000, widget=forms.Textarea({"rows": 3})
    )

    def __init__(self, campaign: Campaign, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        language = get_language() or "en"
        self.keys = [dimension.key for dimension in campaign.dimensions.order_by("position")]
        for dimension in campaign.dimensions.order_by("position"):
            self.fields[f"scores_{dimension.key}"] = forms.RegexField(
                r"^\s*[1-5](\s*[,，]\s*[1-5])*\s*$",
                label=dimension.name(language),
                required=False,
                help_text=_("1 to 5; of several clips in their order, with commas: 4, 2. Empty: not known."),
                error_messages={"invalid": _("Expected scores from 1 to 5 with commas between them.")},
            )

        self.order_fields(["number", *(f"scores_{key}" for key in self.keys), "tolerance"])

    def scores(self) -> dict[str, list[int]]:
        given = {key: self.cleaned_data[f"scores_{key}"] for key in self.keys}
        return {key: [int(one) for one in re.split("[,，]", text)] for key, text in given.items() if text}


class ConsensusForm(forms.Form):
    number = forms.IntegerField(
        label=_("Number of the item"), min_value=1, max_value=gold_items.FIRST_POSITION
    )
    explanation_en = forms.CharField(
        label=_("Explanation in English"), required=False, max_length=2000, widget=forms.Textarea({"rows": 3})
    )
    explanation_zh = forms.CharField(
        label=_("Explanation in Chinese"), required=False, max_length=2000, widget=forms.Textarea({"rows": 3})
    )
