"""Addresses of the quality of a campaign's work."""

from django.urls import path

from annotation.views import disputes, quality

urlpatterns = [
    path("campaigns/<uuid:campaign_id>/quality/", quality.campaign_quality, name="campaign_quality"),
    path("campaigns/<uuid:campaign_id>/quality/report/", quality.quality_report, name="quality_report"),
    path(
        "campaigns/<uuid:campaign_id>/quality/settings/",
        quality.quality_settings,
        name="quality_settings",
    ),
    path(
        "campaigns/<uuid:campaign_id>/quality/people/<slug:pseudonym>/",
        quality.quality_person,
        name="quality_person",
    ),
    path("campaigns/<uuid:campaign_id>/gold/", quality.campaign_gold, name="campaign_gold"),
    path("campaigns/<uuid:campaign_id>/gold/<uuid:item_id>/", quality.gold_active, name="gold_active"),
    path("campaigns/<uuid:campaign_id>/disputes/", disputes.dispute_list, name="disputes"),
    path("disputes/<uuid:item_id>/", disputes.dispute, name="dispute"),
    path("label/me/", quality.label_me, name="label_me"),
]
