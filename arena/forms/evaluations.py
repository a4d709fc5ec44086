"""Forms of the pages of evaluations."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.forms.clips import NamedChoice, NamedChoices
from annotation.models import AnnotatorGroup, PromptSet, Task, VideoModel
from arena.evaluations.lifecycle import MOST_SEEDS, EvaluationPlan
from workbench.access import CAPABILITIES
from workbench.models import User

MAX_SEED = 2**63 - 1


class EvaluationForm(forms.Form):
    """What is compared, how, and who scores."""

    name = forms.CharField(label=_("Name"), max_length=100)
    prompt_set = NamedChoice(PromptSet.objects.order_by("name"), label=_("Prompt set"))
    task = forms.ChoiceField(label=_("Task"), choices=Task.choices)
    video_models = NamedChoices(
        VideoModel.objects.order_by("name"),
        label=_("Video models"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Clips of our checkpoints are made; those of outside models are imported."),
    )
    likert = forms.BooleanField(label=_("Absolute scores (Likert, 1–5)"), required=False, initial=True)
    gsb = forms.BooleanField(label=_("Comparison in pairs (GSB)"), required=False)
    under_test = NamedChoice(
        VideoModel.objects.order_by("name"),
        label=_("Model under test"),
        required=False,
        empty_label=_("None"),
        help_text=_("For GSB: the one that each of the others is compared with."),
    )
    seeds = forms.CharField(
        label=_("Seeds"),
        initial="1",
        max_length=400,
        help_text=_("A clip of each prompt and model for each; separated by commas."),
    )
    side_by_side = forms.BooleanField(
        label=_("Score a model's clips of one prompt side by side"),
        required=False,
        help_text=_("Likert, with several seeds: one item for all of them instead of one for each."),
    )
    overlap = forms.IntegerField(
        label=_("Judgements per item"),
        min_value=1,
        max_value=20,
        initial=2,
        help_text=_("By different people."),
    )
    steps = forms.IntegerField(label=_("Sampling steps"), min_value=1, max_value=1000, initial=20)
    guidance = forms.FloatField(label=_("Guidance"), min_value=0, max_value=30, initial=3)
    groups = NamedChoices(
        AnnotatorGroup.objects.order_by("name"),
        label=_("Groups of experts"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Their members of now."),
    )
    annotators = NamedChoices(
        User.objects.none(),
        label=_("Experts"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Nobody and no group chosen: all experts and managers."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        who_score = [role for role, may in CAPABILITIES.items() if "score" in may]
        people = User.objects.filter(is_active=True, role__in=who_score).order_by("username")
        self.fields["annotators"].queryset = people  # type: ignore[attr-defined]

    def clean_seeds(self) -> tuple[int, ...]:
        return read_seeds(self.cleaned_data["seeds"])

    def clean(self) -> None:
        given = self.cleaned_data
        if given.get("gsb") and "under_test" in given and given["under_test"] is None:
            self.add_error("under_test", _("GSB needs a model under test."))

    def plan(self) -> EvaluationPlan:
        """What was asked for, from a valid form."""
        given = dict(self.cleaned_data)
        for many in ("groups", "annotators"):
            given[many] = tuple(row.pk for row in given[many])
        return EvaluationPlan(**given | {"video_models": tuple(given["video_models"])})


def read_seeds(text: str) -> tuple[int, ...]:
    """Seeds out of "1, 2, 3". Raises ValidationError."""
    parts = [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]
    if not all(part.isdecimal() and int(part) <= MAX_SEED for part in parts):
        raise forms.ValidationError(_("Seeds are whole numbers from 0, separated by commas."))
    seeds = tuple(int(part) for part in parts)
    if not 1 <= len(seeds) == len(set(seeds)) <= MOST_SEEDS:
        message = _("Give 1 to %(most)s seeds, each once.")
        raise forms.ValidationError(message, params={"most": MOST_SEEDS})
    return seeds


class VersionForm(forms.Form):
    """The version that the page showed: a change made meanwhile conflicts."""

    version = forms.IntegerField(min_value=0, max_value=2**31 - 1)
