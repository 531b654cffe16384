from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ludus.core.errors import InputError, TraceError
from ludus.gameboy.codec import CODECS, find_codec
from ludus.gameboy.machine import BUTTONS
from ludus.gameboy.trace import load_actions, save_actions


def test_codecs_are_as_published() -> None:
    names = {codec.id: " ".join(codec.names) for codec in CODECS.values()}
    assert names == {
        "pokemonred_puffer_v0": "A B START UP DOWN LEFT RIGHT",
        "pokemonred_puffer_v1": "NOOP A B START UP DOWN LEFT RIGHT",
        "full_v0": "NOOP UP DOWN LEFT RIGHT A B START SELECT",
    }


@pytest.mark.parametrize("codec", CODECS.values(), ids=lambda codec: codec.id)
def test_an_action_presses_the_button_of_its_name(codec: object) -> None:
    assert len(codec.buttons) == len(codec)  # type: ignore[attr-defined, arg-type]
    for name, bits in zip(codec.names, codec.buttons.tolist(), strict=True):  # type: ignore[attr-defined]
        assert bits == (0 if name == "NOOP" else BUTTONS[name.lower()])


def test_unknown_codecs_and_actions_name_the_nearest() -> None:
    with pytest.raises(InputError, match="no action codec 'full_v1'; did you mean 'full_v0'"):
        find_codec("full_v1")
    assert find_codec("full_v0").number("SELECT") == 8
    with pytest.raises(InputError, match="pokemonred_puffer_v0 has no action 'SELECT'"):
        find_codec("pokemonred_puffer_v0").number("SELECT")


@given(actions=arrays(np.int64, st.tuples(st.integers(1, 20), st.integers(1, 4)), elements=st.integers(0, 8)))
def test_a_trace_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, actions: np.typing.NDArray[np.int64]
) -> None:
    path = tmp_path_factory.mktemp("trace") / "actions.jsonl"
    save_actions(path, actions, codec="full_v0")
    loaded = load_actions(path, codec="full_v0", lanes=actions.shape[1])
    np.testing.assert_array_equal(loaded, actions)
    assert loaded.dtype == np.int64


def test_a_trace_is_one_json_list_a_line(tmp_path: Path) -> None:
    path = tmp_path / "actions.jsonl"
    save_actions(path, [[3], [0]], codec="full_v0")
    assert path.read_text() == "[3]\n[0]\n"


BROKEN = {
    "empty": ("", None, "empty, expected one JSON list"),
    "broken JSON": ("[1]\n[2\n", None, "line 2, column"),
    "no list": ("[1]\n2\n", None, "line 2: 2, expected a JSON list"),
    "empty list": ("[]\n", None, r"line 1: \[\], expected a JSON list"),
    "width": ("[1, 2]\n[1]\n", None, "line 2: 1 actions, expected 2, one per lane"),
    "lanes": ("[1, 2]\n", 3, "line 1: 2 actions, expected 3"),
    "unknown": ("[1]\n[7]\n", None, "line 2: the action of lane 0 is 7, expected 0 to 6 of the codec pokemonred"),
    "negative": ("[0, -1]\n", None, "line 1: the action of lane 1 is -1"),
    "boolean": ("[true]\n", None, "line 1: the action of lane 0 is True, expected an integer"),
    "float": ("[1.0]\n", None, "line 1: the action of lane 0 is 1.0, expected an integer"),
    "text": ('["A"]\n', None, "line 1: the action of lane 0 is 'A', expected an integer"),
    "blank line": ("[1]\n\n[1]\n", None, "line 2, column 1"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_trace_is_an_error_that_names_file_and_line(case: str, tmp_path: Path) -> None:
    text, lanes, message = BROKEN[case]
    path = tmp_path / "broken.jsonl"
    path.write_text(text)
    with pytest.raises(TraceError, match=message) as caught:
        load_actions(path, codec="pokemonred_puffer_v0", lanes=lanes)
    assert str(path) in str(caught.value)


def test_a_trace_that_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "actions.jsonl"
    refused: list[Any] = [[], [[9]], [[1.5]], [1, 2], [[]]]
    for actions in refused:
        with pytest.raises(TraceError):
            save_actions(path, actions, codec="full_v0")
    assert list(tmp_path.iterdir()) == []
