"""A benchmark is held against what is asked of it; what is wrong is named by file, line and field."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from annotation.prompts.benchmark import Asked, examine
from annotation.prompts.benchmarkfile import BenchmarkError, Problem, read
from annotation.prompts.taxonomyfile import shipped

T2V = {
    "id": "t-1",
    "task": "t2v",
    "text_en": "A cook flips one egg",
    "text_zh": "厨师翻了一个蛋",
    "labels": ["human", "quantity", "human-activity", "intensity", "static", "light", "single-shot"],
}
I2V = T2V | {
    "id": "i-1",
    "task": "i2v",
    "first_frame_en": "A phone photo of a cook",
    "first_frame_zh": "手机拍的厨师",
    "labels": [*T2V["labels"], "frame-person", "frame-snapshot"],
}
LITTLE = Asked(prompts=1, multi_shot=0, per_scenario=0, imbalance=1000)


def written(folder: Path, *records: object, name: str = "all.jsonl") -> Path:
    lines = (one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in records)
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def wrong(folder: Path, record: object) -> list[tuple[int, str, str]]:
    _prompts, problems = read(written(folder, record))
    assert {problem.file for problem in problems} <= {"all.jsonl"}
    return [(problem.line, problem.field, problem.text) for problem in problems]


def test_lines_that_are_right_have_no_problem(tmp_path: Path) -> None:
    written(tmp_path, T2V, "", name="t2v.jsonl")
    prompts, problems = read(written(tmp_path, I2V, name="i2v.jsonl"))
    assert problems == []
    assert [(one.id, one.file, one.line) for one in prompts] == [
        ("i-1", "i2v.jsonl", 1),
        ("t-1", "t2v.jsonl", 1),
    ]
    assert prompts[0].first_frame_zh == "手机拍的厨师"


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"id": ""}, "id", "missing"),
        ({"text_zh": None}, "text_zh", "missing"),
        ({"text_zh": "An egg"}, "text_zh", "no Chinese"),
        ({"text_en": "鸡蛋"}, "text_en", "no English"),
        ({"task": "v2v"}, "task", "expected t2v or i2v"),
        ({"mood": "glad"}, "mood", "No such field"),
        ({"first_frame_en": "A cook"}, "first_frame_en", "No such field"),
        ({"labels": "human"}, "labels", "no list"),
        ({"labels": [*T2V["labels"], "nonsense"]}, "labels", "no category “nonsense”"),
        ({"labels": [*T2V["labels"], "camera"]}, "labels", "no leaf"),
        ({"labels": [*T2V["labels"], "static"]}, "labels", "2 times"),
        ({"labels": [label for label in T2V["labels"] if label != "static"]}, "labels", "“camera”"),
        ({"labels": T2V["labels"][:-1]}, "labels", "0 labels of “shots”"),
        ({"labels": [*T2V["labels"], "cut-in"]}, "labels", "2 labels of “shots”"),
        ({"labels": [*T2V["labels"], "e-commerce", "professional"]}, "labels", "expected 0–1"),
        ({"labels": [*T2V["labels"], "anime"]}, "labels", "go together"),
        ({"labels": [*T2V["labels"], "dissolve"]}, "labels", "joins several shots"),
        ({"labels": [*T2V["labels"], "frame-person"]}, "labels", "“first-frame”; expected 0"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(
    tmp_path: Path, change: dict[str, Any], field: str, why: str
) -> None:
    ((line, named, text),) = wrong(tmp_path, T2V | change)
    assert (line, named) == (1, field)
    assert why in text


def test_an_image_to_video_line_needs_its_first_frame(tmp_path: Path) -> None:
    record = {key: value for key, value in I2V.items() if key != "first_frame_en"}
    record["labels"] = [*T2V["labels"], "frame-person"]
    assert [(field, text) for _line, field, text in wrong(tmp_path, record)] == [
        ("first_frame_en", "It is missing or no text."),
        ("labels", "There is no label of “frame-kind”."),
    ]


def test_lines_that_are_no_objects_or_come_twice(tmp_path: Path) -> None:
    _prompts, problems = read(written(tmp_path, "{", "[]", T2V, T2V))
    assert [(problem.line, problem.field) for problem in problems] == [(1, ""), (2, ""), (4, "id")]
    assert problems[2] == Problem("all.jsonl", 4, "id", "It is the id of all.jsonl:3 too.")
    with pytest.raises(BenchmarkError, match=r"no \*\.jsonl file"):
        read(tmp_path / "nowhere")


def test_the_spread_is_counted_by_task_and_main_category(tmp_path: Path) -> None:
    second = T2V | {"id": "t-2", "text_en": "Snow on the roofs", "text_zh": "屋顶积雪"}
    second["labels"] = ["nature", "human", "setting", "phenomena", "tempo", "pan", "colour", "cut-in"]
    report = examine(written(tmp_path, T2V, second, I2V))
    spread = report.coverage["t2v"]["subject"]
    assert (spread.leaves["human"], spread.leaves["nature"], spread.imbalance) == (2, 1, None)
    assert report.coverage["i2v"]["first-frame"].leaves["frame-person"] == 1
    assert "first-frame" not in report.coverage["t2v"]
    assert (report.prompts, report.multi_shot) == ({"t2v": 2, "i2v": 1}, {"t2v": 1, "i2v": 0})
    assert "t2v: 2 prompts; asked are 300." in report.shortfalls
    assert "i2v: 0 prompts of several shots; asked are 60 at least." in report.shortfalls
    assert "i2v: 0 prompts of “e-commerce”; asked are 25 at least." in report.shortfalls


def test_a_leaf_used_more_than_half_again_as_often_is_a_shortfall(tmp_path: Path) -> None:
    tree = shipped()

    def lines(extra: int) -> list[dict[str, Any]]:
        """Two prompts for each leaf of the subject, and `extra` more with the first one."""
        leaves = [*tree.leaves("subject") * 2, *["human"] * extra]
        said = [{"id": f"t-{n}", "labels": [leaf, *T2V["labels"][1:]]} for n, leaf in enumerate(leaves)]
        return [T2V | one for one in said]

    def about_subjects(extra: int) -> list[str]:
        found = examine(written(tmp_path, *lines(extra))).shortfalls
        return [text for text in found if text.startswith("t2v: in “subject”,")]

    assert about_subjects(1) == []
    (text,) = about_subjects(2)
    assert "“human” is used 4 times, “animal” 2; asked is 1.5 times as often at most." in text


def test_near_duplicates_are_found_in_either_language(tmp_path: Path) -> None:
    said = "A cook in a striped apron flips an egg over the stove while the radio plays"
    first = T2V | {"text_en": said}
    second = first | {"id": "t-2", "text_en": said + " on", "text_zh": "屋顶上的雪化了"}
    other = T2V | {"id": "t-3", "text_en": "Snow on the roofs", "text_zh": "雪落在屋顶上"}
    report = examine(written(tmp_path, first, second, other))
    assert [(one.id, one.other) for one in report.alike] == [("t-2", "t-1")]


@pytest.mark.parametrize(
    ("language", "texts", "words"),
    [
        (
            "en",
            [
                "On the hill, slowly, she turns red",
                "“on THE hill slowly she” ran",
                "Why on the hill—slowly she?",
            ],
            "on the hill slowly she",
        ),
        (
            "zh",
            ["雨点打在旧铁皮屋顶，响。", "昨夜雨点打在旧，铁皮 屋顶", "雨点打在旧铁皮屋A顶"],
            "雨点打在旧铁皮屋",
        ),
    ],
)
def test_a_sequence_in_too_many_prompts_is_named_once(
    tmp_path: Path, language: str, texts: list[str], words: str
) -> None:
    own = ["egg pan stove", "snow roof moss", "boat mast sail"]
    lines = [
        T2V | {"id": f"t-{n}", "text_en": own[n], "text_zh": "蛋", f"text_{language}": text}
        for n, text in enumerate(texts)
    ]
    twice = lines[0] | {f"text_{language}": f"{texts[0]} {texts[0]}"}
    folder = written(tmp_path, twice, *lines[1:])
    report = examine(folder, Asked(shared=2))
    assert [(one.language, one.words, len(one.ids)) for one in report.repeated] == [(language, words, 3)]
    assert examine(folder, Asked(shared=3)).repeated == []


def test_a_little_benchmark_can_meet_all(tmp_path: Path) -> None:
    report = examine(written(tmp_path, T2V, I2V | {"text_en": "Snow melts", "text_zh": "雪化了"}), LITTLE)
    assert (report.problems, report.alike, report.repeated) == ([], [], [])
    # Leaves that no prompt has are never evenly used.
    assert {text.split("”")[0] for text in report.shortfalls} == {
        f"{task}: in “{main}"
        for task in ("t2v", "i2v")
        for main in ("subject", "subject-description", "action", "action-description", "camera", "aesthetics")
    } | {"i2v: in “first-frame"}


def test_the_command_prints_and_says_by_its_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path, T2V, T2V | {"id": "t-2", "labels": ["human"]})
    with pytest.raises(SystemExit) as ended:
        call_command("benchmark_coverage", str(folder))
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "t2v: 2 prompts, 0 of several shots" in said.out
    assert "all.jsonl:2: labels: There is no label of “action”." in said.err
    with pytest.raises(SystemExit):
        call_command("benchmark_coverage", str(folder), "--json")
    report = json.loads(capsys.readouterr().out)
    assert (report["met"], report["coverage"]["t2v"]["subject"]["leaves"]["human"]) == (False, 2)
    with pytest.raises(CommandError, match=r"no \*\.jsonl file"):
        call_command("benchmark_coverage", str(tmp_path / "nowhere"))
