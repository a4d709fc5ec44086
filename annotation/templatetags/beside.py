"""What stands beside the work of a campaign: its examples, and what people flagged."""

from collections.abc import Sequence

from django import template
from django.utils.translation import get_language

from annotation.campaigns import examples
from annotation.labelling import flags
from annotation.models import Campaign, GuidelineExample

register = template.Library()


@register.filter
def example_caption(example: GuidelineExample) -> str:
    """The caption in the reader's language, else in the other one."""
    return example.caption(get_language() or "en")


@register.simple_tag
def flagged_clips(campaign: Campaign) -> list[flags.FlaggedClip]:
    return flags.flagged(campaign)


@register.simple_tag
def example_clips(campaign: Campaign) -> Sequence[GuidelineExample]:
    return examples.of_campaign(campaign)
