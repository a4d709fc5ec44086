"""Makes the small vision-language model that the foundational reward starts from at `tiny`.

    python -m generator.train.reader --out fixtures/checkpoints/reader.safetensors --seed 0

At paper scale that model is a pretrained one (§4.4.2). Here it first learns to see and to read in the world:
no judgement, no oracle and no clip of a generator is in it, only scenes, their texts, and what is known of
them by construction. First, for `--looks` steps, clips and texts each read alone:

1. A clip is nearest to its own text among those of all the batch's scenes, and a text to its own clip
   (InfoNCE). Without it, the steps below learn next to nothing of what texts say.

Then, for `--steps` steps, text after clip, as the reward reads them:

2. After the clip, its text (prompt or caption, in either language) is not surprising.
3. A clip follows its own text better than another scene's, and than one that differs in a single thing.
4. A clip whose subject is whole is sounder than the same clip with the subject bitten, doubled or gone.

The file is a reward model like any other; `rewardmodels.train reward` goes on from it. Held-out combinations
of the world are never shown; the figures printed are of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from generator.data import world
from generator.train.text import texts_of
from rewardmodels.judge import weights
from rewardmodels.judge.clips import to_float
from rewardmodels.nets.build import build, describe
from rewardmodels.nets.foundational import FoundationalReward
from workbench.trainer import distributed
from workbench.trainer.schedule import warm_cosine

T = TypeVar("T")
DIMENSIONS = ("prompt_following", "structural_stability")
WRONG = 2
"""Texts with one thing wrong, a clip and step."""
_TEMPERATURE = 0.07

_LANGUAGES: tuple[world.Language, ...] = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Lesson:
    """Some scenes: the clips, whole and broken, float (B, T, 3, H, W), and texts of each."""

    whole: Tensor
    broken: Tensor
    texts: list[str]
    """Prompt or caption."""
    wrong: list[list[str]]
    """The same with one thing told that is not so."""


def look(net: FoundationalReward, rng: np.random.Generator, count: int) -> tuple[Tensor, float]:
    """The contrast of `count` clips and their texts, and the share of clips that are nearest to their own."""
    scenes = [world.draw_scene(rng, of="training") for _ in range(count)]
    texts = [told[rng.integers(len(told))] for told in map(texts_of, scenes)]
    seen, read = net.meanings(_tensor([world.render(scene) for scene in scenes]), texts, world.FPS)
    alike = seen @ read.T / _TEMPERATURE
    own = torch.arange(count)
    loss = (functional.cross_entropy(alike, own) + functional.cross_entropy(alike.T, own)) / 2
    return loss, float((alike.argmax(dim=1) == own).float().mean())


def draw_lesson(rng: np.random.Generator, count: int, of: Literal["training", "held-out"]) -> Lesson:
    """A lesson of `count` scenes."""
    whole, broken, texts, wrong = [], [], [], []
    for _ in range(count):
        scene = world.draw_scene(rng, of=of)
        video = world.render(scene)
        language = _LANGUAGES[rng.integers(2)]
        tell = world.prompt if rng.random() < 0.5 else world.caption
        whole.append(video)
        broken.append(_broken(video, scene, rng))
        texts.append(tell(scene, language))
        wrong.append([tell(_changed(scene, rng), language) for _ in range(WRONG)])
    return Lesson(_tensor(whole), _tensor(broken), texts, wrong)


def loss_of(net: FoundationalReward, lesson: Lesson) -> tuple[Tensor, dict[str, float]]:
    """The losses' sum, and the shares of pairs told right: `follows` where one thing differs."""
    count = len(lesson.texts)
    others = [*lesson.texts[1:], lesson.texts[0]]
    texts = [*lesson.texts, *others, *(w[k] for k in range(WRONG) for w in lesson.wrong)]
    scores, surprises = net.read(lesson.whole, texts, None, world.FPS)
    surprise = surprises[:count]
    follows = scores[:, 0].view(2 + WRONG, count)
    far, better = follows[0] - follows[1], follows[:1] - follows[2:]
    sounder = scores[:count, 1] - net(lesson.broken, lesson.texts, None, world.FPS)[:, 1]
    loss = surprise.mean() - sum(functional.logsigmoid(gap).mean() for gap in (far, better, sounder))
    loss = loss + 1e-3 * scores.square().mean()
    return loss, {
        "surprise": float(surprise.detach().mean()),
        "follows_far": float((far > 0).float().mean()),
        "follows": float((better > 0).float().mean()),
        "sound": float((sounder > 0).float().mean()),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; `arguments` are the process's own by default."""
    parser = argparse.ArgumentParser(prog="python -m generator.train.reader", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--looks", type=int, default=600, help="steps of clips and texts each alone")
    parser.add_argument("--look-size", type=int, default=64, help="scenes a step of these")
    parser.add_argument("--steps", type=int, default=1200, help="steps of texts after clips")
    parser.add_argument("--batch-size", type=int, default=12, help="scenes a step of the latter")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--preset", choices=["micro", "tiny"], default="tiny")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    world_ = distributed.start()
    distributed.seed_everything(options.seed, world_)
    settings = describe("foundational", options.preset, _all_texts())
    net = cast("FoundationalReward", build("foundational", DIMENSIONS, settings))
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=options.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
    )
    started = time.monotonic()

    def learn(loss: Tensor, rate: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

    def tell(told: dict[str, object]) -> None:
        print(json.dumps({**told, "seconds": round(time.monotonic() - started)}), flush=True)

    for step in range(1, options.looks + 1):
        loss, found = look(net, np.random.default_rng([options.seed, 0, step]), options.look_size)
        learn(loss, warm_cosine(step, options.looks, options.learning_rate))
        if step % 50 == 0 or step == options.looks:
            tell({"look": step, "loss": loss.item(), "found": found})
    for step in range(1, options.steps + 1):
        rng = np.random.default_rng([options.seed, 1, step])
        loss, figures = loss_of(net, draw_lesson(rng, options.batch_size, "training"))
        learn(loss, warm_cosine(step, options.steps, options.learning_rate))
        if step % 50 == 0 or step == options.steps:
            tell({"step": step, **figures})
        if step % 500 == 0 or step == options.steps:
            tell({"held_out": save(options.out, net, settings, options.seed)})


@torch.no_grad()
def save(path: Path, net: FoundationalReward, settings: dict[str, object], seed: int) -> dict[str, float]:
    """Writes the file, standardised on held-out scenes; returns the figures on them."""
    lesson = draw_lesson(np.random.default_rng([seed, 2]), 128, "held-out")
    _, figures = loss_of(net, lesson)
    scores = net(torch.cat([lesson.whole, lesson.broken]), lesson.texts * 2, None, world.FPS)
    mean, std = scores.mean(dim=0).tolist(), scores.std(dim=0).clamp(min=1e-6).tolist()
    weights.save(path, net, weights.Described("foundational", DIMENSIONS, settings, tuple(mean), tuple(std)))
    return figures


def _changed(scene: world.Scene, rng: np.random.Generator) -> world.Scene:
    """The scene with another shape, colour, direction or camera."""
    match rng.integers(4):
        case 0:
            return replace(scene, shape=_other(scene.shape, world.SHAPES, rng))
        case 1:
            return replace(scene, colour=_other(scene.colour, tuple(world.COLOURS), rng))
        case 2:
            return replace(scene, direction=_other(scene.direction, tuple(world.DIRECTIONS), rng))
        case _:
            return replace(scene, camera=_other(scene.camera, world.CAMERAS, rng))


def _other(value: T, values: Sequence[T], rng: np.random.Generator) -> T:
    others = [one for one in values if one != value]
    return others[int(rng.integers(len(others)))]


def _broken(video: NDArray[np.uint8], scene: world.Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The subject bitten in each frame, doubled, or gone for some frames."""
    changed = video.copy()
    ys, xs = np.mgrid[0 : world.SIDE, 0 : world.SIDE]
    radius = 1.3 * world.RADII[scene.size]
    ground = np.median(video.reshape(-1, 3), axis=0).astype(np.uint8)
    kind = rng.integers(3)
    first, last = sorted(rng.choice(len(video) + 1, 2, replace=False))
    away = rng.integers(16, 48, 2)
    for t in range(len(video)):
        x, y = world.subject_at(scene, t)
        near = np.hypot(xs - x, ys - y) < radius
        if kind == 0:
            for _ in range(int(rng.integers(2, 7))):
                cx, cy = np.array([x, y]) + rng.uniform(-radius, radius, 2)
                changed[t][np.hypot(xs - cx, ys - cy) < 0.45 * radius] = ground
        elif kind == 1:
            there = np.roll(near, away, axis=(0, 1))
            changed[t][there] = np.roll(video[t], away, axis=(0, 1))[there]
        elif first <= t < last:
            changed[t][near] = ground
    return changed


def _all_texts() -> list[str]:
    """Enough texts of the world to make every word a token."""
    rng = np.random.default_rng(0)
    return [text for _ in range(300) for text in texts_of(world.draw_scene(rng, of="training"))]


def _tensor(videos: list[NDArray[np.uint8]]) -> Tensor:
    return to_float(torch.from_numpy(np.stack(videos)).permute(0, 1, 4, 2, 3))


if __name__ == "__main__":
    main()
