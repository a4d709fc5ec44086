"""A checkpoint makes clips by a real run: taken in with all that made them, once; and what is refused."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from PIL import Image
from pytest_django.fixtures import Settings

from annotation.models import Clip, Prompt
from annotation.prompts import firstframes, identity
from generator import checkpoints
from generator.data import world
from generator.models import Checkpoint, GeneratedClip
from generator.runs_generate import deliver, plan
from tests.annotation import rows
from tests.generator import micro_weights
from tests.generator.rounds_made import checkpoint, prompt_set
from workbench.models import Run, RunState, User
from workbench.runs import launch, supervise

TEXTS = ["a red circle moves left", "a blue square moves up"]


def picture() -> io.BytesIO:
    file = io.BytesIO()
    scene = world.draw_scene(np.random.default_rng(0))
    Image.fromarray(world.render(scene)[0]).save(file, "PNG")
    return file


@pytest.mark.django_db(transaction=True)
def test_clips_are_made_and_taken_in_once(tmp_path: Path, settings: Settings, client: Client) -> None:
    settings.RUN_SCRATCH = tmp_path / "scratch"
    erin = rows.person("erin", "engineer")
    row = checkpoints.register(micro_weights.write(tmp_path / "micro.safetensors"), "Micro")
    assert checkpoints.register(tmp_path / "micro.safetensors") == row
    text = identity.find_or_create(TEXTS[0], "一个红色圆形向左移动")
    alone = identity.find_or_create(TEXTS[0])  # the same English text, and yet another prompt
    image = identity.find_or_create(TEXTS[1], task="i2v", first_frame=firstframes.keep(picture()))
    config = {"checkpoint": str(row.pk), "prompts": [text.pk, image.pk, alone.pk], "seeds": [5]}
    run = launch.launch(erin, "generate", config | {"steps": 2}, name="Three clips")
    supervise.execute(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.SUCCEEDED, "")

    first, second, third = (made.clip for made in run.generated.all())
    assert (third.prompt, third.recipe["prompt"]) == (alone, first.recipe["prompt"])
    assert (first.prompt, second.prompt, first.seed) == (text, image, 5)
    assert (first.video_model, first.frames, first.width) == (row.video_model, world.FRAMES, world.SIDE)
    assert first.recipe["checkpoint_sha256"] == row.sha256
    assert (first.recipe["steps"], first.recipe["guidance"]) == (2, 3.0)
    assert second.recipe["first_frame_sha256"] == image.first_frame_sha256
    assert first.recipe["stamp"].encode() in first.original.read()

    folder = tmp_path / "again"
    (folder / "clips").mkdir(parents=True)
    for name, clip in (("0001", first), ("0002", second), ("0003", third)):
        (folder / "clips" / f"{name}.mp4").write_bytes(clip.original.open().read())
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING, lease_token=row.pk)
    run.refresh_from_db()
    deliver(run, folder)
    assert (Clip.objects.count(), GeneratedClip.objects.count()) == (3, 3)

    client.force_login(erin)
    shown = client.get(f"/generate/{run.pk}/").text
    assert f"/clips/{first.pk}/" in shown
    assert f"/prompts/{image.pk}/first-frame/" in shown
    told = client.get(f"/api/generate/{run.pk}").json()
    assert [clip["id"] for clip in told["clips"]] == [str(clip.pk) for clip in (first, second, third)]


@pytest.mark.django_db
def test_two_checkpoints_never_plan_the_same_file() -> None:
    row = checkpoint()
    other = Checkpoint(name="Other", sha256=row.sha256)  # even of equal weights
    config = {"clips": [{"prompt": identity.find_or_create("a").pk, "seed": 1}], "steps": 2, "guidance": 3.0}
    stamps = {plan(config | {"language": "en"}, one)[0].recipe["stamp"] for one in (row, other)}
    assert len(stamps) == 2
    assert plan(config | {"language": "en", "batch_size": 4}, row)[0].recipe["stamp"] in stamps


@pytest.fixture
def erin(db: None) -> User:
    return rows.person("erin", "engineer")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": [1, 1]}, "twice with the same seed"),
        ({"prompts": None}, "one of the two"),
        ({"prompts": None, "prompt_set": "no-such-set"}, "no prompt set “no-such-set”"),
        ({"prompts": [999_999]}, "no prompt 999999"),
        ({"checkpoint": "00000000-0000-0000-0000-000000000000"}, "no checkpoint"),
        ({"clips": [{"prompt": 1, "seed": 1}]}, "either the clips, or prompts"),
        ({"seeds": list(range(400))}, "asks for 3600 clips"),
        ({"steps": 0}, "greater than or equal to 1"),
    ],
)
def test_what_can_not_be_made_is_refused(
    erin: User, client: Client, changes: dict[str, Any], said: str
) -> None:
    client.force_login(erin)
    ids = list(prompt_set().prompts.values_list("pk", flat=True))
    config = {"checkpoint": str(checkpoint().pk), "prompts": ids, **changes}
    answer = client.post("/api/runs", {"kind": "generate", "config": config}, content_type="application/json")
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_an_image_to_video_prompt_needs_its_picture(erin: User, client: Client) -> None:
    client.force_login(erin)
    bare = identity.find_or_create("a", task="i2v")
    config = {"checkpoint": str(checkpoint().pk), "prompts": [bare.pk]}
    answer = client.post("/api/runs", {"kind": "generate", "config": config}, content_type="application/json")
    assert answer.status_code == 422
    assert "have no first frame" in answer.json()["detail"]


def test_the_playground_takes_texts_and_a_picture(erin: User, client: Client) -> None:
    client.force_login(erin)
    sent = {
        "checkpoint": str(checkpoint().pk),
        "texts": "a red circle moves left\n一个蓝色方块向上移动\n",
        "first_seed": 7,
        "seeds": 2,
        "steps": 4,
        "guidance": 2,
    }
    answer = client.post("/generate/", sent)
    run = Run.objects.get()
    assert answer.headers["Location"] == f"/generate/{run.pk}/"
    assert [clip["seed"] for clip in run.config["clips"]] == [7, 8, 7, 8]
    assert identity.find_or_create("", "一个蓝色方块向上移动").pk == run.config["clips"][2]["prompt"]
    file = picture()
    file.seek(0)
    file.name = "first.png"
    client.post("/generate/", {**sent, "texts": "a red circle moves left", "first_frame": file})
    prompt = Run.objects.first().config["clips"][0]["prompt"]  # type: ignore[union-attr]
    assert Prompt.objects.get(pk=prompt).task == "i2v"
    answer = client.post("/generate/", {**sent, "first_frame": io.BytesIO(b"no picture")})
    assert answer.status_code == 422
    assert "not a readable PNG" in answer.text
    assert "一个蓝色方块向上移动" in answer.text
