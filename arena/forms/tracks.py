"""Forms of managers: a track, what it leaves out, a voter, and a video model's card."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.forms.clips import NamedChoice
from annotation.models import PromptSet, VideoModel
from arena.battles import tracks
from arena.models import Ruling, Track
from workbench.models import User

_SIMPLE = (
    "task",
    "name_en",
    "name_zh",
    "state",
    "entry",
    "anonymous",
    "least_votes",
    "anchor",
    "battles_shown",
)


class _Versioned(forms.ModelForm):  # type: ignore[type-arg]
    """A form of a row that says which version of it was read."""

    version = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.fields["version"].initial = self.instance.version if self.instance.pk else 0


class TrackForm(_Versioned):
    """A track's settings. Its sets of prompts have a weight each: `prompt_sets` gives (set, weight)."""

    anchor = NamedChoice(
        VideoModel.objects.order_by("name"),
        label=_("Model whose rating is 1000 on the anchored scale"),
        required=False,
        empty_label=_("none"),
    )

    slug = forms.SlugField(
        label=_("Address"),
        max_length=40,
        help_text=_("Part of its pages' addresses; it does not change later."),
    )
    invited = forms.CharField(
        label=_("Invited people"),
        required=False,
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=_("Usernames, one a line or separated by commas. Read where only invited people get in."),
    )
    prompt_sets = forms.CharField(
        label=_("Sets of prompts"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_(
            "One a line: a set's short name, and its weight if it is not 1, as in “animals 2.5”. "
            "Without any, battles are over every prompt of the task."
        ),
    )

    class Meta:
        model = Track
        fields = ("slug", *_SIMPLE)
        labels = {
            "task": _("Task"),
            "name_en": _("Name in English"),
            "name_zh": _("Name in Chinese"),
            "state": _("State"),
            "entry": _("Who gets in"),
            "anonymous": _("Visitors without an account may vote, where the arena is open to them"),
            "least_votes": _("Least votes of a model that is shown"),
            "battles_shown": _("Battles that are over may be watched"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in ("slug", "task"):  # battles and addresses stand on them
                self.fields[name].disabled = True
            self.fields["invited"].initial = "\n".join(
                self.instance.invited.order_by("username").values_list("username", flat=True)
            )
            rows = self.instance.track_prompt_sets.select_related("prompt_set").order_by("prompt_set__slug")
            self.fields["prompt_sets"].initial = "\n".join(
                f"{row.prompt_set.slug} {row.weight:g}" for row in rows
            )

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if slug in tracks.RESERVED:
            raise forms.ValidationError(
                _("“%(slug)s” is taken by a page. Take another word.") % {"slug": slug}
            )
        return slug

    def clean_invited(self) -> list[User]:
        names = {name.strip() for name in self.cleaned_data["invited"].replace(",", "\n").splitlines()} - {""}
        people = list(User.objects.filter(username__in=names, is_active=True))
        unknown = sorted(names - {person.username for person in people})
        if unknown:
            said = _("Nobody active is called: %(names)s.")
            raise forms.ValidationError(said % {"names": ", ".join(unknown[:20])})
        return people

    def clean_prompt_sets(self) -> list[tuple[PromptSet, float]]:
        found: dict[str, float] = {}
        for line in self.cleaned_data["prompt_sets"].splitlines():
            slug, _space, weight = line.strip().partition(" ")
            if not slug:
                continue
            try:
                found[slug] = float(weight) if weight.strip() else 1.0
            except ValueError:
                found[slug] = -1.0
            if not 0 <= found[slug] <= 1000:
                said = _("“%(line)s”: after the set's name comes its weight, a number from 0 to 1000.")
                raise forms.ValidationError(said % {"line": line.strip()[:80]})
        rows = {row.slug: row for row in PromptSet.objects.filter(slug__in=found)}
        unknown = sorted(found.keys() - rows.keys())
        if unknown:
            said = _("There is no set of prompts called: %(names)s.")
            raise forms.ValidationError(said % {"names": ", ".join(unknown[:20])})
        return [(rows[slug], weight) for slug, weight in found.items()]


class RulesForm(_Versioned):
    """What a track's board leaves out."""

    class Meta:
        model = Track
        fields = ("day_cap", "prompt_cap", "outlier_alpha", "leak_words")
        labels = {
            "day_cap": _("Votes of a voter in a day that count"),
            "prompt_cap": _("Votes on a prompt that count"),
            "outlier_alpha": _("Honest voters who may be found by mistake, as a share"),
            "leak_words": _("Words that tell a model, beside the models' names"),
        }
        help_texts = {
            "day_cap": _("Empty: all of them. By days in UTC."),
            "prompt_cap": _("Empty: all of them. The first ones count."),
            "outlier_alpha": _(
                "0.05 is usual; 0 looks for nobody. Whoever is found stays so until you decide."
            ),
            "leak_words": _("One a line, found in any case."),
        }
        widgets = {"leak_words": forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})}


class RulingForm(forms.Form):
    voter = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(
        choices=[(kind, kind.label) for kind in (Ruling.Verdict.EXCLUDED, Ruling.Verdict.CLEARED)]
    )
    reason = forms.CharField(max_length=200)


class CardForm(_Versioned):
    """What is known of a video model, beside its clips."""

    class Meta:
        model = VideoModel
        fields = (
            "name",
            "organisation",
            "licence",
            "released",
            "price_per_second",
            "seconds_per_second",
            "deprecated",
        )
        labels = {
            "name": _("Name"),
            "organisation": _("Creator"),
            "licence": _("Licence"),
            "released": _("Released"),
            "price_per_second": _("Price of a second of video, US$"),
            "seconds_per_second": _("Wait for a second of video, in seconds"),
            "deprecated": _("Deprecated: no new battles, and boards hide it unless asked"),
        }
        widgets = {"released": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}
