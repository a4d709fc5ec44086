"""Rounds (§4.4.3): sample, judge, train rewards, learn from them, sample again, compare; then decide.

    sample    a `generate` run: the base's clips of the prompts to learn from, and of held-out prompts
    judge     a campaign over the former; waits for people, or for a `simulate` run
    rewards   three `reward` runs on the judgements of all rounds so far
    feedback  a `refl` run: base and reward models give a new checkpoint
    resample  a `generate` run: its clips of the held-out prompts, with the same seeds
    evaluate  a `score` and a `judge` run over the held-out clips, before and after

`advance` is the one function that moves a round on. It may be called at any time, by anybody, twice at once:
under the round's row lock it looks at what there is, launches what is missing, and takes the next step when
all of this one is there. A run and the row that ties it to its round are written in one transaction, and the
run's message goes out after the commit; so whatever dies, the next call goes on from what is written.

The rule: a round is promoted if and only if the judge's mean over the held-out prompts does not fall. The
judge was never optimised; the rewards were, so their rise proves nothing.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from annotation.campaigns import lifecycle
from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.lifecycle import CampaignSpec
from annotation.campaigns.planning import Selection
from annotation.models import Campaign, Clip, Prompt, PromptSet, Task
from generator import reports
from generator.models import Checkpoint, Round, RoundPrompt, RoundRun
from generator.round_presets import PRESETS, RoundPreset
from rewardmodels.models import RewardModel
from workbench.access import audit, require
from workbench.models import Notice, Role, Run, RunState, User
from workbench.refusals import Conflict, Invalid, Refusal
from workbench.runs import control, launch, retention
from workbench.runs.kinds import ConfigRefusedError

log = structlog.get_logger(__name__)

State, Step = Round.State, Round.Step
ENDED_BADLY = (RunState.FAILED, RunState.CANCELLED)
_AFTER: dict[str, str] = dict(zip(list(Step)[:-1], list(Step)[1:], strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a round begins with."""

    base: Checkpoint
    prompt_set: PromptSet
    preset: str


class StepFailedError(RuntimeError):
    """The step can't be done as things are; the text says why."""


def start(user: User, plan: Plan, request: HttpRequest | None = None) -> Round:
    """Begin a round. Raises PermissionDenied; Invalid `no_such_preset`, `too_few_prompts`."""
    require(user, "runs.launch")
    preset = PRESETS.get(plan.preset)
    if preset is None:
        text = _("“%(preset)s” is no size of a round; known are %(known)s.")
        said = {"preset": plan.preset, "known": ", ".join(PRESETS)}
        raise Invalid("no_such_preset", text % said, where="body.preset")
    with transaction.atomic():
        learning, held_out = _deal(plan.prompt_set, preset)
        round_ = Round.objects.create(
            preset=plan.preset, settings=preset.stored(), base=plan.base, created_by=user
        )
        RoundPrompt.objects.bulk_create(
            RoundPrompt(round=round_, prompt=prompt, held_out=prompt in held_out)
            for prompt in [*learning, *held_out]
        )
        audit(request, "round.start", round_, preset=plan.preset, base=str(plan.base.pk))
    return advance(round_.pk)


def advance(round_id: int) -> Round:
    """Take the round as far as it goes now. Safe at any time. Raises Round.DoesNotExist."""
    with transaction.atomic():
        # Without joins: where it waits for the lock, joined rows would be those from before.
        round_ = Round.objects.select_for_update().get(pk=round_id)
        with translation.override(round_.created_by.language):
            while round_.state == State.WORKING and _step_done(round_):
                if round_.step in _AFTER:
                    log.info("round_step_done", round=round_.pk, step=round_.step)
                    round_.step = _AFTER[round_.step]
                    round_.save(update_fields=["step"])
    return round_


def advance_all() -> None:
    """Advance every round that is at work: what the beat does, for whatever nobody told of."""
    for round_id in Round.objects.filter(state=State.WORKING).values_list("pk", flat=True):
        try:
            advance(round_id)
        except Exception:
            log.exception("round_not_advanced", round=round_id)  # it must not keep the others waiting


