"""The run kind `reward`: a reward model learns from the judgements of campaigns.

At launch the judgements are pinned by a moment, and by the id of a version of their pairs
(`annotation/results/pairversions.py`), which is made when the run begins: a resumed run learns from the same
ones, and everybody can fetch them later. When the trainer has ended, its weights become a file of the run
and a row of the reward models.
"""

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from pydantic import BaseModel, ConfigDict, Field

from annotation.clips.staging import stage_clips, stage_first_frames
from annotation.models import Campaign, Dimension, PairVersion
from annotation.results import pairversions
from rewardmodels import judgements
from rewardmodels.models import RewardModel
from rewardmodels.train.config import RewardConfig, RewardKind, RewardPreset
from workbench.models import Run
from workbench.refusals import Refusal
from workbench.runs import artifacts, delivery
from workbench.runs.kinds import Config, ConfigRefusedError, InputsMissingError, Link, RunKind
from workbench.trainer.config import ConfigError, parse

WEIGHTS_FILE = "reward.safetensors"
START_FILE = "start.safetensors"
DATA_FILE = "judgements.jsonl"
LEAST_PROMPTS = 4
_DEFAULTS: Any = {field.name: field.default for field in RewardConfig.__dataclass_fields__.values()}
_OURS = {"campaigns", "until", "pairs", "start"}
"""Fields of the stored config that the trainer does not get as they are."""

Uuid = Annotated[uuid.UUID, Field(strict=False)]


class RewardRun(BaseModel):
    """A reward model learns from the current judgements of campaigns (§4.4.2)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reward: Annotated[RewardKind, Field(description=gettext_noop("Which of the three reward models"))]
    campaigns: Annotated[
        list[Uuid] | None,
        Field(description=gettext_noop("Campaigns by id; leave it out for all that have judgements")),
    ] = None
    until: Annotated[
        dt.datetime | None,
        Field(strict=False, description=gettext_noop("Judgements up to this moment; leave it out for now")),
    ] = None
    pairs: Annotated[
        Uuid | None,
        Field(
            description=gettext_noop(
                "A version of a pair set to learn from, by id; leave it out for a new one"
            )
        ),
    ] = None
    start: Annotated[
        Uuid | None, Field(description=gettext_noop("An earlier reward model to go on from, by id"))
    ] = None
    preset: Annotated[
        RewardPreset, Field(description=gettext_noop("The network's size; micro is for tests"))
    ] = _DEFAULTS["preset"]
    steps: Annotated[int, Field(ge=1, le=1_000_000, description=gettext_noop("Optimizer steps"))] = _DEFAULTS[
        "steps"
    ]
    batch_size: Annotated[
        int, Field(ge=1, le=1024, description=gettext_noop("Judgements a step, over all processes"))
    ] = _DEFAULTS["batch_size"]
    learning_rate: Annotated[float, Field(gt=0, le=1, description=gettext_noop("AdamW's peak rate"))] = (
        _DEFAULTS["learning_rate"]
    )
    weight_decay: Annotated[float, Field(ge=0, le=1)] = _DEFAULTS["weight_decay"]
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


def pin(wanted: RewardRun) -> Config:
    """Decide on campaigns, moment and dimensions. Raises ConfigRefusedError."""
    version = _version(wanted)
    until = version.until if version else wanted.until or timezone.now()
    if timezone.is_naive(until):
        until = timezone.make_aware(until)
    known = sorted(version.campaigns.values_list("pk", flat=True)) if version else None
    campaigns = _campaigns(wanted.campaigns if known is None else known)
    dimensions = _dimensions(wanted, campaigns)
    if version and version.dimensions and not set(dimensions) <= set(version.dimensions):
        text = _("This version holds pairs of %(given)s only; the reward needs %(needed)s.")
        values = {"given": ", ".join(version.dimensions), "needed": ", ".join(dimensions)}
        raise ConfigRefusedError([(("pairs",), text % values)])
    config = wanted.model_dump(mode="json") | {
        "campaigns": [str(campaign) for campaign in campaigns],
        "until": until.isoformat(),
        "pairs": str(version.pk if version else pairversions.pinned_id(campaigns, until, dimensions)),
    }
    learnable = pairversions.learnable(campaigns, until)
    prompts = learnable.values("item__prompt").distinct().order_by().count()
    if prompts < LEAST_PROMPTS:
        text = _(
            "There are judgements of %(count)s prompts, and %(least)s are the least: some are kept for the "
            "test. Label more items first."
        )
        said = {"count": prompts, "least": LEAST_PROMPTS}
        raise ConfigRefusedError([(("campaigns",), text % said)])
    _for_trainer(config, dimensions)
    return config


def prepare(config: Config, folder: Path) -> Config:
    """Make the version of its pairs, write the judgements, stage clips and first frames.

    Raises InputsMissingError.
    """
    inputs = folder / "inputs"
    campaigns = [uuid.UUID(campaign) for campaign in config["campaigns"]]
    wanted = RewardRun.model_validate(config)
    dimensions = _dimensions(wanted, campaigns)
    until = dt.datetime.fromisoformat(config["until"])
    name = _("Learnt from by %(reward)s") % {"reward": Dimension.Reward(wanted.reward).label}
    try:
        version = pairversions.pinned(uuid.UUID(config["pairs"]), name, campaigns, until, dimensions)
        written = judgements.write(inputs / DATA_FILE, pairversions.judgement_ids(version))
    except Refusal as refusal:
        raise InputsMissingError(refusal.message) from refusal
    stage_clips(written.clips.values(), inputs)
    stage_first_frames(written.prompts.values(), inputs)
    if wanted.start is not None:
        try:
            artifacts.fetch(_start(wanted.start).weights, inputs / START_FILE)
        except artifacts.ObjectMissingError as error:
            why = _("The reward model %(id)s can't be used: %(why)s")
            raise InputsMissingError(why % {"id": wanted.start, "why": error}) from error
    return _for_trainer(config, dimensions)


def deliver(run: Run, folder: Path) -> None:
    """The trained weights become the run's file and a reward model. Raises DeliveryError."""
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise delivery.DeliveryError(_("The trainer left no %(name)s.") % {"name": WEIGHTS_FILE})
    stored = artifacts.put(path)
    trained = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    simulated = [
        json.loads(line)["simulated"]
        for line in (folder / "inputs" / DATA_FILE).read_text(encoding="utf-8").splitlines()
    ]
    with delivery.fenced(run) as now:
        row, _made = RewardModel.objects.update_or_create(
            run=now,
            defaults={
                "kind": trained["reward"],
                "name": now.name or f"{trained['reward']} {str(now.pk)[:8]}",
                "weights": artifacts.keep_file(now, stored, WEIGHTS_FILE),
                "dimensions": trained["dimensions"],
                "metrics": now.result,
                "until": dt.datetime.fromisoformat(now.config["until"]),
                "judgements": len(simulated),
                "simulated": sum(simulated),
                "start_id": now.config["start"],
                "pairs_id": now.config.get("pairs"),
            },
        )
        row.campaigns.set(now.config["campaigns"])


