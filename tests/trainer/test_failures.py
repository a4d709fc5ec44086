"""What goes wrong is told in the stream, with the file and what was expected, and by the exit code."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.trainer import run_folders
from tests.trainer.run_folders import SMALL


def _last_event(folder: Path) -> dict[str, Any]:
    stream = run_folders.events(folder)
    run_folders.check_promises(stream)
    return stream[-1]


def test_a_damaged_checkpoint_is_an_error(undisturbed: Path, small_clips: list[Path], tmp_path: Path) -> None:
    damaged = tmp_path / "checkpoint"
    shutil.copytree(undisturbed / "checkpoints/step-000020", damaged)
    weights = bytearray((damaged / "model.safetensors").read_bytes())
    weights[-5] ^= 1
    (damaged / "model.safetensors").write_bytes(weights)
    folder = run_folders.prepare(tmp_path / "run", small_clips, damaged, **SMALL)
    assert run_folders.run(folder) == 1
    error = _last_event(folder)
    assert error["event"] == "error"
    assert "model.safetensors is damaged" in error["text"]
    assert "Traceback" in error["traceback"]
    assert "checkpoints.py" in error["traceback"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"steps": "many"}, "config.steps is 'many', expected int"),
        ({"stepz": 3}, "unknown fields ['stepz']"),
        ({"batch_size": 0}, "batch_size is 0, expected 1 or more"),
        ({"clips": []}, "0 clips given"),
    ],
)
def test_a_config_that_is_wrong(
    change: dict[str, Any], told: str, small_clips: list[Path], tmp_path: Path
) -> None:
    from rewardmodels.train.config import AestheticConfig
    from workbench.trainer import config

    folder = run_folders.prepare(tmp_path / "run", small_clips, **SMALL)
    settings = json.loads((folder / "config.json").read_text()) | change
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(config.ConfigError) as caught:
        config.read(folder, AestheticConfig)
    assert told in str(caught.value)


def test_an_input_that_is_no_video(small_clips: list[Path], tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("no video at all")
    folder = run_folders.prepare(tmp_path / "run", [*small_clips[:3], text], **SMALL)
    assert run_folders.run(folder) == 2
    error = _last_event(folder)
    assert error["event"] == "error"
    assert "notes.mp4 can't be decoded as a video" in error["text"]


def test_a_run_folder_is_used_once(undisturbed: Path) -> None:
    before = (undisturbed / "events.jsonl").read_bytes()
    assert run_folders.run(undisturbed) == 1
    assert "already holds events" in (undisturbed / "output.txt").read_text()
    assert (undisturbed / "events.jsonl").read_bytes() == before
