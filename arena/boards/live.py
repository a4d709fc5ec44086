"""Hints to open boards: "look again". The votes are the truth, so a hint that gets lost costs nothing."""

import asyncio
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer

from arena.battles import tracks
from arena.models import Track
from workbench.models import User

log = structlog.get_logger(__name__)
_TIMEOUT = 2.0
NOT_ALLOWED = 4403


def push(track_id: int) -> None:
    """Tell the open boards of a track that there is a new vote. Never raises."""
    try:
        async_to_sync(_send)(_group(track_id))
    except Exception as error:  # noqa: BLE001 - Valkey may be away in many ways; votes go on without it
        log.debug("board_hint_not_sent", track=track_id, error=str(error))


class BoardConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """`/ws/arena/<slug>/`: sends {"what": ["votes"]}. 4403 closes it to those who may not see the track."""

    async def connect(self) -> None:
        self.group = ""
        track = await _seen(self.scope.get("user"), self.scope["url_route"]["kwargs"]["track"])
        await self.accept()
        if track is None:
            await self.close(NOT_ALLOWED)
            return
        self.group = _group(track)
        await self.channel_layer.group_add(self.group, self.channel_name)

    async def disconnect(self, code: int) -> None:
        if self.group:
            try:
                await self.channel_layer.group_discard(self.group, self.channel_name)
            except OSError as error:  # Valkey is away: its subscription is gone anyway
                log.debug("board_socket_not_left", error=str(error))

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """Nothing that a page might send has a meaning."""

    async def board_hint(self, message: dict[str, Any]) -> None:
        await self.send_json({"what": ["votes"]})


def _group(track_id: int) -> str:
    return f"arena.{track_id}"


async def _send(group: str) -> None:
    layer = get_channel_layer()
    if layer is not None:
        await asyncio.wait_for(layer.group_send(group, {"type": "board.hint"}), _TIMEOUT)


@database_sync_to_async  # type: ignore[untyped-decorator]
def _seen(user: Any, slug: str) -> int | None:
    """The track's id, if this user (read again: a role may have changed) or visitor may see its board."""
    fresh = User.objects.filter(pk=user.pk).first() if getattr(user, "is_authenticated", False) else user
    track = Track.objects.filter(slug=slug).first()
    return track.pk if track is not None and fresh is not None and tracks.may_see(fresh, track) else None
