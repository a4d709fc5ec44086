"""One attempt after another at runs of the script trainer: real processes, real rows, real files."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core import mail
from django.core.files.storage import default_storage
from pytest_django.fixtures import Settings

from tests.runs.waiting import until
from workbench.models import Artifact, Notice, Run, User
from workbench.runs import checkpoints, control, supervise

Launched = Callable[..., Run]
Supervisor = Callable[[Run], threading.Thread]


def attempt(run: Run) -> Run:
    supervise.execute(run.pk)
    run.refresh_from_db()
    return run


def weights(steps: int) -> str:
    """The hash of the weights that the script trainer has after so many steps."""
    state = b"start"
    for step in range(1, steps + 1):
        state = hashlib.sha256(state + bytes([step % 256])).digest()
    return hashlib.sha256(state).hexdigest()


def final_weights(run: Run) -> str:
    return run.artifacts.get(final=True, name__endswith="model.safetensors").sha256


def steps_of(run: Run) -> list[int]:
    return list(run.metrics.order_by("step").values_list("step", flat=True))


def test_a_run_from_launch_to_result(launched: Launched, scratch_folder: Path) -> None:
    run = attempt(launched(steps=12))
    assert (run.state, run.error, run.step, run.total_steps) == ("succeeded", "", 12, 12)
    assert run.result == {"loss": pytest.approx(1 / 12)}
    assert run.lease_token is None
    assert run.ended_at is not None
    assert steps_of(run) == list(range(1, 13))
    assert final_weights(run) == weights(12)
    assert list(run.events.filter(kind="state").values_list("text", flat=True).order_by("id")) == [
        "queued",
        "running",
        "training",
        "succeeded",
    ]
    assert not scratch_folder.exists() or not any(scratch_folder.iterdir())


def test_killed_trainer_goes_on_from_its_last_checkpoint(launched: Launched) -> None:
    run = attempt(launched(steps=12, kill_at=8))
    assert (run.state, run.fruitless_attempts) == ("queued", 0)
    assert steps_of(run) == list(range(1, 9))
    run = attempt(run)
    assert (run.state, run.attempt) == ("succeeded", 2)
    assert run.events.filter(text="training").last().data["step"] == 5  # type: ignore[union-attr]
    assert steps_of(run) == list(range(1, 13))
    assert final_weights(run) == weights(12)
    assert run.events.filter(text="queued").last().data["why"] == "The trainer was killed by SIGKILL."  # type: ignore[union-attr]


def test_given_up_after_fruitless_attempts(launched: Launched, settings: Settings) -> None:
    settings.RUN_MAX_ATTEMPTS = 3
    run = launched(steps=12, kill_at=3)  # before the first checkpoint
    for count in (1, 2):
        run = attempt(run)
        assert (run.state, run.fruitless_attempts) == ("queued", count)
    run = attempt(run)
    assert run.state == "failed"
    assert "3 attempts without a new checkpoint" in run.error
    assert "SIGKILL" in run.error


def test_an_exception_fails_the_run_and_tells_its_launcher(
    launched: Launched, engineer: User, settings: Settings
) -> None:
    run = attempt(launched(raise_at=3))
    assert (run.state, run.error) == ("failed", "ValueError: the loss is odd")
    assert "Traceback: line 1" in run.events.get(level="error", kind="log").text
    notice = Notice.objects.get(user=engineer)
    assert "ValueError: the loss is odd" in notice.text
    assert notice.url == f"/runs/{run.pk}/"
    (message,) = mail.outbox
    assert message.to == [engineer.email]
    assert f"{settings.SITE_URL}/runs/{run.pk}/" in message.body


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"refuse": "width is 3, expected 4 to 256"}, "width is 3, expected 4 to 256"),
        ({"exit_at": 2, "exit_code": 0}, "exited with code 0 and said nothing more"),
        ({"exit_at": 2, "exit_code": 1}, "last words on stderr"),
        ({"raw": "no json"}, "Line 2 of events.jsonl is no event"),
        ({"raw": '{"event":"metric","step":1,"values":{"train/loss":2}}'}, "a metric twice for one step"),
        ({"raw": '{"event":"sample","step":1,"path":"../../x","caption":""}'}, "../../x"),
        (
            {"raw": '{"event":"sample","step":1,"path":"config.json/..","caption":""}'},
            "outside the run's folder",
        ),
        (
            {"raw": '{"event":"checkpoint","step":1,"path":"nothing","final":false}'},
            "lacks model.safetensors",
        ),
        ({"raw": '{"event":"end","state":"succeeded"}'}, "after its last event"),
        ({"needs": "clip 7"}, "clip 7 is gone."),
    ],
)
def test_what_fails_a_run_at_once(launched: Launched, config: dict[str, object], expected: str) -> None:
    run = attempt(launched(**config))
    assert run.state == "failed"
    assert expected in run.error


def test_nul_in_a_text_is_no_trouble(launched: Launched) -> None:
    run = attempt(launched(raw='{"event":"log","level":"info","text":"a\\u0000b"}'))
    assert run.state == "succeeded"
    assert run.events.get(kind="log").text == "a\ufffdb"


def test_cancel_then_resume_is_as_if_never_stopped(
    launched: Launched, supervisor: Supervisor, engineer: User
) -> None:
    run = launched(steps=40, delay=0.05, checkpoint_every=100)
    thread = supervisor(run)
    until(lambda: Run.objects.get(pk=run.pk).step >= 3, "step 3")
    control.cancel(engineer, run.pk)
    thread.join(30)
    run.refresh_from_db()
    assert run.state == "cancelled"
    (stopped_at,) = checkpoints.recorded(run)
    assert 3 <= stopped_at < 40
    control.resume(engineer, run.pk)
    run = attempt(run)
    assert run.state == "succeeded"
    assert run.events.filter(text="training").last().data["step"] == stopped_at  # type: ignore[union-attr]
    assert steps_of(run) == list(range(1, 41))
    assert final_weights(run) == weights(40)


def test_a_trainer_that_will_not_stop_is_killed(
    launched: Launched, supervisor: Supervisor, engineer: User, settings: Settings
) -> None:
    settings.RUN_GRACE_SECONDS = 1
    run = launched(steps=2000, delay=0.05, deaf=True)
    thread = supervisor(run)
    until(lambda: Run.objects.get(pk=run.pk).step >= 6, "step 6")
    control.cancel(engineer, run.pk)
    thread.join(30)
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert "did not stop within 1 s" in run.events.filter(kind="state").last().data["why"]  # type: ignore[union-attr]


def test_cancelling_a_queued_run_is_immediate(launched: Launched, engineer: User) -> None:
    run = launched()
    assert control.cancel(engineer, run.pk).state == "cancelled"
    assert attempt(run).attempt == 0
    with pytest.raises(control.NotNowError, match="ended already"):
        control.cancel(engineer, run.pk)


def test_a_damaged_checkpoint_is_passed_over(launched: Launched) -> None:
    run = attempt(launched(steps=18, kill_at=12))
    newest = run.artifacts.get(name="step-000010/model.safetensors")
    Path(default_storage.path(newest.storage_name)).write_bytes(b"flipped")
    run = attempt(run)
    assert run.state == "succeeded"
    assert run.events.filter(text="training").last().data["step"] == 5  # type: ignore[union-attr]
    assert "step 10 can't be used" in run.events.get(kind="log", level="warning").text
    assert final_weights(run) == weights(18)
    assert steps_of(run) == list(range(1, 19))


def test_storage_away_is_tried_again_later(launched: Launched, settings: Settings, tmp_path: Path) -> None:
    """The supervisor's own trouble is not the run's end: here the storage folder can't be written."""
    run = launched(steps=6)
    good = settings.STORAGES
    (tmp_path / "blocked").write_text("a file where the folder should be")
    settings.STORAGES = {
        **good,
        "default": {**good["default"], "OPTIONS": {"location": str(tmp_path / "blocked")}},
    }
    run = attempt(run)
    assert run.state == "queued"
    assert "NotADirectoryError" in run.events.get(kind="log", level="error").text
    settings.STORAGES = good
    assert attempt(run).state == "succeeded"


def test_only_whole_checkpoints_are_kept_of_many(launched: Launched, settings: Settings) -> None:
    settings.RUN_KEEP_CHECKPOINTS = 2
    run = attempt(launched(steps=23, checkpoint_every=4))
    kept = run.artifacts.filter(
        kind=Artifact.Kind.CHECKPOINT, pruned_at=None, name__endswith="model.safetensors"
    )
    assert set(kept.values_list("step", flat=True)) == {20, 23}
    for row in run.artifacts.filter(kind=Artifact.Kind.CHECKPOINT):
        assert default_storage.exists(row.storage_name) == (row.pruned_at is None)
