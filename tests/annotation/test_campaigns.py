"""Items from clips, and the states of a campaign."""

import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation import campaigns
from annotation.campaigns import Selection, deal, plan
from annotation.dimensions import default_dimensions
from annotation.models import Campaign, Clip, Item, PromptSet, Rendition, VideoModel
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


@given(
    models=st.lists(st.integers(0, 3), min_size=2, max_size=20),
    size=st.integers(2, 8),
    seed=st.integers(0, 9),
)
def test_dealing_uses_every_clip_in_whole_items(models: list[int], size: int, seed: int) -> None:
    clips = [(uuid.UUID(int=n), model) for n, model in enumerate(models)]
    if len(clips) < size:
        return
    items = deal(clips, size, random.Random(seed))
    assert all(len(item) == len(set(item)) == size for item in items)
    assert {clip for item in items for clip in item} == {clip for clip, _model in clips}
    assert len(items) == -(-len(clips) // size)


def test_an_item_shows_different_models_where_it_can() -> None:
    clips = [(uuid.UUID(int=10 * model + n), model) for model in range(4) for n in range(3)]
    model_of = dict(clips)
    for item in deal(clips, 4, random.Random(1)):
        assert len({model_of[clip] for clip in item}) == 4


def test_a_plan_leaves_out_prompts_with_too_few_clips(db: None) -> None:
    made = rows.clips(3, 4)
    Clip.objects.filter(pk=made[0].pk).update(state=Clip.State.BROKEN)
    planned = plan(Selection(clips_per_item=4))
    assert (planned.prompts, planned.prompts_short, len(planned.groups)) == (2, 1, 2)
    assert plan(Selection(clips_per_item=4)) == planned, "the same selection gives the same items"


def test_a_plan_keeps_to_chosen_sets_and_models(db: None) -> None:
    made = rows.clips(3, 4)
    chosen = PromptSet.objects.create(slug="chosen", name="Chosen")
    prompt = made[0].prompt
    assert prompt is not None
    prompt.prompt_sets.add(chosen)
    models = tuple(VideoModel.objects.order_by("slug").values_list("pk", flat=True)[:2])
    planned = plan(Selection(clips_per_item=2, prompt_sets=(chosen.pk,), video_models=models))
    assert [group.prompt_id for group in planned.groups] == [prompt.pk]
    assert set(planned.groups[0].clips) == {clip.pk for clip in made[:2]}


def test_a_campaign_has_its_items_slots_and_dimensions(manager: User) -> None:
    campaign = rows.campaign(manager, items=5, overlap=3, opened=False)
    assert (campaign.items_total, campaign.wanted) == (5, 15)
    assert set(campaign.items.values_list("open_slots", flat=True)) == {3}
    assert [d.key for d in campaign.dimensions.all()] == [
        "prompt_following",
        "structural_stability",
        "motion_quality",
        "aesthetic_quality",
    ]
    assert all(item.item_clips.count() == 4 for item in Item.objects.all())


def test_image_to_video_asks_for_the_first_frame_too() -> None:
    extra = {d.key: d.reward for d in default_dimensions("i2v") if d not in default_dimensions("t2v")}
    assert extra == {"first_frame_preservation": "foundational"}


def test_a_campaign_without_anything_to_judge_is_refused(manager: User) -> None:
    with pytest.raises(Invalid) as invalid:
        rows.campaign(manager, items=0)
    assert invalid.value.code == "no_items"
    assert not Campaign.objects.exists()


def test_states_follow_their_order_and_a_stale_form_conflicts(manager: User) -> None:
    draft = rows.campaign(manager, opened=False)
    opened = campaigns.set_state(draft.pk, "open", draft.version)
    with pytest.raises(Conflict) as conflict:
        campaigns.set_state(draft.pk, "closed", draft.version)
    assert (conflict.value.code, conflict.value.detail["version"]) == ("stale", opened.version)
    closed = campaigns.set_state(draft.pk, "closed", opened.version)
    with pytest.raises(Conflict) as conflict:
        campaigns.set_state(draft.pk, "open", closed.version)
    assert conflict.value.code == "not_from_here"


def test_a_campaign_does_not_open_before_its_renditions_are_there(manager: User) -> None:
    campaign = rows.campaign(manager, opened=False, normalise_fps=12.0)
    with pytest.raises(Conflict) as conflict:
        campaigns.set_state(campaign.pk, "open", campaign.version)
    assert (conflict.value.code, conflict.value.detail["missing"]) == ("renditions_missing", 12)
    for rendition in Rendition.objects.all():
        rendition.pk, rendition.fps = uuid.uuid4(), 12.0
        rendition.save(force_insert=True)
    assert campaigns.set_state(campaign.pk, "open", campaign.version).state == Campaign.State.OPEN
