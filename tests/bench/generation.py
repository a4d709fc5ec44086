"""How the shipped generator follows prompts of combinations it was never trained on, and how fast it is.

    python -m tests.bench.generation [--quick] [--json FILE] [--sheet FILE] [--checkpoint FILE]

Each clip is read by both oracle families; what is asked for is what the share of right clips is beside. The
row "autoencoder" is the same reading of true clips that only went through the autoencoder: no generator that
draws with it can do better. `--sheet` writes a picture of the first clips, five frames each.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from generator.data import judge, labellers, world
from generator.infer.pipeline import Pipeline, Request, Sampling, to_pixels
from generator.train.autoencoder import contact_sheet, to_video

SHIPPED = Path("fixtures/checkpoints/tiny.safetensors")
ASKED = {"colour": 0.95, "direction": 0.80, "one_subject": 0.80}
FACTS = ("colour", "direction", "one_subject", "shape", "camera")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="48 prompts in place of 240")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--sheet", type=Path, help="write a picture of some clips here")
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED)
    parser.add_argument("--guidance", type=float, default=Sampling().guidance)
    parser.add_argument("--steps", type=int, default=Sampling().steps)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    rng = np.random.default_rng(2026)
    scenes = [world.draw_scene(rng, of="held-out") for _ in range(48 if arguments.quick else 240)]
    prompts = [world.prompt(scene, "zh" if i % 2 else "en") for i, scene in enumerate(scenes)]
    pipeline = Pipeline.load(arguments.checkpoint)
    sampling = Sampling(steps=arguments.steps, guidance=arguments.guidance)

    began = time.monotonic()
    clips = _in_batches(
        lambda part: pipeline.generate([Request(prompt=prompts[i], seed=i) for i in part], sampling),
        len(prompts),
    )
    seconds = (time.monotonic() - began) / len(prompts)
    pictures = [world.render(scene)[0] for scene in scenes]
    continued = _in_batches(
        lambda part: pipeline.generate(
            [Request(prompt=prompts[i], seed=i, first_frame=pictures[i]) for i in part], sampling
        ),
        len(prompts),
    )
    with torch.no_grad():
        copied = _in_batches(
            lambda part: to_pixels(
                pipeline.vae.decode(pipeline.vae.encode(to_video([scenes[i] for i in part])))
            ),
            len(prompts),
        )

    rows = {
        f"{name}, {family.__name__.rsplit('.', 1)[-1]}": _shares(some, prompts, family)
        for name, some in (("text-to-video", clips), ("image-to-video", continued), ("autoencoder", copied))
        for family in (judge, labellers)
    }
    print(f"{len(prompts)} held-out prompts, {sampling.steps} steps, guidance {sampling.guidance}")
    print(f"{'':32}" + "".join(f"{fact:>13}" for fact in FACTS))
    print(f"{'asked':32}" + "".join(f"{ASKED[f]:13.0%}" if f in ASKED else f"{'-':>13}" for f in FACTS))
    for name, shares in rows.items():
        print(f"{name:32}" + "".join(f"{shares[fact]:13.1%}" for fact in FACTS))
    print(f"{seconds:.3f} s a clip, {torch.get_num_threads()} threads")
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"shares": rows, "asked": ASKED, "seconds_per_clip": seconds}, indent=1)
        )
    if arguments.sheet:
        shown = torch.from_numpy(clips[:24]).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
        columns = [np.asarray(contact_sheet(part)) for part in torch.split(shown, 12)]
        from PIL import Image

        Image.fromarray(np.concatenate(columns, axis=1)).save(arguments.sheet)
        for number, prompt in enumerate(prompts[:24]):
            print(f"{number % 12 + 1:2} {'left' if number < 12 else 'right':6} {prompt}")


def _in_batches(make: Callable[[range], Any], count: int) -> NDArray[np.uint8]:
    parts = [make(range(first, min(first + 16, count))) for first in range(0, count, 16)]
    return np.concatenate([part.numpy() for part in parts])


def _shares(clips: NDArray[np.uint8], prompts: list[str], family: Any) -> dict[str, float]:
    read = [
        (wanted, family.measure(clip, wanted, None))
        for clip, wanted in zip(clips, map(world.parse, prompts), strict=True)
    ]
    shares = {
        fact: float(np.mean([getattr(found, fact) == getattr(wanted, fact) for wanted, found in read]))
        for fact in FACTS
        if fact != "one_subject"
    }
    return shares | {"one_subject": float(np.mean([found.subjects == 1 for _, found in read]))}


if __name__ == "__main__":
    main()
