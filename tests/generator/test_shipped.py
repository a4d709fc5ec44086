"""The weights that ship with the project do what fixtures/checkpoints/README.md says of them."""

from pathlib import Path

import numpy as np
import torch
from django.conf import settings

from generator.data import world
from generator.infer.pipeline import Pipeline, Request, Sampling
from generator.train import reader
from generator.train.pretraining import prompt_figures
from rewardmodels.judge import score

FOLDER = Path(settings.BASE_DIR) / "fixtures" / "checkpoints"


def test_the_generator_follows_prompts_of_combinations_it_never_saw() -> None:
    rng = np.random.default_rng(11)
    scenes = [world.draw_scene(rng, of="held-out") for _ in range(16)]
    prompts = [world.prompt(scene, "zh" if i % 2 else "en") for i, scene in enumerate(scenes)]
    requests = [Request(prompt=text, seed=i) for i, text in enumerate(prompts)]
    clips = Pipeline.load(FOLDER / "tiny.safetensors").generate(requests, Sampling())
    found = prompt_figures(clips.numpy(), prompts)
    asked = {"eval/colour": 0.9, "eval/direction": 0.8, "eval/one_subject": 0.8, "eval/shape": 0.6}
    short = {name: found[name] for name, least in asked.items() if found[name] < least}
    assert short == {}, f"asked for {asked}"


def test_the_reader_sees_whether_a_text_is_a_clips_own() -> None:
    scorer = score.load(FOLDER / "reader.safetensors")
    assert scorer.dimensions == reader.DIMENSIONS
    lesson = reader.draw_lesson(np.random.default_rng(12), 48, "held-out")
    others = [*lesson.texts[1:], lesson.texts[0]]
    with torch.no_grad():
        own, other = (scorer.score(lesson.whole, texts, None, world.FPS) for texts in (lesson.texts, others))
        broken = scorer.score(lesson.broken, lesson.texts, None, world.FPS)
    assert (own[:, 0] > other[:, 0]).float().mean() > 0.8, "chance is a half"
    assert (own[:, 1] > broken[:, 1]).float().mean() > 0.9, "chance is a half"
