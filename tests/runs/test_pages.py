"""The pages of runs: what they show, to whom, and how a refused launch keeps what was typed."""

import json
from collections.abc import Callable

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from workbench.models import Artifact, Run, User
from workbench.runs import supervise

Launched = Callable[..., Run]


@pytest.fixture
def page(engineer: User, client: Client) -> Client:
    client.force_login(engineer)
    return client


def test_an_empty_list_says_what_to_do(page: Client) -> None:
    text = page.get("/runs/").content.decode()
    assert "Launch the first one" in text


def test_the_list_filters_and_keeps_the_filters(page: Client, launched: Launched) -> None:
    run = launched()
    Run.objects.filter(pk=run.pk).update(name="Findable")
    assert "Findable" in page.get("/runs/?state=queued&kind=script&person=erin&text=find").content.decode()
    text = page.get("/runs/?state=failed").content.decode()
    assert "Findable" not in text
    assert '<option value="failed" selected>' in text


def test_the_home_page_shows_the_latest_runs(page: Client, launched: Launched) -> None:
    assert "Launch the first one" in page.get("/").content.decode()
    run = launched()
    text = page.get("/").content.decode()
    assert f"/runs/{run.pk}/" in text
    assert "Launch the first one" not in text


def test_launch_from_the_form(page: Client) -> None:
    text = page.get("/runs/new/?kind=script").content.decode()
    assert "&quot;checkpoint_every&quot;: 5" in text
    answer = page.post("/runs/new/?kind=script", {"name": "mine", "config": '{"steps": 3}'})
    run = Run.objects.get()
    assert answer.headers["Location"] == f"/runs/{run.pk}/"
    assert (run.name, run.config["steps"]) == ("mine", 3)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("{steps: 3}", "This is not JSON"),
        ("[1]", "A config is a JSON object"),
        ('{"steps": 0}', "steps: Input should be greater than or equal to 1"),
        ('{"stepz": 1}', "stepz: Extra inputs are not permitted"),
    ],
)
def test_a_refused_launch_keeps_what_was_typed(page: Client, typed: str, said: str) -> None:
    answer = page.post("/runs/new/?kind=script", {"name": "mine", "config": typed})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert said in text
    assert typed.replace('"', "&quot;") in text
    assert 'value="mine"' in text
    assert not Run.objects.exists()


def test_change_and_launch_begins_with_the_parents_config(page: Client, launched: Launched) -> None:
    parent = launched(steps=7)
    text = page.get(f"/runs/new/?parent={parent.pk}").content.decode()
    assert "&quot;steps&quot;: 7" in text
    page.post(f"/runs/new/?parent={parent.pk}", {"name": "", "config": json.dumps({"steps": 8})})
    child = Run.objects.exclude(pk=parent.pk).get()
    assert (child.parent, child.config["steps"]) == (parent, 8)
    assert str(child.pk)[:8] in page.get(f"/runs/{parent.pk}/").content.decode()


def test_a_run_page_shows_all_of_it(page: Client, launched: Launched) -> None:
    run = launched(steps=12, kill_at=8)
    supervise.execute(run.pk)
    supervise.execute(run.pk)
    text = page.get(f"/runs/{run.pk}/").content.decode()
    weights = run.artifacts.get(final=True, name__endswith="model.safetensors")
    for shown in (
        "Succeeded",
        "Step 12 of 12",
        "attempt 2",
        weights.sha256,
        "killed by SIGKILL",
        "Checkpoint of step 5",
    ):
        assert shown in text
    assert "Training from step 5" in text
    assert f"/api/runs/{run.pk}/artifacts/{weights.pk}" in text
    last = run.events.latest("id").pk
    assert f'data-id="{last}"' in text
    assert "data-id" not in page.get(f"/runs/{run.pk}/log/?after={last}").content.decode()
    assert "Succeeded" in page.get(f"/runs/{run.pk}/log/?after={last - 1}").content.decode()


def test_buttons_do_what_they_say(page: Client, launched: Launched, engineer: User) -> None:
    run = launched()
    assert "The run is cancelled." in page.post(f"/runs/{run.pk}/cancel/", follow=True).content.decode()
    assert "ended already" in page.post(f"/runs/{run.pk}/cancel/", follow=True).content.decode()
    assert "is queued" in page.post(f"/runs/{run.pk}/resume/", follow=True).content.decode()
    page.post(f"/runs/{run.pk}/clone/")
    assert Run.objects.filter(parent=run, created_by=engineer).count() == 1
    assert page.get(f"/runs/{run.pk}/cancel/").status_code == 405


def test_a_colleague_sees_no_button_and_may_not_press_it(launched: Launched, client: Client) -> None:
    run = launched()
    client.force_login(
        User.objects.create_user("cole", "c@example.org", "correct horse battery", role="engineer")
    )
    text = client.get(f"/runs/{run.pk}/").content.decode()
    assert f"/runs/{run.pk}/cancel/" not in text
    assert f"/runs/{run.pk}/clone/" in text
    assert client.post(f"/runs/{run.pk}/cancel/").status_code == 403
    assert client.post(f"/runs/{run.pk}/resume/").status_code == 403


@pytest.mark.parametrize("path", ["", "new/", "{run}/", "{run}/status/", "{run}/files/", "{run}/log/"])
def test_annotators_and_strangers_are_kept_out(launched: Launched, client: Client, path: str) -> None:
    address = f"/runs/{path.format(run=launched().pk)}"
    assert client.get(address).headers["Location"].startswith("/login/")
    client.force_login(User.objects.create_user("ann", "a@example.org", "correct horse battery"))
    assert client.get(address).status_code == 403


def test_samples_are_shown_as_what_they_are(page: Client, launched: Launched) -> None:
    run = launched()
    shown = {"clip.mp4": ("<video src", "video/mp4"), "grid.PNG": ("<img src", "image/png")}
    shown["values.txt"] = ("<a href", "application/octet-stream")
    for name, (element, content_type) in shown.items():
        row = Artifact.objects.create(
            run=run, attempt=1, kind="sample", name=name, sha256=name[0] * 64, size=1, step=1
        )
        default_storage.save(row.storage_name, ContentFile(b"a"))
        address = f"/api/runs/{run.pk}/artifacts/{row.pk}"
        assert f'{element}="{address}"' in page.get(f"/runs/{run.pk}/").content.decode()
        assert page.get(address).headers["Content-Type"] == content_type
