"""Rows of rounds: checkpoints over real (empty) weights files, prompt sets, rounds and runs that ended."""

import json
import struct
import tempfile
from pathlib import Path
from typing import Any

from annotation import prompts
from annotation.models import PromptSet
from generator import checkpoints
from generator.models import Checkpoint, Round, RoundPrompt
from generator.round_presets import PRESETS
from workbench.models import Run, RunState, User


def weights_file(path: Path, **about: Any) -> Path:
    """A safetensors file of the generator that holds no tensors."""
    told = {"format": 1, "config": {"vae": {}, "text": {}, "dit": {}}, "tokenizer": None, **about}
    header = json.dumps({"__metadata__": {"workbench": json.dumps(told)}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return path


def checkpoint(name: str = "Base") -> Checkpoint:
    with tempfile.TemporaryDirectory() as folder:
        return checkpoints.register(weights_file(Path(folder) / "base.safetensors", history=[{"stage": name}]), name)


def prompt_set(count: int = 9, slug: str = "scenes") -> PromptSet:
    found, _ = PromptSet.objects.get_or_create(slug=slug, defaults={"name": slug.title()})
    for number in range(count):
        found.prompts.add(prompts.find_or_create(f"a red circle moves left, scene {number} of {slug}"))
    return found


def generated(by: User) -> Run:
    config = {
        "checkpoint": str(checkpoint().pk),
        "clips": [{"prompt": prompts.find_or_create("a red circle moves left").pk, "seed": 1}],
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
