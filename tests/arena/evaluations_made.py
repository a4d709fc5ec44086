"""Evaluations over rows without video files, and experts who score them as they are told."""

import uuid
from collections.abc import Callable
from typing import Any

from annotation.labelling import judging, queue
from annotation.labelling.judging import Submission
from annotation.models import Assignment, Campaign, Clip, ItemClip, PromptSet, VideoModel
from annotation.prompts.promptsets import named
from arena.evaluations import lifecycle
from arena.evaluations.lifecycle import EvaluationPlan
from arena.models import Evaluation
from tests.annotation import rows
from workbench.models import Role, User

Score = Callable[[Clip, User], int]


def prompt_set(prompts: int = 4, models: int = 3) -> PromptSet:
    """A set whose prompts have a ready clip of each of so many video models."""
    made = named("Bench")
    made.prompts.set({clip.prompt_id for clip in rows.clips(prompts, models) if clip.prompt_id})
    return made


def evaluation(user: User, **changes: Any) -> Evaluation:
    """Of all video models over a set, of 4 prompts and 3 models unless there are clips."""
    given = named("Bench") if Clip.objects.exists() else prompt_set()
    models = tuple(VideoModel.objects.order_by("slug"))
    plan: dict[str, Any] = {
        "name": "An evaluation",
        "prompt_set": given,
        "task": "t2v",
        "video_models": models,
        "under_test": models[0],
    }
    return lifecycle.create(user, EvaluationPlan(**(plan | changes)))


def expert(name: str) -> User:
    return rows.person(name, Role.EXPERT)


def score_all(campaign: Campaign, person: User, score: Score, most: int = 10**6) -> int:
    """Have a person score what is left for them; how many items that was. GSB follows from the scores."""
    done = 0
    while done < most and (found := queue.next_item(campaign.pk, person)):
        assignment = Assignment.objects.get(pk=found)
        clips = {str(one.pk): one.clip for one in ItemClip.objects.filter(item=assignment.item)}
        keys = [one.key for one in campaign.dimensions.all() if one.key != "preservation"]
        given = {key: min(5, max(1, score(clip, person))) for key, clip in clips.items()}
        if campaign.protocol == Campaign.Protocol.LIKERT:
            answers: dict[str, Any] = {"scores": dict.fromkeys(keys, given), "marks": []}
        else:
            left, right = (given[key] for key in assignment.clip_order)
            side = "same" if left == right else "left" if left > right else "right"
            answers = {"verdicts": dict.fromkeys(keys, side)}
        judging.submit(assignment.pk, person, Submission(answers=answers, idempotency_key=uuid.uuid4()))
        done += 1
    return done
