"""The API of runs: who may what, filters and pages, refusals in words, downloads."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from workbench.models import ApiToken, AuditEntry, Run, User
from workbench.runs import supervise
from workbench.runs.claim import claim

Launched = Callable[..., Run]
Caller = Callable[..., Any]


@pytest.fixture
def people(engineer: User) -> dict[str, User]:
    made = {
        role: User.objects.create_user(role, f"{role}@example.org", "correct horse battery", role=role)
        for role in ("annotator", "expert", "manager")
    }
    colleague = User.objects.create_user("cole", "cole@example.org", "correct horse battery", role="engineer")
    return made | {"owner": engineer, "colleague": colleague}


@pytest.fixture
def call(people: dict[str, User]) -> Caller:
    """Calls the API with a token of somebody; None: without one."""

    def ask(who: str | None, method: str, path: str, body: object = None, **headers: str) -> Any:
        if who is not None:
            headers["Authorization"] = f"Bearer {ApiToken.mint(people[who], 'test')[1]}"
        data = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        return getattr(Client(), method)(f"/api/runs{path}", headers=headers, **data)

    return ask


# (method, path, body, status for: anonymous, annotator, expert, colleague, owner, manager)
TABLE = [
    ("get", "", None, (401, 403, 403, 200, 200, 200)),
    ("get", "/kinds", None, (401, 403, 403, 200, 200, 200)),
    ("post", "", {"kind": "script"}, (401, 403, 403, 201, 201, 201)),
    ("get", "/{run}", None, (401, 403, 403, 200, 200, 200)),
    ("get", "/{run}/metrics", None, (401, 403, 403, 200, 200, 200)),
    ("get", "/{run}/events", None, (401, 403, 403, 200, 200, 200)),
    ("get", "/{run}/artifacts", None, (401, 403, 403, 200, 200, 200)),
    ("get", "/{run}/artifacts/{artifact}", None, (401, 403, 403, 200, 200, 200)),
    ("post", "/{run}/clone", None, (401, 403, 403, 201, 201, 201)),
    ("post", "/{run}/cancel", None, (401, 403, 403, 403, 409, 409)),
    ("post", "/{run}/resume", None, (401, 403, 403, 403, 409, 409)),
]


@pytest.mark.parametrize(("method", "path", "body", "expected"), TABLE, ids=lambda value: str(value)[:40])
def test_who_may_what(
    launched: Launched, call: Caller, method: str, path: str, body: object, expected: tuple[int, ...]
) -> None:
    run = launched(steps=5)
    supervise.execute(run.pk)
    filled = path.format(run=run.pk, artifact=run.artifacts.earliest("id").pk)
    callers = (None, "annotator", "expert", "colleague", "owner", "manager")
    assert tuple(call(who, method, filled, body).status_code for who in callers) == expected


def test_launch_and_watch(call: Caller) -> None:
    answer = call("owner", "post", "", {"kind": "script", "name": " first ", "config": {"steps": 6}})
    assert answer.status_code == 201
    run = answer.json()
    assert (run["state"], run["name"], run["created_by"]) == ("queued", "first", "erin")
    assert run["config"]["checkpoint_every"] == 5  # defaults are filled in
    supervise.execute(uuid.UUID(run["id"]))
    run = call("owner", "get", f"/{run['id']}").json()
    assert (run["state"], run["step"], run["total_steps"]) == ("succeeded", 6, 6)
    metrics = call("owner", "get", f"/{run['id']}/metrics?limit=4").json()
    assert [row["step"] for row in metrics] == [1, 2, 3, 4]
    rest = call("owner", "get", f"/{run['id']}/metrics?after={metrics[-1]['id']}").json()
    assert [row["step"] for row in rest] == [5, 6]
    events = call("owner", "get", f"/{run['id']}/events").json()
    assert [row["kind"] for row in events if row["kind"] != "state"] == ["sample", "checkpoint"] * 2
    artifacts = call("owner", "get", f"/{run['id']}/artifacts").json()
    weights = next(row for row in artifacts if row["final"] and row["name"].endswith("model.safetensors"))
    answer = call("owner", "get", f"/{run['id']}/artifacts/{weights['id']}")
    assert len(b"".join(answer.streaming_content)) == weights["size"]
    assert AuditEntry.objects.get(action="run.launch").subject_id == run["id"]


@pytest.mark.parametrize(
    ("body", "where", "said"),
    [
        ({"kind": "script", "config": {"steps": 0}}, "body.config.steps", "greater than or equal to 1"),
        ({"kind": "script", "config": {"stepz": 1}}, "body.config.stepz", "not permitted"),
        ({"kind": "script", "config": {"raw": "a\x00b"}}, "body.config", "NUL"),
        ({"kind": "script", "config": {"raw": "\ud800"}}, "body.config", "surrogate"),
        ({"kind": "nothing"}, "body.kind", "known are aesthetic, "),
        ({"kind": "script", "config": []}, "body.config", "dictionary"),
        ({"kind": "aesthetic"}, "body.config", "0 clips given"),
        ({"kind": "aesthetic", "config": {"prompt_set": "none"}}, "body.config.prompt_set", "no prompt set"),
        (
            {"kind": "aesthetic", "config": {"clips": [str(uuid.UUID(int=1))]}},
            "body.config.clips.0",
            "no clip",
        ),
    ],
)
def test_a_launch_that_is_refused(call: Caller, body: dict[str, object], where: str, said: str) -> None:
    answer = call("owner", "post", "", body)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["where"] == where
    assert said in answer.json()["detail"]
    assert not Run.objects.exists()


def test_an_idempotency_key_launches_once(call: Caller) -> None:
    body = {"kind": "script", "config": {"steps": 6}}
    first, again = (call("owner", "post", "", body, **{"Idempotency-Key": "k-1"}) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    other = call("owner", "post", "", {"kind": "script"}, **{"Idempotency-Key": "k-1"})
    assert other.status_code == 409
    assert "use a new key" in other.json()["detail"]
    theirs = call("colleague", "post", "", body, **{"Idempotency-Key": "k-1"})
    assert theirs.json()["id"] != first.json()["id"]
    assert Run.objects.count() == 2


def test_filters_and_pages(launched: Launched, call: Caller, people: dict[str, User]) -> None:
    runs = [launched(steps=n + 1) for n in range(5)]
    Run.objects.filter(pk=runs[0].pk).update(name="Alpha", state="failed")
    Run.objects.filter(pk=runs[1].pk).update(created_by=people["colleague"])

    def found(query: str) -> list[str]:
        return [row["id"] for row in call("owner", "get", f"?{query}").json()["runs"]]

    newest_first = [str(run.pk) for run in reversed(runs)]
    assert found("") == newest_first
    assert found("state=failed") == found("text=alph") == [str(runs[0].pk)]
    assert found("person=cole") == [str(runs[1].pk)]
    assert found("kind=aesthetic") == []
    assert found(f"text={str(runs[2].pk)[:13]}") == [str(runs[2].pk)]
    seen, before = [], ""
    while True:
        page = call("owner", "get", f"?limit=2{before}").json()
        seen += [row["id"] for row in page["runs"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == newest_first
    assert call("owner", "get", "?state=odd").status_code == 422
    assert call("owner", "get", f"?before={uuid.uuid4()}").status_code == 422


def test_control(launched: Launched, call: Caller) -> None:
    run = launched()
    assert claim(run.pk, "a worker")
    answer = call("owner", "post", f"/{run.pk}/cancel").json()
    assert (answer["state"], answer["cancel_requested"]) == ("running", True)
    Run.objects.filter(pk=run.pk).update(state="cancelled", lease_token=None)
    answer = call("manager", "post", f"/{run.pk}/resume").json()
    assert (answer["state"], answer["cancel_requested"]) == ("queued", False)
    answer = call("manager", "post", f"/{run.pk}/cancel").json()
    assert answer["state"] == "cancelled"
    copy = call("colleague", "post", f"/{run.pk}/clone").json()
    assert (copy["parent"], copy["config"], copy["created_by"]) == (str(run.pk), run.config, "cole")
    assert call("owner", "get", f"/{run.pk}").json()["children"] == [copy["id"]]


def test_what_is_not_there(launched: Launched, call: Caller) -> None:
    run = launched(steps=5)
    supervise.execute(run.pk)
    artifact = run.artifacts.earliest("id")
    assert call("owner", "get", f"/{uuid.uuid4()}").status_code == 404
    assert call("owner", "get", f"/{uuid.uuid4()}/artifacts/{artifact.pk}").status_code == 404
    default_storage.delete(artifact.storage_name)
    answer = call("owner", "get", f"/{run.pk}/artifacts/{artifact.pk}")
    assert answer.status_code == 409
    assert "no longer kept" in answer.json()["detail"]


def test_kinds_tell_their_schema(call: Caller) -> None:
    kinds = {kind["key"]: kind for kind in call("owner", "get", "/kinds").json()}
    assert kinds["aesthetic"]["queue"] == "gpu"
    assert kinds["aesthetic"]["config_schema"]["properties"]["steps"]["default"] == 400
