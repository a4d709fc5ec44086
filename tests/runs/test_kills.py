"""Parts of a stack are killed in the middle of a real training run; each time it ends as if nothing had
happened.

One undisturbed run gives the weights and the metric steps that every disturbed run must have.
"""

import os
import signal

import pytest

from tests.runs.rig import Rig

pytestmark = pytest.mark.slow

CONFIG = {
    "steps": 300,
    "batch_size": 8,
    "width": 8,
    "image_size": 32,
    "keyframes_per_clip": 4,
    "checkpoint_every": 25,
    "log_every": 5,
    "eval_every": 50,
    "seed": 7,
}
MIDDLE = 110


@pytest.fixture(scope="module")
def undisturbed(whole_stack: Rig) -> tuple[str, list[tuple[int, str]]]:
    """(hash of the final weights, every (step, metric name)) of a run that nobody disturbed."""
    rig = whole_stack
    rig.start_what_is_down()
    run = rig.launch("aesthetic", CONFIG)
    assert rig.wait_for_end(run) == "succeeded", rig.run_row(run, "error")
    metrics = rig.metrics(run)
    assert {step for step, name in metrics if name == "train/loss"} == set(range(5, 301, 5))
    assert rig.states(run) == ["queued", "running", "training", "succeeded"]
    return rig.model_sha256(run), metrics


def assert_as_undisturbed(rig: Rig, run: str, undisturbed: tuple[str, list[tuple[int, str]]]) -> None:
    assert rig.wait_for_end(run) == "succeeded", (rig.run_row(run, "error"), rig.last_words())
    assert rig.model_sha256(run) == undisturbed[0], "other weights than the undisturbed run"
    assert rig.metrics(run) == undisturbed[1], "a step's metric is missing or doubled"
    assert rig.trainer_pids(run) == []


def test_trainer_killed(rig: Rig, undisturbed: tuple[str, list[tuple[int, str]]]) -> None:
    run = rig.launch("aesthetic", CONFIG)
    rig.wait_for_step(run, MIDDLE)
    (trainer,) = rig.trainer_pids(run)
    os.kill(trainer, signal.SIGKILL)
    assert_as_undisturbed(rig, run, undisturbed)
    assert rig.run_row(run, "attempt") == (2,)
    assert resumed_steps(rig, run)[1] >= 100  # from a checkpoint, not from the start


def test_worker_killed(rig: Rig, undisturbed: tuple[str, list[tuple[int, str]]]) -> None:
    """kill -9 of the worker's parent: its pool process notices, lets the trainer write a checkpoint, and
    hands back.
    """
    run = rig.launch("aesthetic", CONFIG)
    rig.wait_for_step(run, MIDDLE)
    rig.kill("gpu")
    rig.until(lambda: rig.state(run) == "queued", "the run's return to the queue")
    assert rig.trainer_pids(run) == []
    rig.start_worker("gpu")
    assert_as_undisturbed(rig, run, undisturbed)
    assert rig.run_row(run, "attempt", "fruitless_attempts") == (2, 0)


def test_worker_and_pool_process_killed(rig: Rig, undisturbed: tuple[str, list[tuple[int, str]]]) -> None:
    """As by the out-of-memory killer or a lost host: nobody is left to write anything; the lease runs out."""
    run = rig.launch("aesthetic", CONFIG)
    rig.wait_for_step(run, MIDDLE)
    supervisor, trainers = rig.supervisor_pid(run), rig.trainer_pids(run)
    rig.kill("gpu")
    os.kill(supervisor, signal.SIGKILL)
    rig.until(lambda: not rig.trainer_pids(run), "the end of the trainer without its supervisor")
    assert len(trainers) == 1
    rig.start_worker("gpu")
    assert_as_undisturbed(rig, run, undisturbed)
    assert rig.run_row(run, "attempt") == (2,)


def test_pool_process_killed(rig: Rig, undisturbed: tuple[str, list[tuple[int, str]]]) -> None:
    """The worker lives on and starts a new pool process; the lease of the dead one runs out."""
    run = rig.launch("aesthetic", CONFIG)
    rig.wait_for_step(run, MIDDLE)
    os.kill(rig.supervisor_pid(run), signal.SIGKILL)
    assert_as_undisturbed(rig, run, undisturbed)
    assert rig.run_row(run, "attempt") == (2,)


def test_worker_shut_down(rig: Rig, undisturbed: tuple[str, list[tuple[int, str]]]) -> None:
    """SIGTERM, as at a deployment: the trainer writes a checkpoint, no step is lost, no attempt counted."""
    run = rig.launch("aesthetic", CONFIG)
    rig.wait_for_step(run, MIDDLE)
    rig.services["gpu"].stop()
    assert rig.state(run) == "queued"
    (step,) = rig.run_row(run, "step")
    rig.start_worker("gpu")
    assert_as_undisturbed(rig, run, undisturbed)
    assert rig.run_row(run, "attempt", "fruitless_attempts") == (2, 0)
    assert resumed_steps(rig, run)[1] == step


def test_beat_killed(rig: Rig, undisturbed: tuple[str, list[tuple[int, str]]]) -> None:
    run = rig.launch("aesthetic", CONFIG)
    rig.wait_for_step(run, MIDDLE)
    rig.kill("beat")
    assert_as_undisturbed(rig, run, undisturbed)
    rig.start_beat()
    assert rig.run_row(run, "attempt") == (1,)


def test_valkey_killed(rig: Rig, undisturbed: tuple[str, list[tuple[int, str]]]) -> None:
    """The run goes on without its broker; and one launched meanwhile, whose message can't be sent, is not
    lost.
    """
    run = rig.launch("aesthetic", CONFIG)
    rig.wait_for_step(run, MIDDLE)
    rig.kill("Valkey")
    (step,) = rig.run_row(run, "step")
    second = rig.launch("aesthetic", CONFIG)
    rig.wait_for_step(run, step + 50)
    rig.start_valkey()
    assert_as_undisturbed(rig, run, undisturbed)
    assert rig.run_row(run, "attempt") == (1,)
    assert_as_undisturbed(rig, second, undisturbed)


def test_postgresql_restarted(rig: Rig, undisturbed: tuple[str, list[tuple[int, str]]]) -> None:
    """Away for a moment, the trainer works on; away for longer than the lease, the fence decides. Both end
    the same.
    """
    run = rig.launch("aesthetic", CONFIG)
    rig.wait_for_step(run, MIDDLE)
    (trainer,) = rig.trainer_pids(run)
    rig.services["PostgreSQL"].stop()
    assert rig.trainer_pids(run) == [trainer]
    rig.start_postgresql()
    assert_as_undisturbed(rig, run, undisturbed)


def test_postgresql_killed(rig: Rig, undisturbed: tuple[str, list[tuple[int, str]]]) -> None:
    run = rig.launch("aesthetic", CONFIG)
    rig.wait_for_step(run, MIDDLE)
    rig.services["PostgreSQL"].kill()
    (rig.folder / "postgresql" / "postmaster.pid").unlink(missing_ok=True)
    rig.start_postgresql()
    assert_as_undisturbed(rig, run, undisturbed)


def resumed_steps(rig: Rig, run: str) -> list[int]:
    """The step that each attempt's trainer started from."""
    query = "SELECT data->>'step' FROM workbench_runevent WHERE run_id = %s AND text = 'training' ORDER BY id"
    return [int(step) for (step,) in rig.rows(query, run)]
