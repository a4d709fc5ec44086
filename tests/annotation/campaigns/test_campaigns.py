"""Items from clips, and the states of a campaign."""

import json
import random
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.campaigns import lifecycle
from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.planning import Origin, Selection, deal, plan
from annotation.models import Campaign, Category, Clip, Item, Prompt, PromptSet, Rendition, VideoModel
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


@given(
    origins=st.lists(
        st.tuples(st.sampled_from(["ours", "bought"]), st.integers(0, 2)), min_size=2, max_size=20
    ),
    size=st.integers(2, 8),
    seed=st.integers(0, 9),
)
def test_dealing_uses_every_clip_in_whole_items_and_mixes(
    origins: list[tuple[str, int]], size: int, seed: int
) -> None:
    clips: list[tuple[uuid.UUID, Origin]] = [(uuid.UUID(int=n), origin) for n, origin in enumerate(origins)]
    if len(clips) < size:
        return
    items = deal(clips, size, random.Random(seed))
    assert all(len(item) == len(set(item)) == size for item in items)
    assert {clip for item in items for clip in item} == {clip for clip, _origin in clips}
    assert len(items) == -(-len(clips) // size)
    if len(clips) % size == 0:  # nothing was filled up: sources and models are spread evenly
        for length in (1, 2):
            origin_of = {clip: origin[:length] for clip, origin in clips}
            for one in set(origin_of.values()):
                shares = [sum(origin_of[clip] == one for clip in item) for item in items]
                assert max(shares) - min(shares) <= 1


def test_two_checkpoints_and_another_source_are_in_every_item() -> None:
    """Few clips of one stage are not spent on the first items; what fills up comes from what is missing."""
    origins: list[Origin] = [*[("ours", 1)] * 6, *[("ours", 2)] * 3, *[("bought", 3)] * 3]
    clips = [(uuid.UUID(int=n), origin) for n, origin in enumerate(origins)]
    origin_of = dict(clips)
    for seed in range(5):
        for item in deal(clips, 4, random.Random(seed)):
            assert sorted(origin_of[clip] for clip in item) == [
                ("bought", 3),
                ("ours", 1),
                ("ours", 1),
                ("ours", 2),
            ]
    (only,) = deal(clips[:1], 3, random.Random(0), clips)
    assert {origin_of[clip] for clip in only} == {("ours", 1), ("ours", 2), ("bought", 3)}


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


def test_categories_count_with_all_below_them_and_text_in_both_languages(db: None) -> None:
    made = rows.clips(4, 2)
    prompts = [clip.prompt for clip in made[::2]]
    top = Category.objects.create(slug="action", name_en="Action", name_zh="动作")
    middle = Category.objects.create(slug="sports", name_en="Sports", name_zh="体育", parent=top)
    lowest = Category.objects.create(slug="diving", name_en="Diving", name_zh="跳水", parent=middle)
    for prompt, category in zip(prompts, (top, middle, lowest), strict=False):
        assert prompt is not None
        prompt.categories.add(category)

    def chosen(**named: Any) -> list[str]:
        groups = plan(Selection(clips_per_item=2, **named)).groups
        return sorted(Prompt.objects.get(pk=group.prompt_id).text_zh for group in groups)

    assert chosen(categories=(top.pk,)) == ["提示 0", "提示 1", "提示 2"]
    assert chosen(categories=(middle.pk,)) == ["提示 1", "提示 2"]
    assert chosen(categories=(middle.pk,), text="NUMBER 2") == chosen(text="示 2") == ["提示 2"]
    assert len(chosen(most_items=3)) == 3
    selection = Selection(clips_per_item=2, text="2", categories=(1, 2), clips=(made[0].pk,), most_items=3)
    assert Selection.from_json(json.loads(json.dumps(selection.to_json()))) == selection


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
    opened = lifecycle.set_state(draft.pk, "open", draft.version)
    with pytest.raises(Conflict) as conflict:
        lifecycle.set_state(draft.pk, "closed", draft.version)
    assert (conflict.value.code, conflict.value.detail["version"]) == ("stale", opened.version)
    closed = lifecycle.set_state(draft.pk, "closed", opened.version)
    with pytest.raises(Conflict) as conflict:
        lifecycle.set_state(draft.pk, "paused", closed.version)
    assert conflict.value.code == "not_from_here"
    assert lifecycle.set_state(draft.pk, "open", closed.version).state == "open", "it may be opened again"


def test_a_campaign_does_not_open_before_its_renditions_are_there(manager: User) -> None:
    campaign = rows.campaign(manager, opened=False, normalise_fps=12.0)
    with pytest.raises(Conflict) as conflict:
        lifecycle.set_state(campaign.pk, "open", campaign.version)
    assert (conflict.value.code, conflict.value.detail["missing"]) == ("renditions_missing", 12)
    for rendition in Rendition.objects.all():
        rendition.pk, rendition.fps = uuid.uuid4(), 12.0
        rendition.save(force_insert=True)
    assert lifecycle.set_state(campaign.pk, "open", campaign.version).state == Campaign.State.OPEN