def made(run: Run) -> list[Link]:
    """The pages of the reward model, and of the pairs that it learnt from."""
    rows = RewardModel.objects.filter(run=run).select_related("pairs")
    links = [Link(row.name, reverse("reward_model", args=[row.pk])) for row in rows]
    for row in rows:
        if row.pairs is not None:
            text = _("pairs %(hash)s") % {"hash": row.pairs.sha256[:12]}
            links.append(Link(text, reverse("pair_version", args=[row.pairs_id])))
    return links


REWARD = RunKind(
    key="reward",
    title=gettext_lazy("Reward model from judgements"),
    about=gettext_lazy(
        "A network learns to score clips as the people of your campaigns judged them. "
        "It is tested on prompts that it has not seen."
    ),
    config=RewardRun,
    command=("rewardmodels.train", "reward"),
    queue="gpu",
    pin=pin,
    prepare=prepare,
    processes=lambda config: int(config["processes"]),
    deliver=deliver,
    made=made,
)


def _version(wanted: RewardRun) -> PairVersion | None:
    """The version that was asked for. A clone of a run that never began names one that is not made yet."""
    if wanted.pairs is None:
        return None
    version = PairVersion.objects.filter(pk=wanted.pairs).first()
    if version is None and wanted.campaigns is None:
        text = _("There is no version %(id)s of a pair set.") % {"id": wanted.pairs}
        raise ConfigRefusedError([(("pairs",), text)])
    return version


def _campaigns(wanted: list[uuid.UUID] | None) -> list[uuid.UUID]:
    if wanted is None:
        judged = Campaign.objects.filter(items__judgements__isnull=False)
        return list(judged.distinct().order_by("created_at", "pk").values_list("pk", flat=True))
    known = set(Campaign.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    problems: list[tuple[tuple[str | int, ...], str]] = [
        (("campaigns", place), _("There is no campaign %(id)s.") % {"id": campaign})
        for place, campaign in enumerate(wanted)
        if campaign not in known
    ]
    if problems:
        raise ConfigRefusedError(problems)
    return list(dict.fromkeys(wanted))


def _dimensions(wanted: RewardRun, campaigns: Sequence[uuid.UUID]) -> list[str]:
    """Keys of the campaigns' dimensions that this reward is for, in the campaigns' order.

    A model that goes on from another one keeps that one's dimensions. Raises ConfigRefusedError.
    """
    rows = Dimension.objects.filter(campaign__in=campaigns, reward=wanted.reward)
    known = list(dict.fromkeys(rows.order_by("position", "campaign").values_list("key", flat=True)))
    if not known:
        what = Dimension.Reward(wanted.reward).label
        raise ConfigRefusedError(
            [
                (
                    ("reward",),
                    _("No dimension of these campaigns is for the reward “%(what)s”.") % {"what": what},
                )
            ]
        )
    if wanted.start is None:
        return known
    start = _start(wanted.start)
    if start.kind != wanted.reward or not set(start.dimensions) <= set(known):
        text = _("It is a reward model of another kind or of other dimensions (%(kind)s: %(dimensions)s).")
        said = {"kind": start.get_kind_display(), "dimensions": ", ".join(start.dimensions)}
        raise ConfigRefusedError([(("start",), text % said)])
    return list(start.dimensions)


def _start(wanted: uuid.UUID) -> RewardModel:
    row = RewardModel.objects.select_related("weights").filter(pk=wanted).first()
    if row is None:
        raise ConfigRefusedError([(("start",), _("There is no reward model %(id)s.") % {"id": wanted})])
    return row


def _for_trainer(config: Config, dimensions: list[str]) -> Config:
    """The trainer's config, checked by the trainer's own rules. Raises ConfigRefusedError."""
    told = {name: value for name, value in config.items() if name not in _OURS}
    told |= {"dimensions": dimensions, "data": DATA_FILE}
    if config["start"] is not None:
        told["start"] = START_FILE
    try:
        parse(RewardConfig, told)
    except ConfigError as error:
        raise ConfigRefusedError([((), str(error))]) from error
    return told
