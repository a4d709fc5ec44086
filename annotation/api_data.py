"""The part of the API about what goes out of campaigns and what comes in from elsewhere."""

from ninja import NinjaAPI

from annotation import api_imports, api_pairs, api_versions, api_webhooks


def register(api: NinjaAPI) -> None:
    """Put these routers into the API."""
    api.add_router("/campaigns", api_pairs.router)
    api.add_router("/campaigns", api_imports.router)
    api.add_router("/campaigns", api_versions.campaigns)
    api.add_router("/pair-versions", api_versions.versions)
    api.add_router("/webhooks", api_webhooks.router)
