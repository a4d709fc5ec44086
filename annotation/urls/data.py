"""Addresses of what goes out of campaigns and what comes in from elsewhere."""

from django.urls import path

from annotation.views import imports, pairs, versions, webhooks

urlpatterns = [
    path("campaigns/import/", imports.judgement_import, name="judgement_import"),
    path("campaigns/<uuid:campaign_id>/pairs/", pairs.campaign_pairs, name="campaign_pairs"),
    path("campaigns/<uuid:campaign_id>/versions/", versions.campaign_versions, name="campaign_versions"),
    path("pairs/<uuid:version_id>/", versions.pair_version, name="pair_version"),
    path("webhooks/", webhooks.webhook_list, name="webhooks"),
    path("webhooks/<uuid:webhook_id>/", webhooks.webhook_page, name="webhook"),
    path("webhooks/<uuid:webhook_id>/change/", webhooks.webhook_change, name="webhook_change"),
    path(
        "webhooks/deliveries/<uuid:delivery_id>/redeliver/",
        webhooks.webhook_redeliver,
        name="webhook_redeliver",
    ),
]
