"""First frames out of words: which prompts get one, what a stopped run goes on with, what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.generator import micro_weights


def write(path: Path, *rows: dict[str, str]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return path


def row(name: str, task: str = "i2v", **also: str) -> dict[str, str]:
    return {
        "id": name,
        "task": task,
        "first_frame_en": "A red circle.",
        "first_frame_zh": "红色的圆。",
        **also,
    }


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "generator.infer.pictures", *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_each_described_frame_becomes_a_picture_and_those_that_are_there_stay(tmp_path: Path) -> None:
    weights = micro_weights.write(tmp_path / "micro.safetensors")
    prompts = write(tmp_path / "prompts.jsonl", row("a-1"), row("b", task="t2v"), row("a-2"))
    arguments = (prompts, tmp_path / "frames", "--checkpoint", weights, "--steps", "2")
    done = command(*arguments)
    assert done.stdout == "2 pictures made, 0 were there\n", done.stderr
    pictures = {path.name: path.read_bytes() for path in (tmp_path / "frames").iterdir()}
    assert sorted(pictures) == ["a-1.png", "a-2.png"]
    with Image.open(tmp_path / "frames" / "a-1.png") as picture:
        assert (picture.size, picture.mode) == ((64, 64), "RGB")
    assert pictures["a-1.png"] != pictures["a-2.png"]  # a seed each

    (tmp_path / "frames" / "a-2.png").unlink()
    (tmp_path / "frames" / "a-1.png").write_bytes(b"mine")
    assert command(*arguments).stdout == "1 pictures made, 1 were there\n"
    assert (tmp_path / "frames" / "a-1.png").read_bytes() == b"mine"
    assert (tmp_path / "frames" / "a-2.png").exists()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("a", task="t2v")], "has no image-to-video prompt"),
        ([row("a"), row("a")], "names an id twice"),
        ([row("../a")], "line 1: id is '../a'"),
        ([row("a"), row("b", first_frame_en=" ")], "line 2: first_frame_en is ' '"),
    ],
)
def test_prompts_that_are_none_are_named(tmp_path: Path, rows: list[dict[str, str]], message: str) -> None:
    from generator.infer.pictures import PromptsError, described

    with pytest.raises(PromptsError, match=message):
        described(write(tmp_path / "prompts.jsonl", *rows))
