"""Flags of broken clips: once for a person and place, only in one's own item, gathered for managers."""

import uuid

import pytest

from annotation.labelling import flags, queue
from annotation.models import Campaign, ClipFlag, ItemClip
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Invalid, Missing


@pytest.fixture
def campaign(db: None) -> Campaign:
    return rows.campaign(rows.person("manager", Role.MANAGER), items=2, overlap=2)


def test_a_flag_is_kept_once_and_the_newer_reason_counts(campaign: Campaign) -> None:
    ann, bob = rows.person("ann"), rows.person("bob")
    mine = rows.taken(campaign, ann)
    clip = uuid.UUID(mine.clip_order[0])
    first = flags.flag(mine.pk, ann, clip, "It does not play")
    again = flags.flag(mine.pk, ann, clip, "It is black")
    assert (first.pk, ClipFlag.objects.get().reason) == (again.pk, "It is black")
    assert mine.item.assignments.get(annotator=ann).state == "leased", "the item stays in work"

    theirs = rows.taken(campaign, bob)
    flags.flag(theirs.pk, bob, clip, "It does not play")
    another = next(key for key in theirs.clip_order if key != str(clip))
    flags.flag(theirs.pk, bob, uuid.UUID(another), "Torn")
    most, other = flags.flagged(campaign)
    assert most.clip == ItemClip.objects.get(pk=clip).clip_id
    assert (most.people, most.reasons) == (2, ["It does not play", "It is black"])
    assert (other.people, other.reasons) == (1, ["Torn"])
    assert len(flags.flagged(campaign, limit=1)) == 1


def test_only_clips_of_an_item_of_ones_own_can_be_flagged(campaign: Campaign) -> None:
    ann: User = rows.person("ann")
    mine = rows.taken(campaign, ann)
    elsewhere = ItemClip.objects.exclude(item=mine.item)[0].pk
    with pytest.raises(Invalid, match="not part of this item"):
        flags.flag(mine.pk, ann, elsewhere, "Broken")
    with pytest.raises(Missing):
        flags.flag(mine.pk, rows.person("bob"), uuid.UUID(mine.clip_order[0]), "Broken")
    held = queue.hold_next(campaign.pk, ann)
    assert held is not None
    with pytest.raises(Missing):
        flags.flag(held.pk, ann, uuid.UUID(held.clip_order[0]), "Broken")
    assert not ClipFlag.objects.exists()
