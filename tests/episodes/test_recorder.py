"""The recorder keeps all lanes' columns together; what it gives must be what each lane did alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest
from gymnasium.spaces import Discrete

from ludus.core import digest
from ludus.core.protocols import Choice, WorldSpec
from ludus.core.types import Event, Step
from ludus.episodes import recorder as module
from ludus.episodes.recorder import Recorder

LANES = 5
SPEC = WorldSpec("toy", (2, 3), (255, 0), Discrete(9), tick_hz=10.0, ticks_per_step=2)


@dataclass
class Alone:
    """What one lane did, kept in the plainest way."""

    digest: str
    actions: list[int] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    last: npt.NDArray[np.uint8] | None = None
    peak: npt.NDArray[np.uint8] | None = None


def shown(generator: np.random.Generator, ended: npt.NDArray[np.bool_], tick: int) -> Step:
    frames = generator.integers(0, 2, (LANES, 2, 3), np.uint8)
    reward = (generator.integers(-1, 2, LANES) / 3).astype(np.float32)
    return Step(frames, reward, ended, np.zeros(LANES, np.bool_), np.full(LANES, tick, np.int64))


@pytest.mark.parametrize("seed", range(4))
def test_it_gives_what_each_lane_did_alone(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 8)
    generator = np.random.default_rng(seed)
    recorder = Recorder(SPEC, LANES, "moves")
    alone: dict[int, Alone] = {}
    checked = 0
    none = np.zeros(LANES, np.bool_)
    for tick in range(300):
        idle = [lane for lane in range(LANES) if lane not in alone and generator.random() < 0.3]
        if idle:
            step = shown(generator, none, 0)
            recorder.begin(idle, step)
            alone |= {lane: Alone(digest.roll("", step.frames[lane])) for lane in idle}
        moved = np.isin(np.arange(LANES), list(alone))
        ended = moved & (generator.random(LANES) < 0.04)
        step, actions = shown(generator, ended, tick), generator.integers(0, 9, LANES)
        values = generator.random(LANES).astype(np.float32)
        recorder.add(Choice(actions, value=values), step, moved)
        for lane, kept in alone.items():
            best = max([0.0, *kept.rewards])
            kept.digest = digest.roll(kept.digest, step.frames[lane])
            kept.actions.append(int(actions[lane]))
            kept.rewards.append(float(step.reward[lane]))
            kept.values.append(float(values[lane]))
            kept.last = step.frames[lane]
            if kept.rewards[-1] > best:
                kept.peak = step.frames[lane]
        for lane in np.flatnonzero(ended).tolist():
            kept, found = alone.pop(lane), recorder.end(lane, "toy__7__0", 7)
            assert found.steps.actions.tolist() == found.trace.trace.actions[:, 0].tolist() == kept.actions
            assert found.steps.reward.tolist() == kept.rewards
            assert found.steps.value is not None and found.steps.value.tolist() == kept.values
            assert found.steps.log_prob is None
            assert found.total == math.fsum(kept.rewards)
            assert found.ticks == tick
            assert found.trace.trace.digest == kept.digest
            assert (found.steps.terminated, found.steps.truncated) == (True, False)
            np.testing.assert_array_equal(found.peak, kept.last if kept.peak is None else kept.peak)
            checked += 1
    assert checked > 20


def test_events_stay_with_the_episode_of_their_lane() -> None:
    recorder, none = Recorder(SPEC, LANES, "moves"), np.zeros(LANES, np.bool_)
    generator = np.random.default_rng(0)
    recorder.begin([0, 1], shown(generator, none, 0))
    events = [Event("hit", {}, "r", "e", "", lane, 0, seq) for seq, lane in enumerate([0, 1, 0])]
    for event in events:
        recorder.tell(event.lane, event)
    assert recorder.end(0, "toy__0__0", 0).events == (events[0], events[2])
    recorder.begin([0], shown(generator, none, 0))
    assert recorder.end(0, "toy__1__1", 1).events == ()


def test_an_episode_without_steps_is_recorded() -> None:
    """Edge case of seed 002: an empty episode."""
    recorder = Recorder(SPEC, LANES, "moves")
    step = shown(np.random.default_rng(0), np.ones(LANES, np.bool_), 0)
    recorder.begin([2], step)
    found = recorder.end(2, "toy__0__0", 0)
    assert (len(found.steps), found.total, found.ticks) == (0, 0.0, 0)
    assert found.trace.trace.digest == digest.roll("", step.frames[2])


def test_a_long_episode_keeps_no_frames() -> None:
    recorder, none = Recorder(SPEC, LANES, "moves"), np.zeros(LANES, np.bool_)
    step = shown(np.random.default_rng(0), none, 0)
    recorder.begin([0], step)
    for _ in range(5000):
        recorder.add(Choice(np.zeros(LANES, np.int64)), step, np.arange(LANES) == 0)
    found = recorder.end(0, "toy__0__0", 0)
    assert len(found.steps) == 5000
    assert found.peak.base is None  # a frame of its own, not a view that keeps all lanes
