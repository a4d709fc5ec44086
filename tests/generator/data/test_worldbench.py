"""WorldBench as shipped is what the world makes of it, and asks for nothing that training saw."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generator.data import world, worldbench
from generator.data.worldbench import BenchPrompt, Task

SHIPPED = Path(__file__).parents[3] / "fixtures" / "worldbench"
TASKS: tuple[Task, ...] = ("t2v", "i2v")


@pytest.fixture(params=TASKS)
def rows(request: pytest.FixtureRequest) -> list[BenchPrompt]:
    return worldbench.prompts(request.param)


def test_the_shipped_files_are_what_the_world_makes(tmp_path: Path) -> None:
    assert worldbench.write(tmp_path) == 120
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {path.relative_to(SHIPPED) for path in SHIPPED.rglob("*") if path.is_file()}
    for name in made:
        if name.suffix == ".png":  # pixels, for a coder may pack them otherwise
            with Image.open(SHIPPED / name) as shipped, Image.open(tmp_path / name) as fresh:
                assert np.array_equal(np.asarray(shipped), np.asarray(fresh))
        else:
            assert (SHIPPED / name).read_bytes() == (tmp_path / name).read_bytes()


def test_every_prompt_asks_for_what_training_never_saw(rows: list[BenchPrompt]) -> None:
    assert len({row.id for row in rows}) == len({row.text_en for row in rows}) == 60
    for row in rows:
        english, chinese = world.parse(row.text_en), world.parse(row.text_zh)
        assert english == chinese
        assert english.shape
        assert english.colour
        assert english.direction
        assert world.held_out(english.shape, english.colour, english.direction)
    asked = Counter((w.shape, w.colour, w.direction) for w in (world.parse(row.text_en) for row in rows))
    assert set(asked.values()) == {5}


def test_a_first_frame_shows_the_subject_where_its_description_says(rows: list[BenchPrompt]) -> None:
    for row in rows:
        picture = row.picture().astype(int)
        assert picture.shape == (64, 64, 3)
        x, y = world.subject_at(row.scene, 0)
        wanted = np.array(world.COLOURS[row.scene.colour])
        assert np.abs(picture[round(y), round(x)] - wanted).max() <= 1
        if row.task == "i2v":
            told = row.record()
            assert row.scene.colour in str(told["first_frame_en"])
            assert json.loads(json.dumps(told)) == told


def test_labels_say_the_camera_that_is_asked_for(rows: list[BenchPrompt]) -> None:
    cameras = Counter(label for row in rows for label in row.labels if label in {"static", "pan", "dolly-in"})
    assert cameras == {"static": 16, "pan": 16, "dolly-in": 16}
