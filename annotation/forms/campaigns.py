"""Forms of campaigns: the builder, and what changes later."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from annotation.campaigns.dimensions import DimensionSpec, default_dimensions
from annotation.campaigns.editing import Changes
from annotation.campaigns.extending import Way
from annotation.campaigns.lifecycle import CampaignSpec
from annotation.campaigns.planning import Selection
from annotation.forms.clips import NamedChoice, NamedChoices
from annotation.models import AnnotatorGroup, Campaign, Dimension, Prompt, PromptSet, Task, VideoModel
from annotation.prompts import taxonomy
from workbench.models import User

if TYPE_CHECKING:  # generic to the type checker only
    _FormSet = forms.BaseFormSet["DimensionForm"]
    _Prompts = forms.ModelMultipleChoiceField[Prompt]
else:
    _FormSet, _Prompts = forms.BaseFormSet, forms.ModelMultipleChoiceField

MAX_INT = 2**31 - 1
_EXPERTS = _("Nobody and no group chosen: all experts and managers.")


class SettingsForm(forms.Form):
    """What can be set at the making and changed later. Shares are percentages on the page."""

    name = forms.CharField(label=_("Name"), max_length=120)
    guidelines = forms.CharField(
        label=_("Guidelines"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("What annotators should know; they find it under “?”."),
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
    gold_percent = forms.FloatField(
        label=_("Gold items, in percent"),
        required=False,
        min_value=0,
        max_value=50,
        initial=0,
        help_text=_("Of what a person is shown: items whose answer is known."),
    )
    most_per_annotator = forms.IntegerField(
        label=_("Most items a person"),
        required=False,
        min_value=1,
        max_value=MAX_INT,
        help_text=_("Empty: as many as there are."),
    )
    most_per_day = forms.IntegerField(
        label=_("Most items a person a day"),
        required=False,
        min_value=1,
        max_value=MAX_INT,
        help_text=_("Empty: as many as there are."),
    )
    least_gold_percent = forms.FloatField(
        label=_("Tell managers below this gold accuracy, in percent"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=_("Empty: no notice."),
    )
    least_pace = forms.FloatField(
        label=_("Tell managers below this many judgements an hour"),
        required=False,
        min_value=0,
        max_value=3600,
        help_text=_("On task, over a person's last 20. Empty: no notice."),
    )
    groups = NamedChoices(
        AnnotatorGroup.objects.order_by("name"),
        label=_("Groups that may label"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Their members of now."),
    )
    annotators = NamedChoices(
        User.objects.filter(is_active=True).order_by("username"),
        label=_("Who may label"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Nobody and no group chosen: everybody with the right to label."),
    )

    def settings(self) -> dict[str, Any]:
        """Fields of a campaign, from a valid form."""
        given = {name: self.cleaned_data[name] for name in _SAME if name in self.fields}
        gold, least = self.cleaned_data.get("gold_percent"), self.cleaned_data.get("least_gold_percent")
        return {
            **given,
            "gold_share": (gold or 0) / 100,
            "least_gold_accuracy": None if least is None else least / 100,
        }

    def people(self) -> tuple[int, ...]:
        return tuple(row.pk for row in self.cleaned_data["annotators"])

    def chosen_groups(self) -> tuple[int, ...]:
        return tuple(row.pk for row in self.cleaned_data["groups"])


_SAME = (
    "name",
    "guidelines",
    "question_limit",
    "lease_minutes",
    "min_play_seconds",
    "most_per_annotator",
    "most_per_day",
    "least_pace",
)


def category_choices() -> list[tuple[int, str]]:
    """The taxonomy from above to below, what is below indented, named in the reader's language."""
    chinese = (get_language() or "en").startswith("zh")
    return [
        (row.pk, "\u2003" * depth + (row.name_zh if chinese else row.name_en))
        for row, depth in taxonomy.in_order()
    ]


