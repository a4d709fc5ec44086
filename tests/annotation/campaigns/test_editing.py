"""What changes in a campaign that is there: words and limits; more items, never the same twice."""

import pytest

from annotation.campaigns import editing, extending, lifecycle
from annotation.campaigns.editing import Changes
from annotation.campaigns.extending import Way
from annotation.campaigns.planning import Selection
from annotation.models import AnnotatorGroup, Campaign, Clip, ItemClip
from annotation.quality.gold_items import FIRST_POSITION
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


def companies(campaign: Campaign) -> list[frozenset[str]]:
    return [
        frozenset(str(clip) for clip in ItemClip.objects.filter(item=item).values_list("clip", flat=True))
        for item in campaign.items.order_by("position")
    ]


def test_words_limits_and_people_change_and_a_stale_form_does_not(manager: User) -> None:
    campaign = rows.campaign(manager)
    anna, ben = rows.person("anna"), rows.person("ben")
    group = AnnotatorGroup.objects.create(name="Day shift")
    group.members.add(ben)
    changes = Changes(
        settings={"name": "Renamed", "most_per_day": 50, "gold_share": 0.1},
        dimensions={"motion_quality": {"name_en": "Movement", "definition_zh": "动得好不好"}},
        annotators=(anna.pk,),
        groups=(group.pk,),
    )
    edited = editing.edit(campaign.pk, campaign.version, changes)
    assert (edited.name, edited.most_per_day, edited.gold_share) == ("Renamed", 50, 0.1)
    assert not edited.open_to_all
    assert set(edited.annotators.all()) == {anna, ben}
    motion = edited.dimensions.get(key="motion_quality")
    assert (motion.name_en, motion.name_zh, motion.definition_zh) == ("Movement", "运动质量", "动得好不好")
    with pytest.raises(Conflict) as conflict:
        editing.edit(campaign.pk, campaign.version, Changes(settings={"name": "Too late"}))
    assert (conflict.value.code, conflict.value.detail["version"]) == ("stale", edited.version)

    group.members.clear()
    with pytest.raises(Invalid) as invalid:
        editing.edit(campaign.pk, edited.version, Changes(annotators=(), groups=(group.pk,)))
    assert invalid.value.code == "nobody", "an empty group does not open a campaign to everybody"
    for wrong in (Changes(settings={"overlap": 3}), Changes(dimensions={"smell": {}})):
        with pytest.raises(Invalid):
            editing.edit(campaign.pk, edited.version, wrong)
    closed = lifecycle.set_state(campaign.pk, "closed", edited.version)
    with pytest.raises(Conflict) as conflict:
        editing.edit(campaign.pk, closed.version, Changes(settings={"name": "No"}))
    assert conflict.value.code == "closed"


def test_an_extension_shows_what_came_since_and_nothing_twice(manager: User) -> None:
    made = rows.clips(3, 6)
    prompt = made[0].prompt
    assert prompt is not None
    Clip.objects.exclude(prompt=prompt).update(state=Clip.State.PENDING)
    campaign = rows.campaign(manager, clips_per_item=3, overlap=2)
    assert campaign.items_total == 2
    rows.judge(campaign, rows.person("anna"))
    before = companies(campaign)
    with pytest.raises(Conflict) as conflict:
        extending.extend(campaign.pk, campaign.version)
    assert conflict.value.code == "nothing_new"

    Clip.objects.update(state=Clip.State.READY)
    gold = campaign.items.create(prompt=prompt, position=FIRST_POSITION, open_slots=0, gold=True)
    grown, came = extending.extend(campaign.pk, campaign.version, most=3)
    assert (len(came.groups), grown.items_total, grown.version) == (3, 5, campaign.version + 1)
    grown, came = extending.extend(campaign.pk, grown.version)
    assert (len(came.groups), grown.items_total, grown.wanted) == (1, 6, 12), "the rest of it, and no more"
    gold.delete()
    rows.slots_add_up(grown)
    assert companies(grown)[:2] == before
    assert list(grown.items.order_by("position").values_list("position", flat=True)) == list(range(6))
    shown = [clip for company in companies(grown) for clip in company]
    assert len(shown) == len(set(shown)) == 18

    grown, came = extending.extend(campaign.pk, grown.version, way=Way.ANEW)
    assert len(came.groups) >= 5
    assert len(set(companies(grown))) == grown.items_total
    with pytest.raises(Conflict) as conflict:
        extending.extend(campaign.pk, campaign.version, way=Way.ANEW)
    assert conflict.value.code == "stale"


def test_a_new_clip_gets_company_that_was_shown_before(manager: User) -> None:
    made = rows.clips(1, 5)
    Clip.objects.filter(pk=made[4].pk).update(state=Clip.State.PENDING)
    campaign = rows.campaign(manager, clips_per_item=4)
    Clip.objects.update(state=Clip.State.READY)
    found = extending.planned(campaign, Selection(prompts=(made[0].prompt_id or 0,)))
    (group,) = found.groups
    assert made[4].pk in group.clips
    assert len(set(group.clips)) == 4
    elsewhere = extending.planned(campaign, Selection(text="no prompt says this"))
    assert elsewhere.groups == []
