"""What a learner still answers while it learns, and what a worker's wishes do not change."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from ludus.run.learner import Learner, Played, Receipt, open_learner
from tests.run.family import one_thread as one_thread
from tests.serve.learners import Served, recipe, registration, vectors


def test_weights_and_metrics_are_given_while_an_update_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    learn = Learner.push

    def slowly(self: Learner, played: Played) -> Receipt:
        begun.set()
        assert go_on.wait(60)
        return learn(self, played)

    monkeypatch.setattr(Learner, "push", slowly)
    served = Served({"pole": open_learner("pole", recipe())}, tmp_path)
    answers: list[Any] = []
    try:
        with served.client() as client, served.client() as other:
            client.post("/register_worker", json=registration())
            pushing = threading.Thread(target=lambda: answers.append(client.post("/push_rollout", json=vectors())))
            pushing.start()
            assert begun.wait(60)
            assert other.get("/get_weights", params={"policy_name": "pole"}).json()["version"] == 0
            assert other.get("/metrics", params={"policy_name": "pole"}).json()["policies"]["pole"]["version"] == 0
            go_on.set()
            pushing.join(60)
    finally:
        go_on.set()
        served.stop()
    assert answers[0].status_code == 200 and answers[0].json()["version"] == 1


def test_no_hparams_of_a_worker_change_what_is_learned(tmp_path: Path) -> None:
    learners = {"pole": open_learner("pole", recipe())}
    served = Served(learners, tmp_path)
    wishes = {"use_lstm": True, "lr": 1.0, "vf_coef": 9.0, "seq_len": 1}
    try:
        with served.client() as client:
            client.post("/register_worker", json=registration())
            told = client.post("/push_rollout", json=vectors(hparams=wishes)).json()
    finally:
        served.stop()
    plain = open_learner("pole", recipe())
    served = Served({"pole": plain}, tmp_path)
    try:
        with served.client() as client:
            client.post("/register_worker", json=registration())
            assert client.post("/push_rollout", json=vectors(hparams={})).json()["losses"] == told["losses"]
    finally:
        served.stop()
    one, other = (each.state.agent.state_dict() for each in (learners["pole"], plain))
    assert all(one[name].equal(other[name]) for name in one)
