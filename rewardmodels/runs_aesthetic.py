"""The run kind `aesthetic`, a first lesson without judgements: what a person may ask for, and its clips."""

import uuid
from pathlib import Path
from typing import Annotated, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from pydantic import BaseModel, ConfigDict, Field

from annotation.clips.staging import clip_file, stage_clips
from annotation.models import Clip, PromptSet
from rewardmodels.train.config import AestheticConfig
from workbench.runs.kinds import Config, ConfigRefusedError, InputsMissingError, RunKind
from workbench.trainer.config import ConfigError, parse

MOST_CLIPS = 5000
_DEFAULTS: Any = {field.name: field.default for field in AestheticConfig.__dataclass_fields__.values()}


class AestheticRun(BaseModel):
    """The aesthetic reward's encoder learns to prefer a keyframe to a degraded copy of it (§4.4.2)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    clips: Annotated[
        list[Annotated[uuid.UUID, Field(strict=False)]] | None,
        Field(description=gettext_noop("Clips by id, four or more; leave it out for all that are ready")),
    ] = None
    prompt_set: Annotated[
        str | None, Field(description=gettext_noop("Only clips of this prompt set, by its slug"))
    ] = None
    steps: Annotated[int, Field(ge=1, le=1_000_000, description=gettext_noop("Optimizer steps"))] = _DEFAULTS[
        "steps"
    ]
    batch_size: Annotated[
        int, Field(ge=1, le=4096, description=gettext_noop("Pairs a step, over all processes"))
    ] = _DEFAULTS["batch_size"]
    learning_rate: Annotated[float, Field(gt=0, le=1, description=gettext_noop("AdamW's peak rate"))] = (
        _DEFAULTS["learning_rate"]
    )
    weight_decay: Annotated[float, Field(ge=0, le=1)] = _DEFAULTS["weight_decay"]
    width: Annotated[int, Field(ge=4, le=256, description=gettext_noop("Channels of the first layer"))] = (
        _DEFAULTS["width"]
    )
    image_size: Annotated[
        int, Field(ge=32, le=512, description=gettext_noop("Side of the crops, pixels"))
    ] = _DEFAULTS["image_size"]
    keyframes_per_clip: Annotated[int, Field(ge=1, le=64)] = _DEFAULTS["keyframes_per_clip"]
    checkpoint_every: Annotated[int, Field(ge=1, description=gettext_noop("Steps between checkpoints"))] = (
        _DEFAULTS["checkpoint_every"]
    )
    log_every: Annotated[int, Field(ge=1, description=gettext_noop("Steps between metrics"))] = _DEFAULTS[
        "log_every"
    ]
    eval_every: Annotated[int, Field(ge=1, description=gettext_noop("Steps between evaluations"))] = (
        _DEFAULTS["eval_every"]
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = _DEFAULTS["seed"]
    processes: Annotated[int, Field(ge=1, le=8, description=gettext_noop("Data-parallel processes"))] = (
        _DEFAULTS["processes"]
    )


def pin(wanted: AestheticRun) -> Config:
    """Decide on the clips: the config that is stored names each of them. Raises ConfigRefusedError."""
    clips = _chosen(wanted)
    config = wanted.model_dump(mode="json") | {"clips": [str(clip.pk) for clip in clips], "prompt_set": None}
    _for_trainer(config, clips)
    return config


def prepare(config: Config, folder: Path) -> Config:
    """Stage the clips' originals as `inputs/<sha256>.video`. Raises InputsMissingError."""
    rows = {str(clip.pk): clip for clip in Clip.objects.filter(pk__in=config["clips"])}
    if missing := [clip for clip in config["clips"] if clip not in rows]:
        raise InputsMissingError(
            _("%(count)s of the run's clips no longer exist, first %(id)s.")
            % {"count": len(missing), "id": missing[0]}
        )
    clips = [rows[clip] for clip in config["clips"]]
    stage_clips(clips, folder / "inputs")
    return _for_trainer(config, clips)


AESTHETIC = RunKind(
    key="aesthetic",
    title=gettext_lazy("Aesthetic reward: first lesson"),
    about=gettext_lazy(
        "A small network learns to tell keyframes of your clips from degraded copies of them. "
        "It is tested on clips that it has not seen."
    ),
    config=AestheticRun,
    command=("rewardmodels.train", "aesthetic"),
    queue="gpu",
    pin=pin,
    prepare=prepare,
    processes=lambda config: int(config["processes"]),
)


def _chosen(wanted: AestheticRun) -> list[Clip]:
    ready = Clip.objects.filter(state=Clip.State.READY, degraded_from=None).order_by("created_at", "id")
    if wanted.prompt_set is not None:
        if not PromptSet.objects.filter(slug=wanted.prompt_set).exists():
            raise ConfigRefusedError(
                [(("prompt_set",), _("There is no prompt set “%(slug)s”.") % {"slug": wanted.prompt_set})]
            )
        ready = ready.filter(prompt__prompt_sets__slug=wanted.prompt_set)
    if wanted.clips is not None:
        found = {clip.pk: clip for clip in ready.filter(pk__in=wanted.clips)}
        problems: list[tuple[tuple[str | int, ...], str]] = [
            (("clips", place), _("%(id)s is no clip that is ready.") % {"id": clip})
            for place, clip in enumerate(wanted.clips)
            if clip not in found
        ]
        if problems:
            raise ConfigRefusedError(problems)
        return [found[clip] for clip in wanted.clips]
    chosen = list(ready[: MOST_CLIPS + 1])
    if len(chosen) > MOST_CLIPS:
        raise ConfigRefusedError(
            [(("clips",), _("More than %(most)s clips are ready: name those to use.") % {"most": MOST_CLIPS})]
        )
    return chosen


def _for_trainer(config: Config, clips: list[Clip]) -> Config:
    """The trainer's config, checked by the trainer's own rules. Raises ConfigRefusedError."""
    wanted = {name: value for name, value in config.items() if name not in {"clips", "prompt_set"}}
    wanted["clips"] = [{"path": clip_file(clip), "sha256": clip.sha256} for clip in clips]
    try:
        parse(AestheticConfig, wanted)
    except ConfigError as error:
        raise ConfigRefusedError([((), str(error))]) from error
    return wanted
