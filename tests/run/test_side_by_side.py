from __future__ import annotations

import os
import time
from functools import partial
from typing import Any

import pytest

from ludus.core.errors import InputError, LudusError
from ludus.run.side_by_side import Tell, side_by_side


def _count(many: int, tell: Tell) -> None:
    for number in range(many):
        tell((number, os.getpid()))


def _refuse(tell: Tell) -> None:
    raise InputError("this cannot be done.")


def _break(tell: Tell) -> None:
    raise ZeroDivisionError


def _vanish(tell: Tell) -> None:
    os._exit(3)


def _wait(tell: Tell) -> None:
    time.sleep(600)


def test_all_is_told_in_order_with_its_place_and_each_work_has_a_process() -> None:
    told: list[tuple[int, Any]] = []
    side_by_side([partial(_count, many) for many in (2, 0, 3)], lambda *each: told.append(each), processes=2)
    assert sorted((number, what[0]) for number, what in told) == [(0, 0), (0, 1), (2, 0), (2, 1), (2, 2)]
    pids = [{what[1] for number, what in told if number == place} for place in (0, 2)]
    assert [len(found) for found in pids] == [1, 1] and os.getpid() not in pids[0] | pids[1]
    assert [what[0] for number, what in told if number == 2] == [0, 1, 2]


def test_one_process_is_this_one() -> None:
    told: list[tuple[int, Any]] = []
    side_by_side([partial(_count, 1), partial(_count, 1)], lambda *each: told.append(each), processes=1)
    assert told == [(0, (0, os.getpid())), (1, (0, os.getpid()))]


@pytest.mark.parametrize(
    ("work", "error", "match"),
    [
        (_refuse, LudusError, "^this cannot be done.$"),
        (_break, RuntimeError, "ZeroDivisionError"),
        (_vanish, LudusError, "exit code 3"),
    ],
)
def test_the_first_that_fails_ends_the_others(work: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        side_by_side([_wait, work], lambda *_: None, processes=2)


def test_no_process_is_refused() -> None:
    with pytest.raises(InputError, match="processes is 0"):
        side_by_side([], lambda *_: None, processes=0)