def run_saved(sender: Any, instance: Run, **rest: Any) -> None:
    """When a round's run ends, have the round looked at at once; the beat would find it a moment later."""
    if not instance.ended:
        return
    owner = RoundRun.objects.filter(run=instance).values_list("round_id", flat=True).first()
    if owner is not None:
        from generator import tasks

        transaction.on_commit(lambda: tasks.send_advance(owner))


def retry(user: User, round_id: int, request: HttpRequest | None = None) -> Round:
    """Go on with a failed round from the step that failed; its failed runs are resumed.

    Raises PermissionDenied; Conflict `not_failed`.
    """
    with transaction.atomic():
        round_ = _controlled(user, round_id)
        if round_.state != State.FAILED:
            text = _("Only a failed round can be tried again; this one is: %(state)s.")
            raise Conflict("not_failed", text % {"state": round_.get_state_display()})
        round_.state, round_.problem = State.WORKING, ""
        round_.save(update_fields=["state", "problem"])
        for run in _runs(round_, round_.step).filter(state__in=ENDED_BADLY):
            if run.kind != "simulate":  # that one is no part of what the round needs
                control.resume(round_.created_by, run.pk)
        audit(request, "round.retry", round_, step=round_.step)
    return advance(round_id)


def cancel(user: User, round_id: int, request: HttpRequest | None = None) -> Round:
    """End a round for good: its runs are cancelled, its campaign is closed. What was made stays.

    Raises PermissionDenied; Conflict `ended`.
    """
    with transaction.atomic():
        round_ = _controlled(user, round_id)
        if round_.ended:
            text = _("The round has ended already: %(state)s.")
            raise Conflict("ended", text % {"state": round_.get_state_display()})
        _end(round_, State.CANCELLED)
        for run in Run.objects.filter(round_run__round=round_).exclude(state__in=retention.ENDED):
            with suppress(control.NotNowError):  # it has just ended
                control.cancel(round_.created_by, run.pk)
        audit(request, "round.cancel", round_)
    return round_


def simulate(user: User, round_id: int, request: HttpRequest | None = None) -> Run:
    """Launch simulated annotators who judge what is left of the round's campaign.

    Raises PermissionDenied; Conflict `nothing_to_judge`, `at_work`; ConfigRefusedError.
    """
    with transaction.atomic():
        round_ = _controlled(user, round_id)
        if round_.state != State.WORKING or round_.step != Step.JUDGE or round_.campaign is None:
            raise Conflict("nothing_to_judge", _("The round is not waiting for judgements now."))
        earlier = _runs(round_, Step.JUDGE).exclude(state__in=retention.ENDED)
        if earlier.exists():
            raise Conflict("at_work", _("Simulated annotators are at work already."))
        run = launch.launch(
            round_.created_by,
            "simulate",
            {"campaign": str(round_.campaign_id)},
            name=_("Round %(number)s: simulated annotators") % {"number": round_.pk},
        )
        RoundRun.objects.create(round=round_, step=Step.JUDGE, role="simulate", run=run)
        audit(request, "round.simulate", round_, run=str(run.pk))
    return run


def may_control(user: Any, round_: Round) -> bool:
    """True for those who may cancel it, try it again or have it simulated: its starter, and managers."""
    try:
        require(user, "runs.launch")
    except PermissionDenied:
        return False
    return bool(user.is_superuser) or user.role == Role.MANAGER or round_.created_by_id == user.pk


# --- Steps: each gives True when all of it is there -------------------------------------------------------


def _step_done(round_: Round) -> bool:
    """Do what the present step lacks; a step that can't be done leaves nothing half done, and fails it."""
    try:
        with transaction.atomic():
            return _STEPS[round_.step](round_)
    except (StepFailedError, ConfigRefusedError, Refusal, PermissionDenied) as error:
        _fail(round_, str(error))
        return False


def _sample(round_: Round) -> bool:
    preset = RoundPreset.of(round_.settings)
    wanted = {False: preset.clips_per_item, True: preset.held_out_seeds}
    wishes = [
        {"prompt": one.prompt_id, "seed": seed}
        for one in round_.round_prompts.order_by("held_out", "prompt_id")
        for seed in _seeds(round_, one.held_out, wanted[one.held_out])
    ]
    run = _launched(round_, "generate", "clips", _generate(round_, round_.base, wishes))
    return _succeeded(run) and _rendered(run)


