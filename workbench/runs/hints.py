"""Hints to open pages: "look again". The database is the truth, so a hint that gets lost costs nothing."""

import asyncio
import uuid

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

log = structlog.get_logger(__name__)
_TIMEOUT = 2.0


def group_of(run_id: uuid.UUID | str) -> str:
    return f"run.{run_id}"


def push(run_id: uuid.UUID, *what: str) -> None:
    """Tell the pages of a run what changed: "metrics", "events", "artifacts", "state". Never raises."""
    try:
        async_to_sync(_send)(group_of(run_id), list(what))
    except Exception as error:  # noqa: BLE001 - Valkey may be away in many ways; runs go on without it
        log.debug("run_hint_not_sent", run=str(run_id), error=str(error))


async def _send(group: str, what: list[str]) -> None:
    layer = get_channel_layer()
    if layer is not None:
        await asyncio.wait_for(layer.group_send(group, {"type": "run.hint", "what": what}), _TIMEOUT)
