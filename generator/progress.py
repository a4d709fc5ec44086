"""How far a round is, step by step: what its page and the API show."""

from dataclasses import dataclass
from typing import Literal

from django.urls import reverse

from annotation.models import Campaign
from generator.models import Round
from workbench.models import Run
from workbench.runs.progress import Progress, progress_of

StepState = Literal["done", "working", "failed", "cancelled", "waiting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """A step with the runs it launched."""

    key: str
    name: str
    state: StepState
    runs: list[tuple[str, Run, Progress]]
    """Part in the step, run, how far it is."""
    campaign: Campaign | None


def steps_of(round_: Round) -> list[ShownStep]:
    """All six steps in order."""
    runs: dict[str, list[tuple[str, Run, Progress]]] = {}
    for tie in round_.round_runs.select_related("run").order_by("pk"):
        runs.setdefault(tie.step, []).append((tie.role, tie.run, progress_of(tie.run)))
    keys = list(Round.Step)
    present = keys.index(Round.Step(round_.step))
    return [
        ShownStep(
            key=key.value,
            name=str(key.label),
            state=_state(round_, place - present),
            runs=runs.get(key.value, []),
            campaign=round_.campaign if key == Round.Step.JUDGE else None,
        )
        for place, key in enumerate(keys)
    ]


def situation(round_: Round) -> str:
    """What can be done with it: "judging", "working", "failed" or "ended"."""
    if round_.state == Round.State.WORKING:
        return "judging" if round_.step == Round.Step.JUDGE and round_.campaign_id else "working"
    return "failed" if round_.state == Round.State.FAILED else "ended"


def label_address(round_: Round) -> str:
    """Where the round's clips are judged; "" unless they can be now."""
    campaign = round_.campaign
    open_ = campaign is not None and campaign.state == Campaign.State.OPEN
    return reverse("label", args=[round_.campaign_id]) if open_ else ""


def feedback_run(round_: Round) -> Run | None:
    """The run whose curves the round's page shows."""
    return Run.objects.filter(round_run__round=round_, round_run__step=Round.Step.FEEDBACK).first()


def _state(round_: Round, ahead: int) -> StepState:
    if ahead < 0 or round_.state in {Round.State.PROMOTED, Round.State.REJECTED}:
        return "done"
    if ahead > 0:
        return "waiting"
    if round_.state == Round.State.FAILED:
        return "failed"
    return "cancelled" if round_.state == Round.State.CANCELLED else "working"
