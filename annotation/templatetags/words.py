"""Texts that rows and forms hold in both languages, in the reader's."""

from django import template
from django.forms import BoundField
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.models import Dimension, Prompt
from annotation.quality.campaign_agreement import DimensionAgreement, Reading

register = template.Library()


@register.filter
def prompt_text(prompt: Prompt | None) -> str:
    """The prompt in the reader's language, else in the other one; "" where there is no prompt."""
    return prompt.text(_language()) if prompt else ""


@register.filter
def prompt_in_other_language(prompt: Prompt | None) -> str:
    """What `prompt_text` left out; "" where the prompt has one language only."""
    if not (prompt and prompt.text_en and prompt.text_zh):
        return ""
    return prompt.text_en if prompt_text(prompt) == prompt.text_zh else prompt.text_zh


@register.filter
def dimension_name(dimension: Dimension) -> str:
    return dimension.name(_language())


@register.filter
def dimension_definition(dimension: Dimension) -> str:
    return dimension.definition(_language())


@register.filter
def chosen_label(field: BoundField) -> str:
    """How the chosen value of a form's field with choices reads; "" where nothing is chosen."""
    value = field.value()
    labels = {str(key): str(label) for key, label in getattr(field.field, "choices", [])}
    return labels.get(str(value), "") if value else ""


@register.filter
def reading(found: DimensionAgreement) -> str:
    """What an alpha and its interval mean for somebody who wants to use the judgements."""
    match found.reading:
        case Reading.TOO_FEW:
            return _("Too few items with two ratings to say: ten at least.")
        case Reading.UNDEFINED:
            return _("Can't be told: every rating is the same.")
        case Reading.CHANCE:
            return _("Not told apart from guessing.")
        case Reading.WEAK:
            return _("Better than guessing, but weak: sharpen the definition, or ask more people.")
        case Reading.TENTATIVE:
            return _("Fair: enough for tentative conclusions.")
        case Reading.RELIABLE:
            return _("High: the ratings can be relied on.")


@register.filter
def as_percent(share: float) -> str:
    """A share in 0..1 in whole percent, without the sign."""
    return f"{100 * share:.0f}"


def _language() -> str:
    return get_language() or "en"
