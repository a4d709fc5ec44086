"""The whole loop as one command: rounds, their judgements, then the arena; one JSON object at the end.

What has been begun lies in `OUT.json.part` beside the result: the rounds and the run of votes by their ids,
and the seconds spent so far. Everything else is in the database, so a loop that was stopped, or killed, goes
on where it was when it is started again with the same arguments.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from django.conf import settings

from annotation.models import Clip, Judgement, PreferencePair, Task
from arena.battles import tracks
from arena.boards import leaderboard
from arena.boards.boardquery import Query, Voters
from generator import checkpoints, rounds
from generator.models import Checkpoint, Round
from generator.progress import steps_of
from generator.reports import Report
from generator.world_prompts import world_prompt_set
from workbench.models import Role, Run, RunState, User
from workbench.refusals import Conflict, Refusal
from workbench.runs import control, launch
from workbench.runs.kinds import ConfigRefusedError
from workbench.runs.progress import progress_of

SHIPPED = settings.BASE_DIR / "fixtures" / "checkpoints" / "tiny.safetensors"
VOTES = {"micro": 24}
MANY_VOTES = 200
USERNAME = "loop"
_LOOK, _SAVE, _AGAIN = 0.5, 5.0, 15.0
"""Seconds between looks, between saves, and until simulated annotators are sent for what people held."""


class LoopError(RuntimeError):
    """The loop can't begin or go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopPlan:
    """What was asked for."""

    annotators: Literal["simulated", "people"]
    rounds: int
    preset: str
    out: Path
    checkpoint: Path | None = None
    """Weights to begin with; None: what was promoted or imported last, else the shipped ones."""

    @property
    def part(self) -> Path:
        return self.out.with_name(f"{self.out.name}.part")

    def arguments(self) -> dict[str, Any]:
        told = asdict(self) | {"checkpoint": str(self.checkpoint or "")}
        return {name: told[name] for name in ("annotators", "rounds", "preset", "checkpoint")}


@dataclass(slots=True)
class Begun:
    """What of a loop has been begun: the contents of `OUT.json.part`."""

    arguments: dict[str, Any]
    rounds: list[int] = field(default_factory=list)
    votes: str = ""
    """The run of simulated votes."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Spent so far, by phase."""


