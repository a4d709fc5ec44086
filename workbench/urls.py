"""All addresses of the application: each app's own list, gathered."""

from typing import Any

from django.urls import URLPattern, URLResolver, path

from workbench.api import api

websocket_urlpatterns: list[Any] = []

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/", api.urls),
]
