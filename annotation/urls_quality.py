"""Addresses of the quality of a campaign's work."""

from django.urls import path

from annotation import views_disputes, views_quality

urlpatterns = [
    path("campaigns/<uuid:campaign_id>/quality/", views_quality.campaign_quality, name="campaign_quality"),
    path("campaigns/<uuid:campaign_id>/quality/report/", views_quality.quality_report, name="quality_report"),
    path(
        "campaigns/<uuid:campaign_id>/quality/settings/",
        views_quality.quality_settings,
        name="quality_settings",
    ),
    path(
        "campaigns/<uuid:campaign_id>/quality/people/<slug:pseudonym>/",
        views_quality.quality_person,
        name="quality_person",
    ),
    path("campaigns/<uuid:campaign_id>/gold/", views_quality.campaign_gold, name="campaign_gold"),
    path("campaigns/<uuid:campaign_id>/gold/<uuid:item_id>/", views_quality.gold_active, name="gold_active"),
    path("campaigns/<uuid:campaign_id>/disputes/", views_disputes.dispute_list, name="disputes"),
    path("disputes/<uuid:item_id>/", views_disputes.dispute, name="dispute"),
    path("label/me/", views_quality.label_me, name="label_me"),
]
