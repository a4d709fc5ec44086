"""Reward models learn from judgements, resume exactly, and score what they learnt."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from rewardmodels.judge import evaluate, score, scoring, weights
from rewardmodels.judge.clips import read_clip, to_float
from rewardmodels.judge.config import ScoreConfig
from rewardmodels.train import judgements
from rewardmodels.train.config import RewardConfig
from rewardmodels.train.reward import WEIGHTS_FILE, RewardTraining
from tests.rewardmodels import made
from tests.trainer import run_folders
from workbench.trainer import config, distributed, loop
from workbench.trainer.config import ConfigError
from workbench.trainer.events import EventWriter
from workbench.trainer.signals import StopFlag

SHORT: dict[str, Any] = {"preset": "micro", "log_every": 5, "eval_every": 1000, "checkpoint_every": 1000}
BOTH = ("prompt_following", "structural_stability")


def train(folder: Path, inputs: Path, **settings: Any) -> dict[str, Any]:
    """Trains in this process; the result."""
    made.run_folder(folder, **SHORT | settings)
    (folder / "inputs").symlink_to(inputs)
    world, events = distributed.start(), EventWriter(folder)
    training = RewardTraining(config.read(folder, RewardConfig), folder, world, events)
    assert loop.train(training, training.schedule, folder, world, events, StopFlag()) == "succeeded"
    result: dict[str, Any] = run_folders.events(folder)[-2]["values"]
    return result


def unseen_accuracy(folder: Path, inputs: Path, dimension: str) -> float:
    """Of the weights file, on all pairs that the judgements of other items decide."""
    scorer = score.load(folder / WEIGHTS_FILE)
    right = []
    for judgement in judgements.read(inputs / "judgements.jsonl"):
        clips = [read_clip(inputs / clip.file, scorer.frames, scorer.size) for clip in judgement.clips]
        video = torch.stack([to_float(clip.frames) for clip in clips])
        with torch.no_grad():
            found = scorer.score(video, [judgement.prompt] * len(clips), None, judgement.fps)
        values = found[:, scorer.dimensions.index(dimension)].tolist()
        of_clip = dict(zip(judgement.rules.clips, values, strict=True))
        for _, x, y, outcome in evaluate.decided([judgement], dimension):
            if outcome:
                right.append((of_clip[x] - of_clip[y]) * outcome > 0)
    return float(np.mean(right))


@pytest.mark.parametrize(
    ("reward", "dimension", "items", "steps", "least"),
    [
        ("motion", "motion_quality", 24, 25, 0.7),
        ("aesthetic", "aesthetic_quality", 32, 80, 0.6),
        ("foundational", "structural_stability", 24, 45, 0.65),
    ],
)
def test_learns_what_is_better_on_prompts_it_has_not_seen(
    tmp_path: Path, reward: str, dimension: str, items: int, steps: int, least: float
) -> None:
    made.write_items(tmp_path / "items", items, (dimension,), seed=1)
    made.write_items(tmp_path / "unseen", 16, (dimension,), seed=2)
    run = tmp_path / "run"
    result = train(
        run, tmp_path / "items", reward=reward, dimensions=[dimension], steps=steps, learning_rate=3e-3
    )
    assert unseen_accuracy(run, tmp_path / "unseen", dimension) > least
    assert result["chance"] == 0.5
    low, value, high = (
        result[f"{name}/{dimension}"] for name in ("accuracy_low", "accuracy", "accuracy_high")
    )
    assert 0 <= low <= value <= high <= 1
    assert result["accuracy/mean"] == value
    assert result[f"pairs/{dimension}"] == result["prompts/held_out"] == round(0.2 * items)
    assert result[f"agreement/{dimension}"] is None  # nobody judged twice
    assert result[f"majority_tie/{dimension}"] == 0.0
    assert 0 <= result[f"ece/{dimension}"] <= 0.5


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight items, two of them image-to-video, some dimensions tied, each judged by two people."""
    inputs = tmp_path_factory.mktemp("items")
    lines = []
    for task, count in (("t2v", 6), ("i2v", 2)):
        names = (
            (*BOTH, "first_frame_preservation", "motion_quality")
            if task == "i2v"
            else (*BOTH, "motion_quality")
        )
        path = made.write_items(inputs / task, count, names, seed=5, task=task)
        for line in path.read_text().splitlines():
            told = json.loads(line)
            told["item"] = f"{task}-{told['item']}"
            for clip in told["clips"]:
                clip["file"] = f"{task}/{clip['file']}"
            if task == "i2v":
                told["first_frame"] = f"{task}/{told['first_frame']}"
            lines.append(told)
    lines[0]["answers"]["structural_stability"] = "tie"
    lines[1]["answers"]["motion_quality"] = None
    lines += [line | {"annotator": "a2"} for line in lines]
    (inputs / "judgements.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return inputs


def file_weights(path: Path) -> str:
    with safe_open(path, "pt") as file:
        return hashlib.sha256(
            b"".join(file.get_tensor(k).numpy().tobytes() for k in sorted(file.keys()))
        ).hexdigest()


@pytest.fixture(scope="module")
def trained(items: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A foundational model of all three dimensions after six steps, with a checkpoint at the third."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    names = [*BOTH, "first_frame_preservation"]
    train(folder, items, reward="foundational", dimensions=names, steps=6, batch_size=4, checkpoint_every=3)
    return folder


def test_resumes_to_the_same_bits(trained: Path, items: Path, tmp_path: Path) -> None:
    settings = json.loads((trained / "config.json").read_text())
    folder = tmp_path / "resumed"
    folder.mkdir()
    (folder / "resume").symlink_to(trained / "checkpoints/step-000003")
    again = train(folder, items, **settings)
    assert file_weights(folder / WEIGHTS_FILE) == file_weights(trained / WEIGHTS_FILE)
    assert run_folders.final_weights(folder) == run_folders.final_weights(trained)
    whole = run_folders.events(trained)
    assert again == whole[-2]["values"]
    after = run_folders.metrics(run_folders.events(folder))
    assert after == run_folders.metrics(whole, after=3)
    assert "train/loss" in {name for _, name in after}
    run_folders.check_promises(whole)


def test_people_are_beside_the_model(trained: Path) -> None:
    result = run_folders.events(trained)[-2]["values"]
    # The second person says what the first one said.
    assert result["agreement/mean"] == 1.0
    assert result["agreement_pairs/structural_stability"] > 0
    assert result["judgements/training"] + result["judgements/held_out"] < 16  # the validation has its own


def test_scores_are_standardised_and_differentiable(trained: Path, items: Path) -> None:
    scorer = score.load(trained / WEIGHTS_FILE)
    assert (scorer.kind, scorer.dimensions) == ("foundational", (*BOTH, "first_frame_preservation"))
    judged = judgements.read(items / "judgements.jsonl")[:6]
    clips = [
        (j, read_clip(items / clip.file, scorer.frames, scorer.size)) for j in judged for clip in j.clips
    ]
    video = torch.stack([to_float(clip.frames) for _, clip in clips])
    prompts = [j.prompt for j, _ in clips]
    with torch.no_grad():
        found = scorer.score(video, prompts, None, clips[0][1].fps)
    assert found.shape == (24, 3)
    # Nearly all of the clips that were standardised on: the image-to-video ones are missing.
    assert found[:, :2].mean(dim=0).abs().max() < 0.6
    assert (found[:, :2].std(dim=0) - 1).abs().max() < 0.6

    asked = video[:1].double().requires_grad_()
    scorer = replace(scorer, net=scorer.net.double())
    value = scorer.score(asked, prompts[:1], None, 8.0).sum()
    (gradient,) = torch.autograd.grad(value, asked)
    step = 1e-2 * torch.randn(asked.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        up, down = (scorer.score(asked + s * step, prompts[:1], None, 8.0).sum() for s in (1, -1))
    assert (up - down).item() / 2 == pytest.approx((gradient * step).sum().item(), rel=2e-2)
    assert all(not p.requires_grad for p in scorer.net.parameters())


def test_a_later_training_goes_on_from_an_earlier_one(trained: Path, items: Path, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for path in items.iterdir():
        (inputs / path.name).symlink_to(path)
    (inputs / "earlier.safetensors").symlink_to(trained / WEIGHTS_FILE)
    settings = json.loads((trained / "config.json").read_text())
    tiny_step = settings | {"start": "earlier.safetensors", "steps": 1, "learning_rate": 1e-9}
    train(tmp_path / "on", inputs, **tiny_step)
    first, _ = weights.load(trained / WEIGHTS_FILE)
    second, _ = weights.load(tmp_path / "on" / WEIGHTS_FILE)
    for (name, before), after in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.allclose(before, after, atol=1e-6), name
    with pytest.raises(
        ConfigError, match=r"start is a foundational reward model of .*; this run trains a motion"
    ):
        train(
            tmp_path / "other", inputs, **tiny_step | {"reward": "motion", "dimensions": ["motion_quality"]}
        )


def test_scores_are_written_down(trained: Path, items: Path, tmp_path: Path) -> None:
    judged = [j for j in judgements.read(items / "judgements.jsonl") if j.annotator == "a1"]
    clips = [
        {
            "id": f"{j.item}-{clip.id}",
            "file": f"items/{clip.file}",
            "prompt": j.prompt,
            "task": j.task,
            "first_frame": j.first_frame and f"items/{j.first_frame}",
        }
        for j in judged
        for clip in j.clips
    ]
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    (inputs / "items").symlink_to(items)
    (inputs / "model.safetensors").symlink_to(trained / WEIGHTS_FILE)
    asked = config.parse(ScoreConfig, {"models": ["model.safetensors"], "clips": clips, "batch_size": 5})
    world = distributed.start()
    assert scoring.score_clips(asked, tmp_path, world, EventWriter(tmp_path), StopFlag()) == "succeeded"
    lines = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text().splitlines()]
    of_dimension: dict[str, dict[str, float]] = {}
    for line in lines:
        assert line["reward_model"] == "model.safetensors"
        of_dimension.setdefault(line["dimension"], {})[line["clip"]] = line["value"]
    assert {name: len(found) for name, found in of_dimension.items()} == {
        **dict.fromkeys(BOTH, 32),
        "first_frame_preservation": 8,
    }
    # These are the very clips that the model was standardised on; first frames count where there is one.
    for name in BOTH:
        values = list(of_dimension[name].values())
        assert np.mean(values) == pytest.approx(0, abs=1e-3)
        assert np.std(values, ddof=1) == pytest.approx(1, abs=1e-3)
    assert np.mean(list(of_dimension["first_frame_preservation"].values())) == pytest.approx(0, abs=1e-3)
    told = run_folders.events(tmp_path)
    assert told[-2]["values"]["mean/prompt_following"] == pytest.approx(0, abs=1e-3)
    assert [event["step"] for event in told if event["event"] == "progress"][-1] == 32

    stop = StopFlag()
    stop._on_signal(15, None)
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    (stopped / "inputs").symlink_to(inputs)
    assert scoring.score_clips(asked, stopped, world, EventWriter(stopped), stop) == "stopped"
    assert run_folders.events(stopped)[-1] == {"event": "end", "state": "stopped"}
    assert len((stopped / "scores.jsonl").read_text().splitlines()) == 10


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reward": "beauty"}, "reward is 'beauty', expected one of foundational, motion, aesthetic"),
        ({"dimensions": []}, "dimensions is empty"),
        ({"dimensions": ["a", "a"]}, "names one of them twice"),
        ({"preset": "huge"}, "preset is 'huge', expected one of micro, tiny"),
        ({"batch_size": 3, "processes": 2}, "must be divisible by processes 2"),
        ({"data": "../x.jsonl"}, "must stay inside the run's inputs folder"),
        ({"pretrained": "/models/vlm", "reward": "motion"}, "a vision-language model's folder"),
        ({"pretrained": "/models/vlm", "start": "x"}, "are both given"),
    ],
)
def test_a_config_that_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config.parse(RewardConfig, {"reward": "foundational", "dimensions": ["q"], **changes})
    assert said in str(refused.value)


def test_an_input_that_is_refused(trained: Path, items: Path, tmp_path: Path) -> None:
    base = {"reward": "motion", "steps": 1}
    with pytest.raises(ConfigError, match=r"prefers a clip in dimension 'charm'.*structural_stability"):
        train(tmp_path / "a", items, **base, dimensions=["charm"])
    bare = trained / "checkpoints/step-000006/model.safetensors"
    with pytest.raises(weights.WeightsError, match="has no metadata of ours"):
        score.load(bare)
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    with pytest.raises(weights.WeightsError, match="can't be read as safetensors"):
        score.load(tmp_path / "broken.safetensors")
    with pytest.raises(ConfigError, match="can't be decoded as a video"):
        read_clip(tmp_path / "broken.safetensors", 9, 64)
    with pytest.raises(ConfigError, match="is missing"):
        read_clip(tmp_path / "missing.video", 9, 64)
    with pytest.raises(ConfigError, match=r"pretrained: .* has no tokenizer"):
        train(
            tmp_path / "b",
            items,
            reward="foundational",
            dimensions=list(BOTH),
            steps=1,
            pretrained=str(tmp_path),
        )
