"""Campaigns: which items they have, who may label, open, paused, closed and opened again.

Items are given one by one, or planned from the ready clips of chosen prompts and models (`planning.py`). What
changes later is in `editing.py`, `extending.py` and `overlap.py`.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.campaigns.dimensions import DimensionSpec
from annotation.campaigns.planning import Group, Selection, plan, refuse_wrong_items
from annotation.clips.intake import want_renditions
from annotation.exchange import webhooks
from annotation.models import Campaign, Clip, Dimension, Item, ItemClip, Rendition, VideoModel
from workbench.access import may
from workbench.models import User
from workbench.refusals import Conflict, Invalid, Missing

BATCH = 1000
Protocol = Campaign.Protocol
State = Campaign.State
MOVES: dict[str, tuple[str, ...]] = {
    State.DRAFT: (State.OPEN,),
    State.OPEN: (State.PAUSED, State.CLOSED),
    State.PAUSED: (State.OPEN, State.CLOSED),
    State.CLOSED: (State.OPEN,),
}


@dataclass(frozen=True, kw_only=True)
class CampaignSpec:
    """What a manager asks for."""

    name: str
    dimensions: tuple[DimensionSpec, ...]
    selection: Selection
    protocol: str = Protocol.BEST_WORST
    model_under_test: int | None = None
    """A video model, for good/same/bad alone."""
    guidelines: str = ""
    overlap: int = 1
    question_limit: int = 3
    lease_minutes: int = 20
    min_play_seconds: float = 0
    normalise_fps: float | None = None
    normalise_seconds: float | None = None
    gold_share: float = 0
    """Of what a person is shown, how much is gold: in [0, 0.5]."""
    most_per_annotator: int | None = None
    most_per_day: int | None = None
    least_gold_accuracy: float | None = None
    """In [0, 1]. Managers get a notice about a person who is below it, or below the pace."""
    least_pace: float | None = None
    """Judgements an hour on task."""
    annotators: tuple[int, ...] = field(default=())
    """Users who may label; nobody named means everybody with the right to label."""
    groups: tuple[int, ...] = field(default=())
    """Groups whose members are named with them."""


def create(spec: CampaignSpec, created_by: User, items: Sequence[Group] | None = None) -> Campaign:
    """Make a campaign in the state draft, with its dimensions and items, and ask for missing renditions.

    Its items are those given, judged in that order; without any given, those planned from the selection.
    Raises Invalid `no_items`, `no_dimensions`, `dimension_twice`, `model_under_test`, `clips_per_item`,
    `wrong_clips`.
    """
    keys = [dimension.key for dimension in spec.dimensions]
    if not keys:
        raise Invalid("no_dimensions", _("A campaign needs at least one dimension."))
    if len(set(keys)) < len(keys):
        raise Invalid("dimension_twice", _("Two dimensions have the same key: %s.") % ", ".join(sorted(keys)))
    _refuse_misfit(spec)
    if spec.protocol == Protocol.GSB:
        spec = replace(spec, selection=replace(spec.selection, clips_per_item=2))
    if items is None:
        groups = plan(spec.selection, spec.protocol, spec.model_under_test).groups
    else:
        groups = list(items)
        refuse_wrong_items(groups, spec.protocol, spec.selection.clips_per_item, spec.model_under_test)
    if not groups:
        raise Invalid("no_items", _nothing_to_judge(spec))
    people = who_labels(spec.annotators, spec.groups)
    with transaction.atomic():
        campaign = Campaign(
            **{name: getattr(spec, name) for name in _COPIED},
            model_under_test_id=spec.model_under_test,
            clips_per_item=spec.selection.clips_per_item,
            selection=spec.selection.to_json(),
            open_to_all=not (spec.annotators or spec.groups),
            created_by=created_by,
            items_total=len(groups),
        )
        campaign.save(force_insert=True)
        campaign.annotators.set(people)
        Dimension.objects.bulk_create(
            dimension.row(campaign, position) for position, dimension in enumerate(spec.dimensions)
        )
        add_items(campaign, groups, first_position=0)
        want_renditions({clip for group in groups for clip in group.clips}, *campaign.normalised)
    return campaign


def _refuse_misfit(spec: CampaignSpec) -> None:
    if (spec.protocol == Protocol.GSB) != (spec.model_under_test is not None):
        raise Invalid(
            "model_under_test",
            _("Good/same/bad compares a video model under test with others; no other protocol has one."),
        )
    tested = spec.model_under_test
    if tested is not None and not VideoModel.objects.filter(pk=tested).exists():
        raise Invalid("model_under_test", _("There is no such video model."))
    if spec.protocol == Protocol.BEST_WORST and spec.selection.clips_per_item < 2:
        raise Invalid("clips_per_item", _("Best and worst need two clips an item at least."))


def _nothing_to_judge(spec: CampaignSpec) -> str:
    if spec.protocol == Protocol.GSB:
        return _("No prompt has ready clips of the model under test and of another one of those chosen.")
    n = 1 if spec.protocol == Protocol.LIKERT else spec.selection.clips_per_item
    return _("No prompt has %(n)d ready clips of the chosen video models, so there is nothing to judge.") % {
        "n": n
    }


_COPIED = (
    "name",
    "protocol",
    "guidelines",
    "overlap",
    "question_limit",
    "lease_minutes",
    "min_play_seconds",
    "normalise_fps",
    "normalise_seconds",
    "gold_share",
    "most_per_annotator",
    "most_per_day",
    "least_gold_accuracy",
    "least_pace",
)


def who_labels(annotators: Iterable[int], groups: Collection[int]) -> set[int]:
    """These people and the members of these groups. Raises Invalid `nobody` for groups without members."""
    people = set(annotators)
    if groups:
        people |= set(User.objects.filter(annotator_groups__in=groups).values_list("pk", flat=True))
        if not people:
            raise Invalid("nobody", _("The chosen groups have no members, so nobody could label."))
    return people


def locked(campaign_id: uuid.UUID, version: int) -> Campaign:
    """The campaign, locked against other changes of it. Raises Missing, or Conflict `stale`.

    To be called in a transaction. Those who label don't wait for it.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).filter(pk=campaign_id).first()
    if campaign is None:
        raise Missing("no_such_campaign", _("There is no such campaign."))
    if campaign.version != version:
        raise Conflict(
            "stale",
            _("The campaign was changed meanwhile; it is %(state)s now. Look again, then decide.")
            % {"state": campaign.get_state_display()},
            version=campaign.version,
            state=campaign.state,
        )
    return campaign


