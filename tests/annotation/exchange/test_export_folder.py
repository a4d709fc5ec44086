"""The ZIP opened and read back: with zipfile, with pandas, and with `datasets` as its users do."""

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.exchange import export, export_folder
from annotation.models import Campaign, Clip, Prompt, Task
from tests.annotation import rows
from workbench.media import CHUNK
from workbench.models import Role

BIG = 3 * CHUNK + 5
FRAME = hashlib.sha256(b"a first frame").hexdigest()


@pytest.fixture
def campaign(db: None) -> Campaign:
    """Two items of four clips with files behind them, one of several chunks; judged twice, so clips recur."""
    made = rows.campaign(rows.person("manager", Role.MANAGER), items=2, overlap=2)
    for n, clip in enumerate(Clip.objects.order_by("item_clips__position", "pk")):
        data = os.urandom(BIG if n == 0 else 100 + n)  # the first of an item is the best of all its pairs
        clip.original = f"clips/{n}.{'webm' if n == 1 else 'mp4'}"
        clip.size, clip.sha256 = len(data), hashlib.sha256(data).hexdigest()
        clip.seed = None if n % 2 else n
        clip.save()
        default_storage.save(clip.original.name, ContentFile(data))
    frame = default_storage.save(f"first_frames/{FRAME}.png", ContentFile(b"a first frame"))
    Prompt.objects.update(
        task=Task.I2V, text_en='A "fox", running\nfast', text_zh="一只狐狸", first_frame=frame
    )
    one, other = rows.person("one"), rows.person("other")
    for _ in range(2):
        rows.judge(made, one)
        rows.judge(made, other, spoil=True)
    return made


def test_the_zip_is_a_folder_that_pandas_and_datasets_read(campaign: Campaign, tmp_path: Path) -> None:
    pieces = list(export_folder.pairs_zip(campaign, include_broken=True, page=3))
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert not [name for name, n in Counter(archive.namelist()).items() if n > 1]
        archive.extractall(tmp_path)
    assert (tmp_path / "pairs.jsonl").read_text() == "".join(export.pairs_jsonl(campaign, True))
    files = sorted((tmp_path / "clips").iterdir())
    used = {
        clip.sha256 for clip in Clip.objects.all() if clip.sha256 in (tmp_path / "pairs.jsonl").read_text()
    }
    assert {file.stem for file in files} == used
    assert 2 <= len(used) < Clip.objects.count()  # the middle ones are in no pair
    for file in files:
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.stem
    assert {file.suffix for file in files} == {".mp4", ".mkv"}
    assert (tmp_path / f"first_frames/{FRAME}.png").read_bytes() == b"a first frame"
    assert not (tmp_path / "missing.jsonl").exists()

    pairs = pd.read_json(tmp_path / "pairs.jsonl", lines=True)
    metadata = pd.read_json(tmp_path / "metadata.jsonl", lines=True, dtype={"seed": "Int64"})
    named = {row[side]["file"] for row in pairs.to_dict("records") for side in ("best", "worst")}
    assert set(metadata["file_name"]) == named == {f"clips/{file.name}" for file in files}
    assert set(metadata["prompt_text_zh"]) == {"一只狐狸"}
    assert set(metadata["prompt_text_en"]) == {'A "fox", running\nfast'}

    loaded = load_dataset(tmp_path)
    assert loaded.keys() == {"train"}
    for row, video in zip(metadata.to_dict("records"), loaded["train"], strict=True):
        assert video["video"]["path"] == str(tmp_path / row["file_name"])
        assert (video["video_model"], video["prompt_text_en"]) == (row["video_model"], row["prompt_text_en"])
        assert video["seed"] == (None if pd.isna(row["seed"]) else row["seed"])


def load_dataset(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What `datasets` makes of the folder, without a network, in a process of its own."""
    program = """
import json, sys
from datasets import Video, load_dataset
loaded = load_dataset("videofolder", data_dir=sys.argv[1], cache_dir=sys.argv[2])
loaded = loaded.cast_column("video", Video(decode=False))
print(json.dumps({split: list(rows) for split, rows in loaded.items()}))
"""
    cache = folder.with_name("cache")
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), str(cache)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return told


def test_the_zip_is_sent_while_it_is_read(campaign: Campaign) -> None:
    """A page's lines come before the next is asked for; no piece is longer than a chunk and its heading."""
    pieces = export_folder.pairs_zip(campaign, include_broken=True, page=1)
    with CaptureQueriesContext(connection) as captured:
        first = next(pieces)
    assert len(captured) == 3  # whether it was imported, a page's items, their pairs
    assert b'"campaign"' in first
    sizes = [len(first), *map(len, pieces)]
    assert max(sizes) <= CHUNK + 200
    assert sum(sizes) > BIG


def test_what_storage_has_lost_is_told_and_ends_nothing(campaign: Campaign) -> None:
    [pair] = [json.loads(line) for line in "".join(export.pairs_jsonl(campaign)).splitlines()][:1]
    lost = Clip.objects.get(pk=pair["worst"]["clip"])
    default_storage.delete(lost.original.name or "")
    with zipfile.ZipFile(io.BytesIO(b"".join(export_folder.pairs_zip(campaign)))) as archive:
        assert json.loads(archive.read("missing.jsonl")) == {"file_name": pair["worst"]["file"]}
        kept = {json.loads(line)["file_name"] for line in archive.read("metadata.jsonl").splitlines()}
        names = set(archive.namelist())
    assert pair["worst"]["file"] not in kept | names
    assert kept == {name for name in names if name.startswith("clips/")}
    assert pair["best"]["file"] in kept
