"""Words of the quality pages: what stands out about a person, and how gold items came about."""

from django import template
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.forms.quality import KINDS
from annotation.models import GoldAnswer, Participation
from annotation.quality.annotators import PersonReport, Reliable
from annotation.quality.habits import Habits

register = template.Library()


@register.filter
def sign(name: str, report: PersonReport) -> str:
    """What stands out, with the figure it rests on."""
    habits: Habits = report.habits
    match name:
        case "quick":
            return _("much quicker than the others")
        case "slow":
            return _("much slower than the others")
        case "too_quick":
            text = _("%(share)d %% of items in less time than the clips last")
            return text % {"share": round(100 * (habits.quick_share or 0))}
        case "side":
            text = _("prefers place %(place)d on the screen (p = %(p).2g)")
            return text % {"place": (habits.favourite or 0) + 1, "p": report.side_p}
        case "same":
            text = _("%(share)d %% of items with the same picks in every dimension")
            return text % {"share": round(100 * (habits.same_share or 0))}
        case "repeats":
            text = _("%(share)d %% of items with the same places as the one before")
            return text % {"share": round(100 * (habits.repeat_share or 0))}
        case _:
            raise ValueError(f"{name!r} is no sign of quality.PersonReport")


@register.filter
def reliable(report: PersonReport | None, dimension: str) -> Reliable | None:
    """What a report says of a person in a dimension, by its key."""
    return report.dimensions.get(dimension) if report else None


@register.filter
def made_by(gold: GoldAnswer) -> str:
    """How a gold item came about."""
    recipes = [one.clip.recipe for one in gold.item.item_clips.all() if one.clip.degraded_from_id]
    return ", ".join(str(KINDS[recipe["kind"]]) for recipe in recipes) or gold.get_source_display()


@register.filter
def explained(gold: GoldAnswer) -> str:
    return gold.explanation(get_language() or "en")


@register.filter
def round_result(part: Participation) -> str:
    return str(part.get_qualification_display()) if part.qualification else _("in the round")
