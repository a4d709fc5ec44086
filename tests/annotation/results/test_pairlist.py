"""Pairs to look at: filters, pages and agreement, told as the exports tell them."""

import json
import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.exchange import export
from annotation.labelling import judging
from annotation.labelling.judging import Submission
from annotation.models import Campaign, PreferencePair
from annotation.results.pairlist import PairFilter, Verdict, pairs_of
from tests.annotation import rows
from workbench.models import Role
from workbench.refusals import Invalid

KEYS = ("prompt_following", "structural_stability", "motion_quality", "aesthetic_quality")


@pytest.fixture
def campaign(db: None) -> Campaign:
    """Three people judge two items: two say the same, the third turns motion round: all theirs break."""
    made = rows.campaign(rows.person("manager", Role.MANAGER), items=2, overlap=3)
    for name, spoil in (("ann", False), ("bob", False), ("cy", True)):
        person = rows.person(name)
        for _n in range(2):
            rows.judge(made, person, spoil=spoil)
    return made


def test_filters_choose_by_dimension_and_verdict(campaign: Campaign) -> None:
    def found(**wanted: str) -> set[int]:
        shown, after = pairs_of(campaign, PairFilter(**wanted), limit=200)
        assert after is None
        return {one.pair.pk for one in shown}

    def told(**fields: Any) -> set[int]:
        return set(PreferencePair.objects.filter(**fields).values_list("pk", flat=True))

    everything = told()
    assert len(everything) == 2 * 3 * 4
    assert found() == everything
    assert found(verdict=Verdict.KEPT) == told(broken_by=[])
    assert len(found(verdict=Verdict.KEPT)) == 16
    assert found(verdict=Verdict.BROKEN) == everything - told(broken_by=[])
    assert found(dimension="motion_quality") == told(dimension__key="motion_quality")
    by_motion = found(broken_by="motion_quality")
    assert by_motion == told(broken_by__contains=["motion_quality"])
    assert len(by_motion) == 6  # the other three dimensions of the third's two judgements
    assert found(verdict=Verdict.KEPT, broken_by="motion_quality") == set()
    with pytest.raises(Invalid, match="no dimension “taste”"):
        found(dimension="taste")


def test_unchecked_pairs_are_found(db: None) -> None:
    campaign = rows.campaign(rows.person("manager", Role.MANAGER), items=1)
    assignment = rows.taken(campaign, rows.person("ann"))
    answers = rows.picks(assignment)
    answers["picks"]["motion_quality"] = {"cant_judge": True}
    rows.submit(assignment, answers=answers)
    shown, _after = pairs_of(campaign, PairFilter(verdict=Verdict.UNCHECKED))
    assert {one.pair.dimension.key for one in shown} == set(KEYS) - {"motion_quality"}
    assert {one.verdict for one in shown} == {Verdict.UNCHECKED}


def test_agreement_counts_what_others_say_of_the_same_clips(campaign: Campaign) -> None:
    shown, _after = pairs_of(campaign, PairFilter(dimension="motion_quality"), limit=200)
    said = {(one.pair.judgement.annotator.username, one.same, one.opposite) for one in shown}
    assert said == {("ann", 2, 1), ("bob", 2, 1), ("cy", 1, 2)}


def test_pages_join_without_gap_and_cost_the_same(campaign: Campaign) -> None:
    whole = [one.pair.pk for one in pairs_of(campaign, PairFilter(), limit=200)[0]]
    assert whole == sorted(whole, reverse=True)
    paged: list[int] = []
    after: int | None = 0
    statements = set()
    while after is not None:
        with CaptureQueriesContext(connection) as captured:
            page, after = pairs_of(campaign, PairFilter(), after, limit=6)
        statements.add(len(captured))
        paged += [one.pair.pk for one in page]
    assert paged == whole
    assert statements == {1 + len(KEYS) + 2}


def test_a_page_walks_an_index(campaign: Campaign) -> None:
    """However many pairs there are: no sort, and no look at pairs of other dimensions."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    for wanted, index in (
        (PairFilter(dimension="motion_quality"), "pair_of_dimension"),
        (PairFilter(dimension="motion_quality", verdict=Verdict.BROKEN), "pair_broken"),
        (PairFilter(dimension="motion_quality", verdict=Verdict.UNCHECKED), "pair_unchecked"),
        (PairFilter(dimension="motion_quality", verdict=Verdict.OVERRULED), "pair_overruled"),
    ):
        with CaptureQueriesContext(connection) as captured:
            pairs_of(campaign, wanted)
        [walk] = [q["sql"] for q in captured if "LIMIT" in q["sql"] and "preferencepair" in q["sql"]]
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {walk}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert index in plan, plan
        assert "Sort" not in plan


def test_the_api_tells_what_the_export_tells(campaign: Campaign, client: Client) -> None:
    client.force_login(rows.person("engineer", Role.ENGINEER), backend=BACKEND)
    path = f"/api/campaigns/{campaign.pk}/pairs"
    exported = {
        (row["judgement"], row["dimension"]): row
        for text in export.pairs_jsonl(campaign, include_broken=True)
        for row in map(json.loads, text.splitlines())
    }
    told = client.get(path, {"limit": 200}).json()["pairs"]
    assert len(told) == len(exported)
    for row in told:
        more = {name: row.pop(name) for name in ("verdict", "same", "opposite")}
        assert row == exported[row["judgement"], row["dimension"]]
        assert more["verdict"] == ("broken" if row["broken_by"] else "kept")
    first = client.get(f"{path}?limit=5&dimension=motion_quality").json()
    rest = client.get(f"{path}?limit=5&dimension=motion_quality&after={first['next_after']}").json()
    assert (len(first["pairs"]), len(rest["pairs"]), rest["next_after"]) == (5, 1, None)
    assert client.get(path, {"dimension": "taste"}).status_code == 422


def test_the_page_shows_names_and_no_person(campaign: Campaign, client: Client) -> None:
    client.force_login(rows.person("engineer", Role.ENGINEER), backend=BACKEND)
    path = f"/campaigns/{campaign.pk}/pairs/"
    text = client.get(path).text
    assert text.count('class="card pair"') == 12
    latest = PreferencePair.objects.order_by("-pk").select_related("judgement__annotator")[:12]
    assert {pair.judgement.annotator.pseudonym for pair in latest} <= set(re.findall(r"p-[0-9a-f]{12}", text))
    assert f"after={latest[11].pk}" in text
    for name in ("ann", "bob", "cy"):
        assert f">{name}<" not in text
    nothing = client.get(path, {"verdict": "kept", "broken_by": "motion_quality"}).text
    assert "No pair fits" in nothing


def test_a_corrected_judgement_has_no_pairs_any_more(campaign: Campaign) -> None:
    [judgement] = campaign.items.first().judgements.filter(annotator__username="cy")  # type: ignore[union-attr]
    answers = rows.picks(judgement.assignment)
    judging.submit(
        judgement.assignment_id,
        judgement.annotator,
        Submission(answers=answers, idempotency_key=uuid.uuid4(), supersedes=judgement.pk),
    )
    shown, _after = pairs_of(campaign, PairFilter(dimension="motion_quality"), limit=200)
    on_item = [one for one in shown if one.pair.judgement.item_id == judgement.item_id]
    assert {(one.same, one.opposite) for one in on_item} == {(3, 0)}
    assert judgement.pk not in {one.pair.judgement_id for one in shown}


BACKEND = "django.contrib.auth.backends.ModelBackend"
