"""The run kind `simulate_experts`: programs score a Likert or good/same/bad campaign, some more strictly."""

import uuid
from pathlib import Path
from typing import Annotated

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from pydantic import BaseModel, ConfigDict, Field

from annotation.campaigns import lifecycle
from annotation.labelling import queue
from annotation.models import Campaign
from generator.runs_simulate import Noise, People, Seed, hand_out_tokens, simulated_person
from workbench.models import Role
from workbench.runs.kinds import Config, ConfigRefusedError, InputsMissingError, RunKind


class SimulateExpertsRun(BaseModel):
    """Simulated experts score what is left of a campaign."""

    model_config = ConfigDict(extra="forbid", strict=True)

    campaign: Annotated[uuid.UUID, Field(strict=False, description=gettext_noop("The campaign, by its id"))]
    experts: People = 3
    seed: Seed = 0
    noise: Noise = 0.05
    spread: Annotated[
        float,
        Field(
            ge=0,
            le=2,
            description=gettext_noop("Points from the middle to the strictest and to the mildest expert"),
        ),
    ] = 0.75
    picky: Annotated[
        float,
        Field(ge=0, le=1, description=gettext_noop("Chance that the strictest passes over a poor clip")),
    ] = 0.0


def pin(wanted: SimulateExpertsRun) -> Config:
    """Raises ConfigRefusedError for a campaign that programs can't score."""
    campaign = Campaign.objects.filter(pk=wanted.campaign).first()
    if campaign is None:
        raise _refused(_("There is no campaign %(id)s.") % {"id": wanted.campaign})
    if campaign.protocol == Campaign.Protocol.BEST_WORST:
        text = _("The campaign “%(name)s” asks for best and worst; simulated annotators label it.")
        raise _refused(text % {"name": campaign.name})
    if campaign.state != Campaign.State.OPEN:
        text = _("The campaign “%(name)s” is not open: %(state)s.")
        raise _refused(text % {"name": campaign.name, "state": campaign.get_state_display()})
    people = [simulated_person(number, Role.EXPERT) for number in range(1, wanted.experts + 1)]
    if not all(lifecycle.invited(campaign, person) for person in people):
        text = _("The campaign “%(name)s” is for invited people only.")
        raise _refused(text % {"name": campaign.name})
    return wanted.model_dump(mode="json")


def prepare(config: Config, folder: Path) -> Config:
    """Accounts, tokens and what is left to do. Raises InputsMissingError where the campaign is gone."""
    campaign = Campaign.objects.filter(pk=config["campaign"]).first()
    if campaign is None:
        raise InputsMissingError(_("The campaign no longer exists."))
    queue.give_back_untouched(campaign.pk)
    hand_out_tokens(config["experts"], folder, Role.EXPERT)
    return {**config, "base_url": settings.SITE_URL, "left": campaign.progress.left}


SIMULATE_EXPERTS = RunKind(
    key="simulate_experts",
    title=gettext_lazy("Simulated experts"),
    about=gettext_lazy(
        "Programs score what is left of a Likert or good/same/bad campaign, from what they measure in the "
        "clips, each with its own strictness. Their judgements are marked as simulated."
    ),
    config=SimulateExpertsRun,
    command=("generator.simulated", "experts"),
    queue="default",
    pin=pin,
    prepare=prepare,
    processes=lambda config: 1,
    final_checkpoint=False,
)


def _refused(text: str) -> ConfigRefusedError:
    return ConfigRefusedError([(("campaign",), text)])
