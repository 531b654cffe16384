from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ludus.core import rng
from ludus.core.errors import InputError
from ludus.learn.merge import METHODS, MergeConfig, merge_weights

Net = dict[str, Tensor]
BASE = [1.0, 2.0, 3.0, 4.0]
FIRST = [4.0, -1.0, 2.0, 0.5]
SECOND = [2.0, 3.0, -2.5, 0.0]
MEANS = {"linear", "ties", "dare_ties", "slerp", "ram", "ram_plus"}
"""Methods of which equal sources, when nothing is dropped, give themselves."""


def _net(*numbers: float) -> Net:
    return {"w": torch.tensor(numbers)}


def _moved(base: Sequence[float], *deltas: Sequence[float]) -> list[Net]:
    return [_net(*(b + d for b, d in zip(base, delta, strict=True))) for delta in deltas]


def _change(deltas: Sequence[Sequence[float]], **settings: Any) -> list[float]:
    """Merge sources that have moved so from zero, and give where the merge has moved."""
    zero = [0.0] * len(deltas[0])
    merged: list[float] = merge_weights(_net(*zero), _moved(zero, *deltas), MergeConfig(**settings))["w"].tolist()
    return merged


# Closed form


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"method": "linear"}, [4.0, 3.0, 2.75, 4.25]),
        ({"method": "linear", "weights": (3, 1)}, [4.5, 2.0, 3.875, 4.375]),
        ({"method": "task_arithmetic", "scale": 0.5}, [4.0, 3.0, 2.75, 4.25]),
        ({"method": "task_arithmetic", "weights": (1, -1)}, [3.0, -2.0, 7.5, 4.5]),
        # Trimmed to (4, 0, 2, 0) and (0, 3, -2.5, 0): the third goes down, and only the second source goes there.
        ({"method": "ties", "density": 0.5}, [5.0, 5.0, 0.5, 4.0]),
        # Nothing is trimmed: the first goes up with both, the second up with the second source alone.
        ({"method": "ties", "density": 1.0}, [4.0, 5.0, 0.5, 4.5]),
        ({"method": "ties", "density": 1.0, "weights": (1, 3)}, [3.5, 5.0, 0.5, 4.5]),
        ({"method": "ties", "density": 1.0, "weights": (4, 1)}, [4.6, 1.0, 5.0, 4.5]),
        ({"method": "ram"}, [4.0, 3.0, 2.75, 4.5]),
        ({"method": "ram", "epsilon": 2.2}, [5.0, 5.0, 0.5, 4.0]),
    ],
)
def test_two_sources_give_what_is_worked_out_by_hand(settings: dict[str, Any], expected: list[float]) -> None:
    merged = merge_weights(_net(*BASE), _moved(BASE, FIRST, SECOND), MergeConfig(**settings))
    torch.testing.assert_close(merged["w"], torch.tensor(expected))


def test_the_paper_trims_the_whole_net_and_the_other_form_every_tensor() -> None:
    base = {"big": torch.zeros(2), "small": torch.zeros(2)}
    source = {"big": torch.tensor([10.0, 9.0]), "small": torch.tensor([1.0, -2.0])}
    for per_tensor, big, small in ((None, [10.0, 9.0], [0.0, 0.0]), (True, [10.0, 0.0], [0.0, -2.0])):
        merged = merge_weights(base, [source], MergeConfig(density=0.5, per_tensor=per_tensor))
        assert (merged["big"].tolist(), merged["small"].tolist()) == (big, small)


def test_ties_keeps_weights_as_large_as_the_last_that_it_keeps() -> None:
    assert _change([[3.0, -2.0, 2.0, 1.0]], density=0.5) == [3.0, -2.0, 2.0, 0.0]


def test_ties_goes_with_most_weights_where_sources_balance() -> None:
    assert _change([[1.0, -2.0, -3.0], [-1.0, -2.0, -3.0]], density=1.0) == [-1.0, -2.0, -3.0]
    assert _change([[1.0, 2.0], [-1.0, -2.0]], density=1.0) == [1.0, 2.0]


def test_slerp_walks_the_arc_between_task_vectors() -> None:
    third = _change([[1.0, 0.0], [0.0, 1.0]], method="slerp", t=1 / 3)
    assert third == pytest.approx([math.cos(math.pi / 6), math.sin(math.pi / 6)])
    assert _change([[2.0, 0.0], [0.0, 1.0]], method="slerp") == pytest.approx([math.sqrt(2), math.sqrt(0.5)])


@pytest.mark.parametrize(
    ("first", "second"), [((1, 1), (3, 3)), ((1, 1), (-1, -1)), ((0, 0), (2, 4)), ((0, 0), (0, 0))]
)
def test_slerp_goes_straight_where_there_is_no_arc(first: tuple[float, ...], second: tuple[float, ...]) -> None:
    expected = [0.75 * a + 0.25 * b for a, b in zip(first, second, strict=True)]
    assert _change([first, second], method="slerp", t=0.25) == pytest.approx(expected)


