"""Why prompts are left out, in the reader's language."""

from django import template

from annotation.prompts import reasons

register = template.Library()
register.filter("reason_title", reasons.title)
register.filter("reason_explanation", reasons.explanation)
