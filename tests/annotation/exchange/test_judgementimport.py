"""Judgements made elsewhere come in: what is understood, what is matched, and nothing by halves."""

import hashlib
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from annotation.clips.clipmatching import Clips
from annotation.exchange import export, judgementimport, labelstudio, pairtable
from annotation.exchange.judgementfile import JudgementFileError, path_of, side_of
from annotation.exchange.judgementimport import Format
from annotation.models import Campaign, Clip, Judgement, JudgementImport, PreferencePair, Prompt
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def clips(db: None) -> list[Clip]:
    """Three of one prompt, three of another, called hidden-name-P-secret-model-M.mp4."""
    return rows.clips(2, 3)


def name(prompt: int, model: int) -> str:
    return f"hidden-name-{prompt}-secret-model-{model}.mp4"


def task(
    *results: dict[str, Any], who: Any = 7, data: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    address = "http://labels.example.org/data/upload/3/1a2b3c4d-"
    annotation = {"completed_by": who, "created_at": "2024-05-01T10:00:00Z", "lead_time": 12.5, **more}
    videos = {"prompt": "Prompt number 0", "video1": address + name(0, 0), "video2": address + name(0, 1)}
    return {"id": 1, "data": data or videos, "annotations": [{**annotation, "result": list(results)}]}


def pairwise(control: str, selected: str, to_name: Any = "video1,video2") -> dict[str, Any]:
    value = {"selected": selected}
    return {"type": "pairwise", "from_name": control, "to_name": to_name, "value": value}


def choices(control: str, *chosen: str) -> dict[str, Any]:
    return {"type": "choices", "from_name": control, "to_name": "video1", "value": {"choices": list(chosen)}}


def told(campaign: Campaign) -> set[tuple[str, str, str]]:
    """(dimension, better file, worse file) of all pairs, broken ones too."""
    rows_ = PreferencePair.objects.filter(dimension__campaign=campaign)
    return set(rows_.values_list("dimension__key", "best__original_name", "worst__original_name"))


# --- Reading ----------------------------------------------------------------------------------------------


def test_label_studio_regions_are_read() -> None:
    ranking = {"items": [{"id": "x", "url": "a/x.mp4"}, {"id": "y", "html": '<video src="/y.webm"></video>'}]}
    ranking["items"].append({"id": "z", "url": "z.mp4"})
    ranked = {
        "type": "ranker",
        "from_name": "rank",
        "to_name": "l",
        "value": {"ranker": {"rank": ["z", "x", "y"]}},
    }
    rating = {"type": "rating", "from_name": "stars", "to_name": "video1", "value": {"rating": 4}}
    tasks = [
        task(pairwise("motion", "left", ["video2", "video1"]), choices("aesthetics", "Video B"), rating),
        task(choices("motion", "Both are equally good"), who={"id": 9, "email": "x@example.org"}),
        task(ranked, data={"caption": "A cat", **ranking}),
        task(choices("motion", "Can't tell")),
        task(pairwise("motion", "left"), was_cancelled=True),
        {"id": 2, "video1": "a.mp4", "pw": "left"},
        task(choices("watermark", "yes")),
    ]
    reading = labelstudio.read(json.dumps(tasks, indent=1))
    first, tie, *ranks = reading.statements
    assert (first.left[-6:], first.right[-6:]) == (
        "-1.mp4",
        "-0.mp4",
    )  # as to_name says, not as the data's order
    assert first.answers == {
        "motion": "left",
        "aesthetics": "left",
    }  # B is the data's second video, so the left
    assert (tie.answers, tie.annotator, tie.seconds) == ({"motion": "tie"}, "9", 12.5)
    assert tie.at is not None
    assert tie.at.year == 2024
    assert [(one.left, one.right) for one in ranks] == [
        ("z.mp4", "a/x.mp4"),
        ("z.mp4", "/y.webm"),
        ("a/x.mp4", "/y.webm"),
    ]
    assert [problem.code for problem in reading.problems] == ["no_answer", "not_a_task", "not_understood"]
    lines = json.dumps(tasks, indent=1).splitlines()
    assert '"video1": "a.mp4"' in lines[reading.problems[1].line + 1]  # the task begins in that line
    assert any("rating" in note for note in reading.notes)


def test_a_cut_off_export_is_refused() -> None:
    text = json.dumps([task(pairwise("motion", "left"))])
    for cut in (text[:-1], text[: len(text) // 2]):
        with pytest.raises(JudgementFileError):
            labelstudio.read(cut)


def test_a_table_of_pairs_is_read_by_line() -> None:
    table = (
        "path_A,path_B,prompt,VQ,MQ,TA_A,TA_B,fps_A,Overall,mood\n"
        './videos/1_A.mp4,./videos/1_B.mp4,"Two\nlines",A,same,3,4.5,24,A,x\n'
        "2_A.mp4,2_B.mp4,Cat,B,C,1,1,24,A,x\n"
        ",2_B.mp4,Cat,B,A,1,1,24,A,x\n"
        "\n"
        "3_A.mp4,3_B.mp4,Cat,b,,2,2,24,A,x\n"
        "3_A.mp4,3_B.mp4,Cat,,,two,2,24,A,x\n"
    )
    reading = pairtable.read(table)
    assert [(one.line, one.answers) for one in reading.statements] == [
        (2, {"VQ": "left", "MQ": "tie", "TA": "right"}),
        (7, {"VQ": "right", "TA": "tie"}),
    ]
    assert [(problem.line, problem.code) for problem in reading.problems] == [
        (4, "not_understood"),
        (5, "no_clip"),
        (8, "not_understood"),
    ]
    assert any("mood" in note for note in reading.notes)
    for heading in ("path_A,prompt,VQ\n", "path_A,path_B,prompt\n", "\n", ""):
        with pytest.raises(JudgementFileError):
            pairtable.read(heading)


@pytest.mark.parametrize(
    ("said", "side"),
    [
        ("left", "left"),
        ("Video A", "left"),
        ("video_2", "right"),
        ("video2", "right"),
        ("B is better", "right"),
        ("Same", "tie"),
        ("both bad", "tie"),
        ("A or B", None),
        ("yes", None),
        ("", None),
    ],
)
def test_words_for_sides(said: str, side: str | None) -> None:
    assert side_of(said) == side


def test_paths_in_addresses() -> None:
    assert path_of("https://h/data/a%20b.mp4?token=1#t=2") == "data/a b.mp4"
    assert path_of("/data/local-files/?d=set%2Fx.mp4") == "set/x.mp4"
    assert path_of("./videos\\x.mp4") == "videos/x.mp4"


# --- Matching ---------------------------------------------------------------------------------------------


def test_clips_are_known_by_hash_by_bytes_and_by_name(clips: list[Clip], tmp_path: Path) -> None:
    first, second = clips[0], clips[3]
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "same.mp4").write_bytes(b"the bytes")
    Clip.objects.filter(pk=second.pk).update(
        sha256=hashlib.sha256(b"the bytes").hexdigest(), original_name="same.mp4"
    )
    Clip.objects.filter(pk=clips[4].pk).update(original_name="same.mp4")
    Clip.objects.filter(pk=clips[1].pk).update(original_name="same.mp4")
    by_hash = f"s3://bucket/{first.sha256}.mp4"
    names = [
        by_hash,
        "deep/same.mp4",
        "https://evil.example/../x.mp4",
        "other/same.mp4",
        f"d/{clips[2].original_name}",
    ]
    found = Clips(names, tmp_path)

    def pk(name: str, prompt: str = "") -> Any:
        one = found.find(name, prompt)
        return one if isinstance(one, str) else one.id

    assert pk(by_hash) == first.pk
    assert pk("deep/same.mp4") == second.pk
    assert pk("https://evil.example/../x.mp4") == "unknown"
    assert pk("other/same.mp4") == "ambiguous"
    assert pk("other/same.mp4", " Prompt number 0 ") == clips[1].pk
    assert pk(f"d/{clips[2].original_name}") == clips[2].pk


# --- The whole way ----------------------------------------------------------------------------------------


def test_label_studio_becomes_a_closed_campaign(clips: list[Clip], manager: User) -> None:
    tasks = [
        task(pairwise("motion_quality", "left"), pairwise("overall look", "right"), who=1),
        task(pairwise("motion_quality", "right"), pairwise("overall look", "right"), who=2),
    ]
    content = json.dumps(tasks).encode()
    seen = judgementimport.preview(Format.LABEL_STUDIO, content, "labels.json")
    assert not Campaign.objects.exists()
    report = judgementimport.bring_in(Format.LABEL_STUDIO, content, "labels.json", manager)
    assert seen.to_json() == {**report.to_json(), "stored": False, "campaign": None}
    assert (report.judgements, report.items, report.clips, report.annotators) == (2, 1, 2, 2)
    assert (report.pairs, report.pairs_broken) == (4, 2)  # the first person's dimensions disagree
    campaign = Campaign.objects.get(pk=str(report.campaign))
    assert (campaign.state, campaign.overlap, campaign.items_total) == ("closed", 2, 1)
    assert (campaign.progress.judged, campaign.progress.seconds) == (2, 25.0)
    rows.slots_add_up(campaign)
    a, b = name(0, 0), name(0, 1)
    assert told(campaign) == {
        ("motion_quality", a, b),
        ("overall_look", b, a),
        ("motion_quality", b, a),
    }
    kept = PreferencePair.objects.filter(dimension__campaign=campaign, broken_by=[])
    assert kept.count() == 2
    for judgement in Judgement.objects.filter(item__campaign=campaign).select_related("annotator"):
        assert not judgement.annotator.is_active
        assert not judgement.annotator.has_usable_password()
        assert judgement.created_at.year == 2024
    assert JudgementImport.objects.get().source == "labels.json"
    lines = [line for page in export.pairs(campaign) for line in page]
    assert {(line["campaign"], line["imported"]) for line in lines} == {(str(campaign.pk), "labels.json")}
    [whole] = [json.loads(text) for text in export.items_jsonl(campaign)]
    assert whole["imported"] == "labels.json"
    with pytest.raises(Conflict, match="imported before"):
        judgementimport.preview(Format.LABEL_STUDIO, content, "again.json")


def test_nothing_is_imported_by_halves(clips: list[Clip], manager: User) -> None:
    table = "\n".join(
        (
            "path_A,path_B,prompt,VQ,MQ,TA",
            f"{name(0, 0)},{name(0, 1)},Prompt number 0,A,A,same",
            f"{name(0, 0)},nowhere.mp4,Prompt number 0,A,A,same",
            f"{name(0, 0)},{name(1, 1)},,A,A,same",
            f"{name(0, 1)},{name(0, 0)},,B,B,same",
            f"{name(1, 2)},{name(1, 0)},Another text,B,B,B",
        )
    ).encode()
    seen = judgementimport.preview(Format.VIDEO_ALIGN, table, "pairs.csv")
    assert [(problem.line, problem.code) for problem in seen.problems] == [
        (3, "unknown"),
        (4, "two_prompts"),
        (5, "twice"),
    ]
    people = User.objects.count()
    with pytest.raises(Invalid, match="3 statements"):
        judgementimport.bring_in(Format.VIDEO_ALIGN, table, "pairs.csv", manager)
    assert not Campaign.objects.exists()
    assert User.objects.count() == people

    report = judgementimport.bring_in(Format.VIDEO_ALIGN, table, "pairs.csv", manager, partly=True)
    campaign = Campaign.objects.get(pk=str(report.campaign))
    assert report.dimensions == [
        {"name": "VQ", "key": "visual_quality", "reward": "aesthetic"},
        {"name": "MQ", "key": "motion_quality", "reward": "motion"},
        {"name": "TA", "key": "prompt_following", "reward": "foundational"},
    ]
    assert told(campaign) == {
        ("visual_quality", name(0, 0), name(0, 1)),
        ("motion_quality", name(0, 0), name(0, 1)),
        ("visual_quality", name(1, 0), name(1, 2)),
        ("motion_quality", name(1, 0), name(1, 2)),
        ("prompt_following", name(1, 0), name(1, 2)),
    }
    assert report.ties == 1
    assert any("differently" in note for note in report.notes)


def test_clips_without_a_prompt_get_the_files(clips: list[Clip], manager: User) -> None:
    Clip.objects.update(prompt=None)
    table = "\n".join(
        (
            "path_A,path_B,prompt,MQ",
            f"{name(0, 0)},{name(0, 1)},一只猫在跳,A",
            f"{name(0, 0)},{name(0, 2)},Another prompt,A",
            f"{name(1, 0)},{name(1, 2)},,A",
        )
    ).encode()
    report = judgementimport.bring_in(Format.VIDEO_ALIGN, table, "pairs.csv", manager, partly=True)
    assert [problem.code for problem in report.problems] == ["two_prompts", "no_prompt"]
    assert set(Prompt.objects.get(text_zh="一只猫在跳").clips.all()) == {clips[0], clips[1]}


def test_the_command_reports_and_stores(clips: list[Clip], manager: User, tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text(f"path_A,path_B,prompt,VQ\n{name(0, 0)},{name(0, 1)},,A\nx.mp4,y.mp4,,A\n")
    out, problems = StringIO(), StringIO()
    call_command("import_judgements", "video_align", str(file), stdout=out, stderr=problems)
    assert "1 judgements of 1 items by 1 people would be imported" in out.getvalue()
    assert "line 3: No clip here is called “x.mp4”" in problems.getvalue()
    arguments = ("import_judgements", "video_align", str(file), "--store", "--user", "manager")
    with pytest.raises(CommandError, match="1 statement doesn't fit"):
        call_command(*arguments, stdout=out, stderr=problems)
    assert not Campaign.objects.exists()
    out = StringIO()
    call_command(*arguments, "--partly", "--json", stdout=out, stderr=problems)
    assert Campaign.objects.get(pk=json.loads(out.getvalue())["campaign"]).name == "Imported: pairs.csv"


def test_page_and_api_say_the_same_before_and_after(clips: list[Clip], manager: User, client: Client) -> None:
    client.force_login(manager, backend=BACKEND)
    table = f"path_A,path_B,prompt,VQ\n{name(0, 0)},{name(0, 1)},,A\nx.mp4,y.mp4,,A\n".encode()

    def sent(path: str, **fields: str) -> Any:
        file = SimpleUploadedFile("pairs.csv", table)
        return client.post(path, {"format": "video_align", "file": file, **fields})

    page = sent("/campaigns/import/").text
    assert "No clip here is called “x.mp4”" in page
    told = sent("/api/campaigns/import").json()
    assert (told["judgements"], told["stored"], told["problems"][0]["line"]) == (1, False, 3)
    refused = sent("/campaigns/import/", store="1")
    assert refused.status_code == 422
    assert "x.mp4" in refused.text
    assert sent("/api/campaigns/import", dry_run="false").status_code == 422
    assert not Campaign.objects.exists()
    answer = sent("/campaigns/import/", store="1", partly="on")
    campaign = Campaign.objects.get()
    assert answer["Location"] == f"/campaigns/{campaign.pk}/"
    assert client.get(answer["Location"]).status_code == 200
    assert sent("/api/campaigns/import").json()["code"] == "imported_before"
