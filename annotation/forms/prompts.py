"""Forms of the pages of prompts."""

from typing import Any, ClassVar

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.prompts import promptfile, promptsets


class PromptImportForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File (CSV, JSON or JSON lines)"),
        required=False,
        help_text=gettext_lazy("UTF-8, up to 4 MB and 10,000 prompts."),
    )
    text = forms.CharField(
        label=gettext_lazy("Or its text"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "class": "code", "spellcheck": "false"}),
    )
    prompt_set = forms.CharField(
        label=gettext_lazy("Prompt set"),
        required=False,
        max_length=promptfile.SET_LENGTH,
        widget=forms.TextInput(attrs={"list": "prompt-sets"}),
        help_text=gettext_lazy("For lines that name none; made where it is new."),
    )
    source = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        file = given.get("file")
        if file is not None:
            try:
                given["text"] = promptfile.decode(file.read(promptfile.MAX_BYTES + 1))
            except promptfile.PromptFileError as error:
                self.add_error("file", str(error))
            given["source"] = (file.name or "")[:200]
        elif not given.get("text") and not self.errors:
            self.add_error("file", _("Choose a file, or paste its text."))
        return given


class ChoiceForm(forms.Form):
    n = forms.IntegerField(
        label=gettext_lazy("How many prompts"), min_value=1, max_value=promptsets.MAX_CHOSEN, initial=100
    )
    seed = forms.IntegerField(
        label=gettext_lazy("Seed"),
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        initial=0,
        help_text=gettext_lazy("The same seed chooses the same prompts."),
    )
    name = forms.CharField(label=gettext_lazy("Name of the new set"), required=False, max_length=120)


class CandidateFilterForm(forms.Form):
    WHICH: ClassVar[list[tuple[str, str | Promise]]] = [
        ("left_out", gettext_lazy("Left out")),
        ("taken_back", gettext_lazy("Taken back")),
        ("in_set", gettext_lazy("Came in")),
    ]
    which = forms.ChoiceField(choices=WHICH, required=False)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**63 - 1)


class DecisionForm(forms.Form):
    kept = forms.BooleanField(required=False)
