"""This app's part of the API: labelling, campaigns, clips, prompts."""

from ninja import NinjaAPI

from annotation.api import (
    agreement,
    annotators,
    campaigns,
    clips,
    disputes,
    examples,
    flags,
    gold,
    imports,
    labelling,
    managing,
    pairs,
    prompts,
    quality,
    versions,
    webhooks,
)


def register(api: NinjaAPI) -> None:
    """Put this app's routers into the API."""
    api.add_router("/label", labelling.router)
    api.add_router("/campaigns", campaigns.router)
    api.add_router("/campaigns", managing.router)
    api.add_router("", annotators.router)
    api.add_router("/campaigns", agreement.router)
    api.add_router("/clips", clips.router)
    api.add_router("/prompts", prompts.router)
    api.add_router("/campaigns", pairs.router)
    api.add_router("/campaigns", imports.router)
    api.add_router("/campaigns", versions.campaigns)
    api.add_router("/pair-versions", versions.versions)
    api.add_router("/webhooks", webhooks.router)
    api.add_router("/label", flags.labelling)
    api.add_router("/campaigns", flags.campaigns)
    api.add_router("/campaigns", examples.router)
    api.add_router("/campaigns", quality.campaigns)
    api.add_router("/label", quality.labelling)
    api.add_router("/campaigns", gold.router)
    api.add_router("/campaigns", disputes.campaigns)
    api.add_router("/disputes", disputes.decisions)
