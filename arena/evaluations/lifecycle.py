"""Benchmark evaluations: from a prompt set and video models to experts' scores.

    awaiting  clips are made here (whoever has a video model's checkpoint launches runs, `EvaluationRun`)
              or come in by import; `cliptable.table` says what is there
    scoring   a Likert campaign, a GSB campaign or both are open to the experts
    done      everything asked for is judged, or somebody ended it; the report stays

`advance` is the one function that moves an evaluation on. It may be called at any time, by anybody, twice at
once: it works under the row's lock, and all that it needs to know is in rows.
"""

import uuid
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from annotation.campaigns import lifecycle
from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.lifecycle import CampaignSpec
from annotation.campaigns.planning import Group, Selection
from annotation.models import Campaign, PromptSet, Task, VideoModel
from arena.evaluations import cliptable, layout
from arena.evaluations.cliptable import ClipTable
from arena.models import Evaluation
from workbench.access import audit, require
from workbench.models import Notice, User
from workbench.refusals import Conflict, Invalid, Missing, Refusal

log = structlog.get_logger(__name__)

State = Evaluation.State
MOST_CLIPS = 20_000
MOST_SEEDS = 20
MOST_BESIDE = 8
"""Clips on one page."""


@dataclass(frozen=True, kw_only=True)
class EvaluationPlan:
    """What is asked for."""

    name: str
    prompt_set: PromptSet
    task: str
    video_models: tuple[VideoModel, ...]
    likert: bool = True
    gsb: bool = False
    under_test: VideoModel | None = None
    seeds: tuple[int, ...] = (1,)
    side_by_side: bool = False
    """Likert: a model's clips of a prompt, one for each seed, are scored on one page."""
    overlap: int = 2
    annotators: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    steps: int = 20
    """Sampling steps and guidance of clips that are made here."""
    guidance: float = 3.0


def create(user: User, plan: EvaluationPlan, request: HttpRequest | None = None) -> Evaluation:
    """Make an evaluation, which then goes on by itself. Raises PermissionDenied; Invalid `no_models`,
    `no_protocol`, `no_model_under_test`, `no_prompts`, `seeds`, `side_by_side`, `too_many_clips`, `nobody`.
    """
    require(user, "evaluate")
    _check(plan)
    lifecycle.who_labels(plan.annotators, plan.groups)
    with transaction.atomic():
        made = Evaluation.objects.create(
            name=plan.name,
            prompt_set=plan.prompt_set,
            task=plan.task,
            likert=plan.likert,
            gsb=plan.gsb,
            under_test=plan.under_test if plan.gsb else None,
            seeds=list(plan.seeds),
            side_by_side=plan.side_by_side and plan.likert,
            overlap=plan.overlap,
            experts={"annotators": list(plan.annotators), "groups": list(plan.groups)},
            sampling={"steps": plan.steps, "guidance": plan.guidance},
            created_by=user,
        )
        made.video_models.set(plan.video_models)
        prompts = cliptable.usable_prompts(plan.prompt_set, plan.task)
        if not prompts:
            raise Invalid("no_prompts", _no_prompts(plan), where="body.prompt_set")
        wanted = len(prompts) * len(plan.video_models) * len(plan.seeds)
        if wanted > MOST_CLIPS:
            text = _("That would be %(n)s clips; an evaluation has %(most)s at most.")
            raise Invalid("too_many_clips", text % {"n": wanted, "most": MOST_CLIPS})
        audit(request, "evaluation.create", made, name=made.name)
    return advance(made.pk)


def advance(evaluation_id: uuid.UUID) -> Evaluation:
    """Take it as far as it goes now. Safe at any time. Raises Evaluation.DoesNotExist."""
    with transaction.atomic():
        row = _locked(evaluation_id)
        with translation.override(row.created_by.language):
            if row.state == State.AWAITING:
                found = cliptable.of_evaluation(row)
                if found.complete:
                    _begin_scoring(row, found)
            if row.state == State.SCORING:
                _look_at_campaigns(row)
    return row


