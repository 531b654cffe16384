"""The OpenAPI document tells what the routes take and give, and holds against whoever follows it to the letter."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings

from ludus.core.clock import ManualClock
from ludus.run.learner import open_learner
from ludus.serve.door.keys import Keys
from ludus.serve.door.security import Door
from ludus.serve.worker.server import create_worker_app
from tests.serve import learners, test_api, test_learner_api, test_merge_api, test_worker, test_ws
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
        "/goals/{id}/receipts",
        "/goals/{id}/template.png",
    ),
    *("/runs", "/runs/{run}", "/runs/{run}/metrics", "/episodes/{id}/timeline", "/episodes/{id}/distance"),
    *("/episodes/{id}/frames/{step}", "/episodes/names"),
    *("/episodes", "/episodes/{id}", "/episodes/{id}/{part}", "/clips", "/clips/{id}"),
    *("/highlights", "/highlights/{name}", "/workers", "/workers/{worker}/sync"),
    *("/healthz", "/readyz", "/metrics", "/open"),
}


def test_every_route_is_in_the_document(served: Served) -> None:
    document: dict[str, Any] = httpx.get(f"{served.url}/openapi.json", trust_env=False).json()
    assert set(document["paths"]) == PATHS
    operations = [told for path in document["paths"].values() for told in path.values()]
    assert all(told.get("operationId") and (told.get("summary") or told.get("description")) for told in operations)


SEEDS = {
    "POST /events": test_api.test_the_seeds_minimal_event_is_kept_and_read_back,
    "GET /events": test_api.test_the_seeds_minimal_event_is_kept_and_read_back,
    "GET /events/stream": test_api.test_the_stream_goes_on_after_the_last_id_that_was_seen,
    "GET /feats": test_api.test_feats_halls_and_their_clips,
    "GET /feats/unlocks": test_api.test_feats_halls_and_their_clips,
    "GET /feats/hall": test_api.test_feats_halls_and_their_clips,
    "GET /feats/validate": test_api.test_what_feats_need_and_nobody_tells_is_named,
    "GET /highlights/{name}": test_api.test_a_worker_fetches_its_clips_and_tells_what_became_of_them,
    "POST /highlight/encode": test_worker.test_the_workers_own_server_keeps_the_seeds_contract,
    "GET /status": test_worker.test_the_workers_own_server_keeps_the_seeds_contract,
    "POST /register_worker": test_learner_api.test_a_worker_registers_and_is_told_the_recipe,
    "GET /get_weights": test_learner_api.test_weights_are_safetensors_and_given_once,
    "POST /push_rollout": test_learner_api.test_the_seeds_vectors_are_learned_from,
    "POST /push_rollout_pixels": test_learner_api.test_the_seeds_pictures_are_learned_from,
    "GET /metrics": test_learner_api.test_metrics_tell_how_policies_stand,
    "POST /learner/merge": test_merge_api.test_two_siblings_are_merged_by_the_seeds_body,
    "POST /merge_policies": test_merge_api.test_the_words_of_old_merge_too_and_a_dry_run_writes_nothing,
    "METRICS_PORT /metrics": test_ws.test_the_stream_of_old_takes_json_and_21_bytes_and_gives_json_to_all_others,
}
"""Every address of the seeds, and the test that asks it by its contract."""


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[learners.Served]:
    served = learners.Served({"pole": open_learner("pole", learners.recipe())}, tmp_path_factory.mktemp("runs"))
    yield served
    served.stop()


def test_every_address_of_the_seeds_is_served(served: Served, learner: learners.Served) -> None:
    worker = create_worker_app(dict, None, Keys(served.token, ManualClock()))
    assert isinstance(worker, Door) and isinstance(worker.app, FastAPI)
    documents = [worker.app.openapi(), *(httpx.get(f"{one.url}/openapi.json").json() for one in (served, learner))]
    there = {
        f"{method.upper()} {path}" for told in documents for path, found in told["paths"].items() for method in found
    }
    assert set(SEEDS) - there == {"METRICS_PORT /metrics"}


def test_every_route_of_a_learner_says_what_it_takes_and_gives(learner: learners.Served) -> None:
    document: dict[str, Any] = httpx.get(f"{learner.url}/openapi.json", trust_env=False).json()
    schemas = document["components"]["schemas"]
    for path, found in document["paths"].items():
        for method, told in found.items():
            if method == "post":
                kinds = told["requestBody"]["content"]["application/json"]["schema"]
                refs = [kind["$ref"] for kind in kinds.get("anyOf", [kinds])]
                assert all(schemas[ref.rpartition("/")[2]]["properties"] for ref in refs), path
            answer = told["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
            assert schemas[answer.rpartition("/")[2]]["properties"], path


@pytest.mark.parametrize("examples", [3, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("who", ["served", "learner"])
def test_calls_that_follow_the_document_are_answered_as_it_says(
    request: pytest.FixtureRequest, who: str, examples: int
) -> None:
    one = request.getfixturevalue(who)
    headers = one.headers if who == "served" else {"authorization": f"Bearer {learners.TOKEN}"}
    schema = schemathesis.openapi.from_url(f"{one.url}/openapi.json").exclude(path="/events/stream")
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
            response = case.call(base_url=one.url, headers=headers)
            case.validate_response(response, excluded_checks=BEYOND)

        call()
        seen += 1
    assert seen >= (20 if who == "served" else 7)
