"""HTTP and websockets in one ASGI application."""

import os
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
django.setup(set_prefix=False)

from channels.auth import AuthMiddlewareStack  # noqa: E402 (needs Django's applications loaded)
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from workbench.urls import websocket_urlpatterns  # noqa: E402


class HTTP(ASGIHandler):
    """Django's handler, with all middlewares and the view of a request in one go in one thread.

    Ours are synchronous, and Django's own way would send each of them to a thread and back.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: Any) -> Any:
        return await sync_to_async(self.get_response)(request)


application = ProtocolTypeRouter(
    {
        "http": HTTP(),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
