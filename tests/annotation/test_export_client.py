"""The README's client, run as it stands there."""

import re
from pathlib import Path

import pandas as pd
import pytest
from pytest_django.live_server_helper import LiveServer

from tests.annotation import rows
from workbench.models import ApiToken, Role

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.django_db(transaction=True)
def test_the_readme_pulls_an_export(
    live_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engineer = rows.person("engineer", Role.ENGINEER)
    campaign = rows.campaign(engineer, items=1)
    judgement = rows.judge(campaign, rows.person("ann"))
    [program] = [
        block
        for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
        if "/export/pairs" in block
    ]
    address, token = "http://127.0.0.1:8000", "wb_…"
    assert address in program
    assert token in program
    program = program.replace(address, live_server.url)
    program = program.replace(token, ApiToken.mint(engineer, "client")[1])
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(program, names)
    pairs = names["pairs"]
    assert isinstance(pairs, pd.DataFrame)
    assert set(pairs["judgement"]) == {str(judgement.pk)}
    assert len(pairs) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.parquet"]
