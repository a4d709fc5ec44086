"""A benchmark comes in whole, waits for its first frames, and gets them from a folder."""

import json
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from PIL import Image

from annotation.models import Category, Clip, Prompt, PromptCandidate, PromptSet
from annotation.prompts import collecting, identity
from tests.annotation import rows
from tests.annotation.prompts.test_benchmark import I2V, T2V, written
from workbench.models import Role

pytestmark = pytest.mark.django_db

OTHER = I2V | {"id": "i-2", "first_frame_en": "A painted cook", "first_frame_zh": "画里的厨师"}
SHORT = T2V | {"id": "t-2", "text_en": "Dog", "text_zh": "狗"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "bench"
    made.mkdir()
    written(made, I2V, OTHER, name="i2v.jsonl")
    return written(made, T2V, SHORT, name="t2v.jsonl")


def picture(folder: Path, name: str, shade: int) -> Path:
    folder.mkdir(exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), shade, dtype=np.uint8)).save(folder / name)
    return folder


def test_all_of_a_benchmark_comes_in_with_labels_and_described_frames(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("import_benchmark", str(folder), "--set", "Bench 1.0")
    out = capsys.readouterr().out
    assert "Bench 1.0: 4 new, 0 there already, 0 refused" in out
    assert "2 wait for their first frame" in out
    made = PromptSet.objects.get(slug="bench-10")
    assert made.prompts.count() == 4  # the short one too, and two of the same words by their first frames
    prompt = made.candidates.get(external_id="i-2").prompt
    assert prompt is not None
    assert (prompt.first_frame_zh, prompt.lacks_first_frame) == ("画里的厨师", True)
    assert set(prompt.categories.values_list("slug", flat=True)) == set(I2V["labels"])
    assert Category.objects.get(slug="static").parent == Category.objects.get(slug="camera-movement")
    call_command("import_benchmark", str(folder), "--set", "Bench 1.0")
    assert "0 new, 4 there already, 0 refused" in capsys.readouterr().out


def test_a_line_that_cant_be_taken_is_named_and_the_code_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(folder, T2V | {"labels": ["nonsense"]}, T2V | {"first_frame_en": "A cook"}, name="worse.jsonl")
    with pytest.raises(SystemExit) as ended:
        call_command("import_benchmark", str(folder))
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "worse.jsonl:1: There is no category “nonsense”" in said.err
    assert "worse.jsonl:2: A first frame is described, but task is t2v." in said.err
    assert "bench: 4 new" in said.out
    with pytest.raises(CommandError, match=r"no \*\.jsonl file"):
        call_command("import_benchmark", str(folder / "nowhere"))


def test_frames_come_from_a_folder_by_id(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("import_benchmark", str(folder))
    frames = picture(tmp_path / "frames", "i-1.png", 40)
    (frames / "notes.txt").write_text("not a picture")
    capsys.readouterr()
    call_command("benchmark_frames", "bench", str(frames), "--json")
    assert json.loads(capsys.readouterr().out) == {
        "given": ["i-1"],
        "there": [],
        "missing": ["i-2"],
        "problems": [],
    }
    prompt = PromptCandidate.objects.get(external_id="i-1").prompt
    assert prompt is not None
    assert not prompt.lacks_first_frame
    assert default_storage.exists(str(prompt.first_frame.name))
    digest = identity.fingerprint("i2v", prompt.text_en, prompt.text_zh, prompt.first_frame_sha256)
    assert prompt.fingerprint == digest
    call_command("benchmark_frames", "bench", str(frames))
    assert "0 given, 1 already there, 1 without a picture, 0 problems" in capsys.readouterr().out
    call_command("import_benchmark", str(folder))
    assert "0 new, 4 there already" in capsys.readouterr().out
    assert PromptSet.objects.get(slug="bench").prompts.count() == 4


def test_a_prompt_that_has_a_picture_or_clips_is_left_and_the_set_has_a_new_one(
    folder: Path, tmp_path: Path
) -> None:
    call_command("import_benchmark", str(folder))
    frames = picture(picture(tmp_path / "frames", "i-1.png", 40), "i-2.png", 40)
    used = PromptCandidate.objects.get(external_id="i-2").prompt
    (clip,) = rows.clips(1, 1)
    Clip.objects.filter(pk=clip.pk).update(prompt=used)
    call_command("benchmark_frames", "bench", str(frames))
    assert used is not None
    used.refresh_from_db()
    assert used.lacks_first_frame
    picture(frames, "i-1.png", 80)
    before = PromptCandidate.objects.get(external_id="i-1").prompt
    call_command("benchmark_frames", "bench", str(frames))
    after = PromptCandidate.objects.get(external_id="i-1").prompt
    assert before is not None
    assert after is not None
    assert before != after
    assert set(after.categories.all()) == set(before.categories.all())
    assert after.first_frame_en == I2V["first_frame_en"]
    in_set = PromptSet.objects.get(slug="bench").prompts
    assert (in_set.count(), in_set.filter(pk=after.pk).exists()) == (4, True)


def test_pictures_that_fit_nothing_are_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("import_benchmark", str(folder))
    frames = picture(tmp_path / "frames", "i-9.png", 40)
    (frames / "i-1.png").write_text("not a picture")
    with pytest.raises(SystemExit):
        call_command("benchmark_frames", "bench", str(frames))
    said = capsys.readouterr().err
    assert "i-1.png: it is not a readable PNG" in said
    assert "i-9.png: the set has no image-to-video prompt “i-9”." in said
    with pytest.raises(CommandError, match="no prompt set “other”"):
        call_command("benchmark_frames", "other", str(frames))


def test_the_page_and_the_api_say_what_cant_be_run_and_what_categories_mean(
    folder: Path, client: Client
) -> None:
    call_command("import_benchmark", str(folder))
    client.force_login(rows.person("manager", Role.MANAGER))
    page = client.get("/prompts/sets/bench/?which=in_set").text
    assert "2 image-to-video prompts have no picture to start from yet" in page
    assert page.count("First frame missing") == 3
    assert "A painted cook" in page
    assert "The camera does not move at all" in page
    (said,) = client.get("/api/prompts/sets").json()
    assert said["without_first_frame"] == 2
    found = client.get("/api/prompts/sets/bench/candidates?which=in_set").json()["candidates"]
    lacking = {one["external_id"]: one["lacks_first_frame"] for one in found}
    assert lacking == {"i-1": True, "i-2": True, "t-1": False, "t-2": False}
    shares = client.post("/api/prompts/sets/bench/choose", {"n": 1}, content_type="application/json").json()
    assert {one["slug"]: one["definition"] for one in shares["shares"]}["static"].startswith("The camera")


def test_a_described_frame_stays_with_a_prompt_that_was_left_out_and_taken_back() -> None:
    line = json.dumps(
        {"text_en": "{subject} turns", "task": "i2v", "first_frame_en": "A cook", "set": "Mine"}
    )
    collecting.collect(line)
    left = PromptCandidate.objects.get()
    assert left.prompt is None
    taken = collecting.decide(left.pk, True, rows.person("manager", Role.MANAGER))
    assert taken.prompt is not None
    assert (taken.prompt.first_frame_en, taken.prompt.fingerprint) == ("A cook", taken.fingerprint)
    assert Prompt.objects.count() == 1
