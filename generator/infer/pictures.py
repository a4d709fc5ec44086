"""First frames for image-to-video prompts, by a generator that was trained on pictures too (text-to-image).

    python -m generator.infer.pictures PROMPTS.jsonl FOLDER [--checkpoint FILE] [--language zh] [--seed 7]

For each prompt of the file with `id` and a described first frame (`first_frame_en`, `first_frame_zh`), FOLDER
gets `ID.png`; pictures that lie there already stay, so what was stopped goes on. `manage.py benchmark_frames
SET FOLDER` then gives them to the prompts. A picture is as good as the generator: the shipped one draws one
moving shape and knows nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from generator.infer.pipeline import Pipeline, Request, Sampling
from generator.nets.weights import WeightsError

SHIPPED = Path(__file__).resolve().parents[2] / "fixtures" / "checkpoints" / "tiny.safetensors"
_AT_ONCE = 16


class PromptsError(ValueError):
    """The file holds no such prompts; the message says where and what was expected."""


@dataclass(frozen=True, slots=True)
class Described:
    """A first frame that is told in words."""

    id: str
    text: str


def described(path: Path, language: str = "en") -> list[Described]:
    """The image-to-video prompts of a file of JSON lines. Raises PromptsError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PromptsError(f"{path} can't be read: {error}") from error
    found = [
        one for number, line in enumerate(lines, 1) if line.strip() for one in _of(line, number, language)
    ]
    if not found:
        raise PromptsError(f"{path} has no image-to-video prompt")
    if len({one.id for one in found}) < len(found):
        raise PromptsError(f"{path} names an id twice")
    return found


def make(prompts: list[Described], folder: Path, pipeline: Pipeline, sampling: Sampling, seed: int) -> int:
    """Makes the pictures that are not in the folder yet, each from a seed of its own; how many those were."""
    folder.mkdir(parents=True, exist_ok=True)
    lacking = [
        (Request(prompt=one.text, seed=seed + place), folder / f"{one.id}.png")
        for place, one in enumerate(prompts)
        if not (folder / f"{one.id}.png").exists()
    ]
    for start in range(0, len(lacking), _AT_ONCE):
        batch = lacking[start : start + _AT_ONCE]
        made = pipeline.generate([request for request, _path in batch], sampling, frames=1).numpy()
        for pixels, (_request, path) in zip(made, batch, strict=True):
            part = path.with_suffix(".part")
            Image.fromarray(pixels[0]).save(part, format="PNG")
            part.rename(path)
        print(f"{start + len(batch)} of {len(lacking)}", file=sys.stderr)
    return len(lacking)


def _of(line: str, number: int, language: str) -> Iterator[Described]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise PromptsError(f"line {number} is not JSON: {error}") from error
    if not isinstance(row, dict) or row.get("task") != "i2v":
        return
    name, text = row.get("id"), row.get(f"first_frame_{language}")
    if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum():
        raise PromptsError(f"line {number}: id is {name!r}, expected letters, digits, '-' and '_'")
    if not isinstance(text, str) or not text.strip():
        raise PromptsError(f"line {number}: first_frame_{language} is {text!r}, expected a description")
    yield Described(name, text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m generator.infer.pictures", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "prompts", type=Path, help="JSON lines with id, task and first_frame_en, first_frame_zh"
    )
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, help="the generator's weights")
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    parser.add_argument("--seed", type=int, default=1, help="of the first picture; the others count on")
    parser.add_argument("--steps", type=int, default=Sampling().steps)
    parser.add_argument("--guidance", type=float, default=Sampling().guidance)
    options = parser.parse_args()
    try:
        prompts = described(options.prompts, options.language)
        sampling = Sampling(steps=options.steps, guidance=options.guidance)
        pipeline = Pipeline.load(options.checkpoint)
    except (ValueError, WeightsError) as error:
        parser.exit(2, f"{error}\n")
    made = make(prompts, options.folder, pipeline, sampling, options.seed)
    print(f"{made} pictures made, {len(prompts) - made} were there")


if __name__ == "__main__":
    main()
