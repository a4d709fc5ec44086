"""Scores are delivered whole, once a reward model, clip and dimension; and which clips a run chooses."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from annotation.models import Campaign, Clip, Task
from rewardmodels import runs_score
from rewardmodels.models import RewardModel, Score
from tests.annotation import rows
from tests.rewardmodels import labelled
from workbench.models import Role, Run, User
from workbench.runs.delivery import DeliveryError
from workbench.runs.kinds import Config, ConfigRefusedError, kind_of, validated

BOTH = ("prompt_following", "first_frame_preservation")


@pytest.fixture
def engineer(db: None) -> User:
    return rows.person("erin", Role.ENGINEER)


@pytest.fixture
def clips(db: None) -> list[Clip]:
    """Eight clips of two prompts, the first prompt image-to-video."""
    return labelled.clips(2, pictures=1)


@pytest.fixture
def model(engineer: User) -> RewardModel:
    return labelled.reward_model(engineer, kind="foundational", dimensions=BOTH)


def pinned(model: RewardModel, **changes: Any) -> Config:
    return validated(kind_of("score"), {"reward_models": [str(model.pk)], **changes})


def left(run: Run, folder: Path, *lines: dict[str, Any]) -> None:
    """Write what a scorer would have left."""
    clips = Clip.objects.filter(pk__in=run.config["clips"]).select_related("prompt")
    told = [{"id": str(clip.pk), "task": clip.prompt.task if clip.prompt else ""} for clip in clips]
    (folder / "config.json").write_text(json.dumps({"clips": told}))
    (folder / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def attempt(run: Run, folder: Path, *lines: dict[str, Any]) -> None:
    left(run, folder, *lines)
    runs_score.deliver(run, folder)


def given(model: RewardModel, clips: list[Clip], value: float) -> list[dict[str, Any]]:
    return [
        {"clip": str(clip.pk), "reward_model": f"{model.pk}.safetensors", "dimension": key, "value": value}
        for clip in clips
        for key in model.dimensions
        if key != "first_frame_preservation" or (clip.prompt and clip.prompt.task == Task.I2V)
    ]


@pytest.fixture
def run(engineer: User, model: RewardModel, clips: list[Clip]) -> Run:
    return labelled.running(Run(kind="score", config=pinned(model), created_by=engineer))


def test_scores_are_there_once_however_often_they_are_delivered(
    run: Run, model: RewardModel, clips: list[Clip], tmp_path: Path
) -> None:
    clips = list(Clip.objects.select_related("prompt"))
    attempt(run, tmp_path, *given(model, clips, 0.5))
    first = list(Score.objects.order_by("pk").values_list("pk", "clip", "dimension"))
    assert len(first) == 8 + 4
    attempt(run, tmp_path, *given(model, clips, -1.25))
    assert list(Score.objects.order_by("pk").values_list("pk", "clip", "dimension")) == first
    assert set(Score.objects.values_list("value", "run")) == {(-1.25, run.pk)}


def test_a_clip_that_is_gone_meanwhile_hinders_nothing(
    run: Run, model: RewardModel, clips: list[Clip], tmp_path: Path
) -> None:
    found = list(Clip.objects.select_related("prompt"))
    lines = given(model, found, 0.5)
    gone = next(clip for clip in found if clip.prompt and clip.prompt.task == Task.T2V)
    left(run, tmp_path, *lines)
    Clip.objects.filter(pk=gone.pk).delete()
    runs_score.deliver(run, tmp_path)
    assert Score.objects.count() == len(lines) - 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda lines: lines.pop(), "lacks 1 of the 12 scores"),
        (lambda lines: lines[0].update(dimension="beauty"), "has 1 that are of no clip"),
        (lambda lines: lines[1].update(value=float("nan")), "Line 2 of scores.jsonl is no score"),
        (lambda lines: lines[2].pop("clip"), "Line 3 of scores.jsonl is no score"),
    ],
)
def test_what_is_not_whole_is_not_delivered(
    run: Run, model: RewardModel, tmp_path: Path, spoil: Any, said: str
) -> None:
    lines = given(model, list(Clip.objects.select_related("prompt")), 0.5)
    spoil(lines)
    with pytest.raises(DeliveryError, match=said):
        attempt(run, tmp_path, *lines)
    assert not Score.objects.exists()


def test_which_clips_are_scored(model: RewardModel, clips: list[Clip]) -> None:
    of_campaign: Campaign = labelled.campaign(rows.person("mia", Role.MANAGER), items=1, task=Task.T2V)
    assert len(pinned(model)["clips"]) == len(clips)
    shown = of_campaign.items.values_list("clips", flat=True)
    assert set(pinned(model, campaign=str(of_campaign.pk))["clips"]) == {str(key) for key in shown}
    slug = clips[0].video_model.slug  # type: ignore[union-attr]
    of_model = Clip.objects.filter(video_model__slug=slug).values_list("pk", flat=True)
    assert set(pinned(model, video_model=slug)["clips"]) == {str(key) for key in of_model}
    Clip.objects.filter(pk=clips[0].pk).update(prompt=None)
    assert str(clips[0].pk) not in pinned(model)["clips"]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"clips": [str(uuid.UUID(int=1))]}, "clips.0"),
        ({"campaign": str(uuid.UUID(int=1))}, "campaign"),
        ({"video_model": "none"}, "video_model"),
        ({"reward_models": [str(uuid.UUID(int=1))]}, "reward_models.0"),
        ({"reward_models": []}, "reward_models"),
    ],
)
def test_a_launch_that_is_refused(
    model: RewardModel, clips: list[Clip], changes: dict[str, Any], where: str
) -> None:
    with pytest.raises(ConfigRefusedError) as refused:
        pinned(model, **changes)
    assert ".".join(map(str, refused.value.problems[0][0])) == where
