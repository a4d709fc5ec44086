"""Addresses of what goes out of campaigns and what comes in from elsewhere."""

from django.urls import path

from annotation import views_imports, views_pairs, views_versions, views_webhooks

urlpatterns = [
    path("campaigns/import/", views_imports.judgement_import, name="judgement_import"),
    path("campaigns/<uuid:campaign_id>/pairs/", views_pairs.campaign_pairs, name="campaign_pairs"),
    path(
        "campaigns/<uuid:campaign_id>/versions/", views_versions.campaign_versions, name="campaign_versions"
    ),
    path("pairs/<uuid:version_id>/", views_versions.pair_version, name="pair_version"),
    path("webhooks/", views_webhooks.webhook_list, name="webhooks"),
    path("webhooks/<uuid:webhook_id>/", views_webhooks.webhook_page, name="webhook"),
    path("webhooks/<uuid:webhook_id>/change/", views_webhooks.webhook_change, name="webhook_change"),
    path(
        "webhooks/deliveries/<uuid:delivery_id>/redeliver/",
        views_webhooks.webhook_redeliver,
        name="webhook_redeliver",
    ),
]
