"""The Celery application. Queues: `default` for short work, `gpu` for trainers (one process per GPU)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
app = Celery("workbench")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["workbench.runs", "annotation"])
