"""What the API answers when something is wrong, the same everywhere and declared in its schema.

Every error is `{"detail": "one sentence"}`; a request that does not fit the schema (422) also lists its
`problems`, each with the place and the reason. An operation that can meet a conflict declares
`response={200: …, 409: Problem}` itself and raises `ConflictError`; the other statuses are declared here, for
every operation, from what it takes.
"""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from workbench.misfits import misfit_text


class Problem(Schema):
    """The body of an error."""

    detail: str


class Misfit(Schema):
    where: str
    message: str


class Misfits(Schema):
    """The body of a 422: what of the request does not fit, and where."""

    detail: str
    problems: list[Misfit]


class ConflictError(HttpError):
    """409: the row has changed since it was read, or is in a state that does not allow this."""

    def __init__(self, message: str) -> None:
        super().__init__(409, message)


class UnprocessableError(HttpError):
    """422: understood, but a rule beyond the schema is not met."""

    def __init__(self, message: str, where: str = "body") -> None:
        super().__init__(422, message)
        self.where = where


class WorkbenchAPI(NinjaAPI):
    """django-ninja with the errors above, in its answers and in its schema."""

    def set_default_exception_handlers(self) -> None:
        super().set_default_exception_handlers()
        handlers: dict[type[Exception], Any] = {
            PermissionDenied: self._forbidden,
            ValidationError: self._misfit,
            UnprocessableError: self._unprocessable,
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

    def _unprocessable(self, request: HttpRequest, error: UnprocessableError) -> HttpResponse:
        problems = [{"where": error.where, "message": error.message}]
        return self.create_response(request, {"detail": error.message, "problems": problems}, status=422)


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
