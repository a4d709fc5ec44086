"""The API: each app's router, gathered under /api/ with an OpenAPI page at /api/docs."""

from ninja import NinjaAPI

from workbench.access import API_AUTH

api = NinjaAPI(title="Workbench", version="1", auth=API_AUTH, urls_namespace="api")
