"""CSV and Parquet against the JSON lines, read back with pandas and with the readers people have."""

import csv
import io
import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pyarrow import parquet

from annotation.exchange import export, export_tables
from annotation.models import Campaign, Clip, Prompt
from tests.annotation import rows
from workbench.models import AuditEntry, Role, User

# What breaks tables: quotes, separators, line ends, another script, missing values that are texts, formulas.
TEXTS = [
    ('A "red" fox, running;\nthen it stops\r\nand sits', "一只狐狸，“跑”\n然后坐下；"),
    ('=HYPERLINK("http://example.org","open")', "＝１＋１"),
    ("'quoted' already", "NA"),
    ("-1 is cold", ""),
    ("@home\tnull", "\t制表符"),
    ("plain", "猫 🐈 null"),
]


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def campaign(manager: User) -> Campaign:
    """Judged by two, one contradicting himself; clips without a model, without a seed, with a big one."""
    made = rows.campaign(manager, items=len(TEXTS), overlap=2)
    for item, (text_en, text_zh) in zip(made.items.order_by("position"), TEXTS, strict=True):
        Prompt.objects.filter(pk=item.prompt_id).update(text_en=text_en, text_zh=text_zh)
    clips = list(Clip.objects.order_by("item_clips__position", "pk"))  # the best of each item come first
    Clip.objects.filter(pk__in=[clip.pk for clip in clips[::3]]).update(seed=None)
    Clip.objects.filter(pk__in=[clip.pk for clip in clips[1::3]]).update(seed=2**62 + 1, video_model=None)
    one, other = rows.person("one"), rows.person("other")
    for _ in TEXTS:
        rows.judge(made, one)
        rows.judge(made, other, spoil=True)
    return made


def told(campaign: Campaign, include_broken: bool) -> list[dict[str, Any]]:
    """The JSON lines with nested names joined, by other means than the code under test."""
    read = []
    for line in "".join(export.pairs_jsonl(campaign, include_broken)).splitlines():
        row: dict[str, Any] = {}
        for name, value in json.loads(line).items():
            nested = value if isinstance(value, dict) else {None: value}
            row.update((f"{name}_{key}" if key else name, inner) for key, inner in nested.items())
        read.append(row)
    return read


def test_tables_are_the_json_lines_row_for_row(campaign: Campaign) -> None:
    for include_broken, judged in ((False, 1), (True, 2)):
        expected = told(campaign, include_broken)
        assert len(expected) == 4 * len(TEXTS) * judged
        assert {row["prompt_text_en"] for row in expected} == {en for en, _ in TEXTS}
        assert {row["best_seed"] for row in expected} > {None, 2**62 + 1}
        assert list(expected[0]) == list(export_tables.COLUMNS)
        text = "".join(export_tables.pairs_csv(campaign, include_broken, page=2))
        csv_is_equal(text, expected)
        no_cell_begins_a_formula(text)
        pages = export_tables.pairs_parquet(campaign, include_broken, page=2, row_group=10)
        parquet_is_equal(b"".join(pages), expected)


def csv_is_equal(text: str, expected: list[dict[str, Any]]) -> None:
    frame = pd.read_csv(
        io.BytesIO(text.encode()),
        keep_default_na=False,
        na_values={"best_seed": "", "worst_seed": ""},
        dtype={"best_seed": "Int64", "worst_seed": "Int64"},
    )
    assert list(frame.columns) == list(expected[0])
    assert frame["simulated"].dtype == bool
    for read, row in zip(frame.astype(object).to_dict("records"), expected, strict=True):
        for name, value in row.items():
            if isinstance(value, list):
                assert read[name] == ";".join(value)
            elif value is None:
                assert read[name] == "" or pd.isna(read[name])
            elif isinstance(value, str):
                assert read[name].removeprefix("'") == value
            else:
                assert read[name] == value, name


def parquet_is_equal(data: bytes, expected: list[dict[str, Any]]) -> None:
    file = parquet.ParquetFile(io.BytesIO(data))
    assert file.num_row_groups > 1
    assert file.schema_arrow.names == list(expected[0])
    assert file.schema_arrow.field("best_seed").type == pa.int64()
    read = [{**row, "judged_at": row["judged_at"].isoformat()} for row in file.read().to_pylist()]
    assert read == expected
    frame = pd.read_parquet(io.BytesIO(data))
    assert list(frame["prompt_text_zh"]) == [row["prompt_text_zh"] for row in expected]
    assert [list(keys) for keys in frame["broken_by"]] == [row["broken_by"] for row in expected]
    assert str(frame["judged_at"].dtype) == "datetime64[us, UTC]"


def no_cell_begins_a_formula(text: str) -> None:
    cells = {cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row if cell}
    assert {"'" + TEXTS[1][0], "'＝１＋１", "''quoted' already", "'-1 is cold"} <= cells
    assert not [cell for cell in cells if cell[0] in "=+-@\t\r\n＝＋－＠"]


def test_a_campaign_without_pairs_has_its_columns(manager: User) -> None:
    campaign = rows.campaign(manager, items=1)
    columns = list(export_tables.COLUMNS)
    assert list(pd.read_csv(io.StringIO("".join(export_tables.pairs_csv(campaign))))) == columns
    frame = pd.read_parquet(io.BytesIO(b"".join(export_tables.pairs_parquet(campaign))))
    assert (list(frame), len(frame)) == (columns, 0)


def test_tables_are_sent_while_they_are_read(campaign: Campaign) -> None:
    """Each piece costs one page's statements, and comes before the next page is asked for."""
    for pages, first in [
        (export_tables.pairs_csv(campaign, page=2), 1),
        (export_tables.pairs_parquet(campaign, page=2, row_group=1), 0),
    ]:
        pieces, statements = [], []
        while True:
            with CaptureQueriesContext(connection) as captured:
                piece = next(pages, None)
            if piece is None:
                break
            pieces.append(len(piece))
            statements.append(len(captured))
        # The first also asks whether the campaign was imported.
        assert statements == [0] * first + [3, 2, 2] + [1] * (1 - first)
        assert all(pieces)
        assert len(captured) == first  # asking for a fourth page ends the file


def test_each_format_is_a_download_and_noted(campaign: Campaign, manager: User) -> None:
    client = Client()
    client.force_login(manager)
    place = f"/api/campaigns/{campaign.pk}/export/pairs"
    for name, kind, begins in [
        ("jsonl", "application/x-ndjson; charset=utf-8", b"{"),
        ("csv", "text/csv; charset=utf-8", b"campaign,item,"),
        ("parquet", "application/vnd.apache.parquet", b"PAR1"),
        ("zip", "application/zip", b"PK\x03\x04"),
    ]:
        answer = client.get(place, {"format": name, "include_broken": "true"})
        assert (answer.status_code, answer["Content-Type"]) == (200, kind)
        assert answer["Content-Disposition"] == f'attachment; filename="{campaign.pk}-pairs.{name}"'
        assert answer.getvalue().startswith(begins)
        noted = AuditEntry.objects.latest("pk")
        assert (noted.action, noted.detail) == (
            "campaign.export.pairs",
            {"format": name, "include_broken": True},
        )
    assert client.get(place).getvalue() == "".join(export.pairs_jsonl(campaign)).encode()
    wrong = client.get(place, {"format": "xlsx"})
    assert (wrong.status_code, "format" in wrong.json()["detail"]) == (422, True)
    assert AuditEntry.objects.filter(action="campaign.export.pairs").count() == 5
