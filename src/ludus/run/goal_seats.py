"""Goals as judges: a seat for each, over whatever is played of a game."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ludus.core import digest
from ludus.core.types import Verdict
from ludus.goals.artefact import Goal, load_goal
from ludus.goals.judge import GoalJudge
from ludus.run.games import GameSettings, open_world
from ludus.run.goal import runtime_of
from ludus.run.judging import Seat, Wish

FILM_PRE_S, FILM_POST_S = 4.0, 1.0
"""Game time of a clip before and after the step that reaches a goal."""


def goal_seats(folders: Sequence[Path], game: GameSettings) -> tuple[Seat, ...]:
    """Give the judges of goals over what is played of a game, their seats named `goal:NAME`.

    Raises `GoalError` on a goal that was captured of other pictures. Its codec does not matter here: what is judged is
    what is seen, whoever pressed what.
    """
    if not folders:
        return ()
    with closing(open_world(game, 1)) as world:
        runtime = replace(runtime_of(getattr(world, "inner", world)), action_codec_id=None)
    goals = [load_goal(folder, runtime) for folder in folders]
    return tuple(_seat(goal) for goal in goals)


def _seat(goal: Goal) -> Seat:
    judge = GoalJudge.of(goal, values=False)
    facts = {"templates": digest.of_array(goal.templates), "tau": judge.tau, "k_consecutive": judge.k_consecutive}
    return Seat(f"goal:{goal.name}", judge, "frames", _film, facts)


def _film(_: Verdict) -> Wish:
    return Wish(pre_s=FILM_PRE_S, post_s=FILM_POST_S)
