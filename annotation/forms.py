"""Forms of this app's pages."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.campaigns import CampaignSpec, Selection
from annotation.dimensions import DimensionSpec, default_dimensions
from annotation.models import Campaign, Clip, Dimension, PromptSet, Task, VideoModel
from workbench.models import User

if TYPE_CHECKING:  # generic to the type checker only
    _Choice = forms.ModelChoiceField[Any]
    _MultipleChoice = forms.ModelMultipleChoiceField[Any]
    _FormSet = forms.BaseFormSet["DimensionForm"]
else:
    _Choice, _MultipleChoice = forms.ModelChoiceField, forms.ModelMultipleChoiceField
    _FormSet = forms.BaseFormSet


class NamedChoice(_Choice):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.name)


class NamedChoices(_MultipleChoice):
    def label_from_instance(self, obj: Any) -> str:
        return str(getattr(obj, "name", None) or obj.username)


class ClipFilterForm(forms.Form):
    text = forms.CharField(label=_("Prompt, file name or SHA-256"), required=False, max_length=200)
    video_model = NamedChoice(
        VideoModel.objects.order_by("name"),
        to_field_name="slug",
        required=False,
        label=_("Video model"),
        empty_label=_("Any"),
    )
    prompt_set = NamedChoice(
        PromptSet.objects.order_by("name"),
        to_field_name="slug",
        required=False,
        label=_("Prompt set"),
        empty_label=_("Any"),
    )
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("Any")), *Clip.State.choices])


class ManifestForm(forms.Form):
    manifest = forms.FileField(
        label=_("Manifest (CSV)"),
        help_text=_(
            "The heading needs a column “path” with the names of the files below; known too are prompt, "
            "prompt_zh, task, category, model, seed, source, license and first_frame."
        ),
    )
    dry_run = forms.BooleanField(
        label=_("Only check, take nothing in"), required=False, help_text=_("Says what would happen.")
    )


class CampaignForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    guidelines = forms.CharField(
        label=_("Guidelines"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("What annotators should know; they find it under “?”."),
    )
    prompt_sets = NamedChoices(
        PromptSet.objects.order_by("name"),
        label=_("Prompt sets"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: all prompts."),
    )
    video_models = NamedChoices(
        VideoModel.objects.order_by("name"),
        label=_("Video models"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: all clips that have a prompt."),
    )
    clips_per_item = forms.IntegerField(label=_("Clips per item"), min_value=2, max_value=8, initial=4)
    overlap = forms.IntegerField(
        label=_("Judgements per item"),
        min_value=1,
        max_value=20,
        initial=1,
        help_text=_("By different people."),
    )
    question_limit = forms.IntegerField(
        label=_("Questions per item, at most"),
        min_value=0,
        max_value=20,
        initial=3,
        help_text=_("Asked where the picks leave open whether a best clip is worse in another dimension."),
    )
    lease_minutes = forms.IntegerField(
        label=_("Minutes an item stays reserved"), min_value=1, max_value=1440, initial=20
    )
    min_play_seconds = forms.FloatField(
        label=_("Seconds to play before submitting"), min_value=0, max_value=60, initial=0
    )
    normalise_fps = forms.FloatField(
        label=_("Show all at frames a second"),
        required=False,
        min_value=1,
        max_value=120,
        help_text=_("Empty: as each clip is. Motion is judged, so change this only with reason."),
    )
    normalise_seconds = forms.FloatField(
        label=_("Show at most seconds"),
        required=False,
        min_value=0.1,
        max_value=600,
        help_text=_("Empty: whole."),
    )
    annotators = NamedChoices(
        User.objects.filter(is_active=True).order_by("username"),
        label=_("Who may label"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: everybody with the right to label."),
    )

    def spec(self, dimensions: "DimensionForms") -> CampaignSpec:
        """What was asked for, once form and dimensions are valid."""
        given = dict(self.cleaned_data)
        selection = Selection(
            clips_per_item=given.pop("clips_per_item"),
            prompt_sets=tuple(row.pk for row in given.pop("prompt_sets")),
            video_models=tuple(row.pk for row in given.pop("video_models")),
        )
        people = tuple(row.pk for row in given.pop("annotators"))
        specs = tuple(
            DimensionSpec(**{name: form.cleaned_data[name] for name in _DIMENSION_FIELDS})
            for form in dimensions.forms
            if form.cleaned_data.get("key") and form.cleaned_data.get("used")
        )
        return CampaignSpec(selection=selection, dimensions=specs, annotators=people, **given)


class DimensionForm(forms.Form):
    used = forms.BooleanField(label=_("Used"), required=False)
    key = forms.RegexField(
        r"^[a-z][a-z0-9_]{0,39}$",
        label=_("Key"),
        help_text=_("In exports; small letters, digits and _."),
    )
    name_en = forms.CharField(label=_("Name in English"), max_length=80)
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80)
    definition_en = forms.CharField(
        label=_("Definition in English"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    definition_zh = forms.CharField(
        label=_("Definition in Chinese"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    reward = forms.ChoiceField(
        label=_("Trains the reward model"),
        required=False,
        choices=[("", _("None")), *Dimension.Reward.choices],
    )
    required = forms.BooleanField(label=_("Must be answered"), required=False)


class DimensionForms(_FormSet):
    def clean(self) -> None:
        used = [f.cleaned_data["key"] for f in self.forms if f.is_valid() and f.cleaned_data.get("used")]
        if not used:
            raise forms.ValidationError(_("A campaign needs at least one dimension."))
        if len(set(used)) < len(used):
            raise forms.ValidationError(_("Two dimensions have the same key."))


DimensionFormSet = forms.formset_factory(
    DimensionForm, formset=DimensionForms, extra=1, max_num=12, validate_max=True
)
_DIMENSION_FIELDS = ("key", "name_en", "name_zh", "definition_en", "definition_zh", "reward", "required")


def dimensions_to_start_from() -> list[dict[str, Any]]:
    """The defaults; image-to-video's own is there, not used until it is ticked."""
    usual = {dimension.key for dimension in default_dimensions(Task.T2V)}
    return [{**d.__dict__, "used": d.key in usual} for d in default_dimensions(Task.I2V)]


class StateForm(forms.Form):
    state = forms.ChoiceField(choices=Campaign.State.choices)
    version = forms.IntegerField(min_value=0, max_value=2**31 - 1)
