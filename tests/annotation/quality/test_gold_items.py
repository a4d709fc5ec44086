"""Gold items made from degraded copies and from items that judges agreed on."""

import shutil
from pathlib import Path

import pytest

from annotation.campaigns import lifecycle
from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.lifecycle import CampaignSpec
from annotation.campaigns.planning import Selection, plan
from annotation.clips import intake
from annotation.clips.degraded_clips import degraded_copy
from annotation.models import Campaign, Clip, GoldAnswer, Item, ItemClip, PreferencePair, Rendition
from annotation.prompts.identity import find_or_create
from annotation.quality import exclusion, gold_items
from tests.annotation import rows
from tests.annotation.video_files import frame_times, write_video
from workbench.celery import app
from workbench.models import Notice, Role, User
from workbench.refusals import Conflict, Invalid

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def filmed(manager: User, tmp_path: Path) -> Campaign:
    """A campaign of small files: three clips of noise that moves, and two of one colour."""
    for name, text, colours, many in (
        ("noise", "Snow falls", None, 3),
        ("plain", "A wall", [(90, 90, 90)], 2),
    ):
        for n in range(many):
            # Unequal lengths, so that the files differ.
            times = range(0, 2 * (10 + n), 2)
            path = write_video(tmp_path / f"{name}{n}.mp4", colours=colours, times=times)
            model = intake.video_model_named(f"Model {n}")
            facts = intake.Facts(prompt=find_or_create(text, ""), video_model=model, source="made")
            with path.open("rb") as file:
                intake.ingest(file, path.name, facts, uploaded_by=manager, render_now=True)
    spec = CampaignSpec(name="c", dimensions=default_dimensions(), selection=Selection(clips_per_item=2))
    made = lifecycle.create(spec, manager)
    return lifecycle.set_state(made.pk, Campaign.State.OPEN, made.version)


def test_a_degraded_copy_is_a_clip_that_nothing_else_takes(filmed: Campaign, manager: User) -> None:
    clip = Clip.objects.filter(prompt__text_en="Snow falls").order_by("frames").first()
    assert clip is not None
    copy = degraded_copy(clip, "freeze", 0.8, seed=3, by=manager)
    assert (copy.degraded_from, copy.prompt, copy.video_model) == (clip, None, None)
    assert (copy.state, copy.frames, copy.source) == (Clip.State.READY, clip.frames, "made")
    assert {key: copy.recipe[key] for key in ("kind", "strength", "seed")} == {
        "kind": "freeze",
        "strength": 0.8,
        "seed": 3,
    }
    assert copy.recipe["change"]["structural"] > 0.06
    shown, changed = clip.renditions.get(), copy.renditions.get()
    assert (changed.width, changed.height) == (shown.width, shown.height)
    assert changed.frame_times == pytest.approx(shown.frame_times, abs=1e-4)
    with copy.original.open("rb") as file:
        (place := Path(copy.original.storage.location) / "copy.mp4").write_bytes(file.read())  # type: ignore[attr-defined]
    assert frame_times(place) == pytest.approx(shown.frame_times, abs=1e-4)
    assert degraded_copy(clip, "freeze", 0.8, seed=3).pk == copy.pk, "the same recipe gives the same clip"
    again = plan(Selection(clips_per_item=2))
    assert copy.pk not in {clip for group in again.groups for clip in group.clips}

    still = Clip.objects.filter(prompt__text_en="A wall").first()
    assert still is not None
    with pytest.raises(Invalid) as invalid:
        degraded_copy(still, "freeze", 0.8, seed=3)
    assert invalid.value.code == "not_visible"


def test_gold_is_made_from_the_clips_of_a_campaign(filmed: Campaign, manager: User) -> None:
    before = set(ItemClip.objects.values_list("clip", flat=True))
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)
    app.tasks["annotation.make_gold"](str(filmed.pk), 1, ["jitter"], 0.8, 5, manager.pk)
    made = list(filmed.items.filter(gold=True))
    assert [item.prompt.text_en for item in made] == ["Snow falls"], "a jitter of a plain wall shows nothing"
    (item,) = made
    assert (item.gold, item.open_slots, item.position) == (True, 0, gold_items.FIRST_POSITION)
    (copy,) = Clip.objects.exclude(degraded_from=None)
    shown = {str(row.pk): row.clip_id for row in item.item_clips.all()}
    assert set(shown.values()) - {copy.pk} <= before
    assert copy.degraded_from_id not in shown.values(), "with clips to spare, its own clip is not beside it"
    answer = GoldAnswer.objects.get()
    assert list(answer.answers) == ["motion_quality"]
    assert [shown[key] for key in answer.answers["motion_quality"]["worst"]] == [copy.pk]
    assert "frames jump" in answer.explanation("en")
    assert "跳动" in answer.explanation("zh-hans")
    assert "1 gold item is made" in Notice.objects.get(user=manager).text
    filmed.refresh_from_db()
    assert filmed.items_total == 3
    (warped,) = gold_items.make_many(filmed.pk, 1, ["warp"], seed=1)
    assert list(warped.gold_answer.answers) == ["structural_stability"]
    assert warped.position == gold_items.FIRST_POSITION + 1
    shutil.rmtree(Path(copy.original.storage.location))  # type: ignore[attr-defined]


def test_what_judges_agree_on_becomes_gold(manager: User) -> None:
    campaign = rows.campaign(manager, items=1, overlap=3)
    item = campaign.items.get()
    ann, bob, cai = map(rows.person, ("ann", "bob", "cai"))
    first = rows.taken(campaign, ann)
    rows.submit(first)
    with pytest.raises(Invalid) as invalid:
        gold_items.from_consensus(item.pk, "Look at the hands", "", manager)
    assert invalid.value.code == "no_agreement"
    other = rows.taken(campaign, bob)
    answers = rows.picks(other)
    answers["picks"]["motion_quality"] = {"tie": True}
    rows.submit(other, answers=answers)
    with pytest.raises(Invalid) as invalid:
        gold_items.from_consensus(item.pk, " ", "", manager)
    assert invalid.value.code == "no_explanation"

    copy = gold_items.from_consensus(item.pk, "Look at the hands", "看手", manager)
    known = copy.gold_answer.answers
    assert set(known) == {"prompt_following", "structural_stability", "aesthetic_quality"}
    place = {str(row.pk): row.position for row in copy.item_clips.all()}
    assert [place[key] for key in known["aesthetic_quality"]["best"]] == [0]
    assert [place[key] for key in known["aesthetic_quality"]["worst"]] == [3]
    assert copy.gold_answer.explanation("zh-hans") == "看手"
    with pytest.raises(Conflict):
        gold_items.from_consensus(item.pk, "again", "", manager)

    # Cai disagrees with both; once bob is excluded, nobody agrees.
    GoldAnswer.objects.all().delete()
    third = rows.taken(campaign, cai)
    rows.submit(third, answers=rows.picks(third, best=1, worst=2))
    exclusion.exclude(campaign.pk, bob.pk, "clicked through")
    assert gold_items.agreed_answers(Item.objects.get(pk=item.pk)) == {}
    assert Rendition.objects.count() == 4
    assert not PreferencePair.objects.filter(judgement__item=copy).exists()
