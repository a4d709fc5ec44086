"""The generator's stages one after the other at the smallest size, and what they refuse."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from generator.data import world
from generator.data.measures import read_clip
from generator.infer.__main__ import make_clips
from generator.infer.pipeline import Pipeline, Request, Sampling
from generator.nets import weights
from generator.train.__main__ import train
from rewardmodels.judge import weights as reward_weights
from rewardmodels.nets.build import Kind, build, describe
from workbench.trainer.config import ConfigError
from workbench.trainer.events import EventWriter
from workbench.trainer.signals import StopFlag

AUTOENCODER = {"preset": "micro", "steps": 4, "batch_size": 2, "log_every": 2, "eval_every": 4}
TEXT = {
    "start": "start.safetensors", "steps": 4, "batch_size": 8, "log_every": 1, "eval_every": 4,
    "checkpoint_every": 2,
}  # fmt: skip
PRETRAINING = {
    "start": "start.safetensors", "steps": 6, "batch_size": 4, "bank": 16, "log_every": 2, "eval_every": 6,
    "checkpoint_every": 3, "autocast": False,
}  # fmt: skip
REFL = {
    "checkpoint": "checkpoint.safetensors", "rewards": [{"file": "motion.safetensors"}],
    "prompts": ["a red circle moves left", "一个蓝色方块向上移动"], "first_frames": [None, "first.png"],
    "steps": 4, "batch_size": 2, "sampling_steps": 3, "window": [1, 2], "log_every": 1, "eval_every": 4,
    "checkpoint_every": 2,
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _threads() -> Iterator[None]:
    """The trainer computes on one thread with deterministic kernels; other tests as they were."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=False)


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An autoencoder's weights."""
    folder = _folder(tmp_path_factory.mktemp("autoencoder"), AUTOENCODER)
    assert _run("autoencoder", folder) == "succeeded"
    return folder / "checkpoint.safetensors"


