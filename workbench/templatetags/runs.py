"""How pages of runs show names, times and figures."""

from typing import Any

from django import template
from django.utils.translation import gettext as _

from workbench.models import Run, RunEvent, RunState

register = template.Library()


@register.filter
def run_name(run: Run) -> str:
    """Its name, or its kind and the beginning of its id."""
    return run.name or f"{run.kind} {str(run.pk)[:8]}"


@register.filter
def title_of(titles: dict[str, str], kind: str) -> str:
    return titles.get(kind, kind)


@register.filter
def duration(seconds: float) -> str:
    """1:05 or 2:00:07."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@register.filter
def took(run: Run) -> float:
    """Seconds from its first start to its end, waits in the queue between attempts included."""
    return (run.ended_at - run.started_at).total_seconds() if run.ended_at and run.started_at else 0.0


@register.filter
def figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@register.filter
def state_text(event: RunEvent) -> str:
    """A state change in words."""
    words = {str(state): str(label) for state, label in RunState.choices}
    words |= {
        "training": _("Training from step %(step)s"),
        "delivering": _("Taking over results"),
        "cancelling": _("Cancellation asked for"),
    }
    return words.get(event.text, event.text) % {"step": event.data.get("step", 0)}


@register.filter
def event_text(event: RunEvent) -> str:
    """A line of the log."""
    if event.kind == "checkpoint":
        return _("Checkpoint of step %(step)s") % {"step": event.data.get("step")}
    if event.kind == "sample":
        return _("Sample: %(caption)s") % {"caption": event.text}
    if event.kind == "state":
        why = event.data.get("why")
        return f"{state_text(event)}: {why}" if why else state_text(event)
    return event.text
