"""Addresses of the arena. A track's slug is none of the words that are addresses (`tracks.RESERVED`)."""

from typing import Any

from django.urls import path

from arena import views, views_boards, views_prompts
from arena.live import BoardConsumer

urlpatterns = [
    path("arena/", views.arena, name="arena"),
    path("arena/suggest/", views_prompts.suggest, name="prompt_suggest"),
    path("arena/suggest/mine/", views_prompts.shared, name="shared_prompts"),
    path("arena/suggest/withdraw/", views_prompts.withdraw, name="prompt_withdraw"),
    path("arena/media/<uuid:address>/", views.clip, name="arena_media"),
    path("arena/first-frame/<uuid:battle_id>/", views.first_frame, name="arena_first_frame"),
    # A track
    path("arena/<slug:track>/", views.vote, name="arena_vote"),
    path("arena/<slug:track>/leaderboard/", views_boards.leaderboard_page, name="arena_leaderboard"),
]

websocket_urlpatterns: list[Any] = [path("ws/arena/<slug:track>/", BoardConsumer.as_asgi())]
