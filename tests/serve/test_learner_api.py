"""Learners over real HTTP on loopback: every address by the seed's body, and every bad body by its refusal."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import numpy as np
import pyarrow
import pytest
import safetensors.torch
import torch

from ludus.core.errors import InputError
from ludus.learn.ppo import update
from ludus.run.learner import Receipt, RolloutError, open_learner
from ludus.run.recipe import Recipe
from ludus.run.worker import Worker, work
from ludus.serve.door.listen import bind
from ludus.serve.learner.api import MOST_WAITING, RAW
from ludus.serve.learner.client import HttpLearner
from ludus.serve.learner.rollouts import VectorBody, pack_rollout, read_vectors
from tests.run.family import one_thread as one_thread
from tests.serve.learners import STEPS, Served, coded, pixels, recipe, registration, told, vectors


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    runs = tmp_path_factory.mktemp("runs")
    pixels = recipe("potyard", "net.size=0.25", "run.stack=2")
    learners = {"pole": open_learner("pole", recipe(), most_lag=2), "yard": open_learner("yard", pixels)}
    served = Served(learners, runs)
    yield served
    served.stop()


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        for policy in served.school.learners:
            assert client.post("/register_worker", json=registration(policy)).status_code == 200
        yield client


def test_a_worker_registers_and_is_told_the_recipe(client: httpx.Client) -> None:
    answer = client.post("/register_worker", json=registration(capabilities={"obs_dim": 4})).json()
    assert (answer["ok"], answer["policy_name"]) == (True, "pole")
    assert Recipe.model_validate(answer["recipe"]) == recipe()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (registration("poles"), (404, "unknown_policy", "policy_name")),
        (registration(capabilities={"obs_dim": 204}), (422, "invalid", "capabilities.obs_dim")),
        (registration(capabilities={"obs_kind": "pixels"}), (422, "invalid", "capabilities.obs_kind")),
        (registration("yard", capabilities={"obs_dim": 204}), (422, "invalid", "capabilities.obs_dim")),
        (registration(instance_id="../x"), (422, "invalid", None)),
    ],
)
def test_a_worker_that_cannot_play_is_refused(client: httpx.Client, body: Any, expected: tuple[Any, ...]) -> None:
    assert told(client.post("/register_worker", json=body)) == expected


def test_weights_are_safetensors_and_given_once(served: Served, client: httpx.Client) -> None:
    learner = served.school.learners["pole"]
    answer = client.get("/get_weights", params={"policy_name": "pole", "since_version": -1}).json()
    weights = safetensors.torch.load(base64.b64decode(answer["weights_b64"]))
    assert answer["version"] == learner.version
    assert all(torch.equal(weights[name], tensor) for name, tensor in learner.state.agent.state_dict().items())
    asked = {"policy_name": "pole", "since_version": answer["version"]}
    assert client.get("/get_weights", params=asked).status_code == 204
    assert told(client.get("/get_weights", params={"policy_name": "x"})) == (404, "unknown_policy", "policy_name")
    plain = client.get("/get_weights", params={"policy_name": "pole"}, headers={"accept": RAW})
    assert plain.content == base64.b64decode(answer["weights_b64"])


def test_the_seeds_vectors_are_learned_from(served: Served, client: httpx.Client) -> None:
    learner = served.school.learners["pole"]
    version, step = learner.version, learner.step
    answer = client.post("/push_rollout", json=vectors()).json()
    assert (answer["ok"], answer["version"], answer["corrected"], answer["lag"]) == (True, version + 1, True, None)
    assert "losses/value_loss" in answer["losses"]
    assert learner.step == step + STEPS - 1  # the last step ends nothing: its frame is what the one before leads to
    whole = vectors(dones=[n == STEPS - 1 for n in range(STEPS)], policy_version=learner.version)
    assert client.post("/push_rollout", json=whole).json()["lag"] == 0
    assert learner.step == step + 2 * STEPS - 1


def test_the_seeds_pictures_are_learned_from(client: httpx.Client) -> None:
    frames = (np.arange(STEPS * 2 * 72 * 80) % 4).astype(np.uint8).tobytes()
    answer = client.post("/push_rollout_pixels", json=pixels(obs_zlib_b64=coded(frames)))
    assert answer.status_code == 200, answer.text
    assert answer.json()["version"] == 1


def test_what_a_body_tells_is_what_is_learned_from(served: Served) -> None:
    cut = [n == 6 for n in range(STEPS)]
    masks = [[1, n % 2] for n in range(STEPS)]
    values = [float(n) for n in range(STEPS)]
    told = vectors(dones=[n in (4, 6) for n in range(STEPS)], truncated=cut, values=values, action_masks=masks)
    played = read_vectors(msgspec.convert(told, VectorBody), served.school.learners["pole"].state.agent)
    rollout = played.rollout
    assert rollout.first[:, 0].tolist() == [n in (0, 5, 7) for n in range(STEPS)]
    assert rollout.terminated[:, 0].tolist() == [n == 4 for n in range(STEPS - 1)]
    assert rollout.truncated[:, 0].tolist() == cut[:-1]
    assert rollout.final_value[:, 0].tolist() == [6.0 if n == 6 else 0.0 for n in range(STEPS - 1)]
    assert rollout.allowed is not None and rollout.allowed[:, 0].int().tolist() == masks[:-1]
    assert torch.equal(rollout.frames[:, 0, 0], torch.tensor(told["obs"], dtype=torch.float32))
    assert (played.version, played.returns, played.joint) == (None, (5.0,), True)


def test_nothing_is_learned_from_an_evaluation(served: Served, client: httpx.Client) -> None:
    before = served.school.learners["pole"].version
    answer = client.post("/push_rollout", json=vectors(eval_mode=True, eval_seed=3)).json()
    assert (answer["trained"], answer["version"]) == (False, before)


COUNT = STEPS * 2 * 72 * 80


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"obs": [[0.0] * 5] * STEPS}, (422, "invalid", "obs")),
        ({"obs": [[0.0] * 4] * (STEPS - 1)}, (422, "invalid", "obs")),
        ({"obs": [[1e300] * 4] * STEPS}, (422, "invalid", "obs")),
        ({"rewards": [3e38] * STEPS}, (422, "diverged", None)),
        ({"dones": [False]}, (422, "invalid", "dones")),
        ({"actions_disc": [[2]] * STEPS}, (422, "invalid", "action")),
        ({"actions_disc": [[-1]] * STEPS}, (422, "invalid", "action")),
        ({"actions_disc": []}, (422, "invalid", "actions_disc")),
        ({"actions_cont": [[0.5]] * STEPS}, (422, "invalid", "actions_cont")),
        ({"action_masks": [[1]] * STEPS}, (422, "invalid", "action_masks")),
        ({"log_probs": None}, (422, "invalid", "log_probs")),
        ({"log_probs": [0.0]}, (422, "invalid", "log_probs")),
        ({"truncated": [True] * STEPS}, (422, "invalid", "truncated")),
        ({"values": None, "truncated": [n == 4 for n in range(STEPS)]}, (422, "invalid", "values")),
        ({"policy_name": "god"}, (404, "unknown_policy", "policy_name")),
        ({"policy_name": "yard"}, (422, "invalid", "obs")),
        ({"instance_id": "nobody"}, (409, "unregistered", None)),
        ({"policy_version": 10_000}, (409, "future", "policy_version")),
    ],
)
def test_bad_vectors_are_refused_by_field(
    served: Served, client: httpx.Client, change: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    before = served.school.learners["pole"].state
    assert told(client.post("/push_rollout", json=vectors(**change))) == expected
    assert served.school.learners["pole"].state is before


@pytest.mark.parametrize(
    ("change", "word"),
    [({"rewards": "many"}, "rewards"), ({"rewards": []}, "rewards"), ({"frames": 1}, "frames"), ({"dones": [2]}, "")],
)
def test_bodies_of_other_types_are_refused_by_field(client: httpx.Client, change: dict[str, Any], word: str) -> None:
    answer = client.post("/push_rollout", json=vectors(**change))
    assert told(answer) == (422, "invalid", None)
    assert word in answer.json()["detail"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"obs_zlib_b64": coded(bytes(COUNT - 1))}, "obs_zlib_b64"),
        ({"obs_zlib_b64": coded(bytes(COUNT + 1))}, "obs_zlib_b64"),
        ({"obs_zlib_b64": coded(bytes(300 * COUNT))}, "obs_zlib_b64"),  # a bomb: never unpacked beyond COUNT + 1
        ({"obs_zlib_b64": "!"}, "obs_zlib_b64"),
        ({"obs_zlib_b64": base64.b64encode(b"no zlib").decode()}, "obs_zlib_b64"),
        ({"obs_zlib_b64": coded(b"\x04" * COUNT)}, "frames"),
        ({"obs_width": 81}, "obs_width"),
        ({"obs_height": 4096}, "obs_height"),
        ({"obs_channels": 3}, "obs_channels"),
        ({"policy_name": "pole"}, "obs_zlib_b64"),
    ],
)
def test_bad_pictures_are_refused_by_field(client: httpx.Client, change: dict[str, Any], field: str) -> None:
    assert told(client.post("/push_rollout_pixels", json=pixels(**change))) == (422, "invalid", field)


def test_another_dtype_is_refused(client: httpx.Client) -> None:
    answer = client.post("/push_rollout_pixels", json=pixels(obs_dtype="float32"))
    assert answer.status_code == 422 and "obs_dtype" in answer.json()["detail"]


def test_a_worker_over_http_learns_what_one_inline_does(served: Served) -> None:
    served.school.learners["twin"] = open_learner("twin", recipe())
    inline = open_learner("twin", recipe())
    with served.client() as client:
        link = HttpLearner(client, "twin")
        entered = link.register("w")
        worker = Worker("w", entered.recipe, seed=entered.seed)
        receipts = list(work(worker, link, rollouts=2))
    list(work(Worker("w", recipe(), seed=inline.register("w").seed), inline, rollouts=2))
    mine, theirs = inline.state.agent.state_dict(), served.school.learners["twin"].state.agent.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())
    assert isinstance(receipts[1], Receipt) and (receipts[1].version, receipts[1].corrected) == (2, False)
    del served.school.learners["twin"]


def test_a_stale_rollout_is_corrected_then_refused_over_http(served: Served) -> None:
    learner = served.school.learners["old"] = open_learner("old", recipe(), most_lag=1)
    with served.client() as client:
        link = HttpLearner(client, "old")
        worker = Worker("w", recipe(), seed=0)
        worker.load(link.register("w").weights)
        link.push(worker.play())
        played, before = worker.play(), learner.state
        receipt = link.push(played)
        assert (receipt.lag, receipt.corrected) == (1, True)
        expected = update(before, played.rollout, config=recipe().ppo, stale=True)[0].agent.state_dict()
        assert all(torch.equal(tensor, expected[name]) for name, tensor in learner.state.agent.state_dict().items())
        with pytest.raises(RolloutError, match="2 behind") as caught:
            link.push(worker.play())
        assert (caught.value.reason, caught.value.told) == ("stale", {"field": "policy_version", "version": 2})
    del served.school.learners["old"]


def test_a_worker_whose_learner_was_restarted_registers_again(served: Served) -> None:
    served.school.learners["phoenix"] = open_learner("phoenix", recipe())
    with served.client() as client:
        worker, link = Worker("w", recipe(), seed=0), HttpLearner(client, "phoenix")
        working = work(worker, link, rollouts=3)
        assert isinstance(next(working), Receipt)
        served.school.learners["phoenix"] = open_learner("phoenix", recipe())
        lost, taken = working
        assert isinstance(lost, RolloutError) and lost.reason == "unregistered"
        assert isinstance(taken, Receipt) and (taken.version, taken.lag) == (1, 0)
        # and a worker that was killed comes again by its name
        again = Worker("w", recipe(), seed=link.register("w").seed)
        (receipt,) = work(again, link, rollouts=1)
        assert isinstance(receipt, Receipt) and receipt.version == 2
    assert served.school.learners["phoenix"].workers == {"w": 1}
    del served.school.learners["phoenix"]


Change = Callable[[dict[str, torch.Tensor]], Any]
RAW_BODIES: list[tuple[Change, str]] = [
    (lambda t: t.pop("value"), "value"),
    (lambda t: t.update(extra=torch.zeros(1)), "extra"),
    (lambda t: t.pop("reward"), "reward"),
    (lambda t: t.update(reward=torch.zeros(70_000, 1)), "reward"),
    (lambda t: t.update(first=t["first"][:-1].clone()), "first"),
    (lambda t: t.update(action=t["action"].double()), "action"),
    (lambda t: t.update(log_prob=t["log_prob"] * torch.nan), "log_prob"),
    (lambda t: t.update(frames=torch.zeros(8, dtype=torch.uint8)), "frames"),
    (lambda t: t.update(frames=_zstd(bytes(2**24))), "frames"),
    (lambda t: t.update(frames=_zstd(bytes(9 * 2 * 4 * 4 - 1))), "frames"),
    (lambda t: t.update(episode_returns=torch.zeros(2)), "episode_returns"),
]


def _zstd(data: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(pyarrow.Codec("zstd").compress(data, asbytes=True)), dtype=torch.uint8)


@pytest.mark.parametrize(("change", "field"), RAW_BODIES)
def test_bad_octets_are_refused_by_field(client: httpx.Client, change: Change, field: str) -> None:
    worker = Worker("seed-0", recipe(), seed=0)
    worker.load(HttpLearner(client, "pole").register("seed-0").weights)
    tensors = safetensors.torch.load(pack_rollout(worker.play()))
    change(tensors)
    asked = {"policy_name": "pole", "instance_id": "seed-0", "policy_version": str(worker.version)}
    data = safetensors.torch.save(tensors)
    answer = client.post("/push_rollout", params=asked, content=data, headers={"content-type": RAW})
    assert told(answer) == (422, "invalid", field)


def test_octets_that_are_no_safetensors_are_refused(client: httpx.Client) -> None:
    asked = {"policy_name": "pole", "instance_id": "seed-0"}
    answer = client.post("/push_rollout", params=asked, content=b"\xff" * 64, headers={"content-type": RAW})
    assert told(answer) == (422, "invalid", "body")


def test_strangers_and_pages_are_refused(served: Served, client: httpx.Client) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as bare:
        for path in ("/register_worker", "/push_rollout", "/push_rollout_pixels", "/learner/merge", "/merge_policies"):
            assert bare.post(path, json={}).status_code == 401
    assert client.post("/push_rollout", content=b"{").json()["error"] == "malformed"
    json_of_9_mib = b" " * (9 * 2**20)
    large = client.post("/push_rollout", content=json_of_9_mib, headers={"content-type": "application/json"})
    assert told(large) == (413, "too_large", None)


def test_a_learner_that_is_behind_says_so(served: Served, client: httpx.Client) -> None:
    served.school._waiting += MOST_WAITING
    try:
        answer = client.post("/push_rollout", json=vectors())
        assert told(answer) == (503, "busy", None)
        assert answer.headers["retry-after"] == "1"
    finally:
        served.school._waiting -= MOST_WAITING


def test_metrics_tell_how_policies_stand(client: httpx.Client) -> None:
    assert sorted(client.get("/metrics").json()["policies"]) == ["pole", "yard"]
    pole = client.get("/metrics", params={"policy_name": "pole"}).json()["policies"]["pole"]
    assert pole["version"] > 0 and pole["refused"] > 0 and pole["metrics"]["charts/episodic_return"] == 5.0
    assert client.get("/metrics", params={"policy_name": "x"}).status_code == 404


def test_a_learner_that_is_away_is_told_of(served: Served) -> None:
    bound = bind("127.0.0.1", 0)  # nobody listens there
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    with httpx.Client(base_url=url, trust_env=False) as away, pytest.raises(InputError, match="no learner answers"):
        HttpLearner(away, "pole").register("w")
    bound.close()
    with served.client() as client:
        worker = Worker("w", recipe(), seed=0)
        worker.load(HttpLearner(client, "pole").register("w").weights)
        played = worker.play()
        wrong = replace(played, rollout=replace(played.rollout, reward=played.rollout.reward * torch.inf))
        with pytest.raises(RolloutError, match="reward holds NaN"):
            HttpLearner(client, "pole").push(wrong)
