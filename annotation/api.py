"""This app's part of the API: labelling, campaigns, clips, prompts."""

from ninja import NinjaAPI

from annotation import (
    api_agreement,
    api_annotators,
    api_campaigns,
    api_clips,
    api_data,
    api_disputes,
    api_examples,
    api_flags,
    api_gold,
    api_labelling,
    api_managing,
    api_prompts,
    api_quality,
)


def register(api: NinjaAPI) -> None:
    """Put this app's routers into the API."""
    api.add_router("/label", api_labelling.router)
    api.add_router("/campaigns", api_campaigns.router)
    api.add_router("/campaigns", api_managing.router)
    api.add_router("", api_annotators.router)
    api.add_router("/campaigns", api_agreement.router)
    api.add_router("/clips", api_clips.router)
    api.add_router("/prompts", api_prompts.router)
    api_data.register(api)
    api.add_router("/label", api_flags.labelling)
    api.add_router("/campaigns", api_flags.campaigns)
    api.add_router("/campaigns", api_examples.router)
    api.add_router("/campaigns", api_quality.campaigns)
    api.add_router("/label", api_quality.labelling)
    api.add_router("/campaigns", api_gold.router)
    api.add_router("/campaigns", api_disputes.campaigns)
    api.add_router("/disputes", api_disputes.decisions)
