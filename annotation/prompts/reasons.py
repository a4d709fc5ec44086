"""Why a prompt was left out, in the reader's words. The rules bring theirs (`ambiguity.RULES`)."""

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.prompts.ambiguity import RULES

NEAR_DUPLICATE = "near_duplicate"
REVIEW = "to_review"  # a user shared it (sharing.py)
_RULES = {rule.name: rule for rule in RULES}
NAMES = (NEAR_DUPLICATE, REVIEW, *_RULES)


def title(reason: str) -> str:
    """A few words; for "" that a person decided it."""
    if reason == NEAR_DUPLICATE:
        return _("Near-duplicate")
    if reason == REVIEW:
        return _("Waits for review")
    if reason not in _RULES:
        return _("Left out by hand")
    return _RULES[reason].title_zh if _chinese() else _RULES[reason].title_en


def explanation(reason: str) -> str:
    """A sentence; "" where there is nothing to explain."""
    if reason == NEAR_DUPLICATE:
        return _("Nearly the same signs as another prompt of the set, with no telling word changed.")
    if reason == REVIEW:
        return _("A user shared it. Take it in if it is a prompt to work with.")
    if reason not in _RULES:
        return ""
    return _RULES[reason].explanation_zh if _chinese() else _RULES[reason].explanation_en


def _chinese() -> bool:
    return (get_language() or "en").startswith("zh")