def test_ram_keeps_whole_what_one_source_alone_changed_and_ram_plus_makes_more_of_it() -> None:
    deltas = [[4.0, 0.0, 2.0, 0.0], [2.0, 3.0, 0.0, 1e-6]]
    assert _change(deltas, method="ram") == [3.0, 3.0, 2.0, 0.0]
    # Each source shares one weight and has one alone: 1 + 0.5 * 1; at most 1 + 0.1 * 0.2 by default.
    assert _change(deltas, method="ram_plus", gain=0.5, overlap_max=5.0) == [3.0, 4.5, 3.0, 0.0]
    assert _change(deltas, method="ram_plus") == pytest.approx([3.0, 3.06, 2.04, 0.0])


def test_dare_drops_by_chance_and_divides_the_rest_by_what_stays() -> None:
    delta = torch.linspace(1, 2, 10_000)
    merged = torch.tensor(_change([delta.tolist()], method="dare", density=0.25))
    stays = merged != 0
    torch.testing.assert_close(merged[stays], (delta / 0.25)[stays])
    assert abs(float(stays.double().mean()) - 0.25) < 0.02  # 4.6 standard deviations
    assert float(merged.mean()) == pytest.approx(1.5, rel=0.08)


def test_dare_depends_on_its_seed_the_tensor_and_the_task_vector_alone() -> None:
    one, two = np.split(rng.uniform(0, "net", np.arange(400)).astype(np.float32), 2)
    base = {name: torch.zeros(200) for name in "ab"}
    sources = [{name: torch.tensor(delta) for name in "ab"} for delta in (one, two)]
    again = merge_weights(base, sources, MergeConfig(method="dare"))
    other = merge_weights(base, sources, MergeConfig(method="dare", drop_seed=1))
    torch.testing.assert_close(merge_weights(base, sources[::-1], MergeConfig(method="dare")), again, rtol=0, atol=0)
    assert not torch.equal(again["a"], other["a"])
    assert not torch.equal(again["a"], again["b"])


# Properties

NUMBERS = st.integers(-(2**15), 2**15).map(lambda number: number / 1024)
PER_TENSOR = {"ties", "ram_plus", "slerp"}


@st.composite
def _nets(draw: st.DrawFn, count: int) -> list[Net]:
    sizes = draw(st.lists(st.integers(0, 5), min_size=1, max_size=4))
    return [
        {f"t{i}": torch.tensor(draw(st.lists(NUMBERS, min_size=n, max_size=n))) for i, n in enumerate(sizes)}
        for _ in range(count)
    ]


def _settings(method: str, *, per_tensor: bool | None = None) -> dict[str, Any]:
    """Give settings with which nothing is dropped."""
    settings: dict[str, Any] = {"method": method}
    if "dare" in method or method == "ties":
        settings["density"] = 1.0
    if method in PER_TENSOR and per_tensor is not None:
        settings["per_tensor"] = per_tensor
    if method == "ram_plus":
        settings["gain"] = 0.0
    return settings


def _assert_equal(first: Net, second: Net) -> None:
    torch.testing.assert_close(first, second, rtol=0, atol=0)


@pytest.mark.parametrize("method", sorted(MEANS))
@settings(max_examples=40)
@given(nets=_nets(2), per_tensor=st.booleans(), count=st.integers(1, 5))
def test_equal_sources_give_themselves_bit_for_bit(method: str, nets: list[Net], per_tensor: bool, count: int) -> None:
    base, source = nets
    sources = [source] * (2 if method == "slerp" else count)
    _assert_equal(merge_weights(base, sources, MergeConfig(**_settings(method, per_tensor=per_tensor))), source)


@pytest.mark.parametrize("method", sorted(METHODS))
@settings(max_examples=40)
@given(nets=_nets(3))
def test_scale_0_gives_the_ancestor(method: str, nets: list[Net]) -> None:
    base, *sources = nets
    _assert_equal(merge_weights(base, sources, MergeConfig(method=method, scale=0.0)), base)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"slerp"}))
@settings(max_examples=40)
@given(nets=_nets(4), order=st.permutations(range(3)))
def test_the_order_of_sources_does_not_matter(method: str, nets: list[Net], order: list[int]) -> None:
    base, *sources = nets
    config = MergeConfig(method=method, scale=0.5)
    merged = merge_weights(base, sources, config)
    torch.testing.assert_close(merge_weights(base, [sources[i] for i in order], config), merged, rtol=1e-6, atol=1e-6)


@given(nets=_nets(3), t=st.floats(0, 1), per_tensor=st.booleans())
def test_slerp_from_the_other_side_is_the_same_way(nets: list[Net], t: float, per_tensor: bool) -> None:
    base, first, second = nets
    there = merge_weights(base, [first, second], MergeConfig(method="slerp", t=t, per_tensor=per_tensor))
    back = merge_weights(base, [second, first], MergeConfig(method="slerp", t=1 - t, per_tensor=per_tensor))
    torch.testing.assert_close(there, back, rtol=1e-5, atol=1e-5)


@given(nets=_nets(3), per_tensor=st.booleans())
def test_slerp_ends_at_its_sources_bit_for_bit(nets: list[Net], per_tensor: bool) -> None:
    base, *ends = nets
    for t, end in zip((0.0, 1.0), ends, strict=True):
        _assert_equal(merge_weights(base, ends, MergeConfig(method="slerp", t=t, per_tensor=per_tensor)), end)


