"""Addresses of what stands beside the work: example clips of the guidelines."""

from django.urls import path

from annotation import views_examples

urlpatterns = [
    path(
        "campaigns/<uuid:campaign_id>/examples/", views_examples.campaign_examples, name="campaign_examples"
    ),
    path(
        "campaigns/<uuid:campaign_id>/examples/<uuid:example_id>/remove/",
        views_examples.campaign_example_remove,
        name="campaign_example_remove",
    ),
    path("label/examples/<uuid:example_id>/", views_examples.label_example, name="label_example"),
]