@pytest.fixture(scope="module")
def reading(carried: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a text stage that was never disturbed."""
    folder = _folder(tmp_path_factory.mktemp("text"), TEXT, {"start.safetensors": carried})
    assert _run("text", folder) == "succeeded"
    return folder


@pytest.fixture(scope="module")
def pretrained(reading: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pretraining that was never disturbed."""
    folder = _folder(
        tmp_path_factory.mktemp("pretraining"),
        PRETRAINING,
        {"start.safetensors": reading / "checkpoint.safetensors"},
    )
    assert _run("pretraining", folder) == "succeeded"
    return folder


def test_a_pretraining_that_was_stopped_ends_with_the_same_weights(
    pretrained: Path, reading: Path, tmp_path: Path
) -> None:
    start = reading / "checkpoint.safetensors"
    folder = _folder(tmp_path / "resumed", PRETRAINING, {"start.safetensors": start})
    shutil.copytree(pretrained / "checkpoints" / "step-000003", folder / "resume")
    assert _run("pretraining", folder) == "succeeded"
    assert _sha(folder / "checkpoint.safetensors") == _sha(pretrained / "checkpoint.safetensors")
    whole, rest = _metrics(pretrained), _metrics(folder)
    assert rest == {key: value for key, value in whole.items() if key[0] > 3}


def test_the_text_stage_teaches_what_texts_share_and_resumes(
    reading: Path, carried: Path, tmp_path: Path
) -> None:
    folder = _folder(tmp_path / "resumed", TEXT, {"start.safetensors": carried})
    shutil.copytree(reading / "checkpoints" / "step-000002", folder / "resume")
    assert _run("text", folder) == "succeeded"
    assert _sha(folder / "checkpoint.safetensors") == _sha(reading / "checkpoint.safetensors")
    config = {"preset": "micro", "steps": 60, "batch_size": 32, "learning_rate": 5e-3, "eval_every": 60}
    longer = _folder(tmp_path / "longer", TEXT | {"start": None} | config)
    assert _run("text", longer) == "succeeded"
    told = next(e["values"] for e in _events(longer) if e["event"] == "result")
    assert told["eval/direction"] > 0.6, "chance is a quarter"
    assert told["eval/colour"] > 0.6, "chance is a sixth"


def test_what_was_held_out_is_measured_and_told(pretrained: Path) -> None:
    result = next(e["values"] for e in _events(pretrained) if e["event"] == "result")
    assert {"eval/colour", "eval/direction", "eval/one_subject"} <= result.keys()
    made = weights.load(pretrained / "checkpoint.safetensors")
    assert [stage["stage"] for stage in made.history] == ["autoencoder", "text", "pretraining"]
    assert made.history[2]["figures"] == result


def test_clips_are_made_as_asked_and_made_again_the_same(pretrained: Path, tmp_path: Path) -> None:
    first = world.render(world.draw_scene(np.random.default_rng(0)))[0]
    config = {
        "checkpoint": "c.safetensors", "steps": 3, "batch_size": 2,
        "clips": [
            {"name": "one", "prompt": "a red circle moves left", "seed": 1, "stamp": "recipe 1"},
            {"name": "two", "prompt": "a red circle moves left", "seed": 1, "stamp": "recipe 2"},
            {"name": "three", "prompt": "一个蓝色方块向上移动", "seed": 2, "first_frame": "first.png"},
        ],
    }  # fmt: skip
    digests = []
    for name in ("a", "b"):
        folder = _folder(tmp_path / name, config, {"c.safetensors": pretrained / "checkpoint.safetensors"})
        Image.fromarray(first).save(folder / "inputs" / "first.png")
        assert make_clips(folder, EventWriter(folder), StopFlag()) == "succeeded"
        digests.append([_sha(folder / "clips" / f"{clip}.mp4") for clip in ("one", "two", "three")])
    assert digests[0] == digests[1]
    assert digests[0][0] != digests[0][1], "equal pixels of two recipes stay two files"
    clip = read_clip(tmp_path / "a" / "clips" / "one.mp4")
    assert clip.shape == (world.FRAMES, world.SIDE, world.SIDE, 3)
    drawn = Pipeline.load(pretrained / "checkpoint.safetensors").generate(
        [Request(prompt="a red circle moves left", seed=1)] * 2, Sampling(steps=3)
    )
    assert np.abs(drawn[0].numpy().astype(int) - clip).mean() < 4, "the file is the clip, but for its coding"


def test_a_first_frame_is_where_the_clip_begins(pretrained: Path) -> None:
    """The first latent is the given one, so the first frame is the autoencoder's copy, whatever follows."""
    pipeline = Pipeline.load(pretrained / "checkpoint.safetensors")
    first = world.render(world.draw_scene(np.random.default_rng(3)))[0]
    made = pipeline.generate([Request(prompt="", seed=5, first_frame=first)], Sampling(steps=2))
    image = torch.from_numpy(first).permute(2, 0, 1)[None, None].float() / 127.5 - 1
    copy = pipeline.vae.decode(pipeline.vae.encode(image))[0, 0].permute(1, 2, 0)
    expected = ((copy.clamp(-1, 1) + 1) * 127.5).round()
    assert (made[0, 0].float() - expected).abs().max() <= 1


def test_reward_feedback_raises_the_bounded_reward_and_resumes(pretrained: Path, tmp_path: Path) -> None:
    _reward(tmp_path / "motion.safetensors", "motion", ("motion_quality",))
    Image.fromarray(world.render(world.draw_scene(np.random.default_rng(1)))[0]).save(tmp_path / "first.png")
    inputs = {
        "checkpoint.safetensors": pretrained / "checkpoint.safetensors",
        "motion.safetensors": tmp_path / "motion.safetensors",
        "first.png": tmp_path / "first.png",
    }
    whole, rest = _folder(tmp_path / "whole", REFL, inputs), _folder(tmp_path / "rest", REFL, inputs)
    assert _run("refl", whole) == "succeeded"
    shutil.copytree(whole / "checkpoints" / "step-000002", rest / "resume")
    assert _run("refl", rest) == "succeeded"
    assert _sha(rest / "checkpoint.safetensors") == _sha(whole / "checkpoint.safetensors")
    result = next(e["values"] for e in _events(whole) if e["event"] == "result")
    assert {"before/composite", "after/composite", "before/judge/motion_quality"} <= result.keys()
    distances = [v for (_, name), v in _metrics(whole).items() if name == "train/reference_distance"]
    assert distances[0] == 0, "the first step starts at the reference"
    assert distances[-1] > 0
    before, after = (weights.load(p / "checkpoint.safetensors") for p in (pretrained, whole))
    changed = {
        name.split(".")[0] for name, t in after.tensors.items() if not torch.equal(t, before.tensors[name])
    }
    assert changed == {"dit"}, "the autoencoder and the text model stay as they are"


def test_bad_configs_and_files_are_refused(carried: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing of the kind")
    folder = _folder(tmp_path / "a", PRETRAINING, {"start.safetensors": broken})
    with pytest.raises(ConfigError, match=r"start\.safetensors can't be read as weights of a generator"):
        _run("pretraining", folder)
    folder = _folder(tmp_path / "b", REFL | {"window": [2, 3]})
    with pytest.raises(ConfigError, match=r"window is \[2, 3\], expected two steps in order, below 3"):
        _run("refl", folder)
    folder = _folder(tmp_path / "c", PRETRAINING | {"start": None})
    with pytest.raises(ConfigError, match="needs the weights that hold an autoencoder"):
        _run("pretraining", folder)
    folder = _folder(tmp_path / "d", REFL | {"rewards": []})
    with pytest.raises(ConfigError, match="rewards is empty"):
        _run("refl", folder)
    with pytest.raises(weights.WeightsError, match="hold no tokenizer"):
        Pipeline.load(carried)


def _folder(folder: Path, config: dict[str, Any], inputs: dict[str, Path] | None = None) -> Path:
    (folder / "inputs").mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    for name, path in (inputs or {}).items():
        shutil.copy(path, folder / "inputs" / name)
    return folder


def _run(stage: str, folder: Path) -> str:
    return train(stage, folder, EventWriter(folder), StopFlag())


def _reward(path: Path, kind: Kind, dimensions: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    net = describe(kind, "micro", ["a prompt"])
    model = build(kind, dimensions, net)
    described = reward_weights.Described(
        kind, dimensions, net, (0.0,) * len(dimensions), (1.0,) * len(dimensions)
    )
    reward_weights.save(path, model, described)


def _events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def _metrics(folder: Path) -> dict[tuple[int, str], float]:
    return {
        (event["step"], name): value
        for event in _events(folder)
        if event["event"] == "metric"
        for name, value in event["values"].items()
        if not name.startswith("speed/")
    }


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
