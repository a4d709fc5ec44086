"""The form of the working-time page."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.forms.clips import NamedChoice
from annotation.models import Campaign


class WorkTimeForm(forms.Form):
    since = forms.DateField(
        label=_("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=_("Until"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    campaign = NamedChoice(
        Campaign.objects.order_by("-created_at"), label=_("Campaign"), required=False, empty_label=_("All")
    )
