"""`manage.py loop` as somebody types it: a stack of its own, stopped in the middle, continued to the end."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from generator import loop
from tests.generator import micro_weights
from tests.workbench.a_stack import NAMED_SERVERS, data_folder, free_port, left_running, until
from workbench.stack import BASE_DIR

PHASES = {"sample", "judge", "rewards", "feedback", "resample", "evaluate", "arena"}


class Typed:
    """A running `manage.py loop` and what it has said."""

    def __init__(self, data: Path, *arguments: str) -> None:
        env = {name: value for name, value in os.environ.items() if name not in NAMED_SERVERS}
        env |= {"WORKBENCH_DATA": str(data), "PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "loop", *arguments],
            cwd=BASE_DIR,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def wait_for(self, words: str) -> None:
        until(lambda: any(words in line for line in self.said), self._still_there, 600)

    def wait(self) -> int:
        code = self.process.wait(900)
        self._listener.join(10)
        return code

    def _still_there(self) -> None:
        if self.process.poll() is not None:
            raise AssertionError("\n".join(["`loop` ended:", *self.said]))

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))


@pytest.mark.slow
def test_the_loop_runs_on_a_stack_of_its_own_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    weights = micro_weights.write(tmp_path / "micro.safetensors")
    out = tmp_path / "out.json"
    arguments = ("--preset", "micro", "--json", str(out), "--checkpoint", str(weights))
    with data_folder() as data:
        first = Typed(data, *arguments)
        first.wait_for("Train reward models: foundational")
        first.process.send_signal(signal.SIGINT)
        assert first.wait() == 130, "\n".join(first.said)
        assert "goes on where it was" in first.said[-1]
        assert left_running(data) == []
        assert not out.exists()
        [begun] = json.loads((tmp_path / "out.json.part").read_text())["rounds"]

        second = Typed(data, *arguments)
        assert second.wait() == 0, "\n".join(second.said)
        assert left_running(data) == []
        assert not any("judgements" in line for line in second.said)  # those were there already
    told = json.loads(out.read_text())
    assert sorted(tmp_path.glob("out.json*")) == [out]
    assert [row["round"] for row in told["rounds"]] == [begun]
    assert told["rounds"][0]["state"] in ("promoted", "rejected")
    assert (told["clips"], told["judgements"], told["simulated_judgements"]) == (6 * 4 + 2 * 3 * 2, 6, 6)
    assert told["pairs"] >= 0
    assert 0 <= told["constraint_broken_share"] <= 1
    assert set(told["reward_accuracy"]) == {"foundational", "motion", "aesthetic"}
    for compared in (told["composite"], told["judge"]):
        assert {name: type(value) for name, value in compared.items()} == {"before": float, "after": float}
    assert told["votes"] == 24
    assert len(told["ratings"]) == 2
    assert all(row["low"] <= row["rating"] <= row["high"] for row in told["ratings"])
    assert set(told["seconds"]) == PHASES
    assert min(told["seconds"].values()) > 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--json", "/nowhere/out.json"], "can't be written: No such file or directory"),
        (["--json", "{folder}"], "is a folder"),
        (["--json", "{folder}/out.json", "--checkpoint", "/nowhere/weights"], "There is no weights file"),
        (["--json", "{folder}/out.json", "--rounds", "0"], "'0' is no number from 1 to 100"),
        (["--json", "{folder}/out.json", "--preset", "huge"], "invalid choice: 'huge'"),
        (["--json", "{folder}/other.json", "--rounds", "3"], "belongs to a loop with other arguments"),
        (["--json", "{folder}/damaged.json"], "is damaged: remove it"),
    ],
)
def test_what_can_not_work_is_said_before_anything_starts(
    arguments: list[str], why: str, tmp_path: Path
) -> None:
    loop.begin(loop.LoopPlan(annotators="people", rounds=2, preset="micro", out=tmp_path / "other.json"))
    (tmp_path / "damaged.json.part").write_text("{")
    with pytest.raises(CommandError, match=why):
        call_command("loop", *(one.format(folder=tmp_path) for one in arguments))
    assert not list(tmp_path.glob("out.json*"))
