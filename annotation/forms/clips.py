"""Forms of the pages of clips, and fields that this app's forms share."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Clip, PromptSet, VideoModel

if TYPE_CHECKING:  # generic to the type checker only
    _Choice = forms.ModelChoiceField[Any]
    _MultipleChoice = forms.ModelMultipleChoiceField[Any]
else:
    _Choice, _MultipleChoice = forms.ModelChoiceField, forms.ModelMultipleChoiceField


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
