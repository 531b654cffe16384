"""The OpenAPI document tells what the routes take and give, and holds against whoever follows it to the letter."""

from __future__ import annotations

import warnings
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.serve.lab import Served

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.specs.openapi.checks import positive_data_acceptance

# Some rules no schema tells, such as that a film begins as one, or that 1.0 is no tick: refusals of those are right.
BEYOND = [positive_data_acceptance]
PATHS = {
    *(
        "/events",
        "/events/stream",
        "/feats",
        "/feats/unlocks",
        "/feats/hall",
        "/feats/validate",
        "/feats/progress",
        "/leaderboards",
        "/goals",
        "/goals/{id}",
        "/goals/{id}/template.png",
    ),
    *("/runs", "/runs/{run}", "/runs/{run}/metrics", "/episodes/{id}/timeline", "/episodes/{id}/distance"),
    *("/episodes/{id}/frames/{step}",),
    *("/episodes", "/episodes/{id}", "/episodes/{id}/{part}", "/clips", "/clips/{id}"),
    *("/highlights", "/highlights/{name}", "/workers", "/workers/{worker}/sync"),
    *("/healthz", "/readyz", "/metrics", "/open"),
}


def test_every_route_is_in_the_document(served: Served) -> None:
    document: dict[str, Any] = httpx.get(f"{served.url}/openapi.json", trust_env=False).json()
    assert set(document["paths"]) == PATHS
    operations = [told for path in document["paths"].values() for told in path.values()]
    assert all(told.get("operationId") and (told.get("summary") or told.get("description")) for told in operations)


@pytest.mark.parametrize("examples", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_calls_that_follow_the_document_are_answered_as_it_says(served: Served, examples: int) -> None:
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json").exclude(path="/events/stream")
    seen = 0
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=[*HealthCheck],
        )
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            response = case.call(base_url=served.url, headers=served.headers)
            case.validate_response(response, excluded_checks=BEYOND)

        call()
        seen += 1
    assert seen >= 20