def _judge(round_: Round) -> bool:
    if round_.campaign is None:
        round_.campaign = _open_campaign(round_)
        round_.save(update_fields=["campaign"])
        _tell(round_, _("Round %(number)s waits for judgements.") % {"number": round_.pk})
    campaign = round_.campaign
    progress = campaign.progress
    if progress.left and campaign.state != Campaign.State.CLOSED:
        return False
    if not progress.judged:
        raise StepFailedError(_("The campaign was closed before anything was judged."))
    return True


def _rewards(round_: Round) -> bool:
    preset = RoundPreset.of(round_.settings)
    known = Campaign.objects.filter(round__pk__lte=round_.pk, participations__judged__gt=0).distinct()
    known = known.order_by("created_at")
    before_it = Round.objects.filter(pk__lt=round_.pk, preset=round_.preset)
    earlier = before_it.filter(reward_models__isnull=False).first()
    runs = []
    for reward in preset.weights:
        config = {
            "reward": reward,
            "campaigns": [str(pk) for pk in known.values_list("pk", flat=True)],
            "preset": preset.reward_preset,
            "steps": preset.reward_steps,
            "batch_size": preset.reward_batch,
            "log_every": max(1, preset.reward_steps // 50),
            "eval_every": preset.reward_steps,
            "checkpoint_every": preset.reward_steps,
        }
        if earlier is not None:
            before = earlier.reward_models.filter(kind=reward).first()
            config["start"] = str(before.pk) if before else None
        runs.append(_launched(round_, "reward", reward, config))
    if not all(_succeeded(run) for run in runs):
        return False
    round_.reward_models.set(RewardModel.objects.filter(run__in=runs))
    return True


def _feedback(round_: Round) -> bool:
    preset = RoundPreset.of(round_.settings)
    config = {
        "checkpoint": str(round_.base_id),
        "rewards": [
            {"reward_model": str(row.pk), "weight": preset.weights[row.kind], "tau": preset.tau}
            for row in round_.reward_models.order_by("kind")
        ],
        "prompts": _prompt_ids(round_, held_out=False),
        "eval_prompts": _text_only(_prompt_ids(round_, held_out=True)),
        "steps": preset.refl_steps,
        "batch_size": preset.refl_batch,
        "learning_rate": preset.refl_learning_rate,
        "beta": preset.refl_beta,
        "sampling_steps": preset.sampling_steps,
        "guidance": preset.guidance,
        "window": list(preset.refl_window),
        "log_every": max(1, preset.refl_steps // 50),
        "eval_every": preset.refl_eval_every,
        "checkpoint_every": max(1, preset.refl_steps // 2),
        "seed": round_.pk,
    }
    run = _launched(round_, "refl", "refl", config, name=_checkpoint_name(round_))
    if not _succeeded(run):
        return False
    round_.trained = Checkpoint.objects.get(run=run)
    round_.save(update_fields=["trained"])
    return True


def _resample(round_: Round) -> bool:
    preset = RoundPreset.of(round_.settings)
    assert round_.trained is not None
    wishes = [
        {"prompt": prompt, "seed": seed}
        for prompt in _prompt_ids(round_, held_out=True)
        for seed in _seeds(round_, True, preset.held_out_seeds)
    ]
    run = _launched(round_, "generate", "clips", _generate(round_, round_.trained, wishes))
    return _succeeded(run) and _rendered(run)


def _evaluate(round_: Round) -> bool:
    preset = RoundPreset.of(round_.settings)
    clips = [str(clip.pk) for side in (Step.SAMPLE, Step.RESAMPLE) for clip in held_out_clips(round_, side)]
    models = [str(pk) for pk in round_.reward_models.values_list("pk", flat=True)]
    runs = [
        _launched(round_, "score", "score", {"reward_models": models, "clips": clips}),
        _launched(round_, "judge", "judge", {"clips": clips}),
    ]
    if not all(_succeeded(run) for run in runs):
        return False
    before, after = (held_out_clips(round_, side) for side in (Step.SAMPLE, Step.RESAMPLE))
    try:
        report = reports.compare(before, after, round_.reward_models.all(), preset.weights)
    except reports.NothingToCompareError as error:
        raise StepFailedError(str(error)) from error
    round_.report = report.stored()
    round_.save(update_fields=["report"])
    _end(round_, State.PROMOTED if report.judge.difference >= 0 else State.REJECTED)
    said = {"number": round_.pk, "state": round_.get_state_display()}
    _tell(round_, _("Round %(number)s is over: %(state)s.") % said)
    return True


_STEPS: dict[str, Callable[[Round], bool]] = {
    Step.SAMPLE: _sample,
    Step.JUDGE: _judge,
    Step.REWARDS: _rewards,
    Step.FEEDBACK: _feedback,
    Step.RESAMPLE: _resample,
    Step.EVALUATE: _evaluate,
}


def held_out_clips(round_: Round, step: str) -> QuerySet[Clip]:
    """The round's clips of its held-out prompts: the base's (`sample`) or the new ones (`resample`)."""
    return Clip.objects.filter(
        generated__run__round_run__round=round_,
        generated__run__round_run__step=step,
        prompt__in=_prompt_ids(round_, held_out=True),
    ).order_by("prompt_id", "seed")


# --- What steps need --------------------------------------------------------------------------------------


def _launched(round_: Round, kind: str, role: str, config: dict[str, Any], name: str = "") -> Run:
    """The run for this part of the present step, launched now if there is none."""
    known = round_.round_runs.filter(step=round_.step, role=role).select_related("run").first()
    if known is not None:
        return known.run
    title = name or _("Round %(number)s: %(step)s") % {
        "number": round_.pk,
        "step": role if kind == "reward" else Step(round_.step).label,
    }
    run = launch.launch(round_.created_by, kind, config, name=title[:120])
    RoundRun.objects.create(round=round_, step=round_.step, role=role, run=run)
    return run


def _succeeded(run: Run) -> bool:
    """Whether it is done. Raises StepFailedError if it ended badly."""
    if run.state in ENDED_BADLY:
        text = _("The run “%(run)s” ended: %(state)s. %(why)s")
        said = {"run": run.name or run.pk, "state": run.get_state_display(), "why": run.error}
        raise StepFailedError((text % said).strip())
    return run.state == RunState.SUCCEEDED


def _rendered(run: Run) -> bool:
    """Whether people can be shown all clips of a run. Raises StepFailedError for a broken one."""
    clips = Clip.objects.filter(generated__run=run)
    broken = clips.filter(state=Clip.State.BROKEN).first()
    if broken is not None:
        text = _("The clip %(id)s can't be shown: %(why)s") % {"id": broken.pk, "why": broken.problem}
        raise StepFailedError(text)
    return not clips.filter(state=Clip.State.PENDING).exists()


def _generate(round_: Round, checkpoint: Checkpoint, wishes: list[dict[str, int]]) -> dict[str, Any]:
    preset = RoundPreset.of(round_.settings)
    return {
        "checkpoint": str(checkpoint.pk),
        "clips": wishes,
        "steps": preset.sampling_steps,
        "guidance": preset.guidance,
        "batch_size": preset.generate_batch,
    }


def _seeds(round_: Round, held_out: bool, count: int) -> list[int]:
    """Each round's own seeds to learn from; held-out ones stay, so that rounds can be compared."""
    first = 0 if held_out else 1000 * round_.pk
    return list(range(first + 1, first + count + 1))


def _open_campaign(round_: Round) -> Campaign:
    """The campaign over the clips to learn from, and none else."""
    preset = RoundPreset.of(round_.settings)
    learning = _prompt_ids(round_, held_out=False)
    clips = Clip.objects.filter(generated__run__round_run__round=round_, prompt__in=learning)
    pictures = Prompt.objects.filter(pk__in=learning, task=Task.I2V).count() == len(learning)
    spec = CampaignSpec(
        name=_("Round %(number)s: which clips are best?") % {"number": round_.pk},
        dimensions=default_dimensions(Task.I2V if pictures else Task.T2V),
        selection=Selection(
            clips_per_item=preset.clips_per_item,
            clips=tuple(clips.values_list("pk", flat=True)),
            seed=round_.pk,
        ),
        overlap=preset.overlap,
    )
    campaign = lifecycle.create(spec, round_.created_by)
    return lifecycle.set_state(campaign.pk, Campaign.State.OPEN, campaign.version)


def _deal(prompt_set: PromptSet, preset: RoundPreset) -> tuple[list[Prompt], list[Prompt]]:
    """Prompts to learn from and held-out ones. What an earlier round held out is never learnt from, and the
    other way round. Raises Invalid `too_few_prompts`.
    """
    usable = prompt_set.prompts.exclude(task=Task.I2V, first_frame="")
    learnt = set(RoundPrompt.objects.filter(held_out=False).values_list("prompt_id", flat=True))
    held = set(RoundPrompt.objects.filter(held_out=True).values_list("prompt_id", flat=True))
    # By a hash, so that the choice looks random and is the same for every round over this set.
    rows = sorted(usable, key=lambda row: hashlib.sha256(row.fingerprint.encode()).hexdigest())
    held_out = [row for row in rows if row.pk not in learnt][: preset.held_out]
    kept = {row.pk for row in held_out} | held
    learning = [row for row in rows if row.pk not in kept][: preset.prompts]
    if len(held_out) < preset.held_out or len(learning) < preset.prompts:
        text = _(
            "“%(set)s” has %(usable)s prompts; this size learns from %(prompts)s and holds out %(held)s "
            "that no round has learnt from. Choose a larger prompt set or a smaller size."
        )
        said = {
            "set": prompt_set.name,
            "usable": len(rows),
            "prompts": preset.prompts,
            "held": preset.held_out,
        }
        raise Invalid("too_few_prompts", text % said, where="body.prompt_set")
    return learning, held_out


def _checkpoint_name(round_: Round) -> str:
    return _("Round %(number)s of %(base)s") % {"number": round_.pk, "base": _origin(round_.base).name}


def _origin(checkpoint: Checkpoint) -> Checkpoint:
    while checkpoint.parent is not None:
        checkpoint = checkpoint.parent
    return checkpoint


def _prompt_ids(round_: Round, *, held_out: bool) -> list[int]:
    rows = round_.round_prompts.filter(held_out=held_out).order_by("prompt_id")
    return list(rows.values_list("prompt_id", flat=True))


def _text_only(prompts: list[int]) -> list[int]:
    rows = Prompt.objects.filter(pk__in=prompts, task=Task.T2V).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _runs(round_: Round, step: str) -> QuerySet[Run]:
    return Run.objects.filter(round_run__round=round_, round_run__step=step)


def _fail(round_: Round, why: str) -> None:
    log.warning("round_failed", round=round_.pk, step=round_.step, why=why)
    round_.state, round_.problem = State.FAILED, why
    round_.save(update_fields=["state", "problem"])
    _tell(round_, _("Round %(number)s failed: %(why)s") % {"number": round_.pk, "why": why})


def _end(round_: Round, state: str) -> None:
    round_.state, round_.problem, round_.ended_at = state, "", timezone.now()
    round_.save(update_fields=["state", "problem", "ended_at"])
    campaign = round_.campaign
    if campaign is not None and Campaign.State.CLOSED in lifecycle.MOVES[campaign.state]:
        lifecycle.set_state(campaign.pk, Campaign.State.CLOSED, campaign.version)


def _tell(round_: Round, text: str) -> None:
    """A notice for the person who started it."""
    address = reverse("generator:round", args=[round_.pk])
    Notice.objects.create(user=round_.created_by, text=text.splitlines()[0][:300], url=address)


def _controlled(user: User, round_id: int) -> Round:
    require(user, "runs.launch")
    round_ = Round.objects.select_for_update().get(pk=round_id)
    if not may_control(user, round_):
        raise PermissionDenied(_("Only the person who started this round and managers may do this."))
    return round_
