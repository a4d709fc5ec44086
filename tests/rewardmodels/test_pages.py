"""What pages show of reward models and scores, the API serves and files hold, by the same names."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from annotation.models import Clip
from rewardmodels.models import RewardModel, Score
from tests.annotation import rows
from tests.rewardmodels import labelled
from workbench.models import AuditEntry, Role, Run, RunState, User

TWO = ("prompt_following", "structural_stability")


@pytest.fixture
def engineer(db: None) -> User:
    return rows.person("erin", Role.ENGINEER)


@pytest.fixture
def browser(engineer: User) -> Client:
    client = Client()
    client.force_login(engineer)
    return client


@pytest.fixture
def clips(db: None) -> list[Clip]:
    return rows.clips(6)


@pytest.fixture
def model(engineer: User, clips: list[Clip]) -> RewardModel:
    made = labelled.reward_model(engineer, kind="foundational", dimensions=TWO, name="Words and shapes")
    labelled.scores(made, clips)
    return made


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    streamed = getattr(answer, "streaming_content", None)
    return (answer.content if streamed is None else b"".join(streamed)).decode()


def test_accuracy_stands_beside_chance_and_agreement(
    browser: Client, model: RewardModel, engineer: User
) -> None:
    shown = text(browser, "/reward-models/")
    for said in ("Words and shapes", "80.0 %", "70.0 % – 90.0 %", "85.0 %", "12 simulated", "chance 50.0 %"):
        assert said in shown
    assert "Words and shapes" not in text(browser, "/reward-models/?kind=motion")
    found = json.loads(text(browser, "/api/reward-models"))["reward_models"]
    (figures, _other) = found[0]["figures"]
    lines = list(csv.DictReader(io.StringIO(text(browser, "/api/reward-models/accuracies.csv"))))
    assert [line["dimension"] for line in lines] == list(TWO)
    assert {name: lines[0][name] for name in figures} == {name: str(value) for name, value in figures.items()}
    assert figures["accuracy"] == model.metrics["accuracy/prompt_following"] == 0.8
    assert json.loads(text(browser, f"/api/reward-models/{model.pk}")) == found[0]


def test_a_model_without_figures_or_scores_has_a_page(browser: Client, engineer: User) -> None:
    bare = labelled.reward_model(engineer)
    bare.metrics = {"accuracy/motion_quality": None, "chance": 0.5}
    bare.save()
    shown = text(browser, f"/reward-models/{bare.pk}/")
    assert "It has scored no clip yet" in shown
    assert "–" in shown
    assert "–" in text(browser, "/reward-models/")


def test_a_runs_page_leads_to_what_it_made(browser: Client, model: RewardModel) -> None:
    assert f'<a href="/reward-models/{model.pk}/">Words and shapes</a>' in text(
        browser, f"/runs/{model.run_id}/"
    )
    scoring = Run.objects.create(
        kind="score",
        config={"reward_models": [str(model.pk)]},
        state=RunState.SUCCEEDED,
        created_by=model.run.created_by,
    )
    assert f"/reward-models/{model.pk}/" in text(browser, f"/runs/{scoring.pk}/")
    Run.objects.update(state=RunState.RUNNING)
    assert f"/reward-models/{model.pk}/" not in text(browser, f"/runs/{scoring.pk}/status/")


def test_best_and_worst_clips(browser: Client, model: RewardModel, clips: list[Clip]) -> None:
    shown = text(browser, f"/reward-models/{model.pk}/?dimension=structural_stability")
    order = [shown.index(str(clip.pk)) for clip in reversed(clips[-8:])]
    assert order == sorted(order)
    assert shown.index(str(clips[0].pk)) < shown.index(str(clips[1].pk))
    assert order[-1] < shown.index(str(clips[0].pk))
    assert str(clips[10].pk) not in shown  # in the middle
    assert "24 clips are scored" in shown


def test_scores_on_a_clips_own_page(browser: Client, model: RewardModel, clips: list[Clip]) -> None:
    shown = text(browser, f"/clips/{clips[0].pk}/")
    assert "<h2>Scores</h2>" in shown
    assert "-2.00" in shown
    assert f"/reward-models/{model.pk}/" in shown
    Score.objects.filter(clip=clips[1]).delete()
    assert "<h2>Scores</h2>" not in text(browser, f"/clips/{clips[1].pk}/")


def test_every_score_once_page_by_page(browser: Client, model: RewardModel, engineer: User) -> None:
    labelled.scores(labelled.reward_model(engineer), list(Clip.objects.all()))
    paged: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = json.loads(text(browser, f"/api/scores?reward_model={model.pk}&after={after}&limit=7"))
        paged += page["scores"]
        after = page["next_after"]
    assert len(paged) == len({row["id"] for row in paged}) == 48
    lines = text(browser, f"/api/scores/export.jsonl?reward_model={model.pk}").splitlines()
    as_json = [json.loads(line) for line in lines]
    without_time = [{name: value for name, value in row.items() if name != "scored_at"} for row in paged]
    assert [{n: v for n, v in row.items() if n != "scored_at"} for row in as_json] == without_time
    table = csv.DictReader(io.StringIO(text(browser, f"/api/scores/export.csv?reward_model={model.pk}")))
    assert [float(row["value"]) for row in table] == [row["value"] for row in paged]
    of_one = json.loads(text(browser, f"/api/scores?clip={paged[0]['clip']}&dimension=motion_quality"))
    assert [row["dimension"] for row in of_one["scores"]] == ["motion_quality"]
    assert AuditEntry.objects.filter(action="scores.export").count() == 2


def test_pages_of_models_newest_first(browser: Client, engineer: User) -> None:
    made = [str(labelled.reward_model(engineer).pk) for _ in range(3)]
    first = json.loads(text(browser, "/api/reward-models?limit=2"))
    rest = json.loads(text(browser, f"/api/reward-models?limit=2&after={first['next_after']}"))
    assert [row["id"] for row in (*first["reward_models"], *rest["reward_models"])] == made[::-1]
    assert rest["next_after"] is None
    refused = browser.get("/api/reward-models?after=00000000-0000-0000-0000-000000000001")
    assert (refused.status_code, refused.json()["code"]) == (422, "no_such_reward_model")


def test_the_launch_form_begins_with_what_the_page_is_about(browser: Client, model: RewardModel) -> None:
    answer = browser.get("/reward-models/")
    assert json.loads(browser.get(answer.context["train"]).context["form"]["config"].value())["steps"] == 300
    page = browser.get(f"/reward-models/{model.pk}/")
    config = json.loads(browser.get(page.context["go_on"]).context["form"]["config"].value())
    assert (config["reward"], config["start"]) == ("foundational", str(model.pk))
    assert browser.get("/runs/new/?kind=score&config=[").status_code == 200
