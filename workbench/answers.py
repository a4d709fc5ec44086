"""What the API answers when something is wrong, the same everywhere and declared in its schema.

Every error is `{"detail": "one sentence", "code": …}`; what can't be accepted (422) also lists its
`problems`, each with the place and the reason. What breaks a rule raises a `Refusal` (`refusals.py`). An
operation that can meet a conflict declares `response={200: …, 409: Problem}` itself; the other statuses are
declared here, for every operation, from what it takes.
"""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Schema
from ninja.errors import ValidationError
from ninja.openapi.schema import OpenAPISchema

from workbench.misfits import misfit_text
from workbench.refusals import Refusal


class Problem(Schema):
    """The body of an error. `code` says which rule, where there are several."""

    detail: str
    code: str = ""


class Misfit(Schema):
    where: str
    message: str
    code: str = ""


class Misfits(Schema):
    """The body of a 422: what of the request can't be accepted, and where. Nothing was stored."""

    detail: str
    code: str = ""
    problems: list[Misfit]


class WorkbenchAPI(NinjaAPI):
    """django-ninja with the errors above, in its answers and in its schema."""

    def set_default_exception_handlers(self) -> None:
        super().set_default_exception_handlers()
        handlers: dict[type[Exception], Any] = {
            PermissionDenied: self._forbidden,
            ValidationError: self._misfit,
            Refusal: self._refused,
        }
        for kind, handler in handlers.items():
            self.add_exception_handler(kind, handler)

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        schemas = schema["components"].setdefault("schemas", {})
        for model in (Problem, Misfit, Misfits):
            described = model.model_json_schema(ref_template="#/components/schemas/{model}")
            described.pop("$defs", None)
            schemas.setdefault(model.__name__, described)
        for path in schema["paths"].values():
            for operation in path.values():
                _declare_errors(operation)
        return schema

    def _forbidden(self, request: HttpRequest, error: PermissionDenied) -> HttpResponse:
        detail = str(error) or _("Your role does not allow this.")
        return self.create_response(request, {"detail": detail}, status=403)

    def _misfit(self, request: HttpRequest, error: ValidationError) -> HttpResponse:
        problems = [{"where": _place(one["loc"]), "message": misfit_text(one)} for one in error.errors]
        detail = "; ".join(f"{one['where']}: {one['message']}" for one in problems)
        return self.create_response(request, {"detail": detail, "problems": problems}, status=422)

    def _refused(self, request: HttpRequest, refusal: Refusal) -> HttpResponse:
        body = {"detail": refusal.message, "code": refusal.code, **refusal.detail}
        if refusal.status == 422:
            misfit = {"where": refusal.where, "message": refusal.message, "code": refusal.code}
            body.setdefault("problems", [misfit])
        return self.create_response(request, body, status=refusal.status)


def _declare_errors(operation: dict[str, Any]) -> None:
    possible: dict[int, tuple[str, str]] = {}
    if "security" in operation:
        possible[401] = ("No session, or no valid token", "Problem")
        possible[403] = ("The role does not allow this, or the CSRF token is missing", "Problem")
    if any(parameter["in"] == "path" for parameter in operation["parameters"]) or "requestBody" in operation:
        possible[404] = ("No such thing, or not yours", "Problem")
    if "requestBody" in operation:
        possible[400] = ("The body can't be parsed", "Problem")
    if operation["parameters"] or "requestBody" in operation:
        possible[422] = ("The request does not fit the schema", "Misfits")
    for status, (description, model) in possible.items():
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}
        operation["responses"].setdefault(status, {"description": description, "content": content})


def _place(location: tuple[str | int, ...]) -> str:
    """("body", "payload", "name") -> "body.name": the operation's argument name says nothing to a caller."""
    parts = [str(part) for part in location]
    return ".".join([parts[0], *parts[2:]] if len(parts) > 2 and parts[0] == "body" else parts)
