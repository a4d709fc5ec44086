"""A judged campaign whose clips are real small files, and reward models and scores as rows."""

import hashlib
import io
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image

from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.planning import Selection
from annotation.models import Campaign, Clip, Judgement, Prompt, Task
from annotation.prompts import firstframes
from generator.data import world
from rewardmodels.models import RewardModel, Score
from tests.annotation import rows
from tests.rewardmodels.made import write_video
from workbench.models import Artifact, Run, RunState, User


def clips(prompts: int, models: int = 4, *, pictures: int = 0) -> list[Clip]:
    """Rows of clips; the prompts are scenes of the world, the first `pictures` of them image-to-video."""
    rng = np.random.default_rng(0)
    made = rows.clips(prompts, models)
    for number, prompt in enumerate(Prompt.objects.order_by("pk")):
        scene = world.draw_scene(rng)
        prompt.text_en, prompt.text_zh = world.prompt(scene, "en"), world.prompt(scene, "zh")
        if number < pictures:
            picture = io.BytesIO()
            Image.fromarray(world.render(scene)[0]).save(picture, "PNG")
            prompt.task = Task.I2V
            prompt.first_frame.name = firstframes.keep(picture).name
        prompt.save()
    return made


def film(made: list[Clip], folder: Path) -> None:
    """Give clips real files, each another scene of the world."""
    rng = np.random.default_rng(1)
    for number, clip in enumerate(made):
        path = folder / f"{number}.mp4"
        write_video(path, world.render(world.draw_scene(rng)))
        data = path.read_bytes()
        clip.sha256, clip.size, clip.fps = hashlib.sha256(data).hexdigest(), len(data), world.FPS
        clip.original.save(path.name, ContentFile(data), save=False)
        clip.save()


def campaign(manager: User, *, items: int, overlap: int = 2, task: Task = Task.I2V) -> Campaign:
    """A campaign over the clips there are."""
    selection = Selection(clips_per_item=4)
    return rows.campaign(
        manager, items=items, overlap=overlap, dimensions=default_dimensions(task), selection=selection
    )


def judge(
    campaign: Campaign, person: User, count: int, seed: int = 0, *, apart: bool = True
) -> list[Judgement]:
    """The next items judged by somebody who draws best and worst: `apart`, in each dimension other ones, or
    "tie"; else the same in all, so that every pair is kept.
    """
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        assignment = rows.taken(campaign, person)
        answers = rows.picks(assignment)
        keys = [
            str(key) for key in assignment.item.item_clips.order_by("position").values_list("pk", flat=True)
        ]
        best, worst = rng.choice(len(keys), 2, replace=False)
        for dimension in answers["picks"]:
            if apart:
                best, worst = rng.choice(len(keys), 2, replace=False)
            pick: dict[str, Any] = {"best": [keys[best]], "worst": [keys[worst]]}
            answers["picks"][dimension] = {"tie": True} if apart and rng.random() < 0.2 else pick
        made.append(rows.submit(assignment, answers=answers))
    return made


def reward_model(
    by: User, *, kind: str = "motion", dimensions: tuple[str, ...] = ("motion_quality",), **changes: Any
) -> RewardModel:
    """A row with plausible figures, without weights behind it."""
    run = Run.objects.create(kind="reward", config={}, state=RunState.SUCCEEDED, created_by=by)
    weights = Artifact.objects.create(
        run=run, attempt=1, kind=Artifact.Kind.FILE, name="reward.safetensors", sha256="ab" * 32, size=1
    )
    metrics: dict[str, Any] = {"chance": 0.5}
    for place, dimension in enumerate(dimensions):
        metrics |= {
            f"accuracy/{dimension}": 0.8 - 0.1 * place,
            f"accuracy_low/{dimension}": 0.7 - 0.1 * place,
            f"accuracy_high/{dimension}": 0.9 - 0.1 * place,
            f"pairs/{dimension}": 120,
            f"agreement/{dimension}": 0.85,
            f"agreement_pairs/{dimension}": 60,
            f"accuracy_with_ties/{dimension}": 0.61,
            f"majority_tie/{dimension}": 0.3,
            f"tie_threshold/{dimension}": 0.2,
            f"ece/{dimension}": 0.05,
        }
    given = {"name": f"{kind} one", "until": timezone.now(), "judgements": 40, "simulated": 12, **changes}
    return RewardModel.objects.create(
        kind=kind, run=run, weights=weights, dimensions=list(dimensions), metrics=metrics, **given
    )


def scores(model: RewardModel, clips: list[Clip]) -> list[Score]:
    """A score of each clip in each dimension, rising with the clip's place."""
    made = [
        Score(reward_model=model, clip=clip, dimension=dimension, value=place / 4 - 2, run=model.run)
        for place, clip in enumerate(clips)
        for dimension in model.dimensions
    ]
    return Score.objects.bulk_create(made)


def running(run: Run) -> Run:
    """The run as a hook gets it: claimed, its lease not near its end."""
    run.state, run.lease_token = RunState.RUNNING, uuid.uuid4()
    run.lease_expires_at = timezone.now() + timedelta(hours=1)
    run.save()
    return run
