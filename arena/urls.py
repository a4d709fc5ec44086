"""Addresses of the arena and of evaluations. `task` is t2v or i2v, the two boards."""

from django.urls import path, re_path

from arena import views, views_evaluations, views_prompts

urlpatterns = [
    path("arena/", views.arena, name="arena"),
    re_path(r"^arena/(?P<task>t2v|i2v)/$", views.vote, name="arena_vote"),
    re_path(r"^arena/(?P<task>t2v|i2v)/leaderboard/$", views.leaderboard_page, name="arena_leaderboard"),
    path("arena/suggest/", views_prompts.suggest, name="prompt_suggest"),
    path("arena/suggest/mine/", views_prompts.shared, name="shared_prompts"),
    path("arena/suggest/withdraw/", views_prompts.withdraw, name="prompt_withdraw"),
    path("arena/media/<uuid:address>/", views.clip, name="arena_media"),
    path("arena/first-frame/<uuid:battle_id>/", views.first_frame, name="arena_first_frame"),
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
