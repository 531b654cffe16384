"""What bodies hold is what tensors hold: every kind of action, colours, and our own form."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from ludus.learn.ppo import PpoConfig
from ludus.nets.agent import Agent, Door, make_agent
from ludus.nets.encoders import NetConfig
from ludus.run.learner import Played, RolloutError, check_rollout
from ludus.serve.learner.rollouts import PixelBody, VectorBody, pack_rollout, read_pixels, read_vectors, unpack_rollout
from tests.learn.bandit import learner, play
from tests.run.family import one_thread as one_thread

MIXED = spaces.Tuple((spaces.Discrete(3), spaces.Box(-1, 1, (2,)), spaces.MultiBinary(2)))


def agent(stacked: tuple[int, ...], space: Any = MIXED, **net: Any) -> Agent:
    return make_agent(Door(stacked, 255, space), NetConfig(**net), seed=0)


def body(steps: int, **more: Any) -> dict[str, Any]:
    told = {"rewards": [0.0] * steps, "dones": [True] * steps, "log_probs": [0.0] * steps}
    return {"instance_id": "w", "policy_name": "p"} | told | more


def test_numbers_of_boxes_come_from_cont_and_all_others_from_disc() -> None:
    told = body(2, obs=[[0.0] * 4] * 2, actions_disc=[[2, 0, 1], [0, 1, 1]], actions_cont=[[0.5, -3.0], [0.25, 1.5]])
    played = read_vectors(msgspec.convert(told, VectorBody), agent((2, 2), kind="mlp"))
    assert played.rollout.action[:, 0].tolist() == [[2, 0.5, -3, 0, 1], [0, 0.25, 1.5, 1, 1]]
    check_rollout(played.rollout, agent((2, 2), kind="mlp"))


def test_a_bit_that_is_no_bit_is_refused() -> None:
    told = body(1, obs=[[0.0] * 4], actions_disc=[[2, 0, 2]], actions_cont=[[0.0, 0.0]])
    played = read_vectors(msgspec.convert(told, VectorBody), agent((2, 2), kind="mlp"))
    with pytest.raises(RolloutError, match="whole numbers of 0 to 1"):
        check_rollout(played.rollout, agent((2, 2), kind="mlp"))


def test_one_step_that_ends_nothing_has_nothing_to_learn_from() -> None:
    told = body(1, obs=[[0.0] * 4], dones=[0])
    with pytest.raises(RolloutError, match="two or more"):
        read_vectors(msgspec.convert(told, VectorBody), agent((2, 2), kind="mlp"))


def test_colours_lie_frame_by_frame_in_channels() -> None:
    frames = np.arange(3 * 2 * 16 * 16 * 3, dtype=np.uint8).reshape(3, 2, 16, 16, 3)
    channels = np.ascontiguousarray(frames.transpose(0, 1, 4, 2, 3)).reshape(3, 6, 16, 16)
    coded = base64.b64encode(zlib.compress(channels.tobytes())).decode()
    sizes = {"obs_width": 16, "obs_height": 16, "obs_channels": 6}
    told = body(3, obs_zlib_b64=coded, actions_disc=[[1]] * 3, **sizes)
    played = read_pixels(msgspec.convert(told, PixelBody), agent((2, 16, 16, 3), spaces.Discrete(3), size=0.25))
    assert np.array_equal(played.rollout.frames[:3, 0].numpy(), frames)


def test_what_is_packed_unpacks_bit_for_bit() -> None:
    state = learner(PpoConfig())
    rollout = play(state)
    found, returns = unpack_rollout(pack_rollout(Played("w", 0, rollout, (1.5, -2.0))), state.agent)
    assert returns == (1.5, -2.0)
    told = found.tensors()
    assert all(torch.equal(tensor, told[name]) for name, tensor in rollout.tensors().items())


WHOLE = learner(PpoConfig())
PACKED = pack_rollout(Played("w", 0, play(WHOLE, steps=2, lanes=2)))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255), st.booleans())
def test_damaged_octets_are_refused_or_fit(place: int, change: int, cut: bool) -> None:
    data = PACKED[:place] if cut else PACKED[:place] + bytes([PACKED[place] ^ change]) + PACKED[place + 1 :]
    refusal: RolloutError | None = None
    try:
        found, _ = unpack_rollout(data, WHOLE.agent)
    except RolloutError as error:
        refusal = error
    else:
        assert found.frames.shape == (3, 2, 1, 16, 16)
    assert refusal is None or (refusal.reason == "invalid" and refusal.told["field"])
    assert refusal is not None or not cut
