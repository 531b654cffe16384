from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Normal

from ludus.core.errors import FileFormatError, InputError
from ludus.nets.actions import ActionHead
from ludus.nets.spaces import from_json, to_json

FEATURES = 5
BOX = spaces.Box(np.array([-1.0, -2.0], np.float32), np.array([1.0, 2.0], np.float32))
SPACES: dict[str, spaces.Space[Any]] = {
    "discrete": spaces.Discrete(4, start=2),
    "multi discrete": spaces.MultiDiscrete([3, 2], start=[1, 5]),
    "multi discrete of two axes": spaces.MultiDiscrete(np.array([[2, 3], [4, 5]])),
    "multi binary": spaces.MultiBinary(3),
    "box": BOX,
    "hybrid": spaces.Dict({"mouse": BOX, "keys": spaces.Tuple([spaces.Discrete(3), spaces.MultiBinary(2)])}),
}


def _head(space: spaces.Space[Any]) -> ActionHead:
    torch.manual_seed(0)
    head = ActionHead(space, FEATURES)
    torch.nn.init.normal_(head.layer.weight)  # so that nothing is nearly uniform
    torch.nn.init.normal_(head.log_scale, std=0.3)
    return head


def _drawn(head: ActionHead, batch: int) -> tuple[Tensor, Tensor]:
    logits = head(torch.randn(batch, FEATURES)).detach()
    return logits, head.sample(logits, torch.rand(batch, head.parts, dtype=torch.float64)).detach()


@pytest.mark.parametrize("name", SPACES)
def test_drawn_and_likeliest_actions_are_in_the_space(name: str) -> None:
    space = SPACES[name]
    head = _head(space)
    logits, drawn = _drawn(head, 50)
    for actions in (drawn, head.mode(logits)):
        world = head.to_world(actions.numpy())
        for lane in range(50):
            assert space.contains(_lane(world, lane))


@pytest.mark.parametrize("name", SPACES)
def test_log_probs_and_entropies_are_those_of_torch_distributions(name: str) -> None:
    head = _head(SPACES[name])
    logits, actions = _drawn(head, 7)
    log_prob, entropy = head.log_prob(logits, actions), head.entropy(logits)
    assert log_prob.shape == entropy.shape == (7, len(head.branches))
    for number, branch in enumerate(head.branches):
        row, action = logits[:, branch.logit], actions[:, branch.part]
        oracle: Any
        if branch.kind == "choice":
            oracle, action = Categorical(logits=row), action[:, 0]
        else:
            oracle = Bernoulli(logits=row) if branch.kind == "bits" else Normal(row, head.log_scale[branch.scale].exp())
        expected = [oracle.log_prob(action), oracle.entropy()]
        expected = [value.sum(-1) if value.ndim == 2 else value for value in expected]
        torch.testing.assert_close(log_prob[:, number], expected[0])
        torch.testing.assert_close(entropy[:, number], expected[1])


def test_choices_are_drawn_as_often_as_they_are_likely() -> None:
    head = _head(spaces.Discrete(4))
    logits = torch.log(torch.tensor([0.5, 0.25, 0.2, 0.05])).expand(1000, 4)
    even = (torch.arange(1000, dtype=torch.float64)[:, None] + 0.5) / 1000
    assert torch.bincount(head.sample(logits, even).long()[:, 0]).tolist() == [500, 250, 200, 50]


def test_bits_and_normals_are_drawn_as_often_as_they_are_likely() -> None:
    even = (torch.arange(1000, dtype=torch.float64)[:, None] + 0.5) / 1000
    bits = _head(spaces.MultiBinary(1))
    assert bits.sample(torch.full((1000, 1), -1.0), even).mean() == pytest.approx(1 / (1 + np.e), abs=1e-3)
    normal = ActionHead(spaces.Box(-1, 1, (1,), np.float32), FEATURES)
    drawn = normal.sample(torch.full((1000, 1), 3.0), even).detach()
    assert drawn.mean() == pytest.approx(3, abs=1e-3) and drawn.std() == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("chance", [2.0**-54, 0.5, 1 - 2.0**-54])
def test_what_a_mask_forbids_is_never_drawn(chance: float) -> None:
    head = _head(spaces.MultiDiscrete([3, 4]))
    mask = torch.tensor([[False, True, False, False, True, True, False]]).expand(20, -1)
    logits = head(torch.randn(20, FEATURES), mask)
    actions = head.sample(logits, torch.full((20, 2), chance, dtype=torch.float64))
    assert set(actions[:, 0].tolist()) == {1.0} and set(actions[:, 1].tolist()) <= {1.0, 2.0}
    assert head.entropy(logits)[:, 0].abs().max() < 1e-6
    assert set(head.mode(logits)[:, 1].tolist()) <= {1.0, 2.0}


def test_a_masked_bit_stays_off_and_a_box_is_not_masked() -> None:
    head = _head(spaces.Tuple([spaces.MultiBinary(2), BOX]))
    free = head(torch.ones(1, FEATURES))
    logits = head(torch.ones(1, FEATURES), torch.zeros(1, 4, dtype=torch.bool))
    assert head.sample(logits, torch.full((1, 4), 2.0**-54, dtype=torch.float64))[0, :2].tolist() == [0, 0]
    assert torch.equal(logits[:, 2:], free[:, 2:])


def test_a_mask_that_forbids_all_gives_numbers() -> None:
    head = _head(spaces.Discrete(3))
    logits = head(torch.ones(1, FEATURES), torch.zeros(1, 3, dtype=torch.bool))
    assert torch.isfinite(head.entropy(logits)).all()
    assert torch.isfinite(head.log_prob(logits, head.mode(logits))).all()


def test_box_actions_are_clipped_for_the_world_alone() -> None:
    head = _head(BOX)
    drawn = np.array([[5.0, -7.0]], np.float32)
    assert head.to_world(drawn).tolist() == [[1.0, -2.0]]
    assert drawn.tolist() == [[5.0, -7.0]]


def test_spaces_that_cannot_be_acted_in_are_refused() -> None:
    refused: list[spaces.Space[Any]] = [spaces.Text(3), spaces.Box(0, 9, (2,), np.uint8), spaces.Tuple([])]
    for space in refused:
        with pytest.raises(InputError, match="expected"):
            ActionHead(space, FEATURES)


@pytest.mark.parametrize("name", SPACES)
def test_spaces_come_back_from_json(name: str) -> None:
    assert from_json(to_json(SPACES[name])) == SPACES[name]


def test_spaces_that_json_does_not_know_are_refused() -> None:
    with pytest.raises(InputError, match="Text"):
        to_json(spaces.Text(3))
    with pytest.raises(FileFormatError, match="no action space"):
        from_json({"kind": "text"})


def _lane(actions: Any, lane: int) -> Any:
    if isinstance(actions, tuple):
        return tuple(_lane(part, lane) for part in actions)
    if isinstance(actions, dict):
        return {name: _lane(part, lane) for name, part in actions.items()}
    return actions[lane]
