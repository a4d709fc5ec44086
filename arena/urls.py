"""Addresses of the arena. `task` is t2v or i2v, the two boards."""

from django.urls import path, re_path

from arena import views, views_prompts

urlpatterns = [
    path("arena/", views.arena, name="arena"),
    re_path(r"^arena/(?P<task>t2v|i2v)/$", views.vote, name="arena_vote"),
    re_path(r"^arena/(?P<task>t2v|i2v)/leaderboard/$", views.leaderboard_page, name="arena_leaderboard"),
    path("arena/suggest/", views_prompts.suggest, name="prompt_suggest"),
    path("arena/suggest/mine/", views_prompts.shared, name="shared_prompts"),
    path("arena/suggest/withdraw/", views_prompts.withdraw, name="prompt_withdraw"),
    path("arena/media/<uuid:address>/", views.clip, name="arena_media"),
    path("arena/first-frame/<uuid:battle_id>/", views.first_frame, name="arena_first_frame"),
]
