from __future__ import annotations

import numpy as np
import pytest

from ludus.core.types import Step
from ludus.run.loop import Opening, play
from ludus.run.replay import Script, ScriptActor, replay
from tests.run.test_loop import Wanderer, openings
from tests.walk_world import WalkWorld

NONE = np.zeros(2, np.bool_)
SHOWN = Step(np.zeros((2, 2, 8), np.uint8), np.zeros(2, np.float32), NONE, NONE, np.zeros(2, np.int64))


def scripts(count: int) -> dict[str, Script]:
    """Give what wanderers do in episodes, lane by lane, one after the other."""
    found = {}
    for opening in openings(count):
        turns = play(WalkWorld(1), Wanderer(1), [opening])
        actions = np.array([turn.choice.actions[0] for turn in turns if turn.choice], np.int64)
        found[opening.id] = Script(opening.id, opening.seed, actions)
    return found


@pytest.mark.parametrize("lanes", [1, 4])
def test_scripts_are_played_as_they_were(lanes: int) -> None:
    told = scripts(9)
    ended = [recording for _, recordings in replay(WalkWorld(lanes), list(told.values())) for recording in recordings]
    assert sorted(recording.trace.id for recording in ended) == sorted(told)
    for recording in ended:
        assert recording.steps.actions.tolist() == told[recording.trace.id].actions.tolist()
        assert recording.steps.terminated or recording.steps.truncated


def test_a_script_that_goes_on_after_the_end_is_cut_there() -> None:
    (told,) = scripts(1).values()
    longer = Script(told.id, told.seed, np.append(told.actions, [0, 0]))
    (recording,) = (recording for _, recordings in replay(WalkWorld(1), [longer]) for recording in recordings)
    assert len(recording.steps) == len(told.actions)


def test_a_script_that_stops_early_ends_its_episode_there() -> None:
    (told,) = scripts(1).values()
    shorter = Script(told.id, told.seed, told.actions[:1])
    (recording,) = (recording for _, recordings in replay(WalkWorld(1), [shorter]) for recording in recordings)
    assert (len(recording.steps), recording.steps.terminated, recording.steps.truncated) == (1, False, False)


def test_lanes_act_by_the_scripts_of_their_episodes() -> None:
    told = {"a": Script("a", 0, np.array([1, 2])), "b": Script("b", 0, np.array([2]))}
    actor = ScriptActor(told, WalkWorld(1).spec, 2)
    actor.begin([(1, Opening("a", 0, 0))])
    assert actor.act(SHOWN).actions.tolist() == [0, 1]
    actor.begin([(0, Opening("b", 0, 0))])
    assert [actor.act(SHOWN).actions.tolist() for _ in range(2)] == [[2, 2], [0, 0]]


def test_values_are_told_where_every_script_knows_them() -> None:
    values = np.array([0.5, 1.5], np.float32)
    one, other = Script("a", 0, np.array([1, 2]), value=values), Script("b", 0, np.array([2]))
    actor = ScriptActor({"a": one}, WalkWorld(1).spec, 2)
    actor.begin([(1, Opening("a", 0, 0))])
    choice = actor.act(SHOWN)
    assert choice.value is not None and choice.value.tolist() == [0, 0.5]
    assert choice.log_prob is None
    assert ScriptActor({"a": one, "b": other}, WalkWorld(1).spec, 2).act(SHOWN).value is None
