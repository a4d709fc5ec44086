"""What tests of runs share: people, a kind whose trainer is a small script, and supervisors in threads."""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from tests.runs import script_kinds
from tests.runs.rig import Rig
from workbench.models import Run, User
from workbench.runs import kinds, launch, supervise

for kind in script_kinds.ALL:
    kinds.declare(kind)


@pytest.fixture(autouse=True)
def scratch_folder(tmp_path: Path, settings: Settings) -> Path:
    settings.RUN_SCRATCH = tmp_path / "scratch"
    settings.RUN_GRACE_SECONDS = 20
    return tmp_path / "scratch"


@pytest.fixture
def engineer(transactional_db: None) -> User:
    return User.objects.create_user("erin", "erin@example.org", "correct horse battery", role="engineer")


@pytest.fixture
def launched(engineer: User) -> Callable[..., Run]:
    """Launches a run of the script by the engineer."""

    def start(**config: Any) -> Run:
        return launch.launch(engineer, "script", config)

    return start


@pytest.fixture
def supervisor(transactional_db: None) -> Iterator[Callable[[Run], threading.Thread]]:
    """Starts a supervisor for a run in a thread, as another worker would; all end before the test does."""
    threads = []

    def start(run: Run) -> threading.Thread:
        def work() -> None:
            try:
                supervise.execute(run.pk)
            finally:
                connection.close()

        thread = threading.Thread(target=work)
        thread.start()
        threads.append(thread)
        return thread

    yield start
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def whole_stack() -> Iterator[Rig]:
    """A stack of real processes beside the test's own servers; see `rig.py`."""
    folder = Path(tempfile.mkdtemp(prefix="wb-rig-"))
    rig = Rig(folder, DJANGO_SETTINGS_MODULE="tests.runs.rig_settings")
    try:
        yield rig
    finally:
        rig.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def rig(whole_stack: Rig) -> Rig:
    """The stack with all of its parts running, whatever the test before did to it."""
    whole_stack.start_what_is_down()
    return whole_stack