def begin(plan: LoopPlan) -> Begun:
    """Before anything is started: whether the result can be written, and what was begun earlier.

    Raises LoopError.
    """
    if plan.checkpoint is not None and not plan.checkpoint.is_file():
        raise LoopError(f"There is no weights file {plan.checkpoint}.")
    begun = Begun(plan.arguments())
    try:
        if plan.out.is_dir():
            raise LoopError(f"{plan.out} is a folder; name a file.")
        if plan.part.exists():
            begun = Begun(**json.loads(plan.part.read_text(encoding="utf-8")))
        _write(plan.part, asdict(begun))  # the result is written the same way
    except OSError as error:
        raise LoopError(f"{plan.out} can't be written: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise LoopError(f"{plan.part} is damaged: remove it to begin anew.") from error
    if begun.arguments != plan.arguments():
        raise LoopError(
            f"{plan.part} belongs to a loop with other arguments, {begun.arguments}: start it with those to "
            "go on, or remove the file to begin anew."
        )
    return begun


class Loop:
    """Works through a plan against the running stack."""

    def __init__(
        self, plan: LoopPlan, begun: Begun, say: Callable[[str], None], still_there: Callable[[], None]
    ) -> None:
        """`still_there` is called between looks; it may raise to give up."""
        self.plan, self.begun, self.say, self._still_there = plan, begun, say, still_there
        self._user = account()
        self._said = ""
        self._saved_at = 0.0
        self._looked_at = time.monotonic()
        self._sent_at = 0.0

    def run(self) -> dict[str, Any]:
        """To the end; gives the result, which is also written to the plan's file. Raises LoopError."""
        known = set(Round.objects.filter(pk__in=self.begun.rounds).values_list("pk", flat=True))
        if lost := [pk for pk in self.begun.rounds if pk not in known]:
            self.say(f"Round {lost[0]} is no longer in this database: the loop begins anew.")
            self.begun = Begun(self.plan.arguments())
        try:
            for number in range(self.plan.rounds):
                self._follow(self._round(number))
            if self.plan.annotators == "simulated":
                self._have_voted()
        finally:
            self._save()
        result = self.result()
        _write(self.plan.out, result)
        self.plan.part.unlink()
        return result

    def result(self) -> dict[str, Any]:
        """The figures of what has been done so far, out of the rows."""
        rows = list(Round.objects.filter(pk__in=self.begun.rounds).order_by("pk"))
        campaigns = [row.campaign_id for row in rows if row.campaign_id]
        pairs = PreferencePair.objects.filter(judgement__item__campaign__in=campaigns)
        broken = pairs.exclude(broken_by=[]).count()
        judgements = Judgement.objects.filter(item__campaign__in=campaigns, superseded_by=None)
        board = leaderboard.board(tracks.standard(Task.T2V), Query(voters=Voters.ALL))
        told = [self._told(row) for row in rows]
        last = told[-1] if told else {}
        return {
            "clips": Clip.objects.filter(generated__run__round_run__round__in=rows).distinct().count(),
            "judgements": judgements.count(),
            "simulated_judgements": judgements.filter(simulated=True).count(),
            "pairs": pairs.count() - broken,
            "constraint_broken_share": round(broken / pairs.count(), 4) if pairs.exists() else None,
            **{name: last.get(name) for name in ("reward_accuracy", "composite", "judge")},
            "votes": board.votes,
            "ratings": [
                {"model": row.name, "rating": row.rating, "low": row.low, "high": row.high}
                for row in board.rows
            ],
            "seconds": {name: round(value, 1) for name, value in self.begun.seconds.items()},
            "rounds": told,
            "arguments": self.plan.arguments(),
        }

    # --- In detail ----------------------------------------------------------------------------------------

    def _told(self, row: Round) -> dict[str, Any]:
        report = Report.of(row.report) if row.report else None
        return {
            "round": row.pk,
            "state": row.state,
            "reward_accuracy": {model.kind: _accuracy(model.metrics) for model in row.reward_models.all()},
            "composite": report and {"before": report.composite.before, "after": report.composite.after},
            "judge": report and {"before": report.judge.before, "after": report.judge.after},
        }

    def _round(self, number: int) -> Round:
        """The loop's round of that number, begun now if it was not; one that failed is tried again."""
        if number < len(self.begun.rounds):
            row = Round.objects.get(pk=self.begun.rounds[number])
            if row.state == Round.State.FAILED:
                self.say(f"Round {row.pk} had failed ({row.problem}): trying again.")
                return rounds.retry(self._user, row.pk)
            return row
        base = checkpoints.current_base() if number or self.plan.checkpoint is None else None
        plan = rounds.Plan(
            base=base or self._weights(), prompt_set=world_prompt_set(), preset=self.plan.preset
        )
        try:
            row = rounds.start(self._user, plan)
        except Refusal as error:
            raise LoopError(str(error)) from error
        self.begun.rounds.append(row.pk)
        self._save()
        self.say(f"Round {row.pk} begins from “{row.base.name}”.")
        return row

    def _weights(self) -> Checkpoint:
        file = self.plan.checkpoint or SHIPPED
        try:
            return checkpoints.register(file)
        except checkpoints.NotACheckpointError as error:
            raise LoopError(str(error)) from error
        except FileNotFoundError as error:
            raise LoopError(f"There is no {file}: name a weights file with --checkpoint.") from error

    def _follow(self, row: Round) -> None:
        """Wait until the round has ended, and have judged what it wants judged."""
        while not row.ended:
            if row.state == Round.State.FAILED:
                raise LoopError(
                    f"Round {row.pk} failed at “{row.step}”: {row.problem} "
                    "Start the loop again with the same arguments to try again."
                )
            if row.step == Round.Step.JUDGE and self.plan.annotators == "simulated":
                self._have_judged(row)
            self._tell(row)
            self._wait(row.step)
            row.refresh_from_db()
        self._wait(row.step, 0)
        self.say(f"Round {row.pk}: {row.get_state_display()}.")

    def _have_judged(self, row: Round) -> None:
        sent = Run.objects.filter(round_run__round=row, kind="simulate").order_by("-created_at").first()
        if sent is not None and sent.state in (RunState.FAILED, RunState.CANCELLED):
            raise LoopError(f"The simulated annotators of round {row.pk} gave up: {sent.error or sent.state}")
        if row.campaign_id is None or time.monotonic() - self._sent_at < _AGAIN:
            return
        with suppress(Conflict):  # they are at work, or the round has gone on meanwhile
            try:
                rounds.simulate(self._user, row.pk)
            except ConfigRefusedError as error:
                row.refresh_from_db()
                if row.step == Round.Step.JUDGE and row.campaign is not None:
                    row.campaign.refresh_from_db()
                    if row.campaign.progress.left:
                        raise LoopError(str(error)) from error
        self._sent_at = time.monotonic()

    def _have_voted(self) -> None:
        """Simulated voters between the checkpoints; a run that was stopped or failed goes on."""
        run = Run.objects.filter(pk=self.begun.votes).first() if self.begun.votes else None
        if run is None:
            votes = VOTES.get(self.plan.preset, MANY_VOTES)
            run = launch.launch(self._user, "simulate_votes", {"votes": votes}, name="Loop: votes")
            self.begun.votes = str(run.pk)
            self._save()
        elif run.state in (RunState.FAILED, RunState.CANCELLED):
            control.resume(self._user, run.pk)
        while not run.ended:
            done = progress_of(run)
            self._say(f"Arena: {done.step} of {done.total or '…'} votes")
            self._wait("arena")
            run.refresh_from_db()
        if run.state != RunState.SUCCEEDED:
            raise LoopError(f"The simulated voters gave up: {run.error or run.state}")

    def _tell(self, row: Round) -> None:
        step = next(step for step in steps_of(row) if step.key == row.step)
        if step.campaign is not None:
            campaign = step.campaign
            said = f"{campaign.progress.judged} of {campaign.wanted} judgements"
            if self.plan.annotators == "people" and campaign.progress.left:
                said += f", waiting for people: {settings.SITE_URL}/label/{campaign.pk}/"
        else:
            parts = [
                f"{role} {progress.step}/{progress.total or '…'}"
                for role, run, progress in step.runs
                if run.state != RunState.SUCCEEDED
            ]
            said = ", ".join(parts) or "…"
        self._say(f"Round {row.pk}, {step.name}: {said}")

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self.say(text)

    def _wait(self, phase: str, seconds: float = _LOOK) -> None:
        time.sleep(seconds)
        self._still_there()
        now = time.monotonic()
        spent = self.begun.seconds
        spent[phase] = spent.get(phase, 0.0) + now - self._looked_at
        self._looked_at = now
        if now - self._saved_at > _SAVE:
            self._save()

    def _save(self) -> None:
        _write(self.plan.part, asdict(self.begun))
        self._saved_at = time.monotonic()


def account() -> User:
    """Whose rounds they are; nobody can log in to it."""
    user, made = User.objects.get_or_create(
        username=USERNAME, defaults={"email": f"{USERNAME}@workbench.invalid", "role": Role.ENGINEER}
    )
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def _accuracy(metrics: dict[str, Any]) -> float | None:
    """The mean over a reward model's dimensions of its accuracy on held-out prompts (train/report.py)."""
    value = metrics.get("accuracy/mean")
    return None if value is None else round(float(value), 4)


def _write(path: Path, data: dict[str, Any]) -> None:
    """Whole or not at all."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        fresh.write_text(json.dumps(data, ensure_ascii=False, indent=1), encoding="utf-8")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
