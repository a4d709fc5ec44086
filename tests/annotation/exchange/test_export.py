"""Judgements as files, and pairs that can always be derived again."""

import json
import tracemalloc
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.exchange import export
from annotation.labelling import bestworst
from annotation.models import Campaign, PreferencePair
from tests.annotation import rows
from workbench.models import Role, User


@pytest.fixture
def campaign(db: None) -> Campaign:
    return rows.campaign(rows.person("manager", Role.MANAGER), items=3, overlap=2)


@pytest.fixture
def ann(db: None) -> User:
    return rows.person("ann-of-the-village")


def lines(text: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in "".join(text).splitlines()]


def test_pairs_name_clips_models_and_a_pseudonym(campaign: Campaign, ann: User) -> None:
    judgement = rows.judge(campaign, ann)
    told = lines(export.pairs_jsonl(campaign))
    assert len(told) == 4
    item_clips = [c.clip for c in judgement.item.item_clips.order_by("position").select_related("clip")]
    for line in told:
        assert line["annotator"] == ann.pseudonym
        assert line["best"]["clip"] == str(item_clips[0].pk)
        assert line["worst"]["sha256"] == item_clips[-1].sha256
        assert line["weight"] == 1.0
        assert line["prompt"]["text_zh"].startswith("提示")
    assert {line["reward"] for line in told} == {"foundational", "motion", "aesthetic"}
    assert ann.username not in json.dumps(told)


def test_broken_pairs_come_only_when_asked_for(campaign: Campaign, ann: User) -> None:
    rows.judge(campaign, ann, spoil=True)
    assert lines(export.pairs_jsonl(campaign)) == []
    everything = lines(export.pairs_jsonl(campaign, include_broken=True))
    assert len(everything) == 4
    assert all(line["broken_by"] for line in everything)


def test_items_carry_answers_verdicts_and_corrections(campaign: Campaign, ann: User) -> None:
    first = rows.judge(campaign, ann, spoil=True)
    answers = rows.picks(first.assignment, best=1)
    second = rows.submit(first.assignment, answers=answers, supersedes=first.pk, seconds=12.5)
    told = lines(export.items_jsonl(campaign))
    assert [line["position"] for line in told] == [0, 1, 2]
    [old, new] = told[0]["judgements"]
    assert (old["superseded_by"], old["pairs"]) == (str(second.pk), [])
    assert new["seconds"] == 12.5
    shown = {clip["clip"] for clip in told[0]["clips"]}
    assert set(new["order_shown"]) == shown
    assert new["answers"]["motion_quality"]["best"] == [told[0]["clips"][1]["clip"]]
    assert {pair["verdict"] for pair in new["pairs"]} == {"kept"}
    assert set(new["pairs"][0]["checks"]) == set(new["answers"]) - {new["pairs"][0]["dimension"]}


def test_deriving_again_gives_the_same_pairs(campaign: Campaign, ann: User) -> None:
    for spoil in (False, True, False):
        rows.judge(campaign, ann, spoil=spoil)
    fields = ("judgement", "dimension", "best", "worst", "weight", "broken_by", "unchecked")
    before = list(PreferencePair.objects.order_by(*fields[:4]).values_list(*fields))
    PreferencePair.objects.filter(
        pk__in=list(PreferencePair.objects.values_list("pk", flat=True)[:5])
    ).delete()
    call_command("derive_pairs")
    assert list(PreferencePair.objects.order_by(*fields[:4]).values_list(*fields)) == before
    assert len(before) == 12


def test_stored_answers_are_the_canonical_form(campaign: Campaign, ann: User) -> None:
    judgement = rows.judge(campaign, ann)
    assert judgement.answers == bestworst.to_json(bestworst.from_json(judgement.answers))


def test_an_export_is_streamed_in_pages(db: None, ann: User) -> None:
    """Statements and memory go with the page, not with the campaign."""
    campaign = rows.campaign(rows.person("manager", Role.MANAGER), items=120)
    for _n in range(120):
        rows.judge(campaign, ann)

    def read(page: int) -> tuple[int, int, int]:
        with CaptureQueriesContext(connection) as captured:
            tracemalloc.start()
            n_lines = sum(text.count("\n") for text in export.pairs_jsonl(campaign, page=page))
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return n_lines, len(captured), peak

    whole_lines, _whole_statements, whole_peak = read(page=120)
    paged_lines, paged_statements, paged_peak = read(page=10)
    assert whole_lines == paged_lines == 480
    assert paged_statements == 12 * 2 + 2
    assert paged_peak < whole_peak / 3
