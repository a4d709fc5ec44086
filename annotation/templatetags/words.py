"""Texts that rows and forms hold in both languages, in the reader's."""

from django import template
from django.forms import BoundField
from django.utils.translation import get_language

from annotation.models import Dimension, Prompt

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


def _language() -> str:
    return get_language() or "en"