@pytest.mark.parametrize("method", sorted(METHODS))
@settings(max_examples=40)
@given(numbers=st.lists(NUMBERS, min_size=2, max_size=2), base=NUMBERS)
def test_tensors_of_one_number_merge(method: str, numbers: list[float], base: float) -> None:
    sources = [{"bias": torch.tensor(number)} for number in numbers]
    config = MergeConfig(**_settings(method))
    merged = float(merge_weights({"bias": torch.tensor(base)}, sources, config)["bias"])
    if method in MEANS:  # a mean of one, or of both
        assert any(
            merged == pytest.approx(expected, abs=2e-5)
            for expected in (*numbers, sum(numbers) / 2, sum(numbers) - base)
        )
    else:
        assert merged == pytest.approx(sum(numbers) - base, abs=1e-5)


@given(nets=_nets(4), density=st.floats(0.01, 1), per_tensor=st.booleans())
def test_ties_agrees_with_the_paper_in_plain_loops(nets: list[Net], density: float, per_tensor: bool) -> None:
    base, *sources = nets
    merged = merge_weights(base, sources, MergeConfig(density=density, per_tensor=per_tensor))
    parts = [[name] for name in sorted(base)] if per_tensor else [sorted(base)]
    for part in parts:
        before = [float(number) for name in part for number in base[name]]
        nets_of_part = [[float(number) for name in part for number in source[name]] for source in sources]
        deltas = [[a - b for a, b in zip(numbers, before, strict=True)] for numbers in nets_of_part]
        expected = [b + d for b, d in zip(before, _plain_ties(deltas, density), strict=True)]
        got = [float(number) for name in part for number in merged[name]]
        assert got == pytest.approx(expected, rel=1e-6, abs=1e-6)


def _plain_ties(deltas: list[list[float]], density: float) -> list[float]:
    """TIES of Yadav et al. 2023, algorithm 1, number by number."""
    count = len(deltas[0])
    if not count:
        return []
    kept = max(1, int(density * count + 1e-9))
    trimmed = []
    for delta in deltas:
        least = sorted(map(abs, delta), reverse=True)[kept - 1]
        trimmed.append([number if abs(number) >= least else 0.0 for number in delta])
    sums = [sum(column) for column in zip(*trimmed, strict=True)]
    most = 1 if sum((number > 0) - (number < 0) for number in sums) >= 0 else -1
    merged = []
    for column, summed in zip(zip(*trimmed, strict=True), sums, strict=True):
        way = (summed > 0) - (summed < 0) or most
        agreeing = [number for number in column if number * way > 0]
        merged.append(sum(agreeing) / len(agreeing) if agreeing else 0.0)
    return merged


# What is kept, and what is refused


def test_tensors_without_floats_empty_ones_and_those_kept_are_the_ancestors() -> None:
    base = {"w": torch.zeros(2), "steps": torch.tensor(7), "none": torch.zeros(0), "value.weight": torch.ones(1)}
    source = {"w": torch.ones(2), "steps": torch.tensor(9), "none": torch.zeros(0), "value.weight": torch.zeros(1)}
    merged = merge_weights(base, [source], MergeConfig(method="linear"), kept=["value.weight"])
    _assert_equal(merged, base | {"w": torch.ones(2)})
    merged["value.weight"] += 1
    assert float(base["value.weight"]) == 1.0


def test_weights_keep_their_dtype() -> None:
    base, source = {"w": torch.zeros(3, dtype=torch.bfloat16)}, {"w": torch.ones(3, dtype=torch.bfloat16)}
    assert merge_weights(base, [source], MergeConfig(method="ram"))["w"].dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({}, r"'w' is absent in source 1 and torch.float32\[4\] in the ancestor"),
        ({"w": torch.zeros(4), "x": torch.zeros(1)}, "'x' is torch.float32.1. in source 1 and absent"),
        ({"w": torch.zeros(2, 2)}, r"float32\[2, 2\]"),
        ({"w": torch.zeros(4).double()}, "float64"),
        ({"w": torch.tensor([0.0, math.nan, 0.0, 0.0])}, "NaN"),
    ],
)
def test_weights_of_another_net_are_refused(source: Net, told: str) -> None:
    with pytest.raises(InputError, match=told):
        merge_weights(_net(*BASE), [source], MergeConfig())


@pytest.mark.parametrize(
    ("settings", "sources", "told"),
    [
        ({"method": "slerp"}, 3, "3 sources, slerp merges 2"),
        ({}, 0, "0 sources"),
        ({"weights": (1.0,)}, 2, "one for each of 2"),
        ({"weights": (1.0, -1.0)}, 2, "above 0"),
        ({"method": "ram", "density": 0.5}, 2, "density is given, which ram does not use; .* ties, dare, dare_ties"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], sources: int, told: str) -> None:
    with pytest.raises(InputError, match=told):
        merge_weights(_net(*BASE), [_net(*BASE)] * sources, MergeConfig(**settings))
