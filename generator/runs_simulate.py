"""The run kinds `simulate` and `simulate_votes`: programs label a campaign, or vote in the arena.

They are people of the workbench like others, with accounts `simulated-1` and so on that nobody can log in to;
all that they judge is marked as simulated. They come in over HTTP, with tokens that are made when the run
begins, lie in a file of its folder alone, and end with it.
"""

import json
import os
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from pydantic import BaseModel, ConfigDict, Field

from annotation.labelling import queue
from annotation.models import Campaign
from arena.models import Vote
from generator.simulated import TOKENS
from workbench.models import ApiToken, Role, Run, User
from workbench.runs.kinds import Config, ConfigRefusedError, InputsMissingError, RunKind

MOST_PEOPLE = 8
TOKEN_HOURS = 12
"""A run that takes longer is refused by the site and can be resumed."""

People = Annotated[
    int, Field(ge=1, le=MOST_PEOPLE, description=gettext_noop("How many work at the same time"))
]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Noise = Annotated[
    float,
    Field(ge=0, le=1, description=gettext_noop("Error of a judgement on a scale from 0 to 1, typical size")),
]


class SimulateRun(BaseModel):
    """Simulated annotators judge what is left of a campaign."""

    model_config = ConfigDict(extra="forbid", strict=True)

    campaign: Annotated[uuid.UUID, Field(strict=False, description=gettext_noop("The campaign, by its id"))]
    annotators: People = 4
    seed: Seed = 0
    noise: Noise = 0.05


class SimulateVotesRun(BaseModel):
    """Simulated voters vote in the arena."""

    model_config = ConfigDict(extra="forbid", strict=True)

    task: Annotated[
        Literal["t2v", "i2v"], Field(description=gettext_noop("The board: text-to-video or image-to-video"))
    ] = "t2v"
    votes: Annotated[int, Field(ge=1, le=10_000, description=gettext_noop("Votes, all together"))] = 60
    voters: People = 4
    seed: Seed = 0
    noise: Noise = 0.05


def pin(wanted: SimulateRun) -> Config:
    """Raises ConfigRefusedError for a campaign that programs can't label."""
    campaign = Campaign.objects.filter(pk=wanted.campaign).first()
    if campaign is None:
        raise _refused("campaign", _("There is no campaign %(id)s.") % {"id": wanted.campaign})
    if campaign.protocol != Campaign.Protocol.BEST_WORST:
        text = _("The campaign “%(name)s” is for experts; simulated experts score it.")
        raise _refused("campaign", text % {"name": campaign.name})
    if campaign.state != Campaign.State.OPEN:
        text = _("The campaign “%(name)s” is not open: %(state)s.")
        said = {"name": campaign.name, "state": campaign.get_state_display()}
        raise _refused("campaign", text % said)
    if campaign.protocol != Campaign.Protocol.BEST_WORST:
        text = _("The campaign “%(name)s” is not a best/worst one; programs label no other.")
        raise _refused("campaign", text % {"name": campaign.name})
    if not campaign.open_to_all:
        text = _("The campaign “%(name)s” is for invited people only.")
        raise _refused("campaign", text % {"name": campaign.name})
    return wanted.model_dump(mode="json")


def pin_votes(wanted: SimulateVotesRun) -> Config:
    return wanted.model_dump(mode="json")


def prepare(config: Config, folder: Path) -> Config:
    """Accounts, tokens and what is left to do; what people hold and have not begun is given back.

    Raises InputsMissingError where the campaign is gone.
    """
    campaign = Campaign.objects.filter(pk=config["campaign"]).first()
    if campaign is None:
        raise InputsMissingError(_("The campaign no longer exists."))
    queue.give_back_untouched(campaign.pk)
    hand_out_tokens(config["annotators"], folder)
    return {**config, "base_url": settings.SITE_URL, "left": campaign.progress.left}


def prepare_votes(config: Config, folder: Path) -> Config:
    """Accounts, tokens and how many votes are missing: a resumed run gives only those."""
    began = Run.objects.values_list("created_at", flat=True).get(pk=folder.parent.name)
    given = Vote.objects.filter(simulated=True, battle__track__slug=config["task"], created_at__gte=began)
    hand_out_tokens(config["voters"], folder)
    return {**config, "base_url": settings.SITE_URL, "votes": max(0, config["votes"] - given.count())}


def run_saved(sender: Any, instance: Run, **rest: Any) -> None:
    """When a run has ended, however it did, so have its tokens."""
    if instance.ended and instance.kind in {SIMULATE.key, SIMULATE_VOTES.key, "simulate_experts"}:
        _revoke(str(instance.pk))


SIMULATE = RunKind(
    key="simulate",
    title=gettext_lazy("Simulated annotators"),
    about=gettext_lazy(
        "Programs judge what is left of a campaign, from what they measure in the clips, with errors. "
        "Their judgements are marked as simulated."
    ),
    config=SimulateRun,
    command=("generator.simulated", "annotators"),
    queue="default",
    pin=pin,
    prepare=prepare,
    processes=lambda config: 1,
    final_checkpoint=False,
)
SIMULATE_VOTES = RunKind(
    key="simulate_votes",
    title=gettext_lazy("Simulated voters"),
    about=gettext_lazy(
        "Programs vote in the arena, from what they measure in the clips, with errors. "
        "Their votes are marked as simulated."
    ),
    config=SimulateVotesRun,
    command=("generator.simulated", "voters"),
    queue="default",
    pin=pin_votes,
    prepare=prepare_votes,
    processes=lambda config: 1,
    final_checkpoint=False,
)


def simulated_person(number: int, role: str = Role.ANNOTATOR) -> User:
    """The account of that number, made when it is first needed. Nobody can log in to it."""
    name = f"simulated-{number}" if role == Role.ANNOTATOR else f"simulated-{role}-{number}"
    person, made = User.objects.get_or_create(
        username=name,
        defaults={"email": f"{name}@simulated.invalid", "role": role, "simulated": True},
    )
    if made:
        person.set_unusable_password()
        person.save(update_fields=["password"])
    elif not person.simulated:
        text = _("The account “%(name)s” belongs to a person; simulated people need that name.")
        raise InputsMissingError(text % {"name": name})
    return person


def hand_out_tokens(people: int, folder: Path, role: str = Role.ANNOTATOR) -> None:
    """A token each, in a file that nobody else can read; those of earlier attempts of the run end."""
    run = folder.parent.name
    _revoke(run)
    secrets = []
    for number in range(1, people + 1):
        row, secret = ApiToken.mint(simulated_person(number, role), _token_name(run))
        ApiToken.objects.filter(pk=row.pk).update(expires_at=timezone.now() + timedelta(hours=TOKEN_HOURS))
        secrets.append(secret)
    handle = os.open(folder / TOKENS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(secrets, file)


def _revoke(run: str) -> None:
    rows = ApiToken.objects.filter(name=_token_name(run), user__simulated=True, revoked_at=None)
    rows.update(revoked_at=timezone.now())


def _token_name(run: str) -> str:
    return f"run {run}"


def _refused(field: str, text: str) -> ConfigRefusedError:
    return ConfigRefusedError([((field,), text)])
