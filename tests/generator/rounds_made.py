"""Rows of rounds: checkpoints over real (empty) weights files, prompt sets, rounds, and the ends of runs.

`finish` ends a run as its worker would, with the rows that its kind delivers, where the trainer is not what a
test is about.
"""

import hashlib
import json
import struct
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.utils import timezone

from annotation.models import Clip, PromptSet, Rendition
from annotation.prompts import identity
from generator import checkpoints
from generator.models import Checkpoint, GeneratedClip, JudgeScore, Round, RoundPrompt
from generator.round_presets import PRESETS
from generator.runs_generate import plan
from rewardmodels.models import RewardModel, Score
from workbench.models import Artifact, Run, RunState, User

DIMENSIONS = {
    "foundational": ["prompt_following", "structural_stability"],
    "motion": ["motion_quality"],
    "aesthetic": ["aesthetic_quality"],
}
Value = Callable[[Clip, str], float]
"""What a reward model or the judge gives a clip in a dimension."""


def weights_file(path: Path, **about: Any) -> Path:
    """A safetensors file of the generator that holds no tensors."""
    told = {"format": 1, "config": {"vae": {}, "text": {}, "dit": {}}, "tokenizer": None, **about}
    header = json.dumps({"__metadata__": {"workbench": json.dumps(told)}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return path


def checkpoint(name: str = "Base") -> Checkpoint:
    with tempfile.TemporaryDirectory() as folder:
        history = [{"stage": name, "settings": {"preset": "tiny"}}]
        return checkpoints.register(weights_file(Path(folder) / "base.safetensors", history=history), name)


def prompt_set(count: int = 9, slug: str = "scenes") -> PromptSet:
    found, _ = PromptSet.objects.get_or_create(slug=slug, defaults={"name": slug.title()})
    for number in range(count):
        found.prompts.add(identity.find_or_create(f"a red circle moves left, scene {number} of {slug}"))
    return found


def generated(by: User) -> Run:
    config = {
        "checkpoint": str(checkpoint().pk),
        "clips": [{"prompt": identity.find_or_create("a red circle moves left").pk, "seed": 1}],
        "steps": 4,
        "guidance": 3.0,
        "batch_size": 1,
        "language": "en",
    }
    return Run.objects.create(kind="generate", config=config, state=RunState.QUEUED, created_by=by)


def round_of(by: User, **changes: Any) -> Round:
    """A micro round that has just begun and has launched nothing."""
    row = Round.objects.create(
        preset="micro",
        settings=PRESETS["micro"].stored(),
        base=checkpoint(),
        created_by=by,
        **changes,
    )
    for number, prompt in enumerate(prompt_set().prompts.order_by("pk")):
        RoundPrompt.objects.create(round=row, prompt=prompt, held_out=number < 3)
    return row


def finish(run: Run, *, reward: Value = lambda *_: 0.0, judged: Value = lambda *_: 0.5) -> None:
    """End a run well, with everything its kind delivers."""
    match run.kind:
        case "generate":
            _clips(run)
        case "reward":
            _reward_model(run)
        case "refl":
            with tempfile.TemporaryDirectory() as folder:
                path = weights_file(Path(folder) / "made.safetensors", history=[{"stage": str(run.pk)}])
                checkpoints.from_run(run, path, run.name, Checkpoint.objects.get(pk=run.config["checkpoint"]))
        case "score":
            for clip in Clip.objects.filter(pk__in=run.config["clips"]):
                for model in RewardModel.objects.filter(pk__in=run.config["reward_models"]):
                    for name in model.dimensions:
                        value = reward(clip, name)
                        Score.objects.create(reward_model=model, clip=clip, dimension=name, value=value)
        case "judge":
            for clip in Clip.objects.filter(pk__in=run.config["clips"]):
                for name in [name for names in DIMENSIONS.values() for name in names]:
                    JudgeScore.objects.create(clip=clip, dimension=name, value=judged(clip, name), version=1)
    end(run, RunState.SUCCEEDED)


def end(run: Run, state: str, error: str = "") -> None:
    run.state, run.error, run.ended_at = state, error, timezone.now()
    run.save()


def _clips(run: Run) -> None:
    """Ready clips without files behind them, as the run's config plans them."""
    row = Checkpoint.objects.select_related("video_model").get(pk=run.config["checkpoint"])
    for position, planned in enumerate(plan(run.config, row)):
        sha256 = hashlib.sha256(planned.recipe["stamp"].encode()).hexdigest()
        facts = {
            "prompt": planned.prompt,
            "video_model": row.video_model,
            "seed": planned.seed,
            "recipe": planned.recipe,
            "size": 1000,
            "original": f"clips/{uuid.uuid4().hex}.mp4",
            "original_name": f"{planned.name}.mp4",
            "state": Clip.State.READY,
            "codec": "h264",
            "width": 64,
            "height": 64,
            "frames": 9,
            "fps": 8.0,
            "duration": 1.125,
        }
        clip, made = Clip.objects.get_or_create(sha256=sha256, defaults=facts)
        if made:
            file = f"renditions/{uuid.uuid4().hex}.mp4"
            times = [n / 8 for n in range(9)]
            Rendition.objects.create(
                clip=clip, file=file, width=720, height=720, frames=9, frame_times=times, duration=1.125
            )
        GeneratedClip.objects.create(run=run, position=position, clip=clip)


def _reward_model(run: Run) -> None:
    kind = run.config["reward"]
    weights = Artifact.objects.create(
        run=run, attempt=1, kind=Artifact.Kind.FILE, name="reward.safetensors", sha256="ab" * 32, size=1
    )
    RewardModel.objects.create(
        kind=kind,
        name=run.name,
        run=run,
        weights=weights,
        dimensions=DIMENSIONS[kind],
        until=timezone.now(),
        judgements=1,
        simulated=0,
    )
