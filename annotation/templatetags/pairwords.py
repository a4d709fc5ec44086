"""How pairs are told on pages."""

from collections.abc import Mapping, Sequence

from django import template

from annotation.results.pairlist import Verdict

register = template.Library()
_TONES = {Verdict.KEPT: "good", Verdict.UNCHECKED: "warn", Verdict.BROKEN: "bad", Verdict.OVERRULED: ""}


@register.filter
def verdict_tone(verdict: Verdict) -> str:
    """The badge's class."""
    return _TONES[verdict]


@register.filter
def named_by(keys: Sequence[str], names: Mapping[str, str]) -> str:
    """Keys of dimensions by their names, in a row."""
    return ", ".join(str(names.get(key, key)) for key in keys)
