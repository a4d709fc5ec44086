"""A judgement is accepted once, checked before it is stored, and corrected by a later one."""

import uuid

import pytest

from annotation import judging
from annotation.models import Judgement
from tests.annotation import rows
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid


@pytest.fixture
def manager(db: None) -> User:
    return rows.person("manager", Role.MANAGER)


@pytest.fixture
def ann(db: None) -> User:
    return rows.person("ann")


def test_the_same_key_gives_the_first_answer(manager: User, ann: User) -> None:
    campaign = rows.campaign(manager)
    lease = rows.taken(campaign, ann)
    key = uuid.uuid4()
    first = rows.submit(lease, idempotency_key=key)
    assert rows.submit(lease, idempotency_key=key, answers={"picks": {}, "comparisons": []}) == first
    rows.slots_add_up(campaign)
    assert Judgement.objects.count() == 1
    with pytest.raises(Conflict) as conflict:
        rows.submit(rows.taken(campaign, ann), idempotency_key=key)
    assert conflict.value.code == "key_reused"


def test_another_key_is_a_conflict_and_a_correction_supersedes(manager: User, ann: User) -> None:
    campaign = rows.campaign(manager)
    lease = rows.taken(campaign, ann)
    first = rows.submit(lease)
    with pytest.raises(Conflict) as conflict:
        rows.submit(lease)
    assert conflict.value.code == "already_submitted"
    second = rows.submit(lease, answers=rows.picks(lease, best=1), supersedes=first.pk)
    assert second.supersedes == first
    assert (first.pairs.count(), second.pairs.count()) == (0, 4)
    with pytest.raises(Conflict) as conflict:
        rows.submit(lease, supersedes=first.pk)
    assert conflict.value.code == "superseded"
    rows.slots_add_up(campaign)
    assert judging.correctable(campaign.pk, ann) == second


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda a: a["picks"].update(sharpness={"tie": True}), "unknown_dimension"),
        (lambda a: a["picks"].pop("motion_quality"), "missing_answer"),
        (lambda a: a["picks"]["motion_quality"].update(best=[str(uuid.uuid4())]), "foreign_clip"),
        (lambda a: a["picks"]["motion_quality"].update(worst=[]), "empty_worst"),
        (
            lambda a: a["picks"].update(
                motion_quality=dict.fromkeys(("best", "worst"), a["picks"]["motion_quality"]["best"])
            ),
            "best_and_worst",
        ),
        (lambda a: a.pop("comparisons"), None),
        (lambda a: a["picks"].update(motion_quality={"tie": "yes"}), None),
    ],
)
def test_wrong_answers_store_nothing(manager: User, ann: User, spoil: object, code: str | None) -> None:
    campaign = rows.campaign(manager)
    lease = rows.taken(campaign, ann)
    answers = {"picks": {k: dict(v) for k, v in rows.picks(lease)["picks"].items()}, "comparisons": []}
    spoil(answers)  # type: ignore[operator]
    with pytest.raises(Invalid) as invalid:
        rows.submit(lease, answers=answers)
    if code is None:
        assert invalid.value.code == "malformed"
    else:
        assert code in {problem["code"] for problem in invalid.value.detail["problems"]}
    assert not Judgement.objects.exists()
    rows.slots_add_up(campaign)


def test_a_least_playing_time_is_enforced(manager: User, ann: User) -> None:
    lease = rows.taken(rows.campaign(manager, min_play_seconds=2.0), ann)
    with pytest.raises(Invalid) as invalid:
        rows.submit(lease, played=1.5)
    assert invalid.value.code == "not_played"
    rows.submit(lease, played=2.0)
