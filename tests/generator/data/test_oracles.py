"""Both oracle families against the world's truth, against what they must notice, and against each other."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from scipy.stats import spearmanr

from annotation.clips.degrade import IMAGE_KINDS, TIME_KINDS, degraded_pixels
from generator.data import judge, labellers, measures
from generator.data.world import Scene, Wanted, draw_scene, parse, prompt, render

from . import broken_clips

FACTS = ("shape", "colour", "direction", "camera")
both = pytest.mark.parametrize("family", [labellers, judge], ids=["labellers", "judge"])


def scenes(count: int, seed: int = 0) -> list[Scene]:
    rng = np.random.default_rng(seed)
    return [draw_scene(rng) for _ in range(count)]


def wanted(scene: Scene) -> Wanted:
    return parse(prompt(scene, "en"))


def right(family: ModuleType, made: list[tuple[Scene, broken_clips.Video]]) -> dict[str, float]:
    """The share of clips whose facts are read off rightly, by fact, and of those with one subject seen."""
    read = [(scene, family.measure(video, wanted(scene))) for scene, video in made]
    shares = {
        fact: np.mean([getattr(scene, fact) == getattr(m, fact) for scene, m in read]) for fact in FACTS
    }
    return {**shares, "subjects": np.mean([m.subjects == 1 for _, m in read])}


@both
def test_true_clips_are_read_rightly_and_score_high(family: ModuleType) -> None:
    made = [(scene, render(scene)) for scene in scenes(120)]
    assert min(right(family, made).values()) >= 0.99
    for scene, video in made[:40]:
        found = family.measure(video, wanted(scene), video[0])
        assert found.prompt_following > 0.85
        assert found.structural_stability > 0.8
        assert found.motion_quality > 0.7
        assert found.aesthetic_quality > 0.6
        assert found.first_frame_preservation > 0.8


@both
def test_clips_out_of_an_autoencoder_and_a_codec_are_read_rightly(family: ModuleType) -> None:
    rng = np.random.default_rng(1)
    made = [(scene, broken_clips.decoded(render(scene), rng)) for scene in scenes(60, seed=1)]
    assert min(right(family, made).values()) >= 0.95


@both
def test_size_and_number_of_frames_make_no_difference(family: ModuleType) -> None:
    made = []
    for scene in scenes(8, seed=2):
        wide = render(scene).repeat(5, axis=1).repeat(5, axis=2)
        made.append((scene, wide[:, 3:-2, 3:-2]))
    assert min(right(family, made).values()) == 1.0
    longer = [(scene, render(scene, frames=9)[[0, 1, 2, 3, 4, 5, 6, 7]]) for scene in scenes(8, seed=3)]
    assert min(right(family, longer).values()) == 1.0


@both
def test_what_a_prompt_does_not_get_lowers_its_following(family: ModuleType) -> None:
    rng = np.random.default_rng(4)
    for scene in scenes(20, seed=4):
        video = render(scene)
        full = family.measure(video, wanted(scene)).prompt_following
        other = draw_scene(rng)
        differs = sum(getattr(scene, fact) != getattr(other, fact) for fact in FACTS)
        assert family.measure(video, wanted(other)).prompt_following < full - 0.2 * differs + 1e-9
    assert family.measure(video, Wanted()).prompt_following == 1.0


@both
@pytest.mark.parametrize(
    ("breaking", "dimension"),
    [
        (broken_clips.doubled, "structural_stability"),
        (broken_clips.vanishing, "structural_stability"),
        (broken_clips.melting, "structural_stability"),
        (broken_clips.torn, "structural_stability"),
        (broken_clips.still, "motion_quality"),
        (broken_clips.jumping, "motion_quality"),
        (broken_clips.dull, "aesthetic_quality"),
        (broken_clips.flat, "aesthetic_quality"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_is_wrong_lowers_its_dimension(
    family: ModuleType, breaking: Callable[[Scene], broken_clips.Video], dimension: str
) -> None:
    drops = []
    for scene in scenes(15, seed=5):
        sound, broken = (family.measure(v, wanted(scene)) for v in (render(scene), breaking(scene)))
        drops.append(getattr(sound, dimension) - getattr(broken, dimension))
    assert min(drops) > 0.02
    assert np.mean(drops) > 0.15


@both
@pytest.mark.parametrize("kind", [*IMAGE_KINDS, *TIME_KINDS])
def test_each_degradation_lowers_its_dimension_the_more_the_stronger(family: ModuleType, kind: str) -> None:
    dimension = "aesthetic_quality" if kind in IMAGE_KINDS else "motion_quality"
    values = []
    for seed, scene in enumerate(scenes(12, seed=6)):
        video = render(scene)
        made = [video, *(degraded_pixels(video, kind, s, seed) for s in (0.3, 1.0))]  # type: ignore[arg-type]
        values.append([getattr(family.measure(v, wanted(scene)), dimension) for v in made])
    none, some, much = np.array(values).T
    assert (some < none).all()
    assert (much < none).all()
    assert none.mean() > some.mean() > much.mean()


@both
def test_another_first_frame_is_not_preserved(family: ModuleType) -> None:
    one, *others = scenes(12, seed=7)
    video = render(one)
    kept = family.measure(video, wanted(one), video[0]).first_frame_preservation
    larger = video[0].repeat(4, axis=0).repeat(4, axis=1)
    assert abs(family.measure(video, wanted(one), larger).first_frame_preservation - kept) < 0.1
    for other in others:
        assert family.measure(video, wanted(one), render(other)[0]).first_frame_preservation < kept - 0.2
    assert family.measure(video, wanted(one)).first_frame_preservation is None


def test_the_families_rank_clips_alike() -> None:
    rng = np.random.default_rng(8)
    found: list[tuple[measures.Measures, measures.Measures]] = []
    makers = [
        broken_clips.doubled,
        broken_clips.melting,
        broken_clips.still,
        broken_clips.dull,
        broken_clips.flat,
    ]
    for seed, scene in enumerate(scenes(90, seed=8)):
        video = makers[seed % 10](scene) if seed % 10 < len(makers) else render(scene)
        if seed % 3:
            kind = [*IMAGE_KINDS, *TIME_KINDS][rng.integers(7)]
            video = degraded_pixels(video, kind, float(rng.uniform(0.1, 0.7)), seed)
        asked = wanted(scene if seed % 2 else draw_scene(rng))
        given = render(scene if seed % 4 else draw_scene(rng))[0]
        found.append((labellers.measure(video, asked, given), judge.measure(video, asked, given)))
    for dimension in measures.DIMENSIONS:
        first, second = zip(*[(getattr(a, dimension), getattr(b, dimension)) for a, b in found], strict=True)
        assert spearmanr(first, second).statistic > 0.75, dimension
    for fact in (*FACTS, "subjects"):
        assert np.mean([getattr(a, fact) == getattr(b, fact) for a, b in found]) > 0.85, fact


@both
def test_nothing_in_the_picture_is_no_subject(family: ModuleType) -> None:
    grey = np.full((9, 64, 64, 3), 120, np.uint8)
    noisy = degraded_pixels(grey, "noise", 0.5, seed=0)
    for video in (grey, noisy, grey[:1], np.zeros_like(grey)):
        found = family.measure(video, Wanted(shape="circle", colour="red", direction="left"), video[0])
        assert found.subjects == 0
        assert found.shape is None
        assert found.colour is None
        assert found.structural_stability == 0.0
        assert all(0 <= value <= 1 for value in found.dimensions().values())
    with pytest.raises(ValueError, match="expected uint8"):
        family.measure(grey.astype(np.float32), Wanted())


def test_the_families_share_no_measuring_code() -> None:
    def imported(module: ModuleType) -> set[str]:
        tree = ast.parse(Path(str(module.__file__)).read_text())
        return {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    common = {
        name for name in imported(labellers) & imported(judge) if name.startswith(("generator", "annotation"))
    }
    assert common == {"generator.data.measures", "generator.data.world"}


def test_the_judge_as_a_run(tmp_path: Path) -> None:
    (tmp_path / "inputs").mkdir()
    clips = []
    for number, scene in enumerate(scenes(3, seed=9)):
        video = render(scene)
        write(tmp_path / "inputs" / f"{number}.mp4", video)
        write(tmp_path / "inputs" / f"{number}.png", video[:1])
        given = f"{number}.png" if number else None
        text = prompt(scene, "zh" if number else "en")
        clips.append({"id": f"clip-{number}", "file": f"{number}.mp4", "prompt": text, "first_frame": given})
    (tmp_path / "config.json").write_text(json.dumps({"clips": clips}))
    command = [sys.executable, "-m", "generator.data.judge", "--run-dir", str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == 0

    rows = [json.loads(line) for line in (tmp_path / "judged.jsonl").read_text().splitlines()]
    assert len(rows) == 4 + 5 + 5
    assert {row["version"] for row in rows} == {judge.VERSION}
    assert min(row["value"] for row in rows if row["dimension"] != "aesthetic_quality") > 0.5
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["start", *["progress"] * 3, "result", "end"]
    following = np.mean([row["value"] for row in rows if row["dimension"] == "prompt_following"])
    assert events[-2]["values"]["prompt_following"] == pytest.approx(following, abs=1e-4)


def test_the_judge_names_the_clip_it_can_not_read(tmp_path: Path) -> None:
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "broken.mp4").write_bytes(b"no video")
    clip = {"id": "the-third", "file": "broken.mp4", "prompt": "a red circle"}
    (tmp_path / "config.json").write_text(json.dumps({"clips": [clip]}))
    command = [sys.executable, "-m", "generator.data.judge", "--run-dir", str(tmp_path)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 2
    last = json.loads((tmp_path / "events.jsonl").read_text().splitlines()[-1])
    assert last["event"] == "error"
    assert "the-third" in last["text"]


def write(path: Path, video: broken_clips.Video) -> None:
    """An H.264 file of the clip, or a PNG of its first frame."""
    codec, pixels = ("png", "rgb24") if path.suffix == ".png" else ("libx264", "yuv420p")
    with av.open(str(path), "w", format="image2" if codec == "png" else "mp4") as container:
        stream = container.add_stream(codec, rate=8)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = video.shape[2], video.shape[1], pixels
        for frame in video:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
