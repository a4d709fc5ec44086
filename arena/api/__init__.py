"""This app's part of the API: the arena, its boards and tracks, and evaluations."""

from ninja import NinjaAPI

from arena.api import battles, boards, evaluations, tracks


def register(api: NinjaAPI) -> None:
    """Put this app's routers into the API."""
    api.add_router("/arena", battles.router)
    api.add_router("/arena", boards.router)
    api.add_router("/arena", tracks.router)
    api.add_router("/evaluations", evaluations.router)
