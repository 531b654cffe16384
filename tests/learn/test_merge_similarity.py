from __future__ import annotations

from dataclasses import asdict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ludus.core.errors import InputError
from ludus.learn.merge import compare


def test_cosine_and_sign_agreement_are_those_worked_out_by_hand() -> None:
    base = {"a": torch.tensor([1.0, 1.0]), "b": torch.tensor([2.0, 2.0, 2.0])}
    scout = {"a": torch.tensor([4.0, 5.0]), "b": torch.tensor([2.0, 2.0, 3.0])}  # moved by 3, 4 and 0, 0, 1
    killer = {"a": torch.tensor([5.0, -2.0]), "b": torch.tensor([3.0, 2.0, 2.0])}  # by 4, -3 and 1, 0, 0
    found = compare(base, {"scout": scout, "killer": killer})
    assert found.size == 5
    a, b = found.tensors
    assert (a.name, a.size, b.name, b.size) == ("a", 2, "b", 3)
    assert (a.pairs[0].first, a.pairs[0].second) == ("scout", "killer")
    assert (a.pairs[0].cosine, a.pairs[0].sign_agreement) == (0.0, 0.5)
    assert (b.pairs[0].cosine, b.pairs[0].sign_agreement) == (0.0, None)
    assert (found.pairs[0].cosine, found.pairs[0].sign_agreement) == (0.0, 0.5)
    one, two = found.sources
    assert (one.norm, one.changed, one.alone) == pytest.approx((26**0.5, 3 / 5, 1 / 3))
    assert (two.norm, two.changed, two.alone) == pytest.approx((26**0.5, 3 / 5, 1 / 3))


def test_the_whole_net_counts_every_weight_once() -> None:
    base = {"a": torch.zeros(1), "b": torch.zeros(3)}
    found = compare(
        base, {"x": {"a": torch.ones(1), "b": torch.ones(3)}, "y": {"a": -torch.ones(1), "b": torch.ones(3)}}
    )
    assert found.pairs[0].cosine == pytest.approx(0.5)
    assert found.pairs[0].sign_agreement == 0.75


def test_what_has_not_moved_has_no_cosine_and_what_is_kept_is_not_looked_at() -> None:
    base = {"a": torch.zeros(2), "value.bias": torch.zeros(1)}
    found = compare(base, {"x": base, "y": {"a": torch.ones(2), "value.bias": torch.ones(1)}}, kept=["value.bias"])
    assert asdict(found.pairs[0]) == {"first": "x", "second": "y", "cosine": None, "sign_agreement": None}
    assert [tensor.name for tensor in found.tensors] == ["a"]
    assert (found.sources[0].alone, found.sources[1].alone) == (0.0, 1.0)


@given(st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=6), st.floats(0.5, 4))
def test_a_vector_is_wholly_like_itself_longer_and_unlike_its_mirror(numbers: list[float], factor: float) -> None:
    delta = torch.tensor(numbers, dtype=torch.float64)
    base = {"w": torch.zeros_like(delta)}
    found = compare(base, {"x": {"w": delta}, "longer": {"w": delta * factor}, "mirror": {"w": -delta}})
    if delta.norm() < 1e-150:
        return  # its length is 0 in float64
    assert [pair.cosine for pair in found.pairs] == pytest.approx([1.0, -1.0, -1.0])
    assert [pair.sign_agreement for pair in found.pairs] == [1.0, 0.0, 0.0]


def test_sources_of_another_net_are_refused() -> None:
    with pytest.raises(InputError, match="'w' is absent in source 2"):
        compare({"w": torch.zeros(1)}, {"x": {"w": torch.zeros(1)}, "y": {}})
