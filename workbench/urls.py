"""All addresses of the application: each app's own list, gathered."""

from typing import Any

from django.urls import URLPattern, URLResolver, include, path

from arena import urls as arena
from workbench import apidocs
from workbench.api import api
from workbench.health import healthz
from workbench.home import home
from workbench.runs import urls as runs

handler400 = "workbench.errors.bad_request"
handler403 = "workbench.errors.forbidden"
handler404 = "workbench.errors.not_found"
handler500 = "workbench.errors.server_error"

websocket_urlpatterns: list[Any] = [*runs.websocket_urlpatterns, *arena.websocket_urlpatterns]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("healthz", healthz, name="healthz"),
    path("api/docs", apidocs.page, name="api_docs"),
    path("api/", api.urls),
    path("", include("annotation.urls")),
    path("", include("arena.urls")),
    path("", include("rewardmodels.urls")),
    path("", include("generator.urls")),
    path("", include("workbench.people.urls")),
    path("", include("workbench.runs.urls")),
]
