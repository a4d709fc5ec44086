"""How pages of rounds show states, parts and figures."""

from django import template
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from annotation.campaigns.dimensions import default_dimensions
from annotation.models import Dimension, Task
from generator.evaluation import Paired
from generator.reports import Report

register = template.Library()


@register.filter
def signed(value: float) -> str:
    """+0.012 or −0.012."""
    return f"{value:+.3f}".replace("-", "−")


@register.filter
def round_badge(state: str) -> str:
    return {"working": "running", "promoted": "good", "rejected": "warn"}.get(state, state)


@register.filter
def step_badge(state: str) -> str:
    return {"working": "running", "done": "good"}.get(state, state)


@register.filter
def step_word(state: str) -> str:
    return {
        "done": pgettext("step", "Done"),
        "working": pgettext("step", "At work"),
        "failed": pgettext("step", "Failed"),
        "cancelled": pgettext("step", "Cancelled"),
    }.get(state, pgettext("step", "To come"))


@register.filter
def role_word(role: str) -> str:
    """A run's part in its step."""
    words = {
        "clips": _("Clips"),
        "refl": _("Reward feedback learning"),
        "score": _("Reward models' scores"),
        "judge": _("The judge"),
        "simulate": _("Simulated annotators"),
    }
    return words.get(role) or str(Dimension.Reward(role).label)


@register.filter
def rows_of(report: Report) -> list[tuple[str, Paired, bool]]:
    """The lines of a comparison: (name, values, whether it is a whole and not a part)."""
    names = {d.key: d.name_zh if (get_language() or "").startswith("zh") else d.name_en for d in _DIMENSIONS}
    rewards = [(str(Dimension.Reward(key).label), one, False) for key, one in report.rewards.items()]
    judged = [(names.get(key, key), one, False) for key, one in report.judged.items()]
    return [
        (_("Judge: mean"), report.judge, True),
        *judged,
        (_("Rewards: composite"), report.composite, True),
        *rewards,
    ]


_DIMENSIONS = default_dimensions(Task.I2V)
