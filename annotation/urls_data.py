"""Addresses of what goes out of campaigns and what comes in from elsewhere."""

from django.urls import path

from annotation import views_imports, views_pairs

urlpatterns = [
    path("campaigns/import/", views_imports.judgement_import, name="judgement_import"),
    path("campaigns/<uuid:campaign_id>/pairs/", views_pairs.campaign_pairs, name="campaign_pairs"),
]
