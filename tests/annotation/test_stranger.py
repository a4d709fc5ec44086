"""A stranger's day, from files to numbers: real clips under three made-up model names, two of them degraded.

Import by manifest, make and open a campaign, label over HTTP as two people who look at the clips they are
shown, export, and load what comes out with pandas and `datasets`. The people judge by the detail in a frame,
which blur and compression take away: so the numbers are known.
"""

import csv
import io
import uuid
import zipfile
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pandas as pd
import pytest
from django.core.management import call_command
from numpy.typing import NDArray
from pytest_django.live_server_helper import LiveServer

from annotation.clips.degrade import Kind, degrade
from annotation.clips.degraded_clips import write_frames
from annotation.models import Clip
from tests.annotation import rows
from tests.annotation.exchange.test_export_folder import load_dataset
from workbench.models import ApiToken, Role, User

pytestmark = [pytest.mark.slow, pytest.mark.clips, pytest.mark.django_db(transaction=True)]

FILES = ("asl_book.mkv", "cars_topdown.mp4", "sintel_snow_2s.mp4", "flower_timelapse.mp4", "stream_water.mp4")
MODELS: dict[str, tuple[Kind, float] | None] = {
    "Aurora": None,
    "Borealis": ("compression", 0.9),
    "Cassiopeia": ("blur", 0.6),
}
FRAMES = 10


def test_from_files_to_numbers(live_server: LiveServer, real_clips: Path, tmp_path: Path) -> None:
    manager = rows.person("mia", Role.MANAGER)
    manifest = make_clips(real_clips, tmp_path / "videos")
    call_command("import_clips", str(manifest), wait=True, stdout=io.StringIO())
    assert Clip.objects.filter(state=Clip.State.READY).count() == len(FILES) * len(MODELS)

    with client(live_server, manager) as api:
        made = api.post(
            "/campaigns", json={"name": "Strangers", "overlap": 2, "selection": {"clips_per_item": 3}}
        )
        campaign = made.raise_for_status().json()
        assert campaign["items_total"] == len(FILES)
        opened = {"state": "open", "version": campaign["version"]}
        api.post(f"/campaigns/{campaign['id']}/state", json=opened).raise_for_status()
        for name in ("ann", "bob"):
            with client(live_server, rows.person(name)) as person:
                assert label(person, campaign["id"]) == len(FILES)
        after = api.get(f"/campaigns/{campaign['id']}").raise_for_status().json()
        assert (after["judged"], after["wanted"]) == (10, 10)

        exported = f"/campaigns/{campaign['id']}/export/pairs"
        table = io.BytesIO(api.get(exported, params={"format": "parquet"}).raise_for_status().content)
        folder = api.get(exported, params={"format": "zip"}).raise_for_status().content

    pairs = pd.read_parquet(table)
    # Two people, five items, three dimensions with picks and one that was called a tie.
    assert len(pairs) == 2 * 5 * 3
    assert set(pairs["dimension"]) == {"prompt_following", "structural_stability", "aesthetic_quality"}
    assert set(pairs["best_video_model"]) == {"aurora"}
    assert set(pairs["worst_video_model"]) == {"cassiopeia"}
    assert pairs.groupby(["annotator", "item"])["weight"].sum().unique().tolist() == [3.0]
    assert pairs["annotator"].nunique() == 2
    assert not pairs["simulated"].any()

    unpacked = tmp_path / "folder"
    with zipfile.ZipFile(io.BytesIO(folder)) as archive:
        archive.extractall(unpacked)
    loaded = load_dataset(unpacked)["train"]
    assert {(row["prompt_text_en"], row["video_model"]) for row in loaded} == {
        (f"Scene of {Path(name).stem}", model) for name in FILES for model in ("aurora", "cassiopeia")
    }
    for row in loaded:  # each plays
        assert detail(Path(row["video"]["path"]).read_bytes()) > 0


def make_clips(source: Path, folder: Path) -> Path:
    """The clips of all three models in small, and the manifest that names them."""
    folder.mkdir()
    lines = []
    for name in FILES:
        frames, times = first_frames(source / name)
        for model, worse in MODELS.items():
            path = folder / f"{Path(name).stem}-{model.lower()}.mp4"
            write_frames(path, degrade(frames, *worse, seed=1).video if worse else frames, times)
            lines.append(
                {"path": path.name, "prompt": f"Scene of {Path(name).stem}", "model": model, "seed": 7}
            )
    manifest = folder / "clips.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return manifest


def first_frames(path: Path) -> tuple[NDArray[np.uint8], list[float]]:
    """uint8 (T, H, W, 3) of 320 x 180, and the frames' times in seconds."""
    pixels: list[NDArray[np.uint8]] = []
    times: list[float] = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            small = frame.reformat(width=320, height=180, format="rgb24")
            pixels.append(small.to_ndarray().astype(np.uint8))
            times.append(float(frame.time or 0.0))
            if len(pixels) == FRAMES:
                break
    return np.stack(pixels), [time - times[0] for time in times]


def client(site: LiveServer, user: User) -> httpx.Client:
    token = ApiToken.mint(user, "test")[1]
    return httpx.Client(base_url=f"{site.url}/api", headers={"Authorization": f"Bearer {token}"}, timeout=60)


def label(api: httpx.Client, campaign: str) -> int:
    """Judge until nothing is left: most detail best, least worst, and the motion of all alike."""
    judged = 0
    while item := api.post("/label/next", json={"campaign": campaign}).raise_for_status().json()["item"]:
        seen = {clip["id"]: detail(fetch(api, clip["src"])) for clip in item["clips"]}
        ranked = sorted(seen, key=lambda key: seen[key])
        picks: dict[str, Any] = {
            dimension["key"]: {"best": [ranked[-1]], "worst": [ranked[0]]} for dimension in item["dimensions"]
        }
        picks["motion_quality"] = {"tie": True}
        answers = {"picks": picks, "comparisons": []}
        said = {"answers": answers, "idempotency_key": str(uuid.uuid4()), "seconds": 3.5}
        api.post(f"/label/{item['assignment']}/submit", json=said).raise_for_status()
        judged += 1
    return judged


def fetch(api: httpx.Client, address: str) -> bytes:
    return api.get(httpx.URL(str(api.base_url)).join(address)).raise_for_status().content


def detail(video: bytes) -> float:
    """How much neighbouring pixels of the first frame differ on average, 0–255."""
    with av.open(io.BytesIO(video), "r") as container:
        frame = next(container.decode(video=0)).to_ndarray(format="gray").astype(np.int16)
    return float(np.abs(np.diff(frame, axis=0)).mean() + np.abs(np.diff(frame, axis=1)).mean())
