"""The form of a group of annotators."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.forms.clips import NamedChoices
from annotation.models import AnnotatorGroup
from workbench.models import User

_PEOPLE = User.objects.filter(is_active=True).order_by("username")


class GroupForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80)
    members = NamedChoices(_PEOPLE, label=_("Members"), required=False, widget=forms.CheckboxSelectMultiple)
    pasted = forms.CharField(
        label=_("Usernames to add"),
        required=False,
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("One a line, or separated by commas: for a list that you have."),
    )
    version = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput)

    @classmethod
    def of(cls, group: AnnotatorGroup | None, data: Any = None) -> "GroupForm":
        members = list(group.members.values_list("pk", flat=True)) if group else []
        initial = {
            "name": group.name if group else "",
            "members": members,
            "version": group.version if group else 0,
        }
        return cls(data, initial=initial, label_suffix="")

    @property
    def everybody(self) -> set[int]:
        """Members ticked and members pasted, from a valid form."""
        return {person.pk for person in self.cleaned_data["members"]} | set(self.cleaned_data["pasted"])

    def clean_pasted(self) -> list[int]:
        names = {name for name in re.split(r"[\s,;]+", self.cleaned_data["pasted"]) if name}
        found = dict(_PEOPLE.filter(username__in=names).values_list("username", "pk"))
        unknown = sorted(names - found.keys())
        if unknown:
            said = _("Nobody active is called: %(names)s.")
            raise forms.ValidationError(said % {"names": ", ".join(unknown[:20])})
        return list(found.values())
