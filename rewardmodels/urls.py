"""Addresses of reward models."""

from django.urls import path

from rewardmodels import views

urlpatterns = [
    path("reward-models/", views.model_list, name="reward_models"),
    path("reward-models/<uuid:reward_model_id>/", views.model_page, name="reward_model"),
]
