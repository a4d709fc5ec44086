"""Addresses of rounds, the playground and checkpoints."""

from django.urls import path

from generator import views, views_generate

app_name = "generator"

urlpatterns = [
    # Rounds
    path("rounds/", views.round_list, name="rounds"),
    path("rounds/<int:round_id>/", views.round_page, name="round"),
    path("rounds/<int:round_id>/steps/", views.round_steps, name="round_steps"),
    path("rounds/<int:round_id>/outcome/", views.round_outcome, name="round_outcome"),
    path("rounds/<int:round_id>/retry/", views.round_retry, name="round_retry"),
    path("rounds/<int:round_id>/cancel/", views.round_cancel, name="round_cancel"),
    path("rounds/<int:round_id>/simulate/", views.round_simulate, name="round_simulate"),
    # Playground
    path("generate/", views_generate.generate, name="generate"),
    path("generate/<uuid:run_id>/", views_generate.generated, name="generated"),
    path("generate/<uuid:run_id>/clips/", views_generate.generated_clips, name="generated_clips"),
    # Checkpoints
    path("checkpoints/", views_generate.checkpoint_list, name="checkpoints"),
    path("checkpoints/<uuid:checkpoint_id>/", views_generate.checkpoint_page, name="checkpoint"),
]
