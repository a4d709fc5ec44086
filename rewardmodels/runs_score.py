"""The run kind `score`: reward models look at clips, and their scores become rows.

Which clips is decided at launch. A score that is there already is replaced: the same weights give the same
score.
"""

import json
import uuid
from pathlib import Path
from typing import Annotated

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from annotation.clips.staging import clip_file, first_frame_file, stage_clips, stage_first_frames
from annotation.models import Campaign, Clip, ItemClip, Task, VideoModel
from rewardmodels.models import RewardModel, Score
from workbench.models import Run
from workbench.runs import artifacts, delivery
from workbench.runs.kinds import Config, ConfigRefusedError, InputsMissingError, Link, RunKind

MOST_CLIPS = 5000
SCORES_FILE = "scores.jsonl"
IMAGE_TO_VIDEO_ONLY = "first_frame_preservation"
"""A text-to-video clip has no first frame to preserve, and no score of it."""
_SUFFIX = ".safetensors"
_BATCH = 2000

Uuid = Annotated[uuid.UUID, Field(strict=False)]


class ScoreRun(BaseModel):
    """Reward models score clips (§4.4.2)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reward_models: Annotated[
        list[Uuid], Field(min_length=1, max_length=20, description=gettext_noop("Reward models by id"))
    ]
    clips: Annotated[
        list[Uuid] | None,
        Field(
            max_length=MOST_CLIPS,
            description=gettext_noop("Clips by id; leave it out for all that are ready and have a prompt"),
        ),
    ] = None
    campaign: Annotated[
        Uuid | None, Field(description=gettext_noop("Only clips of this campaign, by its id"))
    ] = None
    video_model: Annotated[
        str | None, Field(description=gettext_noop("Only clips of this video model, by its slug"))
    ] = None
    batch_size: Annotated[int, Field(ge=1, le=256, description=gettext_noop("Clips at a time"))] = 16


def pin(wanted: ScoreRun) -> Config:
    """Decide on the clips: the config that is stored names each of them. Raises ConfigRefusedError."""
    _models(wanted.reward_models)
    chosen = {"clips": [str(clip) for clip in _chosen(wanted)], "campaign": None, "video_model": None}
    return wanted.model_dump(mode="json") | chosen


def prepare(config: Config, folder: Path) -> Config:
    """Stage reward models, clips and first frames. Raises InputsMissingError."""
    inputs = folder / "inputs"
    models = _models([uuid.UUID(key) for key in config["reward_models"]])
    for row in models:
        try:
            artifacts.fetch(row.weights, inputs / _weights_file(row.pk))
        except artifacts.ObjectMissingError as error:
            why = _("The reward model %(id)s can't be used: %(why)s")
            raise InputsMissingError(why % {"id": row.pk, "why": error}) from error
    clips = list(Clip.objects.filter(pk__in=config["clips"]).select_related("prompt").order_by("pk"))
    if missing := set(config["clips"]) - {str(clip.pk) for clip in clips}:
        text = _("%(count)s of the run's clips no longer exist, first %(id)s.")
        raise InputsMissingError(text % {"count": len(missing), "id": min(missing)})
    stage_clips(clips, inputs)
    stage_first_frames((clip.prompt for clip in clips), inputs)
    return {
        "models": [_weights_file(row.pk) for row in models],
        "clips": [_told(clip) for clip in clips],
        "batch_size": config["batch_size"],
    }


def deliver(run: Run, folder: Path) -> None:
    """The scores become rows, one a reward model, clip and dimension. Raises DeliveryError."""
    found = _read(folder / SCORES_FILE)
    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    wanted = {
        (str(row.pk), clip["id"], dimension)
        for row in _models([uuid.UUID(key) for key in run.config["reward_models"]])
        for clip in told["clips"]
        for dimension in row.dimensions
        if clip["task"] == Task.I2V or dimension != IMAGE_TO_VIDEO_ONLY
    }
    if found.keys() != wanted:
        text = _(
            "%(name)s lacks %(missing)s of the %(wanted)s scores expected, and has %(more)s that are of no "
            "clip, reward model or dimension of this run."
        )
        counts = {"missing": len(wanted - found.keys()), "wanted": len(wanted)}
        raise delivery.DeliveryError(
            text % {"name": SCORES_FILE, "more": len(found.keys() - wanted), **counts}
        )
    # In one order, so that runs that deliver at the same time wait for each other and don't lock up.
    ordered = sorted(found.items())
    for first in range(0, len(ordered), _BATCH):
        part = ordered[first : first + _BATCH]
        with delivery.fenced(run) as now:
            clips = Clip.objects.filter(pk__in={clip for (_key, clip, _dimension), _value in part})
            there = {str(pk) for pk in clips.values_list("pk", flat=True)}
            Score.objects.bulk_create(
                [
                    Score(reward_model_id=key, clip_id=clip, dimension=dimension, value=value, run=now)
                    for (key, clip, dimension), value in part
                    if clip in there
                ],
                update_conflicts=True,
                unique_fields=["reward_model", "clip", "dimension"],
                update_fields=["value", "run", "scored_at"],
            )


def made(run: Run) -> list[Link]:
    """The pages of the reward models, with the clips that they like best and least."""
    rows = RewardModel.objects.filter(pk__in=run.config["reward_models"])
    return [Link(row.name, reverse("reward_model", args=[row.pk])) for row in rows]


SCORE = RunKind(
    key="score",
    title=gettext_lazy("Scores of clips"),
    about=gettext_lazy(
        "Reward models look at clips and score them. Clips are compared on the reward models' pages."
    ),
    config=ScoreRun,
    command=("rewardmodels.judge",),
    queue="gpu",
    pin=pin,
    prepare=prepare,
    processes=lambda config: 1,
    deliver=deliver,
    made=made,
    final_checkpoint=False,
)


def _models(wanted: list[uuid.UUID]) -> list[RewardModel]:
    found = {row.pk: row for row in RewardModel.objects.filter(pk__in=wanted).select_related("weights")}
    problems: list[tuple[tuple[str | int, ...], str]] = [
        (("reward_models", place), _("There is no reward model %(id)s.") % {"id": key})
        for place, key in enumerate(wanted)
        if key not in found
    ]
    if problems:
        raise ConfigRefusedError(problems)
    return [found[key] for key in dict.fromkeys(wanted)]


def _chosen(wanted: ScoreRun) -> list[uuid.UUID]:
    """Ids of the clips, those that can be scored: with a prompt, and with its first frame where that is to
    be preserved.
    """
    can = Clip.objects.filter(state=Clip.State.READY, prompt__isnull=False)
    can = can.exclude(prompt__task=Task.I2V, prompt__first_frame="").order_by("created_at", "pk")
    if wanted.campaign is not None:
        if not Campaign.objects.filter(pk=wanted.campaign).exists():
            raise _refused("campaign", _("There is no campaign %(id)s.") % {"id": wanted.campaign})
        can = can.filter(pk__in=ItemClip.objects.filter(item__campaign=wanted.campaign).values("clip"))
    if wanted.video_model is not None:
        if not VideoModel.objects.filter(slug=wanted.video_model).exists():
            text = _("There is no video model “%(slug)s”.")
            raise _refused("video_model", text % {"slug": wanted.video_model})
        can = can.filter(video_model__slug=wanted.video_model)
    if wanted.clips is not None:
        found = set(can.filter(pk__in=wanted.clips).values_list("pk", flat=True))
        text = _("%(id)s is no clip that is ready and has a prompt.")
        problems: list[tuple[tuple[str | int, ...], str]] = [
            (("clips", place), text % {"id": clip})
            for place, clip in enumerate(wanted.clips)
            if clip not in found
        ]
        if problems:
            raise ConfigRefusedError(problems)
        return list(dict.fromkeys(wanted.clips))
    chosen = list(can.values_list("pk", flat=True)[: MOST_CLIPS + 1])
    if not chosen:
        raise _refused("clips", _("There is no clip that is ready and has a prompt."))
    if len(chosen) > MOST_CLIPS:
        text = _("More than %(most)s clips are ready: name those to use.")
        raise _refused("clips", text % {"most": MOST_CLIPS})
    return chosen


def _refused(field: str, text: str) -> ConfigRefusedError:
    return ConfigRefusedError([((field,), text)])


def _weights_file(key: uuid.UUID) -> str:
    return f"{key}{_SUFFIX}"


def _told(clip: Clip) -> Config:
    """A clip as the scorer is told of it."""
    assert clip.prompt is not None  # `_chosen` takes no other
    return {
        "id": str(clip.pk),
        "file": clip_file(clip),
        "prompt": clip.prompt.text("en"),
        "task": clip.prompt.task,
        "first_frame": first_frame_file(clip.prompt),
    }


class _Line(BaseModel):
    """A line of the scorer's file; `reward_model` is the weights file it was told of."""

    model_config = ConfigDict(extra="forbid", strict=True)

    clip: str
    reward_model: str
    dimension: str
    value: Annotated[float, Field(allow_inf_nan=False)]


def _read(path: Path) -> dict[tuple[str, str, str], float]:
    """(reward model, clip, dimension) -> value. Raises DeliveryError with the line that is no score."""
    if not path.is_file():
        raise delivery.DeliveryError(_("The scorer left no %(name)s.") % {"name": path.name})
    found = {}
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            try:
                line = _Line.model_validate_json(text)
            except ValidationError as error:
                why = _("Line %(number)s of %(name)s is no score: %(why)s")
                said = {"number": number, "name": path.name, "why": error}
                raise delivery.DeliveryError(why % said) from error
            key = line.reward_model.removesuffix(_SUFFIX), line.clip, line.dimension
            found[key] = line.value
    return found
