"""`distil_student`: teachers play, and then the student; from both it learns what the teachers would do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from ludus.core.types import Checkpoint
from ludus.learn.checkpoint import load_agent
from ludus.learn.distil import DistilConfig, Lesson, distil
from ludus.learn.merge.family import Family
from ludus.learn.ppo import PpoConfig, make_learner
from ludus.learn.rollout import empty_rollout
from ludus.learn.threads import threads
from ludus.run.collect import begin, collect
from ludus.run.games import GameSettings, open_world

LANES, HORIZON = 32, 32


def distil_student(
    family: Family,
    folder: Path,
    *,
    steps: int,
    config: DistilConfig | None = None,
    seed: int = 0,
    on_update: Callable[[int, float], None] = lambda *_: None,
) -> Checkpoint:
    """Give a student that began as the ancestor and learned from all sources of a family, written to a folder.

    It takes `steps` steps of all lanes together, or a few more: every teacher has lanes of its own, where it and the
    student play by turns. on_update is told the steps so far and the divergence in nats.
    """
    config = config or DistilConfig()
    student = load_agent(family.ancestor.checkpoint.path)
    learner = make_learner(student, PpoConfig(optim=config.optim, precision="fp32"), seed=seed)
    world = GameSettings.model_validate(family.ancestor.facts.settings["world"])
    with ExitStack() as stack:
        stack.enter_context(
            threads(1)
        )  # batches are small: on busy cores threads wait for each other, ten times as long
        seats = []
        for number, member in enumerate(family.sources):
            lanes = begin(stack.enter_context(closing(open_world(world, LANES))), member.agent, seed=seed + number)
            seats.append((member.agent, lanes, empty_rollout(member.agent, steps=HORIZON, lanes=LANES)))
        done = 0
        while done < steps:
            for teacher, lanes, rollout in seats:
                player = learner.agent if learner.updates % 2 else teacher
                collect(lanes, player, rollout, seed=seed, step=learner.updates * HORIZON)
            lessons = [Lesson(rollout, teacher) for teacher, _, rollout in seats]
            learner, nats = distil(learner, lessons, config=config, progress=done / steps)
            done += len(seats) * LANES * HORIZON
            on_update(done, nats)
    return family.save(folder, learner.agent, step=done)
