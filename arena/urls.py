"""Addresses of the arena and of evaluations. A track's slug is none of the words that are addresses
(`tracks.RESERVED`)."""

from typing import Any

from django.urls import path

from arena import views, views_boards, views_evaluations, views_prompts, views_tracks
from arena.live import BoardConsumer

urlpatterns = [
    path("arena/", views.arena, name="arena"),
    path("arena/suggest/", views_prompts.suggest, name="prompt_suggest"),
    path("arena/suggest/mine/", views_prompts.shared, name="shared_prompts"),
    path("arena/suggest/withdraw/", views_prompts.withdraw, name="prompt_withdraw"),
    path("arena/media/<uuid:address>/", views.clip, name="arena_media"),
    path("arena/first-frame/<uuid:battle_id>/", views.first_frame, name="arena_first_frame"),
    path("arena/watch/<uuid:address>/", views_boards.watch, name="arena_watch"),
    path("arena/tracks/", views_tracks.track_list, name="arena_tracks"),
    path("arena/tracks/new/", views_tracks.track_edit, name="arena_track_new"),
    path("arena/models/<slug:model>/card/", views_tracks.model_card, name="arena_model_card"),
    # A track
    path("arena/<slug:track>/", views.vote, name="arena_vote"),
    path("arena/<slug:track>/leaderboard/", views_boards.leaderboard_page, name="arena_leaderboard"),
    path("arena/<slug:track>/embed/", views_boards.embed, name="arena_embed"),
    path("arena/<slug:track>/models/<slug:model>/", views_boards.model_page, name="arena_model"),
    path("arena/<slug:track>/edit/", views_tracks.track_edit, name="arena_track"),
    path("arena/<slug:track>/filters/", views_tracks.filters_page, name="arena_filters"),
    path("arena/<slug:track>/rulings/", views_tracks.ruling, name="arena_ruling"),
    # Evaluations
    path("evaluations/", views_evaluations.evaluation_list, name="evaluations"),
    path("evaluations/new/", views_evaluations.evaluation_new, name="evaluation_new"),
    path("evaluations/<uuid:evaluation_id>/", views_evaluations.evaluation_page, name="evaluation"),
    path(
        "evaluations/<uuid:evaluation_id>/progress/",
        views_evaluations.evaluation_progress,
        name="evaluation_progress",
    ),
    path(
        "evaluations/<uuid:evaluation_id>/begin/", views_evaluations.evaluation_begin, name="evaluation_begin"
    ),
    path(
        "evaluations/<uuid:evaluation_id>/finish/",
        views_evaluations.evaluation_finish,
        name="evaluation_finish",
    ),
    path(
        "evaluations/<uuid:evaluation_id>/missing.csv",
        views_evaluations.evaluation_missing,
        name="evaluation_missing",
    ),
    path(
        "evaluations/<uuid:evaluation_id>/report/",
        views_evaluations.evaluation_report,
        name="evaluation_report",
    ),
    path(
        "evaluations/<uuid:evaluation_id>/report.html",
        views_evaluations.evaluation_report_html,
        name="evaluation_report_html",
    ),
    path(
        "evaluations/<uuid:evaluation_id>/report.pdf",
        views_evaluations.evaluation_report_pdf,
        name="evaluation_report_pdf",
    ),
]

websocket_urlpatterns: list[Any] = [path("ws/arena/<slug:track>/", BoardConsumer.as_asgi())]
