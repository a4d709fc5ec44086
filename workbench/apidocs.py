"""The page that describes the API, rendered from its OpenAPI schema: no script, nothing from another host."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import slugify

from workbench.api import api

LARGEST_TOLD = 10**12  # a limit past this is the database's, and tells a reader nothing
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    """A parameter of an operation or a member of an object."""

    name: str
    type: str
    refers_to: str  # the name of a described object, or ""
    required: bool
    description: str
    place: str = ""  # path, query or header, for parameters


@dataclass(frozen=True)
class Answer:
    status: int
    description: str
    type: str
    refers_to: str


@dataclass(frozen=True)
class Operation:
    anchor: str
    method: str
    path: str
    summary: str
    description: str
    open_to_all: bool
    parameters: list[Field]
    body_media: str
    body_type: str
    body_refers_to: str
    body_fields: list[Field]
    answers: list[Answer]


def page(request: HttpRequest) -> HttpResponse:
    schema = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    groups: dict[str, list[Operation]] = {}
    for path, operations in schema["paths"].items():
        for method in METHODS:
            if method in operations:
                details = operations[method]
                groups.setdefault(details.get("tags", [""])[0], []).append(_operation(method, path, details))
    objects = {
        name: _fields(described)
        for name, described in sorted(schema["components"].get("schemas", {}).items())
    }
    context = {"groups": groups, "objects": objects, "site_url": settings.SITE_URL}
    return render(request, "workbench/apidocs.html", context)


def _operation(method: str, path: str, details: dict[str, Any]) -> Operation:
    contents: dict[str, Any] = details.get("requestBody", {}).get("content", {})
    media = next(iter(contents), "")
    body_schema = contents[media].get("schema", {}) if media else {}
    return Operation(
        anchor=slugify(f"{method}-{path.replace('/', '-')}"),
        method=method.upper(),
        path=path,
        summary=details.get("summary", ""),
        description=details.get("description", ""),
        open_to_all="security" not in details,
        parameters=[
            Field(
                name=one["name"],
                type=type_text(one["schema"]),
                refers_to=_reference(one["schema"]),
                required=one.get("required", False),
                description=one.get("description", ""),
                place=one["in"],
            )
            for one in details.get("parameters", [])
        ],
        body_media=media,
        body_type=type_text(body_schema),
        body_refers_to=_reference(body_schema),
        body_fields=_fields(body_schema),
        answers=[_answer(int(status), answer) for status, answer in sorted(details["responses"].items())],
    )


def _answer(status: int, answer: dict[str, Any]) -> Answer:
    contents: list[dict[str, Any]] = list(answer.get("content", {}).values())
    content = contents[0].get("schema", {}) if contents else {}
    return Answer(
        status=status,
        description=answer.get("description") or HTTPStatus(status).phrase,
        type=type_text(content) if content else "",
        refers_to=_reference(content),
    )


def _fields(schema: dict[str, Any]) -> list[Field]:
    required = schema.get("required", [])
    return [
        Field(
            name=name,
            type=type_text(described),
            refers_to=_reference(described),
            required=name in required,
            description=described.get("description", ""),
        )
        for name, described in schema.get("properties", {}).items()
    ]


def type_text(schema: dict[str, Any]) -> str:
    """A schema in a few words: "integer 1–100", "list of Token", "Role or null"."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if alternatives := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return " or ".join(type_text(one) for one in alternatives)
    if "enum" in schema:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {type_text(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_text(schema['additionalProperties'])}"
    low, high = _limits(schema)
    limits = f" {low}–{high}" if low is not None and high is not None else ""
    if not limits and (low is not None or high is not None):
        limits = f" ≥ {low}" if low is not None else f" ≤ {high}"
    return f"{schema.get('format', kind)}{limits}"


def _limits(schema: dict[str, Any]) -> tuple[Any, Any]:
    if abs(schema.get("maximum", 0)) > LARGEST_TOLD:
        schema = {key: value for key, value in schema.items() if key != "maximum"}
    low = schema.get("minimum", schema.get("minLength", schema.get("exclusiveMinimum")))
    high = schema.get("maximum", schema.get("maxLength", schema.get("exclusiveMaximum")))
    return low, high


def _reference(schema: dict[str, Any]) -> str:
    """The described object that a schema is, holds or may be."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    inner = [schema.get("items"), schema.get("additionalProperties"), *(schema.get("anyOf") or [])]
    return next((name for one in inner if isinstance(one, dict) and (name := _reference(one))), "")
