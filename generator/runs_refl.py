"""The run kind `refl`: reward feedback learning (§4.4.3). A checkpoint learns from frozen reward models."""

from pathlib import Path
from typing import Annotated, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from pydantic import BaseModel, ConfigDict, Field

from annotation.clips.staging import first_frame_file, stage_first_frames
from annotation.models import Prompt, PromptSet, Task
from generator import checkpoints
from generator.runs_generate import CHECKPOINT_FILE, Id, Uuid
from generator.train.config import ReflConfig
from rewardmodels.models import RewardModel
from workbench.models import Run
from workbench.runs import artifacts, delivery
from workbench.runs.kinds import Config, ConfigRefusedError, InputsMissingError, RunKind
from workbench.trainer.config import ConfigError, parse

MOST_PROMPTS = 5000
_DEFAULTS: Any = {field.name: field.default for field in ReflConfig.__dataclass_fields__.values()}


class Reward(BaseModel):
    """A reward model's part in the sum."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reward_model: Uuid
    weight: Annotated[float, Field(ge=0, le=100)] = 1.0
    tau: Annotated[float, Field(ge=-10, le=10)] = 2.0


class ReflRun(BaseModel):
    """A checkpoint learns from reward models (§4.4.3)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    checkpoint: Annotated[Uuid, Field(description=gettext_noop("The checkpoint to begin from, by its id"))]
    rewards: Annotated[
        list[Reward],
        Field(
            min_length=1,
            max_length=20,
            description=gettext_noop(
                "Reward models as {reward_model, weight, tau}: tau is the standardised score from which on "
                "nothing more is gained"
            ),
        ),
    ]
    prompts: Annotated[
        list[Id] | None, Field(max_length=MOST_PROMPTS, description=gettext_noop("Prompts by id"))
    ] = None
    prompt_set: Annotated[
        str | None, Field(description=gettext_noop("All prompts of this set, by its slug"))
    ] = None
    eval_prompts: Annotated[
        list[Id],
        Field(
            max_length=MOST_PROMPTS,
            description=gettext_noop("Held-out text-to-video prompts by id, looked at along the way"),
        ),
    ] = []
    steps: Annotated[int, Field(ge=1, le=1_000_000, description=gettext_noop("Optimizer steps"))] = _DEFAULTS[
        "steps"
    ]
    batch_size: Annotated[int, Field(ge=1, le=1024, description=gettext_noop("Prompts a step"))] = _DEFAULTS[
        "batch_size"
    ]
    learning_rate: Annotated[float, Field(gt=0, le=1, description=gettext_noop("AdamW's peak rate"))] = (
        _DEFAULTS["learning_rate"]
    )
    beta: Annotated[
        float, Field(ge=0, le=1000, description=gettext_noop("Weight of the distance to the checkpoint"))
    ] = _DEFAULTS["beta"]
    reward_scale: Annotated[
        float, Field(gt=0, le=1000, description=gettext_noop("Weight of the bounded rewards' sum"))
    ] = _DEFAULTS["reward_scale"]
    sampling_steps: Annotated[int, Field(ge=2, le=1000, description=gettext_noop("Steps of the sampler"))] = (
        _DEFAULTS["sampling_steps"]
    )
    guidance: Annotated[
        float, Field(ge=0, le=30, description=gettext_noop("Classifier-free guidance; 1 is none"))
    ] = _DEFAULTS["guidance"]
    window: Annotated[
        tuple[int, int],
        Field(strict=False, description=gettext_noop("Sampling steps [first, last] at which rewards act")),
    ] = _DEFAULTS["window"]
    log_every: Annotated[int, Field(ge=1, description=gettext_noop("Steps between metrics"))] = _DEFAULTS[
        "log_every"
    ]
    eval_every: Annotated[int, Field(ge=1, description=gettext_noop("Steps between evaluations"))] = (
        _DEFAULTS["eval_every"]
    )
    checkpoint_every: Annotated[int, Field(ge=1, description=gettext_noop("Steps between checkpoints"))] = (
        _DEFAULTS["checkpoint_every"]
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = _DEFAULTS["seed"]


def pin(wanted: ReflRun) -> Config:
    """Decide on the prompts: the config that is stored names each. Raises ConfigRefusedError."""
    checkpoints.find(wanted.checkpoint)
    _models(wanted.rewards)
    prompts = _chosen(wanted)
    chosen = {"prompts": [prompt.pk for prompt in prompts], "prompt_set": None}
    config: Config = wanted.model_dump(mode="json") | chosen
    _for_trainer(config)
    return config


def prepare(config: Config, folder: Path) -> Config:
    """Stage checkpoint, reward models and first frames. Raises InputsMissingError."""
    inputs = folder / "inputs"
    wanted = ReflRun.model_validate(config)
    checkpoints.stage(checkpoints.find(wanted.checkpoint), inputs / CHECKPOINT_FILE)
    for number, row in enumerate(_models(wanted.rewards)):
        try:
            artifacts.fetch(row.weights, inputs / _reward_file(number))
        except artifacts.ObjectMissingError as error:
            why = _("The reward model %(id)s can't be used: %(why)s")
            raise InputsMissingError(why % {"id": row.pk, "why": error}) from error
    stage_first_frames(_prompts(config["prompts"]), inputs)
    return _for_trainer(config)


def deliver(run: Run, folder: Path) -> None:
    """The weights become a checkpoint with a video model of its own. Raises DeliveryError."""
    parent = checkpoints.find(run.config["checkpoint"])
    path = folder / CHECKPOINT_FILE
    name = run.name or _("%(parent)s, rewarded %(run)s") % {"parent": parent.name, "run": str(run.pk)[:8]}
    with delivery.fenced(run) as now:
        try:
            checkpoints.from_run(now, path, name, parent)
        except checkpoints.NotACheckpointError as error:
            raise delivery.DeliveryError(str(error)) from error


REFL = RunKind(
    key="refl",
    title=gettext_lazy("Reward feedback learning"),
    about=gettext_lazy(
        "A checkpoint learns to make clips that reward models like, held near where it began. "
        "The judge, which is never optimised, is asked along the way."
    ),
    config=ReflRun,
    command=("generator.train", "refl"),
    queue="gpu",
    pin=pin,
    prepare=prepare,
    processes=lambda config: 1,
    deliver=deliver,
)


def _for_trainer(config: Config) -> Config:
    """The trainer's config, checked by the trainer's own rules. Raises ConfigRefusedError."""
    prompts = _prompts(config["prompts"])
    same = (
        *("steps", "batch_size", "learning_rate", "beta", "reward_scale", "sampling_steps", "guidance"),
        *("window", "seed", "log_every", "eval_every", "checkpoint_every"),
    )
    told: Config = {
        "checkpoint": CHECKPOINT_FILE,
        "rewards": [
            {"file": _reward_file(number), "weight": reward["weight"], "tau": reward["tau"]}
            for number, reward in enumerate(config["rewards"])
        ],
        "prompts": [prompt.text("en") for prompt in prompts],
        "first_frames": [first_frame_file(prompt) for prompt in prompts],
        "eval_prompts": [prompt.text("en") for prompt in _prompts(config["eval_prompts"])],
        **{name: config[name] for name in same},
    }
    try:
        parse(ReflConfig, told)
    except ConfigError as error:
        raise ConfigRefusedError([((), str(error))]) from error
    return told


def _reward_file(number: int) -> str:
    return f"reward-{number}.safetensors"


def _models(wanted: list[Reward]) -> list[RewardModel]:
    found = RewardModel.objects.select_related("weights").in_bulk([one.reward_model for one in wanted])
    problems: list[tuple[tuple[str | int, ...], str]] = [
        (("rewards", place, "reward_model"), _("There is no reward model %(id)s.") % {"id": one.reward_model})
        for place, one in enumerate(wanted)
        if one.reward_model not in found
    ]
    if len({one.reward_model for one in wanted}) < len(wanted):
        problems.append((("rewards",), _("A reward model is named twice.")))
    if problems:
        raise ConfigRefusedError(problems)
    return [found[one.reward_model] for one in wanted]


def _chosen(wanted: ReflRun) -> list[Prompt]:
    if (wanted.prompts is None) == (wanted.prompt_set is None):
        raise ConfigRefusedError([(("prompts",), _("Name prompts, or a prompt set, one of the two."))])
    if wanted.prompts is not None:
        found = _prompts(wanted.prompts)
    else:
        if not PromptSet.objects.filter(slug=wanted.prompt_set).exists():
            text = _("There is no prompt set “%(slug)s”.") % {"slug": wanted.prompt_set}
            raise ConfigRefusedError([(("prompt_set",), text)])
        found = list(Prompt.objects.filter(prompt_sets__slug=wanted.prompt_set).order_by("pk"))
    usable = [prompt for prompt in found if prompt.task == Task.T2V or prompt.first_frame]
    if not 1 <= len(usable) <= MOST_PROMPTS:
        text = _("%(count)s prompts can be used; expected 1 to %(most)s.")
        said = {"count": len(usable), "most": MOST_PROMPTS}
        raise ConfigRefusedError([(("prompts",), text % said)])
    return usable


def _prompts(wanted: list[int]) -> list[Prompt]:
    """In the order asked for. Raises ConfigRefusedError for one that is not there."""
    found = Prompt.objects.in_bulk(wanted)
    for place, key in enumerate(wanted):
        if key not in found:
            raise ConfigRefusedError([(("prompts", place), _("There is no prompt %(id)s.") % {"id": key})])
    return [found[key] for key in dict.fromkeys(wanted)]
