"""The README's clients, run as they stand there."""

import re
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pytest_django.live_server_helper import LiveServer

from annotation.exchange import webhooks
from annotation.models import Campaign, Judgement, PairVersion, Webhook
from tests.annotation import rows
from workbench.models import ApiToken, Role, User

README = Path(__file__).resolve().parents[3] / "README.md"
ADDRESS, TOKEN = "http://127.0.0.1:8000", "wb_…"


def program(part: str) -> str:
    """The README's Python block that has this part."""
    [found] = [
        block for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if part in block
    ]
    return str(found)


def run(source: str, site: LiveServer, user: User) -> dict[str, Any]:
    """Run a program against this site as this user; its names."""
    assert ADDRESS in source
    assert TOKEN in source
    names: dict[str, Any] = {}
    exec(source.replace(ADDRESS, site.url).replace(TOKEN, ApiToken.mint(user, "client")[1]), names)
    return names


@pytest.fixture
def engineer(transactional_db: None) -> User:
    return rows.person("engineer", Role.ENGINEER)


def test_the_readme_pulls_an_export(
    live_server: LiveServer, engineer: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = rows.campaign(engineer, items=1)
    judgement = rows.judge(campaign, rows.person("ann"))
    monkeypatch.chdir(tmp_path)
    pairs = run(program("/export/pairs"), live_server, engineer)["pairs"]
    assert isinstance(pairs, pd.DataFrame)
    assert set(pairs["judgement"]) == {str(judgement.pk)}
    assert len(pairs) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.parquet"]


def test_the_readme_labels_and_keeps_a_version(live_server: LiveServer, engineer: User) -> None:
    campaign: Campaign = rows.campaign(engineer, items=2)
    rows.campaign(engineer, items=1, opened=False)
    names = run(program("/label/next"), live_server, engineer)
    judged = Judgement.objects.filter(item__campaign=campaign)
    assert judged.count() == Judgement.objects.count() == 2
    version = PairVersion.objects.get()
    assert (names["version"]["sha256"], len(names["lines"])) == (version.sha256, 8)
    for judgement in judged:  # as the program decided: the first shown is the best, the last the worst
        order = judgement.assignment.clip_order
        answer = judgement.answers["picks"]["motion_quality"]
        assert (answer["best"], answer["worst"]) == ([order[0]], [order[-1]])


def test_the_readme_knows_what_came_from_here(engineer: User) -> None:
    names: dict[str, Any] = {}
    exec(program("def genuine"), names)
    webhook = Webhook.objects.create(
        url="https://example.org", secret="whsec_x", events=["judgement.created"]
    )
    body, headers = webhooks.message(webhooks.ping(webhook), int(time.time()))
    assert names["genuine"]("whsec_x", headers, body)
    assert not names["genuine"]("whsec_y", headers, body)
    assert not names["genuine"]("whsec_x", headers, body + b" ")
    body, headers = webhooks.message(webhooks.ping(webhook), int(time.time()) - 3600)
    assert not names["genuine"]("whsec_x", headers, body)
