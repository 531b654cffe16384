"""Merging over HTTP, by the seed's body and that of old."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ludus.run.learner import open_learner
from ludus.run.worker import Worker, work
from tests.run.family import family_of_skills
from tests.run.family import one_thread as one_thread
from tests.serve.learners import Served, recipe, told


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    runs = tmp_path_factory.mktemp("runs")
    family_of_skills(runs, 8.0, 4.0)
    served = Served({"pole": open_learner("pole", recipe())}, runs)
    yield served
    served.stop()


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def test_two_siblings_are_merged_by_the_seeds_body(served: Served, client: httpx.Client) -> None:
    body = {"sources": ["run0", "run1"], "target": "God", "method": "ties", "ancestor": "generalist"}
    answer = client.post("/learner/merge", json=body)
    assert answer.status_code == 200, answer.text
    report = answer.json()["report"]
    assert [source["name"] for source in report["sources"]] == ["run0", "run1"]
    assert report["similarity"]["pairs"][0]["cosine"] == pytest.approx(1.0)
    assert (report["promoted"], report["settings"]["method"]) == (False, "ties")
    assert "not played" in report["reason"]
    assert report == json.loads((served.school.runs / "God" / "merge.json").read_text())


def test_the_words_of_old_merge_too_and_a_dry_run_writes_nothing(served: Served, client: httpx.Client) -> None:
    old = {"source_policies": ["run0", "run1"], "target_policy": "Dry", "base_policy": "generalist", "topk": 0.5}
    answer = client.post("/merge_policies", json=old | {"method": "weighted", "topk": None, "dry_run": True}).json()
    assert (answer["ok"], answer["report"]["settings"]["method"]) == (True, "linear")
    assert not (served.school.runs / "Dry").exists()
    ties = client.post("/merge_policies", json=old | {"dry_run": True}).json()
    assert (ties["report"]["settings"]["method"], ties["report"]["settings"]["density"]) == ("ties", 0.5)


def test_siblings_that_are_learning_are_merged_as_they_are(served: Served, client: httpx.Client) -> None:
    runs, learners = served.school.runs, served.school.learners
    open_learner("parent", recipe(), folder=runs / "parent").save()
    for number, name in enumerate(("scout", "killer")):
        own = recipe("CartPole-v1", f"ppo.gamma=0.9{number}")
        learner = learners[name] = open_learner(name, own, folder=runs / name, ancestor=runs / "parent")
        list(work(Worker("w", own, seed=number), learner, rollouts=1))
    answer = client.post("/learner/merge", json={"sources": ["scout", "killer"], "target": "Both", "method": "ties"})
    assert answer.status_code == 200, answer.text
    report = answer.json()["report"]
    digests = [saved.digest for name in ("scout", "killer") if (saved := learners.pop(name).save())]
    assert [source["digest"] for source in report["sources"]] == digests
    assert report["checkpoint"].startswith(str(runs / "Both"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sources": ["run0", "run2"]}, (404, "not_found", "sources")),
        ({"sources": ["run0", ".."]}, (422, "invalid", "sources")),
        ({"sources": ["run0"]}, (422, "invalid", None)),
        ({"ancestor": "nobody"}, (404, "not_found", "ancestor")),
        ({"ancestor": "run1"}, (409, "no_ancestor", "sources")),
        ({"target": "pole"}, (422, "invalid", "target")),
        ({"target": "run0"}, (422, "invalid", "target")),
        ({"method": "magic"}, (422, "invalid", "method")),
        ({"density": 2.0}, (422, "invalid", "density")),
    ],
)
def test_bad_merges_are_refused_by_field(
    client: httpx.Client, change: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    body = {"sources": ["run0", "run1"], "target": "God2", "method": "ties", "ancestor": "generalist"} | change
    assert told(client.post("/learner/merge", json=body)) == expected
