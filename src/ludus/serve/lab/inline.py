"""A lab in one process, to debug it and for small machines: the orchestrator, and a thread that plays and learns."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack

import torch

from ludus.core.errors import InputError
from ludus.episodes.naming import scenario
from ludus.run.games import open_world
from ludus.run.learner import Learner, RolloutError, open_learner
from ludus.run.recipe import read_recipe
from ludus.run.watching import Turns
from ludus.run.worker import Worker, work
from ludus.serve.api.lab import LabSettings
from ludus.serve.lab.orchestrator import Addresses, run
from ludus.serve.lab.up import HOST, LabPlan
from ludus.serve.page import built_page
from ludus.serve.worker.lab import LabWorker


def lab_settings(plan: LabPlan) -> LabSettings:
    """Give the settings of a plan's orchestrator."""
    return LabSettings(
        host=HOST,
        port=plan.port,
        uds=plan.uds,
        metrics_port=plan.metrics_port,
        state=plan.state,
        runs=plan.runs,
        goals=plan.goals,
        feats=plan.feats,
    )


def run_inline(plan: LabPlan, ready: Callable[[Addresses], None]) -> None:
    """Run a lab until it is told to stop, with one worker; `ready` is called as soon as the orchestrator answers.

    Raises what learning raised, after an orderly end of the rest, and `InputError` on a plan of several workers.
    """
    if plan.workers != 1:
        raise InputError(f"workers is {plan.workers}, expected 1: in one process one plays.")
    recipe = read_recipe(plan.game, plan.recipe, plan.flags)
    torch.set_num_threads(max(1, recipe.run.threads))
    learner = open_learner(plan.name, recipe, folder=plan.runs / plan.name, minutes=plan.minutes)
    school = _School(learner, plan)

    def begin(addresses: Addresses) -> None:
        ready(addresses)
        school.start()

    try:
        run(lab_settings(plan), begin, page=built_page())
    finally:
        school.stop()
        learner.save()
    if school.error is not None:
        raise school.error


class _School(threading.Thread):
    """Plays and learns until told to stop, or until enough is learned."""

    def __init__(self, learner: Learner, plan: LabPlan) -> None:
        super().__init__(name="school", daemon=True)
        self.error: Exception | None = None
        self._learner, self._plan = learner, plan
        self._stopping = threading.Event()

    def run(self) -> None:
        """Do it; where it fails, end the process in good order."""
        try:
            with ExitStack() as stack:
                self._play(stack)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: it is raised again in the main one
            self.error = error
            os.kill(os.getpid(), signal.SIGTERM)

    def _play(self, stack: ExitStack) -> None:
        plan, (name, place) = self._plan, next(iter(self._plan.crew.items()))
        told = self._learner.register(name)
        world = open_world(told.recipe.world, told.recipe.run.lanes, threads=torch.get_num_threads())
        part = LabWorker(plan.url, plan.token, name, world, run=plan.name, state=place, role=told.recipe.world.role)
        stack.callback(part.close)
        turns = Turns(world, part.read, scenario=scenario(name), seed=told.seed, run=plan.name, instance=plan.name)
        worker = Worker(name, told.recipe, seed=told.seed, world=world, watch=turns)
        stack.callback(worker.close)
        worker.load(told.weights)
        for outcome in work(worker, self._learner):
            if isinstance(outcome, RolloutError):
                raise outcome  # nobody else learns here, so nothing can be stale
            part.version = worker.version
            if self._stopping.is_set():
                return

    def stop(self) -> None:
        """Return when it has ended, after the rollout that it is at."""
        self._stopping.set()
        if self.ident is not None:
            self.join()
