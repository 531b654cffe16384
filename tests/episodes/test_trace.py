from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ludus.core.errors import TraceError
from ludus.core.types import Actions, Trace
from ludus.episodes.trace import EpisodeTrace, pack, unpack


def told(actions: Actions) -> EpisodeTrace:
    return EpisodeTrace("walk__7__0", "walk", Trace((7,), "moves", actions[:, None], "0" * 32))


def assert_comes_back(actions: Actions) -> None:
    back = unpack(pack(told(actions)), "trace")
    assert (back.id, back.world, back.steps) == ("walk__7__0", "walk", len(actions))
    assert (back.trace.start, back.trace.codec, back.trace.digest) == ((7,), "moves", "0" * 32)
    assert back.trace.actions.dtype == actions.dtype
    np.testing.assert_array_equal(back.trace.actions[:, 0], actions)


@given(hnp.arrays(np.int64, st.integers(0, 9)))
def test_numbers_come_back(actions: npt.NDArray[np.int64]) -> None:
    assert_comes_back(actions)


@given(hnp.arrays(np.int8, st.tuples(st.integers(0, 9), st.just(3))))
def test_parts_come_back(actions: npt.NDArray[np.int8]) -> None:
    assert_comes_back(actions)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_forces_come_back_bit_for_bit(dtype: type, data: st.DataObject) -> None:
    finite = hnp.from_dtype(np.dtype(dtype), allow_nan=False, allow_infinity=False)
    actions = data.draw(hnp.arrays(dtype, st.tuples(st.integers(0, 5), st.just(2), st.just(2)), elements=finite))
    assert_comes_back(actions)
    back = unpack(pack(told(actions)), "trace").trace.actions
    assert back.tobytes() == actions.tobytes()  # -0.0 is not 0.0


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"schema_version": 2}, "schema version 1"),
        ({"more": 1}, "expected"),
        ({"dtype": "object"}, "numbers"),
        ({"dtype": "uint99"}, "uint99"),
        ({"shape": [5]}, "reshape"),
        ({"actions": [300, 0]}, "bounds"),
        ({"actions": ["a", "b"]}, "invalid literal"),
    ],
)
def test_a_trace_that_does_not_fit_is_an_error_that_names_the_file(change: dict[str, object], what: str) -> None:
    body = json.loads(pack(told(np.array([1, 2], np.int8))))
    with pytest.raises(TraceError, match=f"here.json: .*{what}"):
        unpack(json.dumps(body | change).encode(), "here.json")


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_what_is_no_trace_is_an_error(data: bytes) -> None:
    with pytest.raises(TraceError, match=r"here\.json"):
        unpack(data, "here.json")
