"""Addresses of what stands beside the work: example clips of the guidelines."""

from django.urls import path

from annotation.views import examples

urlpatterns = [
    path("campaigns/<uuid:campaign_id>/examples/", examples.campaign_examples, name="campaign_examples"),
    path(
        "campaigns/<uuid:campaign_id>/examples/<uuid:example_id>/remove/",
        examples.campaign_example_remove,
        name="campaign_example_remove",
    ),
    path("label/examples/<uuid:example_id>/", examples.label_example, name="label_example"),
]
