"""Forms about people. Their looks come from `workbench/templates/workbench/forms/`, as every form's do."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import SetPasswordMixin
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils.translation import gettext_lazy as _

from workbench.models import AuditEntry, Invitation, Role, User
from workbench.people import bulk


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


class InviteForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ANNOTATOR)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)


class BulkForm(forms.Form):
    """A CSV file, or its text: the second step sends back the text of the first."""

    file = forms.FileField(
        label=_("CSV file"), required=False, widget=forms.FileInput(attrs={"accept": ".csv,text/csv"})
    )
    text = forms.CharField(
        label=_("or its text"),
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={
                "class": "code",
                "rows": 8,
                "placeholder": "username,email,role,language",
                "spellcheck": "false",
            }
        ),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        try:
            text = bulk.decode(file.read(bulk.MAX_BYTES + 1)) if file else cleaned.get("text", "")
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if not text.strip():
            raise forms.ValidationError(_("Choose a file, or paste its text."))
        cleaned["text"] = text
        return cleaned


class AcceptForm(SetPasswordMixin, forms.Form):  # type: ignore[type-arg]
    """What an invited person fills in: a username, unless the account has one, and a password."""

    username = forms.CharField(
        label=_("Username"),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password1, password2 = SetPasswordMixin.create_password_fields()

    def __init__(self, *args: Any, invitation: Invitation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = invitation
        if invitation.user:
            del self.fields["username"]

    def clean_username(self) -> str:
        name = str(self.cleaned_data["username"])
        if User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError(_("This username is taken; choose another."))
        return name

    def clean(self) -> dict[str, Any]:
        self.validate_passwords("password1", "password2")
        user = self.invitation.user or User(
            username=self.cleaned_data.get("username", ""), email=self.invitation.email
        )
        self.validate_password_for_user(user, "password1")
        return super().clean() or {}


class EraseForm(forms.Form):
    """Asks for the username, since it can't be undone."""

    username = forms.CharField(
        label=_("Type the username to confirm"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person

    def clean_username(self) -> str:
        typed = str(self.cleaned_data["username"])
        if typed != self.person.username:
            raise forms.ValidationError(_("That is not this person's username."))
        return typed


class PeopleFilter(forms.Form):
    search = forms.CharField(label=_("Name or e-mail"), required=False, max_length=254)
    role = forms.ChoiceField(label=_("Role"), required=False, choices=[("", _("All")), *Role.choices])
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("All")), ("active", _("Active")), ("inactive", _("Deactivated"))],
    )


class AuditFilter(forms.Form):
    action = forms.ChoiceField(label=_("Action"), required=False)
    actor = forms.CharField(label=_("Person"), required=False, max_length=150)
    subject = forms.CharField(label=_("Thing's number"), required=False, max_length=64)
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        actions = AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct()
        self.fields["action"].choices = [("", _("All")), *((name, name) for name in actions)]  # type: ignore[attr-defined]
