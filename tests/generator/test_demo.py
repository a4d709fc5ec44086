"""The demo's round begins once, from the shipped weights, over prompts in both languages."""

from pathlib import Path

import pytest

from generator import demo
from generator.data.world import parse
from generator.models import Checkpoint, Round, RoundRun
from generator.world_prompts import world_prompt_set
from tests.annotation import rows
from tests.generator.rounds_made import weights_file
from workbench.models import Role

pytestmark = pytest.mark.django_db


def test_the_demo_s_round_begins_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engineer = rows.person("engineer", Role.ENGINEER)
    said: list[str] = []
    monkeypatch.setattr(demo, "SHIPPED", tmp_path / "tiny.safetensors")
    demo.load(engineer, said.append)
    assert "is missing" in said[0]
    assert not Checkpoint.objects.exists()

    weights_file(tmp_path / "tiny.safetensors")
    for _again in range(2):
        demo.load(engineer, said.append)
    assert Checkpoint.objects.get().name == demo.NAME
    assert (Round.objects.get().state, Round.objects.get().step) == ("working", "sample")
    assert RoundRun.objects.get().run.kind == "generate"


def test_world_prompts_ask_for_the_same_in_both_languages_and_cover_everything() -> None:
    prompts = list(world_prompt_set().prompts.all())
    assert len(prompts) == 72
    wanted = [parse(prompt.text_en) for prompt in prompts]
    assert wanted == [parse(prompt.text_zh) for prompt in prompts]
    assert len({(w.shape, w.colour, w.direction) for w in wanted}) == 72
    for camera in ("still", "pan", "dolly"):
        of_camera = [w for w in wanted if w.camera == camera]
        assert len(of_camera) == 24
        assert {w.direction for w in of_camera} == {"left", "right", "up", "down"}
        assert len({w.colour for w in of_camera}) == 6
