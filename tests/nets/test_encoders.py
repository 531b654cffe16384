from __future__ import annotations

import pytest
import torch
from gymnasium.spaces import Discrete
from torch.nn import functional

from ludus.core.errors import InputError
from ludus.core.protocols import WorldSpec
from ludus.nets.agent import Agent, Door, make_agent
from ludus.nets.encoders import NetConfig, derive, lay_out, make_encoder, patches

PICTURES = [(2, 72, 80), (1, 37, 41), (2, 48, 64, 3)]


@pytest.mark.parametrize("kind", ["small", "nature", "impala"])
@pytest.mark.parametrize("stacked", PICTURES)
@pytest.mark.parametrize("size", [0.5, 1.0])
def test_pictures_become_features(kind: str, stacked: tuple[int, ...], size: float) -> None:
    config = NetConfig.model_validate({"kind": kind, "size": size})
    encoder = make_encoder(config, stacked, 3)
    features = encoder(torch.randint(0, 4, (5, *stacked), dtype=torch.uint8))
    assert features.shape == (5, derive(config).hidden) and torch.isfinite(features).all()


@pytest.mark.parametrize("kind", ["small", "nature", "impala"])
def test_frames_laid_out_anew_are_the_same_frames_and_bit_for_bit_the_same_features(kind: str) -> None:
    encoder = make_encoder(NetConfig.model_validate({"kind": kind}), (2, 48, 48), 3).to(
        memory_format=torch.channels_last  # type: ignore[call-overload]
    )
    frames = torch.randint(0, 4, (3, 5, 2, 48, 48), dtype=torch.uint8)
    laid = lay_out(encoder, frames)
    assert torch.equal(laid, frames) and (laid.stride() != frames.stride()) == (kind != "small")
    assert torch.equal(encoder(laid.flatten(0, 1)), encoder(frames.flatten(0, 1)))


def test_vectors_become_features() -> None:
    config = NetConfig(kind="mlp")
    assert make_encoder(config, (3, 4), 255)(torch.randn(5, 3, 4)).shape == (5, derive(config).hidden)


@pytest.mark.parametrize("kind", ["small", "nature", "impala"])
def test_only_the_share_of_the_greatest_value_counts(kind: str) -> None:
    config, frames = NetConfig.model_validate({"kind": kind}), torch.randint(0, 4, (2, 1, 48, 48), dtype=torch.uint8)
    features = []
    for levels in (3, 255):
        torch.manual_seed(1)
        features.append(make_encoder(config, (1, 48, 48), levels)(frames * (levels // 3)))
    torch.testing.assert_close(features[0], features[1], rtol=1e-3, atol=1e-4)


def test_a_net_that_does_not_fit_its_frames_is_refused() -> None:
    with pytest.raises(InputError, match=r"'mlp' for frames \[1, 72, 80\], expected one of \['small'"):
        make_encoder(NetConfig(kind="mlp"), (1, 72, 80), 3)
    with pytest.raises(InputError, match=r"expected one of \['mlp'\]"):
        make_encoder(NetConfig(), (1, 4), 3)
    with pytest.raises(InputError, match="too small"):
        make_encoder(NetConfig(kind="nature"), (1, 8, 8), 3)


@pytest.mark.parametrize("shape", [(2, 72, 80), (1, 5, 16), (3, 33, 47)])
def test_patches_are_those_of_a_strided_convolution(shape: tuple[int, ...]) -> None:
    frames = torch.randint(0, 256, (4, *shape), dtype=torch.uint8)
    cut = patches(frames)
    height, width = shape[1:]
    padded = functional.pad(frames.float(), (4, -(width + 4) % 8, 4, -(height + 4) % 8))
    expected = functional.unfold(padded, 8, stride=8).transpose(1, 2)
    assert torch.equal(cut.flatten(1, 2).float(), expected)


def _agent(**config: object) -> Agent:
    return make_agent(Door((1, 4), 255, Discrete(3)), NetConfig.model_validate({"kind": "mlp"} | config), seed=3)


def test_weights_follow_from_the_seed_and_leave_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    one, other = _agent(), _agent()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_new_policy_is_nearly_even_and_a_picture_net_too() -> None:
    thought = _agent()(torch.randn(6, 1, 4), torch.zeros(6, 0), torch.ones(6, dtype=torch.bool))
    assert thought.logits.softmax(-1).sub(1 / 3).abs().max() < 0.02


def test_actor_and_critic_of_vectors_share_nothing() -> None:
    agent = _agent()
    agent(torch.randn(2, 1, 4), torch.zeros(2, 0), torch.ones(2, dtype=torch.bool)).value.sum().backward()
    assert all(weight.grad is None for weight in agent.encoder.parameters())
    assert agent.critic is not None and all(weight.grad is not None for weight in agent.critic.parameters())


def test_unrolled_memory_is_what_single_steps_remember() -> None:
    agent = _agent(core="gru")
    frames, first = torch.randn(6, 2, 1, 4), torch.rand(6, 2) < 0.3
    carry = start = torch.randn(2, agent.carry_size)
    rows = []
    for t in range(6):
        thought = agent(frames[t], carry, first[t])
        carry = thought.carry
        rows.append(thought)
    together = agent.unroll(frames, start, first)
    torch.testing.assert_close(together.logits, torch.stack([row.logits for row in rows]))
    torch.testing.assert_close(together.value, torch.stack([row.value for row in rows]))
    torch.testing.assert_close(together.carry, carry)


def test_memory_is_cleared_where_an_episode_begins() -> None:
    agent = _agent(core="gru")
    frames, first = torch.randn(5, 1, 1, 4), torch.zeros(5, 1, dtype=torch.bool)
    first[3] = True
    long = agent.unroll(frames, torch.randn(1, agent.carry_size), first)
    fresh = agent.unroll(frames[3:], agent.first_carry(1), first[3:])
    torch.testing.assert_close(long.logits[3:], fresh.logits)
    assert not torch.allclose(long.logits[2], agent.unroll(frames[2:], agent.first_carry(1), first[2:]).logits[0])


def test_packed_frames_are_refused() -> None:
    spec = WorldSpec("gameboy:x", (72, 20), (255, 170, 85, 0), Discrete(2), 60.0, 24)
    with pytest.raises(InputError, match="packed"):
        Door.of(spec, 2)
