"""Addresses of the arena and of evaluations. A track's slug is none of the words that are addresses
(`battles/tracks.py`, RESERVED)."""

from typing import Any

from django.urls import path

from arena.boards.live import BoardConsumer
from arena.views import battles, boards, evaluations, prompts, tracks

urlpatterns = [
    path("arena/", battles.arena, name="arena"),
    path("arena/suggest/", prompts.suggest, name="prompt_suggest"),
    path("arena/suggest/mine/", prompts.shared, name="shared_prompts"),
    path("arena/suggest/withdraw/", prompts.withdraw, name="prompt_withdraw"),
    path("arena/media/<uuid:address>/", battles.clip, name="arena_media"),
    path("arena/first-frame/<uuid:battle_id>/", battles.first_frame, name="arena_first_frame"),
    path("arena/watch/<uuid:address>/", boards.watch, name="arena_watch"),
    path("arena/tracks/", tracks.track_list, name="arena_tracks"),
    path("arena/tracks/new/", tracks.track_edit, name="arena_track_new"),
    path("arena/models/<slug:model>/card/", tracks.model_card, name="arena_model_card"),
    # A track
    path("arena/<slug:track>/", battles.vote, name="arena_vote"),
    path("arena/<slug:track>/leaderboard/", boards.leaderboard_page, name="arena_leaderboard"),
    path("arena/<slug:track>/embed/", boards.embed, name="arena_embed"),
    path("arena/<slug:track>/models/<slug:model>/", boards.model_page, name="arena_model"),
    path("arena/<slug:track>/edit/", tracks.track_edit, name="arena_track"),
    path("arena/<slug:track>/filters/", tracks.filters_page, name="arena_filters"),
    path("arena/<slug:track>/rulings/", tracks.ruling, name="arena_ruling"),
    # Evaluations
    path("evaluations/", evaluations.evaluation_list, name="evaluations"),
    path("evaluations/new/", evaluations.evaluation_new, name="evaluation_new"),
    path("evaluations/<uuid:evaluation_id>/", evaluations.evaluation_page, name="evaluation"),
    path(
        "evaluations/<uuid:evaluation_id>/progress/",
        evaluations.evaluation_progress,
        name="evaluation_progress",
    ),
    path("evaluations/<uuid:evaluation_id>/begin/", evaluations.evaluation_begin, name="evaluation_begin"),
    path(
        "evaluations/<uuid:evaluation_id>/finish/",
        evaluations.evaluation_finish,
        name="evaluation_finish",
    ),
    path(
        "evaluations/<uuid:evaluation_id>/missing.csv",
        evaluations.evaluation_missing,
        name="evaluation_missing",
    ),
    path(
        "evaluations/<uuid:evaluation_id>/report/",
        evaluations.evaluation_report,
        name="evaluation_report",
    ),
    path(
        "evaluations/<uuid:evaluation_id>/report.html",
        evaluations.evaluation_report_html,
        name="evaluation_report_html",
    ),
    path(
        "evaluations/<uuid:evaluation_id>/report.pdf",
        evaluations.evaluation_report_pdf,
        name="evaluation_report_pdf",
    ),
]

websocket_urlpatterns: list[Any] = [path("ws/arena/<slug:track>/", BoardConsumer.as_asgi())]
