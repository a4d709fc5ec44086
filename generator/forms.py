"""Forms of this app's pages."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import PromptSet
from annotation.prompts import sharing
from annotation.prompts.identity import TEXT_LENGTH
from generator import checkpoints
from generator.models import Checkpoint
from generator.playground import MOST_PROMPTS, MOST_SEEDS, Wanted
from generator.round_presets import PRESETS
from generator.rounds import Plan

if TYPE_CHECKING:  # generic to the type checker only
    _Choice = forms.ModelChoiceField[Any]
else:
    _Choice = forms.ModelChoiceField


class NamedChoice(_Choice):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.name)


class PromptSetChoice(_Choice):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.prompts.count()})"


class RoundForm(forms.Form):
    base = NamedChoice(
        Checkpoint.objects.all(),
        label=_("Checkpoint to begin from"),
        empty_label=None,
        help_text=_("The latest that was promoted, unless you choose another one."),
    )
    prompt_set = PromptSetChoice(PromptSet.objects.order_by("name"), label=_("Prompt set"), empty_label=None)
    preset = forms.ChoiceField(
        label=_("Size"),
        choices=[(key, key) for key in PRESETS],
        initial="tiny",
        help_text=_(
            "tiny is the smallest that means something; micro takes a minute of computing and shows that "
            "everything works."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["base"].initial = checkpoints.current_base()

    def plan(self) -> Plan:
        return Plan(**self.cleaned_data)


class GenerateForm(forms.Form):
    checkpoint = NamedChoice(Checkpoint.objects.all(), label=_("Checkpoint"), empty_label=None)
    texts = forms.CharField(
        label=_("Prompts, one a line"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=TEXT_LENGTH * 2,
        help_text=_("English or Chinese. For example: a red circle moves left, the camera stays still"),
    )
    first_frame = forms.FileField(
        label=_("First frame"),
        required=False,
        help_text=_("A square picture that the clips shall start from; without one it is text to video."),
        widget=forms.ClearableFileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )
    first_seed = forms.IntegerField(label=_("First seed"), min_value=0, max_value=2**62, initial=1)
    seeds = forms.IntegerField(label=_("Clips of each"), min_value=1, max_value=MOST_SEEDS, initial=2)
    steps = forms.IntegerField(label=_("Sampling steps"), min_value=1, max_value=200, initial=20)
    guidance = forms.FloatField(label=_("Guidance"), min_value=0, max_value=30, initial=3.0)
    share = forms.BooleanField(label=_("Share these prompts"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["checkpoint"].initial = checkpoints.current_base()
        self.fields["share"].help_text = sharing.sentence()

    def clean_texts(self) -> tuple[str, ...]:
        lines = tuple(line.strip() for line in self.cleaned_data["texts"].splitlines() if line.strip())
        if len(lines) > MOST_PROMPTS:
            text = _("At most %(most)s prompts at a time; a run from the runs' page takes more.")
            raise forms.ValidationError(text % {"most": MOST_PROMPTS})
        if any(len(line) > TEXT_LENGTH for line in lines):
            raise forms.ValidationError(
                _("A prompt has at most %(most)s characters.") % {"most": TEXT_LENGTH}
            )
        return lines

    def wanted(self) -> Wanted:
        return Wanted(**{name: value for name, value in self.cleaned_data.items() if name != "share"})
