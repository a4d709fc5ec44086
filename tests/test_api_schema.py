"""Every operation of the API against its own schema: no 5xx, no undeclared status, no body of another shape.

schemathesis makes the requests from the schema, valid ones and broken ones, the same ones every time. They
run as a manager and as an engineer over real rows, whose ids replace the made-up ones half of the time, so
that they get past the 404s. Each request is rolled back.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, openapi
from schemathesis.checks import CHECKS, load_all_checks

from tests.access_table import World
from workbench.api import api
from workbench.models import ApiToken, User

EXAMPLES = 8
CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)

load_all_checks()
SCHEMA = openapi.from_dict(api.get_openapi_schema())
SCHEMA.app = get_wsgi_application()
OPERATIONS: list[Any] = [found.ok() for found in SCHEMA.get_all_operations()]  # type: ignore[union-attr]


@pytest.fixture
def one_connection() -> Iterator[None]:
    """As Django's test client does: the end of a request leaves the test's connection open."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.django_db
@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize("role", ["manager", "engineer"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_answers_are_as_declared(operation: Any, role: str) -> None:
    person = User.objects.create_user(role, f"{role}@example.org", role=role)
    _, secret = ApiToken.mint(person, "schema")
    world = World(person, person, person)
    known: dict[str, Any] = {}
    owned = (world.assignment, world.campaign, world.clip, world.artifact, world.api_token, world.battle)
    for things in (*owned, world.judged, world.gold, world.reward_model, world.checkpoint, world.round):
        known |= things()
    checks = [CHECKS.get_one(name) for name in CHECKED]

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def request(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
        case: Any = data.draw(operation.as_strategy(generation_mode=mode))
        if data.draw(st.booleans()):
            for name in case.path_parameters or {}:
                case.path_parameters[name] = str(known.get(name, case.path_parameters[name]))
            if isinstance(case.body, dict) and "campaign" in case.body:
                case.body["campaign"] = str(known["campaign_id"])
        with transaction.atomic():
            response = case.call(headers={"Authorization": f"Bearer {secret}"})
            transaction.set_rollback(True)
        case.validate_response(response, checks=checks)

    request()