def advance_all() -> None:
    """Advance every evaluation that is at work: what the beat does."""
    at_work = Evaluation.objects.filter(state__in=[State.AWAITING, State.SCORING])
    for evaluation_id in at_work.values_list("pk", flat=True):
        try:
            advance(evaluation_id)
        except Exception:
            log.exception("evaluation_not_advanced", evaluation=str(evaluation_id))


def begin_with_what_is_there(
    user: User, evaluation_id: uuid.UUID, version: int, request: HttpRequest | None = None
) -> Evaluation:
    """Score the clips there are, without waiting for the others.

    Raises PermissionDenied; Missing; Conflict `stale`, `not_awaiting`, `nothing_there`.
    """
    require(user, "evaluate")
    with transaction.atomic():
        row = _fresh(evaluation_id, version)
        if row.state != State.AWAITING:
            raise Conflict("not_awaiting", _("The evaluation is not waiting for clips."))
        _begin_scoring(row, cliptable.of_evaluation(row))
        if row.state == State.AWAITING:
            raise Conflict("nothing_there", row.problem)
        audit(request, "evaluation.begin", row)
    return advance(evaluation_id)


def finish(
    user: User, evaluation_id: uuid.UUID, version: int, request: HttpRequest | None = None
) -> Evaluation:
    """End it now: scoring is closed and what was judged is reported; while it awaits clips it is cancelled.

    Raises PermissionDenied; Missing; Conflict `stale`, `ended`.
    """
    require(user, "evaluate")
    with transaction.atomic():
        row = _fresh(evaluation_id, version)
        if row.ended:
            raise Conflict("ended", _("The evaluation has ended already."))
        _end(row, State.DONE if row.state == State.SCORING else State.CANCELLED)
        audit(request, "evaluation.finish", row)
    return row


def _begin_scoring(row: Evaluation, found: ClipTable) -> None:
    """Make the campaigns over the clips there are; leaves the reason in `problem` where that can't be."""
    try:
        with transaction.atomic():
            if row.likert and row.likert_campaign is None:
                row.likert_campaign = _campaign(row, Campaign.Protocol.LIKERT, _likert(row, found))
            if row.gsb and row.gsb_campaign is None:
                row.gsb_campaign = _campaign(row, Campaign.Protocol.GSB, _gsb(row, found))
    except Refusal as refusal:
        row.refresh_from_db()
        row.problem = refusal.message
        row.save(update_fields=["problem"])
        return
    row.state, row.problem, row.version = State.SCORING, "", row.version + 1
    row.save(update_fields=["state", "problem", "version", "likert_campaign", "gsb_campaign"])
    _tell(row, _("The evaluation “%(name)s” is ready for scoring.") % {"name": row.name})


def _look_at_campaigns(row: Evaluation) -> None:
    """Open what is not open yet; when nothing is left to judge the evaluation is done."""
    for campaign in row.campaigns:
        if campaign.state == Campaign.State.DRAFT:
            try:
                lifecycle.set_state(campaign.pk, Campaign.State.OPEN, campaign.version)
            except Conflict as conflict:  # renditions are being made: the next look finds them
                log.info("evaluation_waits", evaluation=str(row.pk), why=conflict.code)
            campaign.refresh_from_db()
    if all(one.state == Campaign.State.CLOSED or not one.progress.left for one in row.campaigns):
        _end(row, State.DONE)
        _tell(row, _("The evaluation “%(name)s” is done.") % {"name": row.name})


def _campaign(row: Evaluation, protocol: str, items: list[Group]) -> Campaign:
    of = {Campaign.Protocol.LIKERT: _("%(name)s: scores"), Campaign.Protocol.GSB: _("%(name)s: pairs")}
    spec = CampaignSpec(
        name=(of[Campaign.Protocol(protocol)] % {"name": row.name})[:120],
        protocol=protocol,
        model_under_test=row.under_test_id if protocol == Campaign.Protocol.GSB else None,
        dimensions=default_dimensions(row.task, protocol),
        selection=Selection(clips_per_item=_clips_per_item(row, protocol)),
        overlap=row.overlap,
        annotators=tuple(row.experts.get("annotators", ())),
        groups=tuple(row.experts.get("groups", ())),
    )
    return lifecycle.create(spec, row.created_by, items=items)


