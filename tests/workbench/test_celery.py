"""What beat asks for is there: a worker that does not know a task drops its message."""

import json
import subprocess
import sys

from django.conf import settings


def test_a_worker_knows_every_periodic_task() -> None:
    """In a process of its own: here, other tests have imported what a worker has to find by itself."""
    program = """
import django, json
django.setup()
from workbench.celery import app
app.loader.import_default_modules()
print(json.dumps(sorted(app.tasks)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    known = set(json.loads(done.stdout.splitlines()[-1]))
    wanted = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert wanted - known == set()
