from __future__ import annotations

import numpy as np
import pytest

from ludus.core.errors import InputError
from ludus.core.protocols import Judge
from ludus.core.types import Verdict
from ludus.run.judging import Bench, Ruling, Seat, Wish
from ludus.run.loop import play
from tests.run.seats import Dark, Third, seats
from tests.run.test_loop import Wanderer, openings
from tests.walk_world import WalkWorld


def rulings(lanes: int, count: int = 12) -> dict[str, list[Ruling]]:
    bench = Bench((*seats("arrived", n=3), Seat("first", Third("arrived"), "events")), lanes, "r")
    found: dict[str, list[Ruling]] = {}
    names = [""] * lanes
    for turn in play(WalkWorld(lanes), Wanderer(lanes), openings(count), run="r"):
        for lane, opening in turn.began:
            names[lane] = opening.id
        bench.hear(turn)
        for lane in turn.ended:
            told = bench.end(lane)
            found[names[lane]] = [Ruling(one.judge, _nowhere(one.verdict), one.step, one.wish) for one in told]
    return found


def _nowhere(verdict: Verdict) -> Verdict:
    return Verdict(**{**{name: getattr(verdict, name) for name in Verdict.__slots__}, "lane": 0})


@pytest.mark.parametrize("lanes", [2, 5])
def test_verdicts_do_not_depend_on_lanes(lanes: int) -> None:
    alone, together = rulings(1), rulings(lanes)
    assert alone == together
    assert any(alone.values())


def test_a_verdict_over_frames_bears_its_episode_step_and_tick() -> None:
    for name, told in rulings(4).items():
        for one in told:
            verdict = one.verdict
            assert (one.judge, verdict.name, verdict.run, verdict.episode) == ("darkness", "dark", "r", name)
            assert one.step == 2  # the third frame that a step led to; the reset's does not count
            assert verdict.tick == 3


def test_a_judge_of_events_starts_anew_with_every_episode() -> None:
    """`arrived` happens once in an episode at most, so the third is never reached."""
    assert all(one.judge == "darkness" for told in rulings(1, 40).values() for one in told)


def test_the_tiny_judges_are_judges() -> None:
    assert isinstance(Third("a"), Judge) and isinstance(Dark(1), Judge)


def test_a_judge_sees_events_or_frames() -> None:
    with pytest.raises(InputError, match="sees 'smells', expected"):
        Seat("nose", Third("a"), "smells")  # type: ignore[arg-type] # that is the point


@pytest.mark.parametrize(
    ("step", "expected"),
    [(50, (40, 71, False, False)), (3, (0, 24, True, False)), (95, (85, 100, False, True))],
)
def test_a_wish_is_a_film_of_the_steps_around_it(step: int, expected: tuple[int, int, bool, bool]) -> None:
    verdict = Verdict("third", "r", "e", "", 0, 9, {})
    clip = Ruling("thirds", verdict, step, Wish(pre_s=1, post_s=2, speed=0.5)).clip(steps=100, step_hz=10.0)
    assert clip is not None
    assert (clip.start, clip.end, clip.truncated_pre, clip.truncated_post) == expected
    assert (clip.episode, clip.tag, clip.tick, clip.speed, clip.path) == ("e", "third", 9, 0.5, None)


@pytest.mark.parametrize("wish", [(-1, 0, 1), (0, -1, 1), (0, 0, 0), (float("nan"), 0, 1)])
def test_a_wish_that_no_film_can_meet_is_an_error(wish: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="expected seconds from 0"):
        Wish(*wish)


def test_no_wish_is_no_film() -> None:
    verdict = Verdict("third", "r", "e", "", 0, 9, {"n": int(np.int64(3))})
    told = Ruling("thirds", verdict, 5, None)
    assert told.clip(steps=9, step_hz=1.0) is None
    assert told.to_json() == {
        "judge": "thirds",
        "name": "third",
        "step": 5,
        "tick": 9,
        "stage": "",
        "evidence": {"n": 3},
    }
