"""Versions of pair sets: made once, fetched as they were, named by a hash of just their pairs."""

import io
import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from annotation.exchange import export
from annotation.labelling import judging
from annotation.labelling.judging import Submission
from annotation.models import Campaign, Judgement, PairVersion, PreferencePair
from annotation.results import pairversions
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid, Missing

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def campaign(manager: User) -> Campaign:
    """Three items, each judged by two people; one judgement's pairs are broken, one is all ties."""
    made = rows.campaign(manager, items=3, overlap=2)
    ann, bob = rows.person("ann"), rows.person("bob")
    for n in range(3):
        rows.judge(made, ann, spoil=n == 1)
        assignment = rows.taken(made, bob)
        answers = rows.picks(assignment)
        if n == 2:
            answers["picks"] = {key: {"tie": True} for key in answers["picks"]}
        rows.submit(assignment, answers=answers)
    return made


def told(version: PairVersion) -> list[dict[str, Any]]:
    return [row for page in pairversions.rows(version) for row in page]


def identities(campaign: Campaign, **wanted: Any) -> Iterator[pairversions.Identity]:
    for pair in PreferencePair.objects.filter(dimension__campaign=campaign, **wanted).select_related(
        "dimension"
    ):
        clips = (str(pair.best_id), str(pair.worst_id))
        yield str(pair.judgement_id), pair.dimension.key, *clips, pair.weight


def correct(judgement: Judgement) -> None:
    answers = rows.picks(judgement.assignment, best=1)
    submission = Submission(answers=answers, idempotency_key=uuid.uuid4(), supersedes=judgement.pk)
    judging.submit(judgement.assignment_id, judgement.annotator, submission)


def test_a_version_holds_what_an_export_holds_and_keeps_it(campaign: Campaign, manager: User) -> None:
    version = pairversions.keep(campaign, manager, " spring ", [], False)
    now = [row for page in export.pairs(campaign) for row in page]
    by_identity = ("judgement", "dimension")
    assert sorted(told(version), key=lambda r: [r[k] for k in by_identity]) == sorted(
        now, key=lambda r: [r[k] for k in by_identity]
    )
    # The database's pairs, in any order, give the hash that was computed on the way.
    there = list(identities(campaign, broken_by=[]))
    random.Random(1).shuffle(there)
    assert version.sha256 == pairversions.digest_of(there)
    assert (version.name, version.count, version.judgements) == ("spring", len(now), 6)

    before = told(version)
    correct(campaign.items.first().judgements.get(annotator__username="ann"))  # type: ignore[union-attr]
    assert told(version) == before
    later = pairversions.keep(campaign, manager, "summer", [], False)
    assert later.sha256 != version.sha256
    again = pairversions.ask("as it was", [campaign.pk], manager, until=version.until)
    assert pairversions.make(again).sha256 == version.sha256  # the judgements of that moment decide
    assert pairversions.make(version).file.name == version.file.name


def test_filters_narrow_a_version(campaign: Campaign, manager: User) -> None:
    version = pairversions.keep(campaign, manager, "motion", ["motion_quality"], True)
    rows_ = told(version)
    assert {row["dimension"] for row in rows_} == {"motion_quality"}
    assert sum(bool(row["broken_by"]) for row in rows_) == 1
    wanted = identities(campaign, dimension__key="motion_quality")
    assert version.sha256 == pairversions.digest_of(wanted)
    with pytest.raises(Invalid, match="taste"):
        pairversions.keep(campaign, manager, "taste", ["taste"], False)


def test_the_judgements_are_named_those_without_pairs_too(campaign: Campaign, manager: User) -> None:
    version = pairversions.keep(campaign, manager, "v", [], False)
    correct(campaign.items.first().judgements.get(annotator__username="ann"))  # type: ignore[union-attr]
    ids = list(pairversions.judgement_ids(version))
    made = Judgement.objects.filter(supersedes=None).order_by("created_at", "pk")
    assert ids == list(made.values_list("pk", flat=True))


def test_a_version_asked_for_is_made_by_the_task(
    campaign: Campaign, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairversions, "MADE_AT_ONCE", 0)
    version = pairversions.keep(campaign, manager, "large", [], False)
    assert version.made_at is None
    with pytest.raises(Conflict, match="still being made"):
        told(version)
    correct(campaign.items.first().judgements.get(annotator__username="ann"))  # type: ignore[union-attr]
    assert pairversions.make_asked_for() == 1
    assert pairversions.make_asked_for() == 0
    version.refresh_from_db()
    made = set(pairversions.judgement_ids(version))
    assert made == set(
        Judgement.objects.filter(supersedes=None).values_list("pk", flat=True)
    )  # of when it was asked


def test_a_run_asked_twice_for_the_same_pairs_has_one_version(campaign: Campaign) -> None:
    until = timezone.now()
    asked = ([campaign.pk], until, ["motion_quality"])
    version_id = pairversions.pinned_id(*asked)
    first = pairversions.pinned(version_id, "run", *asked)
    assert pairversions.pinned(pairversions.pinned_id(*asked), "other run", *asked) == first
    assert PairVersion.objects.count() == 1
    assert pairversions.pinned_id([campaign.pk], until, []) != version_id


def test_a_lost_file_is_said_to_be_lost(campaign: Campaign, manager: User) -> None:
    version = pairversions.keep(campaign, manager, "v", [], False)
    default_storage.delete(str(version.file.name))
    with pytest.raises(Missing, match="lost the file"):
        told(version)


def test_page_and_api_keep_and_export_exactly_these(
    campaign: Campaign, manager: User, client: Client
) -> None:
    client.force_login(manager, backend=BACKEND)
    answer = client.post(f"/campaigns/{campaign.pk}/versions/", {"name": "by page"})
    version = PairVersion.objects.get()
    assert answer["Location"] == f"/pairs/{version.pk}/"
    assert version.sha256 in client.get(answer["Location"]).text
    assert "by page" in client.get(f"/campaigns/{campaign.pk}/versions/").text
    made = client.post(
        f"/api/campaigns/{campaign.pk}/pair-versions",
        {"name": "by API", "dimensions": ["motion_quality"]},
        "application/json",
    )
    assert made.status_code == 201
    names = [one["name"] for one in client.get(f"/api/campaigns/{campaign.pk}/pair-versions").json()]
    assert names == ["by API", "by page"]
    correct(campaign.items.first().judgements.get(annotator__username="ann"))  # type: ignore[union-attr]

    def fetched(kind: str) -> bytes:
        got = client.get(f"/api/pair-versions/{version.pk}/export", {"format": kind})
        return got.getvalue()

    lines = [json.loads(line) for line in fetched("jsonl").splitlines()]
    assert lines == told(version)
    table = pd.read_parquet(io.BytesIO(fetched("parquet")))
    there = table[["judgement", "dimension", "best_clip", "worst_clip", "weight"]].itertuples(
        index=False, name=None
    )
    assert pairversions.digest_of(there) == client.get(f"/api/pair-versions/{version.pk}").json()["sha256"]
    assert len(pd.read_csv(io.BytesIO(fetched("csv")))) == version.count
