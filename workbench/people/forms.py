"""Forms about people. Their looks come from `workbench/templates/workbench/forms/`, as every form's do."""

from django import forms
from django.utils.translation import gettext_lazy as _


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        help_text=_("Where it will be used, for instance “laptop” or “training server”."),
    )
    days = forms.TypedChoiceField(
        label=_("Valid for"),
        choices=[(30, _("30 days")), (90, _("90 days")), (365, _("1 year")), (0, _("Until revoked"))],
        coerce=int,
        initial=90,
    )