def _clips_per_item(row: Evaluation, protocol: str) -> int:
    if protocol == Campaign.Protocol.GSB:
        return 2
    return len(row.seeds) if row.side_by_side else 1


def _likert(row: Evaluation, found: ClipTable) -> list[Group]:
    prompts, video_models, cells = _ids(found)
    return layout.likert_items(prompts, video_models, found.seeds, cells, row.pk.int, row.side_by_side)


def _gsb(row: Evaluation, found: ClipTable) -> list[Group]:
    prompts, video_models, cells = _ids(found)
    assert row.under_test_id is not None
    opponents = [pk for pk in video_models if pk != row.under_test_id]
    return layout.gsb_items(prompts, row.under_test_id, opponents, found.seeds, cells, row.pk.int + 1)


def _ids(found: ClipTable) -> tuple[list[int], list[int], layout.Cells]:
    cells = {key: cell.ready for key, cell in found.cells.items()}
    return [p.pk for p in found.prompts], [m.pk for m in found.video_models], cells


def _check(plan: EvaluationPlan) -> None:
    if not (plan.likert or plan.gsb):
        raise Invalid("no_protocol", _("Choose Likert, GSB or both."), where="body.likert")
    if plan.task not in Task.values:
        raise Invalid("task", _("The task is t2v or i2v."), where="body.task")
    if len(plan.video_models) < (2 if plan.gsb else 1):
        text = _("Choose at least one video model; GSB compares two or more.")
        raise Invalid("no_models", text, where="body.video_models")
    if plan.gsb and plan.under_test not in plan.video_models:
        text = _("GSB needs a model under test, one of the video models chosen.")
        raise Invalid("no_model_under_test", text, where="body.under_test")
    if not 1 <= len(set(plan.seeds)) == len(plan.seeds) <= MOST_SEEDS:
        text = _("Give 1 to %(most)s seeds, each once.") % {"most": MOST_SEEDS}
        raise Invalid("seeds", text, where="body.seeds")
    if plan.side_by_side and plan.likert and not 2 <= len(plan.seeds) <= MOST_BESIDE:
        text = _("Clips of 2 to %(most)s seeds are scored side by side; this has %(n)s.")
        raise Invalid(
            "side_by_side", text % {"most": MOST_BESIDE, "n": len(plan.seeds)}, where="body.side_by_side"
        )


def _no_prompts(plan: EvaluationPlan) -> str:
    if plan.task == Task.I2V and plan.prompt_set.prompts.filter(task=Task.I2V).exists():
        text = _(
            "No image-to-video prompt of “%(set)s” has its first frame, so none can be run. "
            "Import the frames first."
        )
    else:
        text = _("“%(set)s” has no prompts of this task.")
    return text % {"set": plan.prompt_set.name}


def _locked(evaluation_id: uuid.UUID) -> Evaluation:
    """The row as it is once nobody else has it. Nothing is joined to it: what is joined may be of before."""
    return Evaluation.objects.select_for_update().get(pk=evaluation_id)


def _fresh(evaluation_id: uuid.UUID, version: int) -> Evaluation:
    try:
        row = _locked(evaluation_id)
    except Evaluation.DoesNotExist:
        raise Missing("no_such_evaluation", _("There is no such evaluation.")) from None
    if row.version != version:
        text = _("The evaluation was changed meanwhile; it is: %(state)s. Look again, then decide.")
        raise Conflict("stale", text % {"state": row.get_state_display()}, version=row.version)
    return row


def _end(row: Evaluation, state: str) -> None:
    for campaign in row.campaigns:
        if Campaign.State.CLOSED in lifecycle.MOVES[campaign.state]:
            lifecycle.set_state(campaign.pk, Campaign.State.CLOSED, campaign.version)
            campaign.refresh_from_db()
    changed: dict[str, Any] = {"version": F("version") + 1}
    Evaluation.objects.filter(pk=row.pk).update(state=state, problem="", ended_at=timezone.now(), **changed)
    row.refresh_from_db()


def _tell(row: Evaluation, text: str) -> None:
    """A notice for the person who made it."""
    Notice.objects.create(user=row.created_by, text=text[:300], url=reverse("evaluation", args=[row.pk]))
