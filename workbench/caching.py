"""What browsers may keep: what says so itself, and nothing else, so that no page comes back after logout."""

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin


class NoStore(MiddlewareMixin):
    """Mark answers without a `Cache-Control` of their own; static files and clips have one."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response
