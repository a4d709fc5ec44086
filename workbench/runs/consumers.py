"""The websocket of a run's page: it passes hints on, and never data. What a page shows it asks for itself."""

import uuid
from typing import Any

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from workbench.access import may
from workbench.models import Run, User
from workbench.runs.hints import group_of

log = structlog.get_logger(__name__)
NOT_ALLOWED = 4403


class RunConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """`/ws/runs/<id>/`: sends {"what": ["metrics", …]}. Closed with 4403 for those who may not view runs."""

    async def connect(self) -> None:
        run_id: uuid.UUID = self.scope["url_route"]["kwargs"]["run_id"]
        self.group = group_of(run_id)
        self.joined = False
        if not await _may_watch(self.scope.get("user"), run_id):
            await self.accept()
            await self.close(NOT_ALLOWED)
            return
        await self.channel_layer.group_add(self.group, self.channel_name)
        self.joined = True
        await self.accept()

    async def disconnect(self, code: int) -> None:
        if self.joined:
            try:
                await self.channel_layer.group_discard(self.group, self.channel_name)
            except OSError as error:  # Valkey is away: its subscription is gone anyway
                log.debug("run_socket_not_left", error=str(error))

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """Nothing that a page might send has a meaning."""

    async def run_hint(self, message: dict[str, Any]) -> None:
        await self.send_json({"what": message["what"]})


@database_sync_to_async  # type: ignore[untyped-decorator]
def _may_watch(user: Any, run_id: uuid.UUID) -> bool:
    # The session's user is read again: a role may have changed since.
    fresh = User.objects.filter(pk=getattr(user, "pk", None) or 0).first()
    return may(fresh, "runs") and Run.objects.filter(pk=run_id).exists()
