"""Judged items whose truth is known by construction: scenes of the world, each clip worse in known ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotation.clips.degrade import IMAGE_KINDS, TIME_KINDS, degraded_pixels
from generator.data import world

Video = NDArray[np.uint8]
LEVELS = 4  # clips an item: in each dimension one of each level, 0 is the best


def write_items(
    inputs: Path, items: int, dimensions: tuple[str, ...], *, seed: int = 0, task: str = "t2v"
) -> Path:
    """Writes clips and `judgements.jsonl` into `inputs` (made if need be); the levels of the dimensions are
    shuffled apart from each other. Each item has a prompt of its own."""
    inputs.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    lines: list[dict[str, Any]] = []
    prompts: set[str] = set()
    while len(lines) < items:
        scene = world.draw_scene(rng)
        prompt = world.prompt(scene, "en" if rng.random() < 0.5 else "zh")
        if prompt in prompts:
            continue
        prompts.add(prompt)
        lines.append(_item(inputs, len(lines), scene, prompt, dimensions, task, rng))
    path = inputs / "judgements.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return path


def run_folder(folder: Path, **config: Any) -> Path:
    """Adds a `config.json` of a reward training to a folder that has (or will have) `inputs`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def write_video(path: Path, video: Video) -> None:
    """uint8 (T, H, W, 3) as H.264 at the world's rate."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=world.FPS)
        stream.width, stream.height, stream.pix_fmt = video.shape[2], video.shape[1], "yuv420p"
        stream.options = {"qp": "12", "preset": "veryfast", "threads": "1"}
        for frame in video:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def _item(
    inputs: Path,
    number: int,
    scene: world.Scene,
    prompt: str,
    dimensions: tuple[str, ...],
    task: str,
    rng: np.random.Generator,
) -> dict[str, Any]:
    levels = {dimension: rng.permutation(LEVELS) for dimension in dimensions}
    first = None
    if task == "i2v":
        first = f"{number}.png"
        Image.fromarray(world.render(scene)[0]).save(inputs / first)
    clips = []
    for place in range(LEVELS):
        worse = {dimension: int(levels[dimension][place]) for dimension in dimensions}
        file = f"{number}-{place}.video"
        write_video(inputs / file, _clip(scene, worse, rng))
        clips.append({"id": f"c{number}-{place}", "file": file, "video_model": "world"})
    answers = {
        dimension: {
            "best": [clips[int(np.argmin(order))]["id"]],
            "worst": [clips[int(np.argmax(order))]["id"]],
        }
        for dimension, order in levels.items()
    }
    return {
        "item": f"i{number}",
        "prompt_id": f"p{number}",
        "prompt": prompt,
        "task": task,
        "first_frame": first,
        "annotator": "a1",
        "fps": world.FPS,
        "clips": clips,
        "answers": answers,
    }


def _clip(scene: world.Scene, worse: dict[str, int], rng: np.random.Generator) -> Video:
    shown = _disobeyed(scene, worse.get("prompt_following", 0), rng)
    video = world.render(shown)
    strength = {name: level / (LEVELS - 1) for name, level in worse.items()}
    if s := strength.get("structural_stability", 0):
        video = _broken(video, shown, s, rng)
    if s := strength.get("motion_quality", 0):
        kind = TIME_KINDS[rng.integers(len(TIME_KINDS))]
        video = degraded_pixels(video, kind, s, int(rng.integers(2**31)))
    if s := strength.get("aesthetic_quality", 0):
        video = degraded_pixels(
            video, IMAGE_KINDS[rng.integers(len(IMAGE_KINDS))], s, int(rng.integers(2**31))
        )
    if worse.get("first_frame_preservation", 0):
        video = np.roll(video, 5 * worse["first_frame_preservation"], axis=2)
    return video


def _disobeyed(scene: world.Scene, level: int, rng: np.random.Generator) -> world.Scene:
    """The scene with `level` of its shape, colour and direction changed."""
    wanted = {"shape": scene.shape, "colour": scene.colour, "direction": scene.direction}
    choices: dict[str, tuple[str, ...]] = {
        "shape": world.SHAPES,
        "colour": tuple(world.COLOURS),
        "direction": tuple(world.DIRECTIONS),
    }
    for name in rng.permutation(sorted(choices))[:level]:
        others = [value for value in choices[name] if value != wanted[name]]
        wanted[name] = others[rng.integers(len(others))]  # type: ignore[assignment]
    return world.place(rng, world.Wanted(**wanted, camera=scene.camera))  # type: ignore[arg-type]


def _broken(video: Video, scene: world.Scene, strength: float, rng: np.random.Generator) -> Video:
    """Bites out of the subject, other ones in each frame; at full strength hardly any of it is left."""
    changed = video.copy()
    ground = np.median(video.reshape(-1, 3), axis=0).astype(np.uint8)
    radius = world.RADII[scene.size]
    for t in range(len(video)):
        x, y = world.subject_at(scene, t)
        for _ in range(round(12 * strength)):
            cx, cy = np.array([x, y]) + rng.uniform(-radius, radius, 2)
            ys, xs = np.mgrid[0 : world.SIDE, 0 : world.SIDE]
            changed[t][np.hypot(xs - cx, ys - cy) < 0.55 * radius] = ground
    return changed
