"""The API of evaluations: what the form's preview says, making one, and the report's rows."""

import csv
import io
from typing import Any

import pytest
from django.test import Client

from annotation.models import Clip, PromptSet, VideoModel
from arena.evaluations import lifecycle, reports
from arena.models import Evaluation
from tests.annotation import rows
from tests.arena.evaluations_made import evaluation, expert, prompt_set, score_all
from workbench.models import Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def engineer() -> User:
    return rows.person("eng", Role.ENGINEER)


@pytest.fixture
def api(client: Client, engineer: User) -> Client:
    client.force_login(engineer, backend="django.contrib.auth.backends.ModelBackend")
    return client


def wanted(given: PromptSet, **changes: Any) -> dict[str, Any]:
    models = list(VideoModel.objects.order_by("slug").values_list("pk", flat=True))
    return {"prompt_set": given.pk, "video_models": models, **changes}


def post(api: Client, path: str, body: dict[str, Any]) -> Any:
    return api.post(f"/api/evaluations{path}", body, content_type="application/json")


def test_a_preview_says_how_much_it_is_and_what_that_can_tell(api: Client) -> None:
    given = prompt_set(30, 2)
    Clip.objects.filter(pk__in=Clip.objects.filter(video_model__slug="secret-model-1")[:4]).update(
        video_model=None
    )
    told = post(api, "/preview", wanted(given, gsb=True)).json()
    assert (told["prompts"], told["clips"], told["items"], told["judgements"]) == (30, 60, 90, 180)
    assert [model["missing"] for model in told["models"]] == [0, 4]
    assert 0.1 < told["likert_difference"] < 1.5
    assert 0.05 < told["gsb_difference"] < 0.7
    more = post(api, "/preview", wanted(given, gsb=True, overlap=8)).json()
    assert more["likert_difference"] < told["likert_difference"]
    assert more["gsb_difference"] < told["gsb_difference"]
    assert told["needed_likert"] > more["needed_likert"] > 0
    beside = post(api, "/preview", wanted(given, gsb=True, seeds=[1, 2, 3], side_by_side=True)).json()
    assert (beside["clips"], beside["items"]) == (180, 30 * 2 + 30 * 3)
    assert beside["likert_difference"] < told["likert_difference"]
    tiny = post(api, "/preview", wanted(given, difference=0.0001)).json()
    assert tiny["needed_likert"] is None


def test_made_scored_and_read_over_the_api(api: Client, engineer: User) -> None:
    given = prompt_set(3, 2)
    made = post(api, "", {"name": "Spring", **wanted(given)})
    assert made.status_code == 201
    told = made.json()
    assert told["state"] == "scoring"
    assert api.get(f"/api/evaluations/{told['id']}/report").status_code == 404
    row = Evaluation.objects.get()
    assert row.likert_campaign is not None
    assert row.created_by == engineer
    for name in ("one", "two"):
        score_all(
            row.likert_campaign, expert(name), lambda clip, _person: 4 - int(str(clip.video_model_id)) % 2
        )
    lifecycle.advance(row.pk)
    reports.refresh_all()
    report = api.get(f"/api/evaluations/{told['id']}/report").json()
    assert report["judgements"] == 12
    assert "scores" in report["figures"]
    answer = api.get(f"/api/evaluations/{told['id']}/figures/scores.csv")
    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert {line["model"] for line in lines} == {"secret-model-0", "secret-model-1"}
    assert api.get(f"/api/evaluations/{told['id']}/figures/nothing.csv").status_code == 404
    assert api.get("/api/evaluations").json()[0]["report_judgements"] == 12


def test_ending_it_needs_the_version_that_was_seen(api: Client, engineer: User) -> None:
    row = evaluation(engineer)
    stale = post(api, f"/{row.pk}/finish", {"version": row.version + 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    ended = post(api, f"/{row.pk}/finish", {"version": row.version})
    assert (ended.status_code, ended.json()["state"]) == (200, "done")


def test_what_can_not_be_is_told_where(api: Client) -> None:
    given = prompt_set(2, 2)
    answer = post(api, "", {"name": "x", **wanted(given, gsb=True)})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["where"] == "body.under_test"
    lost = post(api, "/preview", wanted(given) | {"video_models": [10**9]})
    assert lost.json()["code"] == "no_such_model"
