"""The Celery application. Queues: `default` for short work, `gpu` for trainers (one process per GPU)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
app = Celery("workbench")
app.set_default()  # for every thread: without it, a request's thread would send to Celery's own default app
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["workbench.runs", "annotation", "arena", "generator"])