class SelectionForm(forms.Form):
    """Which prompts and video models; what is named narrows."""

    prompt_sets = NamedChoices(
        PromptSet.objects.order_by("name"),
        label=_("Prompt sets"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: all prompts."),
    )
    categories = forms.TypedMultipleChoiceField(
        label=_("Categories"),
        choices=category_choices,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("With all below them. None chosen: all."),
    )
    text = forms.CharField(
        label=_("Words in the prompt"),
        required=False,
        max_length=200,
        help_text=_("In English or Chinese."),
    )
    prompts = _Prompts(Prompt.objects.all(), required=False, widget=forms.MultipleHiddenInput)
    video_models = NamedChoices(
        VideoModel.objects.order_by("name"),
        label=_("Video models"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: all clips that have a prompt."),
    )
    most_items = forms.IntegerField(
        label=_("Items at most"),
        required=False,
        min_value=1,
        max_value=MAX_INT,
        help_text=_("Empty: all there are. A campaign can be extended later."),
    )

    def selection(self, clips_per_item: int = 4) -> Selection:
        given = self.cleaned_data
        return Selection(
            clips_per_item=clips_per_item,
            prompt_sets=tuple(row.pk for row in given["prompt_sets"]),
            categories=tuple(given["categories"]),
            text=given["text"],
            prompts=tuple(row.pk for row in given["prompts"]),
            video_models=tuple(row.pk for row in given["video_models"]),
            most_items=given["most_items"],
        )


class CampaignForm(SettingsForm, SelectionForm):
    """The builder of campaigns of a protocol, with the fields that it has."""

    model_under_test = NamedChoice(
        VideoModel.objects.order_by("name"),
        label=_("Model under test"),
        help_text=_("Its clips are set against those of every other model chosen; people don't see whose."),
    )
    clips_per_item = forms.IntegerField(label=_("Clips per item"), min_value=2, max_value=8, initial=4)
    overlap = forms.IntegerField(
        label=_("Judgements per item"),
        min_value=1,
        max_value=20,
        initial=1,
        help_text=_("By different people."),
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

    def __init__(self, *args: Any, protocol: str = Campaign.Protocol.BEST_WORST, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.protocol = protocol
        if protocol != Campaign.Protocol.BEST_WORST:
            del self.fields["question_limit"]
            self.fields["annotators"].help_text = _EXPERTS
        if protocol == Campaign.Protocol.GSB:
            del self.fields["clips_per_item"]
            self.fields["video_models"].label = _("Opponents")
            self.fields["video_models"].help_text = _("None chosen: all other video models.")
        else:
            del self.fields["model_under_test"]
        if protocol == Campaign.Protocol.LIKERT:
            self.fields["clips_per_item"] = forms.IntegerField(
                label=_("Clips side by side, at most"), min_value=1, max_value=8, initial=1
            )

    def spec(self, dimensions: "DimensionForms") -> CampaignSpec:
        """What was asked for, once form and dimensions are valid."""
        given = self.cleaned_data
        specs = tuple(
            DimensionSpec(**{name: form.cleaned_data.get(name, "") for name in _DIMENSION_FIELDS})
            for form in dimensions.forms
            if form.cleaned_data.get("key") and form.cleaned_data.get("used")
        )
        return CampaignSpec(
            **self.settings(),
            protocol=self.protocol,
            model_under_test=given["model_under_test"].pk if "model_under_test" in given else None,
            selection=self.selection(given.get("clips_per_item", 2)),
            dimensions=specs,
            overlap=given["overlap"],
            normalise_fps=given["normalise_fps"],
            normalise_seconds=given["normalise_seconds"],
            annotators=self.people(),
            groups=self.chosen_groups(),
        )


class WordsForm(forms.Form):
    """What a dimension is called and means."""

    name_en = forms.CharField(label=_("Name in English"), max_length=80)
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80)
    definition_en = forms.CharField(
        label=_("Definition in English"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    definition_zh = forms.CharField(
        label=_("Definition in Chinese"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


class DimensionForm(WordsForm):
    used = forms.BooleanField(label=_("Used"), required=False)
    key = forms.RegexField(
        r"^[a-z][a-z0-9_]{0,39}$",
        label=_("Key"),
        help_text=_("In exports; small letters, digits and _."),
    )
    reward = forms.ChoiceField(
        label=_("Trains the reward model"),
        required=False,
        choices=[("", _("None")), *Dimension.Reward.choices],
    )
    required = forms.BooleanField(label=_("Must be answered"), required=False)
    field_order = (
        "used",
        "key",
        "name_en",
        "name_zh",
        "definition_en",
        "definition_zh",
        "reward",
        "required",
    )

    def __init__(self, *args: Any, rewards: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not rewards:
            del self.fields["reward"]


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


def dimensions_to_start_from(protocol: str) -> list[dict[str, Any]]:
    """The defaults; image-to-video's own is there, not used until it is ticked.

    In expert scoring it is used from the start: there it is asked of image-to-video prompts alone.
    """
    task = Task.T2V if protocol == Campaign.Protocol.BEST_WORST else Task.I2V
    usual = {dimension.key for dimension in default_dimensions(task, protocol)}
    return [{**d.__dict__, "used": d.key in usual} for d in default_dimensions(Task.I2V, protocol)]


# --- Later ------------------------------------------------------------------------------------------------


class VersionForm(forms.Form):
    """The version of the campaign that the page showed: a change made meanwhile conflicts."""

    version = forms.IntegerField(min_value=0, max_value=MAX_INT, widget=forms.HiddenInput)


class StateForm(VersionForm):
    state = forms.ChoiceField(choices=Campaign.State.choices)


class OverlapForm(VersionForm):
    overlap = forms.IntegerField(label=_("Judgements per item"), min_value=1, max_value=20)


class ExtendForm(SelectionForm, VersionForm):
    chosen = forms.ChoiceField(
        label=_("Of which prompts and video models"),
        choices=[("same", _("Those the campaign was made from")), ("other", _("Others, chosen here"))],
    )
    way = forms.ChoiceField(
        label=_("Which items"),
        choices=[
            (Way.FRESH.value, _("Of clips that are not in the campaign yet")),
            (Way.ANEW.value, _("Of all clips, in other company than before")),
        ],
    )

    def wanted(self) -> Selection | None:
        return self.selection() if self.cleaned_data["chosen"] == "other" else None


class EditForm(SettingsForm, VersionForm):
    """A campaign's settings as they are; with its dimensions, each by a `WordsForm`."""

    @classmethod
    def of(cls, campaign: Campaign, data: Any = None) -> "EditForm":
        """Without the fields that the campaign's protocol does not have."""
        least = campaign.least_gold_accuracy
        initial = {
            **{name: getattr(campaign, name) for name in _SAME},
            "version": campaign.version,
            "gold_percent": round(100 * campaign.gold_share, 2),
            "least_gold_percent": None if least is None else round(100 * least, 2),
            "annotators": list(campaign.annotators.values_list("pk", flat=True)),
        }
        form = cls(data, initial=initial, label_suffix="")
        if campaign.protocol != Campaign.Protocol.BEST_WORST:
            del form.fields["question_limit"]
            form.fields["annotators"].help_text = _EXPERTS
        return form

    def changes(self, words: dict[str, WordsForm]) -> Changes:
        return Changes(
            settings=self.settings(),
            dimensions={key: form.cleaned_data for key, form in words.items()},
            annotators=self.people(),
            groups=self.chosen_groups(),
        )
