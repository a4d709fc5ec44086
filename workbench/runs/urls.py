"""Addresses of runs."""

from typing import Any

from django.urls import path

from workbench.runs import views
from workbench.runs.consumers import RunConsumer

app_name = "runs"

urlpatterns = [
    path("runs/", views.run_list, name="list"),
    path("runs/new/", views.run_new, name="new"),
    path("runs/<uuid:run_id>/", views.run_page, name="run"),
    path("runs/<uuid:run_id>/status/", views.run_status, name="status"),
    path("runs/<uuid:run_id>/files/", views.run_files, name="files"),
    path("runs/<uuid:run_id>/log/", views.run_log, name="log"),
    path("runs/<uuid:run_id>/cancel/", views.run_cancel, name="cancel"),
    path("runs/<uuid:run_id>/resume/", views.run_resume, name="resume"),
    path("runs/<uuid:run_id>/clone/", views.run_clone, name="clone"),
]

websocket_urlpatterns: list[Any] = [path("ws/runs/<uuid:run_id>/", RunConsumer.as_asgi())]
