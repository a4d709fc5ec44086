"""What the tests of training processes share: a few small clips, and one run that nothing disturbed."""

from pathlib import Path

import pytest

from tests.trainer import run_folders


@pytest.fixture(scope="session")
def small_clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return run_folders.write_clips(tmp_path_factory.mktemp("clips") / "clips", 6)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, small_clips: list[Path]) -> Path:
    """The folder of a run that went to its end in one go."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    run_folders.prepare(folder, small_clips, **run_folders.SMALL)
    assert run_folders.run(folder) == 0, (folder / "output.txt").read_text()
    return folder
