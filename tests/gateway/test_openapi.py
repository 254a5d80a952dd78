"""Requests made up from the OpenAPI document, sound and unsound: each answer is one that the document tells of."""

import pytest
import schemathesis
from gateway_support import LIMIT_S
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from llm_router.gateway.openapi import document
from llm_router.gateway.routes import ROUTES

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # schemathesis's own
ANSWERING = ("openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "ollama/qwen3:8b", "auto")
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS = [route for route in ROUTES if route.name != "reload"]  # others share the service


@pytest.mark.parametrize("route", OPERATIONS, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_one_the_document_tells_of(shared, route, mode):
    operation = SCHEMA[route.path][route.method]

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        number = len(repr(case.body)) % (2 * len(ANSWERING))
        if isinstance(case.body, dict) and "model" in case.body and number < len(ANSWERING):
            case.body["model"] = ANSWERING[number]  # else nearly every name is one that nobody has
        if "model" in case.path_parameters and number < len(ANSWERING):
            case.path_parameters["model"] = ANSWERING[number]
        case.call_and_validate(base_url=shared.url, checks=CHECKS, timeout=LIMIT_S)

    try:
        check()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing to get wrong: no parameter, no body
