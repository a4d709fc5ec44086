"""A judgement is accepted once, checked before it is stored, and corrected by a later one."""

import uuid
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from annotation.labelling import judging
from annotation.models import ItemClip, Judgement
from tests.annotation import rows
from workbench.models import ApiToken, Role, User
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


def test_a_simulated_annotator_s_judgement_is_marked_by_the_endpoint(manager: User, client: Client) -> None:
    campaign = rows.campaign(manager, items=2)
    program = rows.person("simulated-1")
    User.objects.filter(pk=program.pk).update(simulated=True)
    for user, marked in ((program, True), (rows.person("mei"), False)):
        sent: dict[str, Any] = {"content_type": "application/json", "headers": token(user)}
        item = client.post("/api/label/next", {"campaign": str(campaign.pk)}, **sent).json()["item"]
        picks = {"best": [item["clips"][0]["id"]], "worst": [item["clips"][1]["id"]]}
        answers = {"picks": {d["key"]: picks for d in item["dimensions"]}, "comparisons": []}
        body = {"answers": answers, "idempotency_key": str(uuid.uuid4())}
        answer = client.post(f"/api/label/{item['assignment']}/submit", body, **sent)
        assert Judgement.objects.get(pk=answer.json()["judgement"]).simulated is marked
    page = client.get(f"/api/campaigns/{campaign.pk}", headers=token(manager))
    assert page.json()["simulated"] == 1


def test_a_token_fetches_the_clips_of_its_own_items_only(manager: User, client: Client) -> None:
    campaign = rows.campaign(manager)
    ann, bo = rows.person("ann"), rows.person("bo")
    src = f"/label/media/{rows.taken(campaign, ann).clip_order[0]}/"
    rendition = ItemClip.objects.get(pk=src.split("/")[3]).clip.renditions.get()
    rendition.file.save("clip.mp4", ContentFile(b"an mp4"))
    assert client.get(src, headers=token(ann)).getvalue() == b"an mp4"
    assert client.get(src, headers=token(bo)).status_code == 404
    assert client.get(src, headers={"Authorization": "Bearer wb_wrong"}).status_code == 401
    assert client.get(src).status_code == 302
    assert client.get("/label/", headers=token(ann)).status_code == 302  # pages want a login


def token(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {ApiToken.mint(user, 'a script')[1]}"}
