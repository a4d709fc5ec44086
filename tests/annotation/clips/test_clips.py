"""Clips in: real files through real storage and a real database, and manifests good and bad."""

import csv
import hashlib
import io
import json
import threading
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from PIL import Image
from pytest_django.fixtures import Settings

from annotation import tasks
from annotation.clips import intake, manifest
from annotation.clips.intake import Facts
from annotation.media import Refused
from annotation.models import Category, Clip, Prompt, Rendition, VideoModel
from annotation.prompts import firstframes, identity
from tests.annotation import rows
from tests.annotation.video_files import frame_times, write_sound, write_video
from workbench import backup
from workbench.celery import app
from workbench.models import Role
from workbench.storage import reading

pytestmark = pytest.mark.django_db
Callbacks = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]


def ingest(path: Path, facts: Facts | None = None, **options: Any) -> intake.Ingested:
    with path.open("rb") as file:
        return intake.ingest(file, path.name, facts, **options)


def stored_files() -> set[str]:
    return set(backup.stored_files())


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "video.mp4")


# --- One clip ---------------------------------------------------------------------------------------------


@pytest.mark.clips
def test_a_real_clip_comes_in_and_is_made_ready(real_clips: Path) -> None:
    source = real_clips / "nasa_jwst.mp4"
    clip = ingest(source, render_now=True).clip
    assert clip.state == Clip.State.READY
    assert (clip.width, clip.height, clip.frames, clip.codec, clip.has_audio) == (480, 270, 390, "h264", True)
    assert clip.fps == pytest.approx(30000 / 1001)
    assert clip.duration == pytest.approx(13.013, abs=0.01)
    assert clip.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    with clip.original.open("rb") as kept:
        assert kept.read() == source.read_bytes()
    with Image.open(clip.poster.open("rb")) as picture:
        assert picture.size == (640, 360)
    rendition = Rendition.objects.get(clip=clip)
    assert (rendition.width, rendition.height, rendition.frames) == (1280, 720, 390)
    assert len(rendition.frame_times) == 390
    assert (rendition.fps, rendition.seconds) == (None, None)
    for file in (clip.original, clip.poster, rendition.file):
        name = str(file.name)
        assert "nasa" not in name
        assert str(clip.pk) not in name


def test_the_same_bytes_are_one_clip(video: Path, django_capture_on_commit_callbacks: Callbacks) -> None:
    with django_capture_on_commit_callbacks() as sent:
        first = ingest(video)
    assert (first.created, first.clip.state, len(sent)) == (True, Clip.State.PENDING, 1)
    there = stored_files()
    prompt = identity.find_or_create("A cat")
    with django_capture_on_commit_callbacks() as sent:
        again = ingest(video, Facts(prompt=prompt, seed=0, source="CC0"))
    assert (again.created, again.clip.pk, again.differs, sent) == (False, first.clip.pk, [], [])
    assert stored_files() == there
    known = Clip.objects.get()
    assert (known.prompt, known.seed, known.source) == (prompt, 0, "CC0")  # what was missing is filled in
    other = ingest(video, Facts(prompt=identity.find_or_create("A dog"), seed=0, source="mine"))
    assert other.differs == ["prompt", "source"]
    known.refresh_from_db()
    assert (known.prompt, known.source) == (prompt, "CC0")


def test_what_is_refused_leaves_nothing_behind(tmp_path: Path, settings: Settings) -> None:
    called: list[int] = []

    def facts() -> Facts:
        called.append(1)
        return Facts()

    (tmp_path / "page.mp4").write_text("<html>not found</html>")
    for path in (tmp_path / "page.mp4", write_sound(tmp_path / "sound.m4a")):
        with path.open("rb") as file, pytest.raises(Refused):
            intake.ingest(file, path.name, facts)
    settings.UPLOAD_MAX_BYTES = 500
    with pytest.raises(Refused) as caught:
        ingest(write_video(tmp_path / "video.mp4"))
    assert caught.value.code == "too_large"
    assert not Clip.objects.exists()
    assert not stored_files()
    assert not called


def test_uploads_are_capped_and_their_names_harmless(video: Path, settings: Settings) -> None:
    upload = SimpleUploadedFile("../../etc/öffne\nmich.mp4", video.read_bytes(), content_type="text/html")
    clip = intake.ingest_upload(upload).clip
    assert "/" not in clip.original_name
    assert str(clip.original.name).startswith("clips/")
    assert str(clip.original.name).endswith(".mp4")
    settings.UPLOAD_MAX_BYTES = 100
    with pytest.raises(Refused) as caught:
        intake.ingest_upload(SimpleUploadedFile("a.mp4", video.read_bytes()))
    assert caught.value.code == "too_large"


