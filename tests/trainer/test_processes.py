"""Two processes train one model; a signal that reaches them at different steps stops both at one."""

import ast
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rewardmodels.train import data
from rewardmodels.train.aesthetic import AestheticTraining
from rewardmodels.train.config import AestheticConfig
from tests.trainer import run_folders
from tests.trainer.run_folders import SMALL
from workbench.trainer import config, distributed
from workbench.trainer.events import EventWriter

PAIR = SMALL | {"processes": 2}


def test_gradients_flags_and_figures_agree(tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = ["-m", "tests.trainer.gradients_agree", str(tmp_path / "report")]
    subprocess.run([*torchrun, *script], check=True, timeout=120)
    assert ast.literal_eval((tmp_path / "report").read_text()) == {
        "size": 2,
        "initial weights differed": True,
        "halves differ": True,
        "average is the whole": True,
        "one flag is enough": True,
        "mean": [0.5, 2.0],
    }


def test_stopped_and_resumed_on_two_processes(
    small_clips: list[Path], undisturbed: Path, tmp_path: Path
) -> None:
    whole = run_folders.prepare(tmp_path / "whole", small_clips, **PAIR)
    assert run_folders.run(whole, processes=2) == 0, (whole / "output.txt").read_text()
    run_folders.check_promises(run_folders.events(whole))

    stopped = run_folders.prepare(tmp_path / "stopped", small_clips, **PAIR)
    process = run_folders.start(stopped, processes=2)
    try:
        run_folders.wait_for(stopped, process, "progress", 7)
        process.send_signal(signal.SIGTERM)  # torchrun hands it on, and itself ends with a code of its own
        assert process.wait(timeout=60) != 0
    finally:
        run_folders.end(process)
    first = run_folders.events(stopped)
    run_folders.check_promises(first)
    assert first[-1] == {"event": "end", "state": "stopped"}
    assert first[-2]["event"] == "checkpoint"

    resumed = run_folders.prepare(tmp_path / "resumed", small_clips, stopped / first[-2]["path"], **PAIR)
    assert run_folders.run(resumed, processes=2) == 0
    second = run_folders.events(resumed)
    pieces = run_folders.metrics(first) | run_folders.metrics(second)
    assert pieces == run_folders.metrics(run_folders.events(whole))
    assert run_folders.final_weights(resumed) == run_folders.final_weights(whole)
    alone = run_folders.events(undisturbed)
    assert second[-2]["values"].keys() == alone[-2]["values"].keys()
    # Other shares of the clips, so other weights: the comparison above can fail.
    assert run_folders.final_weights(whole) != run_folders.final_weights(undisturbed)


def test_the_reason_of_another_rank_reaches_the_stream(small_clips: list[Path], tmp_path: Path) -> None:
    folder = run_folders.prepare(tmp_path / "run", small_clips, **PAIR)
    training, _ = data.split(config.read(folder, AestheticConfig))
    (folder / "inputs" / training[1].path).unlink()  # rank 1 reads every second clip, from the second on
    assert run_folders.run(folder, processes=2) != 0
    error = run_folders.events(folder)[-1]
    assert error["event"] == "error"
    assert f"{training[1].path} is missing; config.clips names it (rank-1)" in error["text"]


def test_another_number_of_processes_than_configured(small_clips: list[Path], tmp_path: Path) -> None:
    folder = run_folders.prepare(tmp_path / "run", small_clips, **PAIR)
    alone = distributed.World(0, 1, torch.device("cpu"))
    with pytest.raises(config.ConfigError, match=r"config.processes is 2 and 1 were started"):
        AestheticTraining(config.read(folder, AestheticConfig), folder, alone, EventWriter(folder))