def set_state(campaign_id: uuid.UUID, state: str, version: int) -> Campaign:
    """Open, pause, close or open again. Raises Missing; Conflict `stale`, `not_from_here`,
    `renditions_missing`.
    """
    campaign = Campaign.objects.filter(pk=campaign_id).first()
    if campaign and state == State.OPEN and state in MOVES[campaign.state]:
        refuse_unrendered(campaign)  # outside of the transaction, whose end sends what it asks for
    with transaction.atomic():
        campaign = locked(campaign_id, version)
        if state not in MOVES[campaign.state]:
            raise Conflict(
                "not_from_here",
                _("A campaign that is %(now)s can't become %(wanted)s.")
                % {"now": campaign.get_state_display(), "wanted": state},
                state=campaign.state,
            )
        changed: dict[str, Any] = {"state": state, "version": F("version") + 1}
        Campaign.objects.filter(pk=campaign.pk).update(**changed)
        campaign.state = state
        webhooks.campaign_changed(campaign)
    campaign.refresh_from_db()
    return campaign


def open_to(user: User) -> QuerySet[Campaign]:
    """The campaigns in which this person may label now, oldest first."""
    rows = Campaign.objects.filter(labelled_by(user), state=State.OPEN).prefetch_related("participations")
    return rows.order_by("created_at")


def labelled_by(user: User, campaign: str = "") -> Q:
    """A condition: this person may label in the campaign. Named people may; where nobody is named, all who
    have the right, which in expert scoring is experts and managers.

    For rows that refer to a campaign, `campaign` is the way there with `__` at its end.
    """
    named = Campaign.annotators.through.objects.filter(campaign=OuterRef(f"{campaign}pk"), user=user)
    allowed = Q(**{f"{campaign}open_to_all": True})
    if not may(user, "score"):
        allowed &= Q(**{f"{campaign}protocol": Campaign.Protocol.BEST_WORST})
    return allowed | Q(Exists(named))


def invited(campaign: Campaign, user: User) -> bool:
    """Whether this person may label in the campaign (see `labelled_by`)."""
    return Campaign.objects.filter(labelled_by(user), pk=campaign.pk).exists()


def unrendered(campaign: Campaign) -> QuerySet[Clip]:
    """Clips of the campaign's items that lack the rendition it shows."""
    fps, seconds = campaign.normalised
    there = Rendition.objects.filter(clip=OuterRef("pk"), fps=fps, seconds=seconds)
    used = ItemClip.objects.filter(item__campaign=campaign).values("clip")
    return Clip.objects.filter(~Exists(there), pk__in=used)


def add_items(campaign: Campaign, groups: Sequence[Group], first_position: int) -> None:
    """Make the items of these groups, at positions from `first_position` on."""
    for start in range(0, len(groups), BATCH):
        some = groups[start : start + BATCH]
        items = Item.objects.bulk_create(
            Item(
                campaign=campaign,
                prompt_id=group.prompt_id,
                position=first_position + start + n,
                open_slots=campaign.overlap,
            )
            for n, group in enumerate(some)
        )
        ItemClip.objects.bulk_create(
            ItemClip(item=item, clip_id=clip_id, position=position)
            for item, group in zip(items, some, strict=True)
            for position, clip_id in enumerate(group.clips)
        )


def refuse_unrendered(campaign: Campaign, clips: Collection[uuid.UUID] | None = None) -> None:
    """Raise Conflict `renditions_missing`, and ask for them, where clips lack the form the campaign shows.

    Of all its items, or of these clips, for a campaign that is about to show them.
    """
    fps, seconds = campaign.normalised
    lacking = unrendered(campaign)
    if clips is not None:
        there = Rendition.objects.filter(clip=OuterRef("pk"), fps=fps, seconds=seconds)
        lacking = Clip.objects.filter(~Exists(there), pk__in=clips)
    missing = list(lacking.values_list("pk", "state"))
    if not missing:
        return
    want_renditions([pk for pk, _state in missing], fps, seconds)
    broken = sum(1 for _pk, state in missing if state == Clip.State.BROKEN)
    raise Conflict(
        "renditions_missing",
        ngettext(
            "%(n)d clip has no rendition in this campaign's form yet. It is being made; try again soon.",
            "%(n)d clips have no rendition in this campaign's form yet. They are being made; try again soon.",
            len(missing),
        )
        % {"n": len(missing)},
        missing=len(missing),
        broken=broken,
    )
