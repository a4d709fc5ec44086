"""What may change in a campaign that is there: its words, who labels, the limits of a person.

Every change raises the campaign's version; a form over an older one conflicts. What is judged stays as it
was: dimensions keep their keys, and items their clips.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from annotation.campaigns.lifecycle import locked, who_labels
from annotation.models import Campaign, Dimension
from workbench.refusals import Conflict, Invalid

SETTINGS = (
    "name",
    "guidelines",
    "question_limit",
    "lease_minutes",
    "min_play_seconds",
    "gold_share",
    "most_per_annotator",
    "most_per_day",
    "least_gold_accuracy",
    "least_pace",
)
"""Fields of a campaign that may change at any time before it is closed."""
WORDS = ("name_en", "name_zh", "definition_en", "definition_zh")
"""Fields of a dimension that may."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What to change; what is not named stays."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """By name, of `SETTINGS`."""
    dimensions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By the dimension's key: its `WORDS`."""
    annotators: tuple[int, ...] | None = None
    """Users who may label; () and no group: everybody with the right. None: as it is."""
    groups: tuple[int, ...] = ()
    """Groups whose members join `annotators`."""


def edit(campaign_id: uuid.UUID, version: int, changes: Changes) -> Campaign:
    """Make these changes. Raises Missing; Conflict `stale` or `closed`; Invalid `no_such_dimension`,
    `unknown_setting` or `nobody`.
    """
    unknown = sorted(set(changes.settings) - set(SETTINGS))
    if unknown:
        text = _("These can't be changed: %(names)s.") % {"names": ", ".join(unknown)}
        raise Invalid("unknown_setting", text)
    with transaction.atomic():
        campaign = locked(campaign_id, version)
        refuse_closed(campaign)
        _edit_dimensions(campaign, changes.dimensions)
        values: dict[str, Any] = {**changes.settings, "version": F("version") + 1}
        if changes.annotators is not None:
            people = who_labels(changes.annotators, changes.groups)
            campaign.annotators.set(people)
            values["open_to_all"] = not (changes.annotators or changes.groups)
        Campaign.objects.filter(pk=campaign.pk).update(**values)
    campaign.refresh_from_db()
    return campaign


def refuse_closed(campaign: Campaign) -> None:
    """Raise Conflict `closed` for a closed campaign."""
    if campaign.state == Campaign.State.CLOSED:
        raise Conflict(
            "closed", _("This campaign is closed. Open it again to change it."), state=campaign.state
        )


def _edit_dimensions(campaign: Campaign, wanted: Mapping[str, Mapping[str, str]]) -> None:
    there = {dimension.key: dimension for dimension in campaign.dimensions.all()}
    unknown = sorted(set(wanted) - set(there))
    if unknown:
        raise Invalid(
            "no_such_dimension",
            _("This campaign has no dimension %(keys)s; it has %(there)s.")
            % {"keys": ", ".join(unknown), "there": ", ".join(there)},
        )
    for key, words in wanted.items():
        for name in WORDS:
            setattr(there[key], name, words.get(name, getattr(there[key], name)))
        there[key].save(update_fields=WORDS)


def words_of(dimension: Dimension) -> dict[str, str]:
    """A dimension's words, by field."""
    return {name: getattr(dimension, name) for name in WORDS}