def test_reasons_are_said_in_the_readers_language() -> None:
    refused = Refused("too_long", given=200.0, limit=180)
    with translation.override("en"):
        assert intake.explain(refused) == str(refused)
    assert "200.0 s" in str(refused)


def test_a_failing_row_leaves_no_file(video: Path) -> None:
    with pytest.raises(Exception, match="too long"):
        ingest(video, Facts(source="x" * 300))
    assert not stored_files()


@pytest.mark.django_db(transaction=True)
def test_the_same_bytes_at_once_are_one_clip(video: Path) -> None:
    start, answers = threading.Barrier(3), []
    with app.connection_for_write() as broker, broker.SimpleQueue("default") as queue:
        queue.clear()

    def come_in() -> None:
        start.wait()
        answers.append(ingest(video).created)
        connection.close()

    threads = [threading.Thread(target=come_in) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False, False, True]
    assert Clip.objects.count() == 1
    assert len(stored_files()) == 2  # one original, one poster
    with app.connection_for_read() as broker, broker.SimpleQueue("default") as queue:
        message = queue.get(timeout=10)
        assert message.headers["task"] == "annotation.make_rendition"
        assert message.payload[0] == [str(Clip.objects.get().pk), None, None]
        message.ack()
        with pytest.raises(queue.Empty):
            queue.get(block=False)


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_costs_no_clip(
    video: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    clip = ingest(video).clip
    assert "could not be asked for" in caplog.text
    assert Clip.objects.get() == clip
    assert clip.state == Clip.State.PENDING


# --- Renditions -------------------------------------------------------------------------------------------


def test_the_task_makes_the_rendition_once(video: Path) -> None:
    clip = ingest(video).clip
    tasks.make_rendition(str(clip.pk))
    tasks.make_rendition(str(clip.pk))
    clip.refresh_from_db()
    rendition = Rendition.objects.get()
    assert clip.state == Clip.State.READY
    assert len([name for name in stored_files() if name.startswith("renditions/")]) == 1
    shown = frame_times(Path(default_storage.path(str(rendition.file.name))))
    assert shown == pytest.approx(rendition.frame_times, abs=1e-5)


def test_a_campaigns_form_of_a_clip(tmp_path: Path, django_capture_on_commit_callbacks: Callbacks) -> None:
    clip = ingest(write_video(tmp_path / "v.mp4", times=range(48)), render_now=True).clip
    with django_capture_on_commit_callbacks(execute=False) as sent:
        assert intake.want_renditions([clip.pk], fps=8.0, seconds=1.0) == 1
        assert intake.want_renditions([clip.pk]) == 0
    assert len(sent) == 1
    made = intake.make_rendition(clip.pk, fps=8.0, seconds=1.0)
    assert made is not None
    assert made.frames == 8
    assert made.duration == pytest.approx(1.0)
    assert clip.renditions.count() == 2
    assert intake.want_renditions([clip.pk], fps=8.0, seconds=1.0) == 0


def test_looks_are_measured_on_the_way_and_later_by_the_command(
    video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = ingest(video, render_now=True).clip
    [made] = clip.renditions.all()
    assert made.motion is not None
    assert made.motion > 0.5  # noise that runs
    lost = Rendition.objects.create(
        clip=clip, seconds=1.0, file="gone.mp4", width=2, height=2, frames=1, frame_times=[0.0], duration=1.0
    )
    looks = (made.brightness, made.colourfulness, made.motion)
    clip.renditions.update(brightness=None, colourfulness=None, motion=None)
    call_command("measure_clips")
    said = capsys.readouterr()
    assert said.out == "1 renditions measured, 1 could not be\n"
    assert said.err.startswith(f"clip {clip.pk}: ")
    made.refresh_from_db()
    assert (made.brightness, made.colourfulness, made.motion) == pytest.approx(looks, rel=0.1)
    lost.delete()
    call_command("measure_clips")
    assert capsys.readouterr().out == "0 renditions measured, 0 could not be\n"


def test_an_original_that_was_damaged_since_breaks_the_clip(video: Path) -> None:
    clip = ingest(video).clip
    clip.original.storage.delete(str(clip.original.name))
    clip.original.storage.save(clip.original.name, ContentFile(video.read_bytes()[:600]))
    assert intake.make_rendition(clip.pk) is None
    clip.refresh_from_db()
    assert clip.state == Clip.State.BROKEN
    assert "cut off" in clip.problem


def test_lost_messages_are_sent_again(video: Path, django_capture_on_commit_callbacks: Callbacks) -> None:
    clip = ingest(video).clip
    assert intake.want_lost_renditions() == 0
    Clip.objects.filter(pk=clip.pk).update(created_at=timezone.now() - timedelta(hours=1))
    with django_capture_on_commit_callbacks() as sent:
        assert intake.want_lost_renditions() == 1
    assert len(sent) == 1
    intake.make_rendition(clip.pk)
    assert intake.want_lost_renditions() == 0


def test_a_clip_in_s3_comes_in_and_is_made_ready(video: Path, s3_storage: Path) -> None:
    clip = ingest(video).clip
    assert clip.state == Clip.State.PENDING
    tasks.make_rendition(str(clip.pk))
    clip.refresh_from_db()
    assert clip.state == Clip.State.READY
    rendition = Rendition.objects.get()
    assert {str(clip.original), str(clip.poster), str(rendition.file)} == stored_files()
    with clip.original.open("rb") as kept:
        assert kept.read() == video.read_bytes()
    with Image.open(clip.poster.open("rb")) as picture:
        assert picture.format == "JPEG"
    with reading(default_storage, str(rendition.file)) as (source, _):
        (video.parent / "shown.mp4").write_bytes(source.read())
    assert frame_times(video.parent / "shown.mp4") == pytest.approx(rendition.frame_times, abs=1e-5)
    assert not s3_storage.exists()


def test_what_fails_leaves_nothing_in_s3(video: Path, s3_storage: Path) -> None:
    with pytest.raises(Exception, match="too long"):
        ingest(video, Facts(source="x" * 300))
    assert not stored_files()
    clip = ingest(video).clip
    clip.original.storage.save(clip.original.name, ContentFile(video.read_bytes()[:600]))
    assert intake.make_rendition(clip.pk) is None
    clip.refresh_from_db()
    assert clip.state == Clip.State.BROKEN
    assert stored_files() == {str(clip.original), str(clip.poster)}


def test_a_first_frame_that_was_cut_off_is_written_again(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48), (200, 30, 30)).save(tmp_path / "first.png")
    kept = firstframes.keep(tmp_path / "first.png")
    default_storage.delete(kept.name)
    default_storage.save(kept.name, ContentFile(b"half"))
    again = firstframes.keep(tmp_path / "first.png")
    assert again == kept
    with default_storage.open(again.name) as file:
        assert hashlib.sha256(file.read()).hexdigest() == kept.sha256


# --- Prompts and models -----------------------------------------------------------------------------------


def test_a_prompt_is_one_row_however_it_is_written() -> None:
    first = identity.find_or_create("A  café\nat night ", "夜晚的咖啡馆")
    assert identity.find_or_create("A cafe\u0301 at night", " 夜晚的咖啡馆") == first
    assert identity.find_or_create("A  café\nat night ", "夜晚的咖啡馆", "i2v") != first
    assert Prompt.objects.count() == 2
    with pytest.raises(ValueError, match="text"):
        identity.find_or_create("  ")
    with pytest.raises(ValueError, match="t2v"):
        identity.find_or_create("A cat", task="v2v")


def test_models_by_name() -> None:
    assert intake.video_model_named("Some Model 1.0") == intake.video_model_named("some model 10")
    assert intake.video_model_named("模型").slug.startswith("model-")
    assert intake.video_model_named("模型") != intake.video_model_named("视频")
    assert VideoModel.objects.count() == 3


# --- Manifests --------------------------------------------------------------------------------------------


def table(*rows: dict[str, Any], separator: str = ",", more: tuple[str, ...] = ()) -> str:
    """A manifest with the columns that the rows have, and ``more`` that stay empty."""
    text = io.StringIO()
    names = list(dict.fromkeys([*(name for row in rows for name in row), *more]))
    writer = csv.DictWriter(text, names, delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def run(path: Path, *options: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_clips", str(path), *options, stdout=out, stderr=err)
    except SystemExit as stop:
        return int(stop.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.mark.clips
def test_all_real_clips_by_the_command_twice(real_clips: Path, tmp_path: Path) -> None:
    told = json.loads((real_clips / "provenance.json").read_text())
    rows = [
        {
            "path": entry["file"],
            "prompt": entry["content"],
            "model": "Camera",
            "seed": index,
            "license": entry["licence"],
        }
        for index, entry in enumerate(told)
    ]
    (tmp_path / "clips.csv").write_text(table(*rows))
    (tmp_path / "first.csv").write_text(table(*rows[-4:], rows[-4]))
    options = (f"--base={real_clips}", "--json")
    code, out, _ = run(tmp_path / "first.csv", "--dry-run", *options)
    report = json.loads(out)
    assert (code, len(report["added"]), len(report["already_there"])) == (0, 4, 1)
    assert (Clip.objects.count(), Prompt.objects.count(), stored_files()) == (0, 0, set())
    code, out, _ = run(tmp_path / "clips.csv", *options)
    report = json.loads(out)
    assert (code, len(report["added"]), report["already_there"], report["problems"]) == (0, 15, [], [])
    for entry in told:
        clip = Clip.objects.get(sha256=entry["sha256"])
        assert clip.original_name == entry["file"]
        assert clip.frames == pytest.approx(entry["frames"], abs=1)
        assert clip.source == entry["licence"]
    files = stored_files()
    code, out, _ = run(tmp_path / "clips.csv", *options)
    report = json.loads(out)
    assert (code, report["added"], len(report["already_there"]), report["problems"]) == (0, [], 15, [])
    assert stored_files() == files
    assert Clip.objects.count() == 15
    assert VideoModel.objects.count() == 1


def test_problems_are_told_by_line_and_good_lines_kept(tmp_path: Path) -> None:
    base = tmp_path / "base"
    (base / "deep").mkdir(parents=True)
    write_video(base / "deep" / "good.mp4")
    write_video(base / "other.mp4", times=range(20))
    secret = write_video(tmp_path / "outside.mp4", times=range(15))
    (base / "link.mp4").symlink_to(secret)
    (base / "loop.mp4").symlink_to(base / "loop.mp4")
    (base / "text.mp4").write_text("not a video " * 40)
    (base / "empty.mp4").touch()
    write_sound(base / "sound.m4a")
    Category.objects.create(slug="animal", name_en="Animal", name_zh="动物")
    good = {
        "path": "deep/good.mp4",
        "prompt": "A cat, asleep\non a mat",
        "prompt_zh": "一只猫",
        "seed": "7",
        "category": "animal",
    }
    rows: list[tuple[dict[str, str], str]] = [
        (good, ""),
        ({"path": "../outside.mp4"}, "outside"),
        ({"path": str(secret)}, "outside"),
        ({"path": "link.mp4"}, "outside"),
        ({"path": "/etc/passwd"}, "outside"),
        ({"path": "loop.mp4"}, "path"),
        ({"path": "nowhere.mp4"}, "no file"),
        ({"path": "deep"}, "not an ordinary file"),
        ({"path": "", "seed": "1"}, "empty"),
        ({"path": "text.mp4"}, "plain text"),
        ({"path": "empty.mp4"}, "0 bytes"),
        ({"path": "sound.m4a"}, "sound"),
        ({"path": "other.mp4", "seed": "1.5"}, "seed"),
        ({"path": "other.mp4", "prompt_zh": "猫" * 5001}, "prompt_zh is longer than 5000 characters"),
        ({"path": "other.mp4", "task": "v2v"}, "t2v or i2v"),
        ({"path": "other.mp4", "category": "nonsense", "prompt": "x"}, "nonsense"),
        ({"path": "other.mp4", "category": "animal"}, "without a prompt"),
        ({"path": "other.mp4", "license": "l" * 201}, "200"),
        (
            {
                "path": "other.mp4",
                "prompt": "Another",
                "model": "M",
                "seed": "-3",
                "license": "CC0",
                "source": "here",
            },
            "",
        ),
        ({"path": "deep/good.mp4", "prompt": "Something else"}, "prompt"),
    ]
    text = table(*(row for row, _ in rows), more=("colour",))
    path = base / "clips.csv"
    path.write_text(text, newline="")
    code, out, _ = run(path, "--json")
    report = json.loads(out)
    assert code == 1
    lines, line = [], 2
    for row, _ in rows:
        lines.append(line)
        line += 1 + row.get("prompt", "").count("\n")
    expected = {number: said for number, (_, said) in zip(lines, rows, strict=True) if said}
    problems = {problem["line"]: problem["text"] for problem in report["problems"]}
    assert "colour" in problems.pop(1)
    assert problems.keys() == expected.keys()
    for number, said in expected.items():
        assert said in problems[number], (number, problems[number])
    assert [entry["path"] for entry in report["added"]] == ["deep/good.mp4", "other.mp4"]
    assert [entry["path"] for entry in report["already_there"]] == ["deep/good.mp4"]
    clip = Clip.objects.get(original_name="good.mp4")
    assert clip.prompt is not None
    assert (clip.prompt.text_en, clip.prompt.text_zh, clip.seed) == ("A cat, asleep on a mat", "一只猫", 7)
    assert [category.slug for category in clip.prompt.categories.all()] == ["animal"]
    other = Clip.objects.get(original_name="other.mp4")
    assert other.video_model is not None
    assert (other.video_model.name, other.seed, other.source) == ("M", -3, "here, CC0")
    code, _, err = run(path)
    assert code == 1
    assert "line 4: ../outside.mp4" in err  # line 2 goes on over line 3
    assert Clip.objects.count() == 2


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_ways_to_write_a_manifest(separator: str, encoding: str, video: Path) -> None:
    text = table({"Path": "video.mp4", "Prompt ZH": "猫；狗, 鸟"}, separator=separator)
    report = manifest.import_manifest(text.encode(encoding), video.parent, dry_run=True)
    assert report.problems == []
    assert [entry.path for entry in report.added] == ["video.mp4"]
    assert not Clip.objects.exists()
    assert not Prompt.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"file,prompt\na.mp4,x\n", "no column path"),
        ("path,prompt\na.mp4,caf\u00e9\n".encode("latin-1"), "not UTF-8 (line 2)"),
        ("path,prompt\na.mp4,一只猫在垫子上\n".encode("gb18030"), "not UTF-8"),
        (b"path,path\na.mp4,b.mp4\n", "twice"),
        (b'path,prompt\na.mp4,ok\nb.mp4,"open\n', "Line 3"),
        (b"PK\x03\x04\0\0\0\0path", "NUL"),
    ],
)
def test_manifests_that_can_not_be_read(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "clips.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError) as caught:
        run(path)
    assert said in str(caught.value)


def test_folders_and_names_that_are_not_there(tmp_path: Path, video: Path) -> None:
    path = tmp_path / "clips.csv"
    with pytest.raises(CommandError, match="can't be read"):
        run(path)
    path.write_text("path\nvideo.mp4\n")
    with pytest.raises(CommandError, match="not a folder"):
        run(path, "--base=/nonexistent")
    with pytest.raises(CommandError, match="no user"):
        run(path, "--user=nobody")
    path.write_text("path\nvideo.mp4,surplus\n")
    assert "More fields" in run(path)[2]


def test_waiting_for_renditions(tmp_path: Path, video: Path) -> None:
    (tmp_path / "clips.csv").write_text("path\nvideo.mp4\n")
    assert run(tmp_path / "clips.csv", "--wait")[0] == 0
    assert Clip.objects.get().state == Clip.State.READY


def test_first_frames_of_image_to_video(tmp_path: Path, video: Path) -> None:
    Image.new("RGB", (64, 48), (200, 30, 30)).save(tmp_path / "first.jpg", comment=b"SECRET")
    (tmp_path / "fake.png").write_text("no picture")
    rows = [
        {"path": "video.mp4", "prompt": "A", "task": "i2v", "first_frame": "fake.png"},
        {"path": "video.mp4", "prompt": "A", "task": "t2v", "first_frame": "first.jpg"},
        {"path": "video.mp4", "prompt": "A", "task": "i2v", "first_frame": "../../../etc/passwd"},
        {"path": "video.mp4", "prompt": "A", "task": "i2v", "first_frame": "first.jpg"},
    ]
    report = manifest.import_manifest(table(*rows).encode(), tmp_path)
    assert [problem.line for problem in report.problems] == [2, 3, 4]
    clip = Clip.objects.get()
    assert clip.prompt is not None
    assert clip.prompt.task == "i2v"
    kept = clip.recipe["first_frame"]
    assert clip.prompt.first_frame.name == kept["file"]
    assert clip.prompt.first_frame_sha256 == kept["sha256"]
    assert identity.find_or_create("A", task="i2v") != clip.prompt
    with default_storage.open(kept["file"]) as file:
        content = file.read()
    assert hashlib.sha256(content).hexdigest() == kept["sha256"]
    assert b"SECRET" not in content
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (64, 48)
    again = manifest.import_manifest(table(rows[3]).encode(), tmp_path)
    assert (len(again.already_there), again.problems) == (1, [])


def test_names_of_stored_files_are_random(video: Path) -> None:
    clip = ingest(video).clip
    names = [Path(str(clip.original.name)).stem, Path(str(clip.poster.name)).stem]
    assert len({uuid.UUID(name) for name in names}) == 2


@pytest.mark.django_db
def test_a_file_name_the_server_cannot_keep_is_said_on_the_page(client: Client) -> None:
    client.force_login(rows.person("manager", Role.MANAGER))
    name = "猫" * 100 + ".mp4"
    listed = SimpleUploadedFile("clips.csv", f"path\n{name}\n".encode())
    form = {"manifest": listed, "files": [SimpleUploadedFile(name, b"x")]}
    answer = client.post(reverse("clip_manifest"), form)
    assert (answer.status_code, "too long" in answer.text) == (422, True)
