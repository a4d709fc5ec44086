"""How pages show figures of reward models."""

from typing import Any

from django import template
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.campaigns.dimensions import default_dimensions
from annotation.models import Task
from rewardmodels.listing import Figures

register = template.Library()
_WIDTH = 160


@register.filter
def dimension_of(key: str) -> str:
    """A dimension's name in the reader's language; one of a campaign's own is known by its key only."""
    for known in default_dimensions(Task.I2V):
        if known.key == key:
            return known.name_zh if (get_language() or "en").startswith("zh") else known.name_en
    return key.replace("_", " ")


@register.filter
def share(value: float | None) -> str:
    """A share of 0–1 in percent; a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f} %"


@register.filter
def score_value(value: float) -> str:
    """A standardised score with its sign."""
    return f"{value:+.2f}"


@register.inclusion_tag("rewardmodels/accuracy.html")
def accuracy_bar(figures: Figures) -> dict[str, Any]:
    """Accuracy and its interval on a line from 0 to 1, with marks at chance and at people's agreement."""
    said = [_("chance %(share)s") % {"share": share(figures.chance)}]
    if figures.accuracy is not None:
        text = _("accuracy %(share)s, 95 %% interval %(low)s to %(high)s")
        values = {"share": figures.accuracy, "low": figures.accuracy_low, "high": figures.accuracy_high}
        said.insert(0, text % {name: share(value) for name, value in values.items()})
    if figures.agreement is not None:
        said.append(_("people agree in %(share)s") % {"share": share(figures.agreement)})
    low, high = figures.accuracy_low, figures.accuracy_high
    return {
        "width": _WIDTH,
        "value": _place(figures.accuracy),
        "low": _place(low),
        "length": None if low is None or high is None else round(_WIDTH * (high - low)),
        "chance": _place(figures.chance),
        "agreement": _place(figures.agreement),
        "text": ", ".join(said),
    }


def _place(value: float | None) -> int | None:
    return None if value is None else round(_WIDTH * value)
