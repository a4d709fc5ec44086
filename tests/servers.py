"""Every test process runs on a PostgreSQL and a Valkey of its own, in a throw-away folder.

Loaded by `-p tests.servers`, before Django's settings are read. Where DATABASE_URL and REDIS_URL are set,
those servers are used instead; tests must not run in several processes (`-n`) then: these would share queues.
With `-n`, the process that only hands out tests starts none.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

FOLDER = Path(tempfile.mkdtemp(prefix="wb-"))
FOLDER.chmod(0o711)
os.environ["WORKBENCH_DATA"] = str(FOLDER)

from workbench import stack  # noqa: E402

SERVICES: dict[str, stack.Service] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return
    for service in stack.embedded_services(FOLDER, durable=False):
        service.start()
        SERVICES[service.name] = service
    for service in SERVICES.values():
        service.wait_ready()


def pytest_unconfigure() -> None:
    for service in reversed(SERVICES.values()):
        service.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)
