"""Slices C, D and E of the seed, on Pot Yard's own goals: capture, gate, receipts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ludus.core import files
from ludus.core.clock import ManualClock
from ludus.core.errors import InputError, LudusError
from ludus.gameboy import GameBoy, GameBoyWorld
from ludus.gameboy.trace import load_actions, save_actions
from ludus.goals.artefact import META, PICTURE, STATE_ONLY, TRACE, GoalError, load_goal
from ludus.goals.task import GoalWorld
from ludus.run.evaluate import evaluate
from ludus.run.games import GameSettings, open_world
from ludus.run.goal import CODEC, Plan, capture, read_trace, replay
from ludus.run.goal_gate import try_gate
from ludus.run.goal_seats import goal_seats
from ludus.run.verify import verify
from tests.goals.record import GOALS, MARGIN, SEED
from tests.potyard.memory import FOLDER

NAMES = ("desert", "crypt")
STAGE = GOALS / NAMES[0]
ROM = FOLDER / "potyard.gb"
UP, DOWN = 3, 4


def plan(**changed: Any) -> Plan:
    facts: dict[str, Any] = {"game": "potyard", "start": "first_yard", "seed": SEED, "actions": STAGE / TRACE}
    return Plan(**(facts | changed))


# The goals that ship


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_goal_is_what_the_tools_make_of_its_trace_today(name: str, tmp_path: Path) -> None:
    shipped = load_goal(GOALS / name)
    seed = SEED if name == "desert" else 0
    start, count = str(shipped.start_state), len(shipped.templates)
    again = capture(
        Plan("potyard", start=start, seed=seed, actions=shipped.actions, templates=count),
        tmp_path / name,
        clock=ManualClock(),
    )
    np.testing.assert_array_equal(again.templates, shipped.templates)
    np.testing.assert_array_equal(replay(again, read_trace(again)).dist, replay(shipped, read_trace(shipped)).dist)
    assert again.meta.start_state_sha256 == shipped.meta.start_state_sha256


def test_shipped_goals_keep_the_contract_of_the_seed() -> None:
    for name in NAMES:
        meta = load_goal(GOALS / name).meta
        assert (meta.action_codec_id, meta.frames_per_step, meta.release_after_frames) == (
            "pokemonred_puffer_v0",
            24,
            8,
        )
        assert (meta.k_consecutive, meta.stack_k, meta.view, meta.tau) == (2, 4, "half", MARGIN)
        assert not Path(meta.rom_path).is_absolute()


def test_a_trace_never_opens_a_menu_to_wait() -> None:
    """Waiting is a wall or a button that does nothing; START and, on the card, A are not pressed."""
    for name in NAMES:
        rows = read_trace(load_goal(GOALS / name))
        assert not (rows == 2).any()
        assert (rows[-3:] == 1).all()  # B on the card of a stage


# Capture


def test_a_goal_is_the_last_frame_of_its_trace(tmp_path: Path) -> None:
    goal = capture(plan(), tmp_path / "goal", clock=ManualClock())
    world = GameBoyWorld("potyard", 1, codec=CODEC)
    world.reset(seeds=SEED)
    for row in load_actions(STAGE / TRACE, codec=CODEC):
        step = world.step(row)
    np.testing.assert_array_equal(goal.templates, step.frames)
    assert load_goal(goal.folder).meta == goal.meta
    assert goal.meta.created_at == "2000-01-01T00:00:00.000Z"


def test_a_capture_leaves_a_picture_for_people(tmp_path: Path) -> None:
    goal = capture(plan(templates=2), tmp_path / "goal")
    with Image.open(goal.folder / PICTURE) as opened:
        picture = np.asarray(opened)
    assert picture.shape == (288, 2 * 320 + 4)
    shown = np.array([255, 170, 85, 0], np.uint8)[goal.templates]
    np.testing.assert_array_equal(picture[::4, :320:4], shown[0])
    np.testing.assert_array_equal(picture[::4, 324::4], shown[1])


def test_several_templates_are_the_last_frames_that_differ(tmp_path: Path) -> None:
    one, three = (capture(plan(templates=count), tmp_path / f"{count}") for count in (1, 3))
    assert three.templates.shape == (3, 72, 80)
    np.testing.assert_array_equal(three.templates[-1:], one.templates)
    assert len({frame.tobytes() for frame in three.templates}) == 3
    with pytest.raises(InputError, match="templates is 99, but the trace shows"):
        capture(plan(templates=99), tmp_path / "99")


def test_a_goal_may_be_taken_from_states(tmp_path: Path) -> None:
    world = GameBoyWorld("potyard", 1, codec=CODEC, start="title")
    frames = [world.reset(seeds=0).frames[0]]
    (tmp_path / "title.state").write_bytes(world.save(0))
    frames.append(world.step([UP]).frames[0])
    (tmp_path / "later.state").write_bytes(world.save(0))
    states = (tmp_path / "title.state", tmp_path / "later.state")
    goal = capture(Plan("potyard", from_state=states), tmp_path / "goal")
    np.testing.assert_array_equal(goal.templates, np.stack(frames))
    assert (goal.meta.actions_path, goal.meta.actions_sha256) == (STATE_ONLY, "")
    with pytest.raises(InputError, match="no trace; name one by --actions"):
        try_gate(load_goal(goal.folder))


def test_a_goal_from_a_state_may_have_a_trace(tmp_path: Path) -> None:
    world = GameBoyWorld("potyard", 1, codec=CODEC)
    world.reset(seeds=SEED)
    for row in load_actions(STAGE / TRACE, codec=CODEC):
        world.step(row)
    (tmp_path / "there.state").write_bytes(world.save(0))
    goal = capture(plan(from_state=(tmp_path / "there.state",)), tmp_path / "goal")
    np.testing.assert_array_equal(goal.templates, load_goal(STAGE).templates)
    assert try_gate(load_goal(goal.folder)).failure is None


def test_a_state_that_a_console_saved_is_a_start(tmp_path: Path) -> None:
    gb = GameBoy(ROM)
    gb.tick(300)
    (tmp_path / "console.state").write_bytes(gb.save_state())
    save_actions(tmp_path / "start.jsonl", [[2], [1], [1]], codec=CODEC)
    start = str(tmp_path / "console.state")
    goal = capture(Plan("potyard", start=start, actions=tmp_path / "start.jsonl"), tmp_path / "goal")
    assert replay(goal, read_trace(goal)).dist[-1] == 0


def test_a_rom_without_a_card_has_goals_too(tmp_path: Path) -> None:
    shutil.copy(ROM, tmp_path / "game.gb")
    save_actions(tmp_path / "wait.jsonl", [[1]] * 30, codec=CODEC)
    goal = capture(Plan(str(tmp_path / "game.gb"), actions=tmp_path / "wait.jsonl"), tmp_path / "goals" / "title")
    assert goal.meta.rom_path == "../../game.gb"
    assert load_goal(goal.folder).meta == goal.meta


def test_every_setting_is_in_the_meta(tmp_path: Path) -> None:
    rows = load_actions(STAGE / TRACE, codec=CODEC) + 1
    save_actions(tmp_path / "v1.jsonl", rows, codec="pokemonred_puffer_v1")
    changed = plan(actions=tmp_path / "v1.jsonl", codec="pokemonred_puffer_v1", view="mean", tau=0.125, k_consecutive=3)
    meta = capture(changed, tmp_path / "goal").meta
    assert (meta.action_codec_id, meta.view, meta.tau, meta.k_consecutive) == ("pokemonred_puffer_v1", "mean", 0.125, 3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"start": "nowhere"}, "no start 'nowhere'"),
        ({"actions": Path("nowhere.jsonl")}, "cannot read nowhere.jsonl"),
        ({"codec": "pokemonred_puffer"}, "no action codec"),
        ({"actions": None}, "give --actions or --from-state"),
        ({"from_state": (Path("nowhere.state"),)}, "cannot read nowhere.state"),
        ({"tau": 0.0}, "tau is 0"),
        ({"k_consecutive": 0}, "k_consecutive is 0"),
        ({"game": "nothing"}, "no game 'nothing'"),
    ],
)
def test_a_capture_that_makes_no_sense_leaves_nothing(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(LudusError, match=message):
        capture(plan(**changed), tmp_path / "goal")
    assert list(tmp_path.iterdir()) == []


def test_a_capture_logs_the_distance_of_every_step(tmp_path: Path) -> None:
    goal = capture(plan(), tmp_path / "goal", log=tmp_path / "log.jsonl")
    rows = files.read_jsonl(tmp_path / "log.jsonl")
    assert [row["dist"] for row in rows] == replay(goal, read_trace(goal)).dist.tolist()
    assert rows[-1]["dist"] == [0.0]
    assert {tuple(row) for row in rows} == {("goal", "step", "tick", "actions", "dist")}


# In other loops


@pytest.mark.parametrize(("lanes", "workers"), [(3, 1), (1, 1), pytest.param(1, 2, marks=pytest.mark.slow)])
def test_an_evaluation_tells_which_goals_its_episodes_reached_and_when(
    lanes: int, workers: int, tmp_path: Path
) -> None:
    """Seed 0 goes through the desert, then the crypt; 1 the other way; 2 begins in the desert, past its card."""
    judges = goal_seats([GOALS / name for name in NAMES], GameSettings(game="potyard"))
    out = tmp_path / "run"
    played = evaluate("potyard", policy="scripted", episodes=3, out=out, lanes=lanes, workers=workers, judges=judges)
    found = [[verdict["name"] for verdict in episode.verdicts] for episode in played.episodes]
    assert found == [["desert", "crypt"], ["crypt", "desert"], ["crypt"]]
    first = played.episodes[0].verdicts[0]
    assert (first["judge"], first["tick"]) == ("goal:desert", 24 * (first["step"] + 1))
    assert first["evidence"] == {"distance": pytest.approx(0.0211, abs=1e-4), "tau": MARGIN, "consec": 2}
    assert [clip.tag for clip in played.episodes[0].clips] == ["desert", "crypt"]


def test_a_goal_of_other_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GoalError, match="view is 'half', but here it is 'mean'"):
        goal_seats([STAGE], GameSettings(game="potyard", view="mean"))
    with pytest.raises(GoalError, match="frames_per_step"):
        goal_seats([STAGE], GameSettings(game="potyard", frames_per_step=12))
    with pytest.raises(InputError, match="no Game Boy game"):
        goal_seats([STAGE], GameSettings(game="CartPole-v1", show="vector"))
    assert goal_seats([], GameSettings(game="CartPole-v1")) == ()


def test_another_goal_of_the_same_name_is_another_run(tmp_path: Path) -> None:
    game = GameSettings(game="potyard")
    shutil.copytree(STAGE, tmp_path / "goals" / STAGE.name)
    told = json.loads((tmp_path / "goals" / STAGE.name / META).read_text())
    (tmp_path / "goals" / STAGE.name / META).write_text(json.dumps(told | {"tau": 0.125, "rom_path": str(ROM)}))
    once = evaluate("potyard", episodes=1, max_steps=2, out=tmp_path / "run", judges=goal_seats([STAGE], game))
    assert once.played == 1
    other = goal_seats([tmp_path / "goals" / STAGE.name], game)
    with pytest.raises(InputError, match=r"holds another run: judges"):
        evaluate("potyard", episodes=1, max_steps=2, out=tmp_path / "run", judges=other)


def test_goals_are_a_game_to_be_played_recorded_and_verified(tmp_path: Path) -> None:
    goals = [str(GOALS / name) for name in NAMES]
    settings = GameSettings(game="potyard", codec=CODEC, goals=tuple(goals), max_steps=40)
    world = open_world(settings, 2)
    assert isinstance(world, GoalWorld)
    step = world.reset(seeds=0)
    np.testing.assert_array_equal(step.frames[0], step.frames[1])
    played = evaluate("potyard", episodes=2, codec=CODEC, goals=goals, max_steps=40, out=tmp_path / "run")
    assert [episode.steps for episode in played.episodes] == [40, 40]
    assert verify(tmp_path / "run").faults == {}
    with pytest.raises(GoalError, match="action_codec_id is 'pokemonred_puffer_v0', but here it is '"):
        open_world(GameSettings(game="potyard", goals=tuple(goals)), 1)
