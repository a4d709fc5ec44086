"""Clips for benchmark evaluations: what lacks of our checkpoints' video models is made by `generate` runs.

An evaluation and a video model have at most one run at work. What a run was to make once is not asked for
again: a clip that still lacks then is a problem for a person, who finds it on the evaluation's page.
"""

import uuid
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from annotation.models import VideoModel
from arena.evaluations import cliptable
from arena.evaluations.cliptable import ClipTable
from arena.models import Evaluation, EvaluationRun
from generator.models import Checkpoint
from generator.runs_generate import MOST_CLIPS
from workbench.models import RunState
from workbench.refusals import Refusal
from workbench.runs import launch
from workbench.runs.kinds import ConfigRefusedError

log = structlog.get_logger(__name__)


def make_clips_all() -> None:
    """Look at every evaluation that awaits clips: what the beat does."""
    waiting = Evaluation.objects.filter(state=Evaluation.State.AWAITING)
    for evaluation_id in waiting.values_list("pk", flat=True):
        try:
            make_clips(evaluation_id)
        except Exception:
            log.exception("evaluation_clips_not_made", evaluation=str(evaluation_id))


def make_clips(evaluation_id: uuid.UUID) -> None:
    """Launch what the evaluation lacks of our checkpoints' clips. Safe at any time, twice at once."""
    with transaction.atomic():
        row = Evaluation.objects.select_for_update().get(pk=evaluation_id)
        if row.state != Evaluation.State.AWAITING:
            return
        own = Checkpoint.objects.filter(video_model__evaluations=row).select_related("video_model")
        found = cliptable.of_evaluation(row)
        with translation.override(row.created_by.language):
            problems = [_make(row, checkpoint, found) for checkpoint in own.order_by("created_at", "pk")]
        problem = "\n".join(filter(None, problems))
        if own and problem != row.problem:
            row.problem = problem
            row.save(update_fields=["problem"])


def _make(row: Evaluation, checkpoint: Checkpoint, found: ClipTable) -> str:
    """Launch one model's run where it needs one; what is wrong with it, or ""."""
    model = checkpoint.video_model
    earlier = list(row.runs.filter(video_model=model).select_related("run").order_by("-pk"))
    if earlier and not earlier[0].run.ended:
        return ""
    if earlier and earlier[0].run.state != RunState.SUCCEEDED:
        text = _("The run that makes the clips of “%(model)s” ended: %(state)s. Resume it on its page.")
        return text % {"model": model.name, "state": earlier[0].run.get_state_display()}
    lacking = [(prompt.pk, seed) for _model, prompt, seed in found.of_model(model).lacking()]
    asked = {(clip["prompt"], clip["seed"]) for one in earlier for clip in one.run.config["clips"]}
    wishes = [wish for wish in lacking if wish not in asked]
    if wishes:
        return _launched(row, checkpoint, model, wishes[:MOST_CLIPS])
    if lacking:
        text = _("%(n)s clips of “%(model)s” were made and can't be shown.")
        return text % {"n": len(lacking), "model": model.name}
    return ""


def _launched(
    row: Evaluation, checkpoint: Checkpoint, model: VideoModel, wishes: list[tuple[int, int]]
) -> str:
    config: dict[str, Any] = {
        "checkpoint": str(checkpoint.pk),
        "clips": [{"prompt": prompt, "seed": seed} for prompt, seed in wishes],
        **row.sampling,
    }
    title = _("Clips of “%(model)s” for “%(name)s”") % {"model": model.name, "name": row.name}
    try:
        with transaction.atomic():
            run = launch.launch(row.created_by, "generate", config, name=title[:120])
            EvaluationRun.objects.create(evaluation=row, video_model=model, run=run)
    except (ConfigRefusedError, Refusal, PermissionDenied) as refused:
        return str(refused)
    return ""
