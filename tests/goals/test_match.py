"""Slice A of the seed: distances and the reducer, on toy tensors and by property."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ludus.core.errors import InputError
from ludus.gameboy.machine import pack
from ludus.goals import match
from ludus.goals.match import advance, check_limits, check_values, distance, find_device, to_tensor

Shades = npt.NDArray[np.uint8]


def shades(seed: int, *shape: int) -> Shades:
    return np.random.default_rng(seed).integers(0, 4, shape, np.uint8)


def naive(frames: Shades, goal: Shades) -> npt.NDArray[np.float32]:
    """The seed's formula, with an integer sum first."""
    totals = np.abs(frames.astype(np.int64) - goal.astype(np.int64)).sum(axis=(1, 2))
    dist: npt.NDArray[np.float32] = totals.astype(np.float32) / np.float32(3 * 72 * 80)
    return dist


def flat(value: int, lanes: int = 1) -> torch.Tensor:
    return torch.full((lanes, 72, 80), value, dtype=torch.uint8)


@pytest.mark.parametrize(("value", "expected"), [(0, 0.0), (1, np.float32(1 / 3)), (2, np.float32(2 / 3)), (3, 1.0)])
def test_black_is_one_away_from_white(value: int, expected: float) -> None:
    assert distance(flat(value), flat(0)[0]).item() == expected
    assert distance(flat(0), flat(value)[0]).item() == expected


def test_one_pixel_that_is_one_shade_off_is_one_part_of_17280() -> None:
    frames = flat(2)
    frames[0, 71, 79] = 1
    assert distance(frames, flat(2)[0]).item() == np.float32(1) / np.float32(17280)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_distances_equal_the_formula_to_the_bit(seed: int, lanes: int) -> None:
    frames, goal = shades(seed, lanes, 72, 80), shades(seed + 1, 72, 80)
    found = distance(to_tensor(frames), to_tensor(goal))
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy(), naive(frames, goal))


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 6))
def test_of_a_stack_the_last_frame_counts(seed: int, lanes: int, size: int) -> None:
    stacks, goal = shades(seed, lanes, size, 72, 80), shades(seed + 1, 72, 80)
    np.testing.assert_array_equal(distance(to_tensor(stacks), to_tensor(goal)).numpy(), naive(stacks[:, -1], goal))


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.booleans())
def test_packed_frames_are_as_far_as_what_they_hold(seed: int, lanes: int, stacked: bool) -> None:
    frames, goal = shades(seed, lanes, 72, 80), shades(seed + 1, 72, 80)
    packed = pack(frames)
    if stacked:
        packed = np.stack([shades(seed + 2, *packed.shape), packed], axis=1)
    np.testing.assert_array_equal(distance(to_tensor(packed), to_tensor(goal)).numpy(), naive(frames, goal))


def test_packed_frames_may_begin_anywhere_in_memory() -> None:
    frames, goal = shades(0, 3, 72, 80), shades(1, 72, 80)
    memory = torch.zeros(3 * 1440 + 3, dtype=torch.uint8)
    memory[3:] = to_tensor(pack(frames)).flatten()
    found = distance(memory[3:].view(3, 72, 20), to_tensor(goal))
    np.testing.assert_array_equal(found.numpy(), naive(frames, goal))


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_of_several_templates_the_nearest_counts(seed: int, count: int) -> None:
    frames, goals = shades(seed, 3, 72, 80), shades(seed + 1, count, 72, 80)
    expected = np.min([naive(frames, goal) for goal in goals], axis=0)
    np.testing.assert_array_equal(distance(to_tensor(frames), to_tensor(goals)).numpy(), expected)
    np.testing.assert_array_equal(distance(to_tensor(pack(frames)), to_tensor(goals)).numpy(), expected)


@pytest.mark.parametrize("lanes", [0, 1, 7, 8, 9])
def test_lanes_beyond_a_chunk_are_no_different(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match, "FEW_LANES", 7)
    monkeypatch.setattr(match, "CPU_CHUNK_BYTES", 4 * match.PIXELS // torch.get_num_threads())
    frames, goal = shades(lanes, lanes, 72, 80), shades(1, 72, 80)
    np.testing.assert_array_equal(distance(to_tensor(frames), to_tensor(goal)).numpy(), naive(frames, goal))
    packed = pack(frames) if lanes else np.zeros((0, 72, 20), np.uint8)
    np.testing.assert_array_equal(distance(to_tensor(packed), to_tensor(goal)).numpy(), naive(frames, goal))


def test_frames_are_only_read() -> None:
    frames = shades(0, 2, 72, 80)
    kept = frames.copy()
    sealed = frames.view()
    sealed.flags.writeable = False
    assert np.shares_memory(to_tensor(sealed).numpy(), frames)
    distance(to_tensor(sealed), to_tensor(shades(1, 72, 80)))
    np.testing.assert_array_equal(frames, kept)


@pytest.mark.parametrize(
    "shape", [(72, 80), (2, 80, 72), (2, 144, 160), (2, 72, 40), (2, 4, 80, 72), (2, 0, 72, 80), (1, 2, 3, 72, 80)]
)
def test_frames_of_another_shape_are_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"frames are uint8\[.*expected uint8\[N, 72, 80\]"):
        distance(torch.zeros(shape, dtype=torch.uint8), flat(0)[0])


