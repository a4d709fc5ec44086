"""All addresses of the application: each app's own list, gathered."""

from typing import Any

from django.urls import URLPattern, URLResolver, include, path

from workbench.api import api
from workbench.home import home

websocket_urlpatterns: list[Any] = []

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("api/", api.urls),
    path("", include("workbench.people.urls")),
]
