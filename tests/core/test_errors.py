from __future__ import annotations

import inspect
import pickle

import pytest

from ludus.core import errors


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    depth_of = {}
    for line in str(errors.__doc__).splitlines():
        name = line.lstrip("│├└─ ").split(" ")[0]
        if name.endswith("Error") and hasattr(errors, name):
            depth_of[name] = (len(line) - len(line.lstrip("│├└─ "))) // 4
    classes = {name: cls for name, cls in vars(errors).items() if inspect.isclass(cls) and issubclass(cls, Exception)}
    assert depth_of == {name: cls.__mro__.index(errors.LudusError) + 1 for name, cls in classes.items()}


def test_a_missing_extra_names_the_command_that_installs_it() -> None:
    assert str(errors.MissingExtraError("pyboy", extra="bench")).endswith("pip install 'ludus[bench]'")


@pytest.mark.parametrize(
    ("known", "end"),
    [(["lanes", "minutes"], "did you mean 'lanes'?"), (["a", "b"], "known are: a, b."), ([], "nothing is known there")],
)
def test_an_unknown_name_is_answered_with_the_nearest_known_one(known: list[str], end: str) -> None:
    assert errors.nearest("lane", known).startswith(end)


def test_an_error_whose_init_takes_more_than_its_sentence_can_be_pickled() -> None:
    missing = errors.MissingExtraError("pyboy", extra="bench")
    missing.add_note("while measuring")
    again = pickle.loads(pickle.dumps(missing))
    assert (type(again), str(again), again.__notes__) == (type(missing), str(missing), ["while measuring"])