@pytest.mark.parametrize("shape", [(80, 72), (0, 72, 80), (2, 72, 20), (2, 2, 72, 80)])
def test_a_goal_of_another_shape_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"the goal is uint8\[.*expected uint8\[72, 80\]"):
        distance(flat(0), torch.zeros(shape, dtype=torch.uint8))


@pytest.mark.parametrize("dtype", [torch.int8, torch.float32, torch.int64, torch.bool])
def test_another_dtype_is_an_error(dtype: torch.dtype) -> None:
    with pytest.raises(InputError, match="frames are"):
        distance(flat(0).to(dtype), flat(0)[0])
    with pytest.raises(InputError, match="the goal is"):
        distance(flat(0), flat(0)[0].to(dtype))


def test_values_that_are_no_shades_are_an_error_where_they_are_looked_at() -> None:
    check_values(flat(3))
    check_values(torch.full((1, 72, 20), 255, dtype=torch.uint8))  # packed
    check_values(flat(0, lanes=0))
    with pytest.raises(InputError, match="frames hold 4, expected shades 0 to 3"):
        check_values(flat(4))


def test_frames_and_goal_lie_on_one_device() -> None:
    with pytest.raises(InputError, match="frames are on cpu and the goal on meta"):
        distance(flat(0), torch.zeros((72, 80), dtype=torch.uint8, device="meta"))


def run(dist: list[float], *, tau: float, k: int) -> tuple[list[int], list[bool]]:
    consec, counts, dones = torch.zeros(1, dtype=torch.int32), [], []
    for value in dist:
        consec, done = advance(consec, torch.tensor([value]), tau=tau, k_consecutive=k)
        assert (consec.dtype, done.dtype) == (torch.int32, torch.bool)
        counts.append(int(consec))
        dones.append(bool(done))
    return counts, dones


def test_steps_below_tau_count_up_and_any_other_step_resets_them() -> None:
    counts, dones = run([0.5, 0.1, 0.1, 0.5, 0.1, 0.1, 0.1], tau=0.2, k=3)
    assert counts == [0, 1, 2, 0, 1, 2, 3]
    assert dones == [False] * 6 + [True]


def test_a_distance_of_tau_is_not_below_it() -> None:
    assert run([0.25], tau=0.25, k=1) == ([0], [False])
    assert run([float(np.nextafter(np.float32(0.25), np.float32(0)))], tau=0.25, k=1) == ([1], [True])


def test_done_stays_while_the_screen_stays_and_goes_with_it() -> None:
    assert run([0, 0, 0, 1], tau=0.1, k=2)[1] == [False, True, True, False]


def test_lanes_are_counted_apart() -> None:
    consec = torch.tensor([0, 4, 1], dtype=torch.int32)
    consec, done = advance(consec, torch.tensor([0.0, 1.0, 0.0]), tau=0.5, k_consecutive=2)
    assert consec.tolist() == [1, 0, 2]
    assert done.tolist() == [False, False, True]


@given(st.lists(st.floats(0, 1, width=32), max_size=40), st.floats(0.01, 1), st.integers(1, 5))
def test_the_reducer_equals_looking_back(dist: list[float], tau: float, k: int) -> None:
    dones = run(dist, tau=tau, k=k)[1]
    below = [np.float32(value) < np.float32(tau) for value in dist]
    assert dones == [step + 1 >= k and all(below[step + 1 - k : step + 1]) for step in range(len(dist))]


@pytest.mark.parametrize(
    ("tau", "k", "name"), [(0.0, 2, "tau"), (1.1, 2, "tau"), (np.nan, 2, "tau"), (0.1, 0, "k_con")]
)
def test_limits_that_make_no_sense_are_errors(tau: float, k: int, name: str) -> None:
    with pytest.raises(InputError, match=name):
        check_limits(tau, k)


def test_a_device_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match="device is 'tpu', expected cpu or cuda"):
        find_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="no GPU here"):
        find_device("cuda")


def test_nothing_in_the_hot_path_waits_for_a_device() -> None:
    """Tensors without data cannot be copied from: what works on them neither waits nor looks."""
    frames = torch.zeros((5, 4, 72, 80), dtype=torch.uint8, device="meta")
    packed = torch.zeros((5, 72, 20), dtype=torch.uint8, device="meta")
    for seen in (frames, packed):
        dist = distance(seen, torch.zeros((2, 72, 80), dtype=torch.uint8, device="meta"))
        consec = torch.zeros(5, dtype=torch.int32, device="meta")
        consec, done = advance(consec, dist, tau=0.1, k_consecutive=2)
        assert (dist.shape, consec.dtype, done.dtype) == ((5,), torch.int32, torch.bool)


def test_without_torch_the_extra_is_named() -> None:
    code = "import sys\nsys.modules['torch'] = None\nfrom ludus.cli import main\nsys.exit(main(['goal', 'show', 'x']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "ludus: PyTorch is not installed; run: pip install 'ludus[learn]'\n"
