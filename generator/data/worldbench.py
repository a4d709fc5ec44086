"""WorldBench: 60 text-to-video and 60 image-to-video prompts inside the procedural world, made from it.

`python -m generator.data.worldbench FOLDER` writes `t2v.jsonl`, `i2v.jsonl` and the first frames; the same
bytes of text and the same pixels each time. All prompts are of the combinations that training never saw
(`world.held_out`): each of the twelve in five forms, a short wish with each camera, one that leaves the
camera open, and a dense caption. Labels are slugs of the taxonomy (§7.2.1).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from generator.data import world
from generator.data.world import CAMERAS, COLOURS, DIRECTIONS, SHAPES, Camera, Scene, Wanted

FRAMES_FOLDER = "first_frames"
Task = Literal["t2v", "i2v"]
_SEEDS: dict[Task, int] = {"t2v": 2024, "i2v": 2025}
_CAMERA_LABELS: dict[Camera, str] = {"still": "static", "pan": "pan", "dolly": "dolly-in"}
_FORMS: tuple[Camera | Literal["open", "dense"], ...] = (*CAMERAS, "open", "dense")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPrompt:
    """A prompt of the benchmark; `scene` would answer it, and its first frame is what i2v starts from."""

    id: str
    task: Task
    text_en: str
    text_zh: str
    labels: tuple[str, ...]
    scene: Scene

    @property
    def first_frame(self) -> str:
        """Its file under the benchmark's folder: frames are found by the prompt's id."""
        return f"{FRAMES_FOLDER}/{self.id}.png"

    def picture(self) -> NDArray[np.uint8]:
        """The first frame: uint8 RGB (SIDE, SIDE, 3)."""
        picture: NDArray[np.uint8] = world.render(self.scene, frames=1)[0]
        return picture

    def record(self) -> dict[str, object]:
        """Its line of the file."""
        told: dict[str, object] = {
            "id": self.id,
            "task": self.task,
            "text_en": self.text_en,
            "text_zh": self.text_zh,
            "labels": list(self.labels),
        }
        if self.task == "i2v":
            told["first_frame_en"] = world.still(self.scene, "en")
            told["first_frame_zh"] = world.still(self.scene, "zh")
        return told


def prompts(task: Task) -> list[BenchPrompt]:
    """The benchmark's prompts of a task, in order."""
    combinations = [c for c in product(SHAPES, COLOURS, DIRECTIONS) if world.held_out(*c)]
    rng = np.random.default_rng(_SEEDS[task])
    made = []
    for number, (form, (shape, colour, direction)) in enumerate(product(_FORMS, combinations)):
        # Dense captions and prompts that leave the camera open take the cameras in turn.
        camera = CAMERAS[number % len(CAMERAS)] if form == "open" or form == "dense" else form
        scene = world.place(rng, Wanted(shape=shape, colour=colour, direction=direction, camera=camera))
        wanted = Wanted(shape=shape, colour=colour, direction=direction, camera=camera)
        said = replace(wanted, camera=None) if form == "open" else wanted
        dense = form == "dense"
        made.append(
            BenchPrompt(
                id=f"wb-{task}-{number + 1:03d}",
                task=task,
                text_en=world.caption(scene, "en") if dense else world.prompt(said, "en"),
                text_zh=world.caption(scene, "zh") if dense else world.prompt(said, "zh"),
                labels=_labels(task, said.camera, dense),
                scene=scene,
            )
        )
    return made


def write(folder: Path) -> int:
    """Write the benchmark's files into a folder; how many prompts there are."""
    (folder / FRAMES_FOLDER).mkdir(parents=True, exist_ok=True)
    count = 0
    for task in _SEEDS:
        rows = prompts(task)
        count += len(rows)
        lines = "".join(json.dumps(row.record(), ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{task}.jsonl").write_text(lines, encoding="utf-8")
        if task == "i2v":
            for row in rows:
                Image.fromarray(row.picture()).save(folder / row.first_frame, "PNG", optimize=True)
    return count


def _labels(task: Task, camera: Camera | None, dense: bool) -> tuple[str, ...]:
    labels = ["virtual", "attributes", "imagination", "direction"]
    if camera is not None:
        labels.append(_CAMERA_LABELS[camera])
    if dense:
        labels += ["position", "setting", "tempo"]
    labels.append("single-shot")
    if task == "i2v":
        labels += ["frame-object", "frame-render"]
    return tuple(labels)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m generator.data.worldbench", description=__doc__)
    default = Path(__file__).resolve().parents[2] / "fixtures" / "worldbench"
    parser.add_argument(
        "folder", type=Path, nargs="?", default=default, help="where to (default: the fixtures)"
    )
    target = parser.parse_args().folder
    print(f"{write(target)} prompts in {target}")
